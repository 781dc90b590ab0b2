"""Compare the official conformance suite directly and through the guard: ``python -m tests.conformance``."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.conformance.comparison import Case, compare_clients, compare_servers, idle, unnamed
from tests.conformance.programs import SERVERS, are_installed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--servers", nargs="*", choices=SERVERS, help="only these servers, and no clients")
    parser.add_argument("--keep", type=Path, help="the folder for everything that the suite writes")
    arguments = parser.parse_args()
    if not are_installed():
        print("the suite is not installed: .ci/node", file=sys.stderr)
        return 2
    if arguments.keep:
        return asyncio.run(_compare(arguments.keep, arguments.servers))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_compare(Path(folder), arguments.servers))


async def _compare(folder: Path, servers: list[str] | None) -> int:
    folder.mkdir(exist_ok=True)
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


if __name__ == "__main__":
    sys.exit(main())
