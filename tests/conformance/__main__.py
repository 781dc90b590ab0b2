"""MCP directly and through the guard: the official suite (``python -m tests.conformance suite``), or whole clients."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.conformance import clients_table, ticket_clients
from tests.conformance.comparison import Case, compare_clients, compare_servers, idle, unnamed
from tests.conformance.programs import SERVERS, are_installed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    suite = commands.add_parser("suite", help="hold what is lost to the ledger; exits with 1 if they disagree")
    suite.add_argument("--servers", nargs="*", choices=SERVERS, help="only these servers, and no clients")
    suite.add_argument("--keep", type=Path, help="the folder for everything that the suite writes")
    commands.add_parser("clients", help="write the table of clients into docs/topics/mcp.md")
    commands.add_parser("tickets", help="print what each client does while its call waits for approval")
    arguments = parser.parse_args()
    if not are_installed():
        print("the suite is not installed: .ci/node", file=sys.stderr)
        return 2
    if arguments.command == "clients":
        return asyncio.run(_clients())
    if arguments.command == "tickets":
        return asyncio.run(_tickets())
    if arguments.keep:
        arguments.keep.mkdir()  # a new one: what is there already would be read, too
        return asyncio.run(_compare(arguments.keep, arguments.servers))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_compare(Path(folder), arguments.servers))


async def _tickets() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return await ticket_clients.print_all(Path(folder))


async def _compare(folder: Path, servers: list[str] | None) -> int:
    cases: list[Case] = []
    async for case in compare_servers(folder, SERVERS if servers is None else servers):
        print(case, flush=True)
        cases.append(case)
    if servers is None:
        async for case in compare_clients(folder):
            print(case, flush=True)
            cases.append(case)
    found = [loss for case in cases for loss in case.losses]
    left, entries = unnamed(found), idle(found) if servers is None else []
    for loss in left:
        print(f"not in the ledger: {loss}")
    for name in entries:
        print(f"names no loss any more: {name}")
    return 1 if left or entries else 0


async def _clients() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = await clients_table.compare_journeys(Path(folder))
    clients_table.write(clients_table.table(found))
    for each in clients_table.lost(found):
        print(each)
    return 1 if clients_table.lost(found) else 0


if __name__ == "__main__":
    sys.exit(main())
