"""Record opa-envoy-plugin's answers, or compare the guard with them."""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import find_opa
from tests.opa_envoy import page, recording
from tests.opa_envoy.comparison import Case, compare, counted, ledger, unnamed
from tests.opa_envoy.corpus import Asked, Policy, policies, read_policy, requests
from tests.opa_envoy.guard import run_guards
from tests.opa_envoy.plugin import VARIABLE, find_plugin
from tests.opa_envoy.published import read_cases


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.opa_envoy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record", help="write the plugin's answers to the corpus into recorded.json")
    shown = commands.add_parser("compare", help="show what differs; exits with 1 if the ledger does not name it")
    shown.add_argument("--all", action="store_true", help="show also what the ledger names")
    commands.add_parser("ledger", help="write the ledger into docs/reference/opa-envoy-plugin.md")
    others = commands.add_parser("others", help="figures for policies that are not in the repository")
    others.add_argument("policies", type=Path, nargs="+", help="Rego files, each with its own `# path: a/b/c`")
    published = commands.add_parser("published", help="figures for the cases of the plugin's own Go tests")
    published.add_argument("source", type=Path, help="the plugin's source")
    arguments = parser.parse_args()
    match arguments.command:
        case "record":
            return asyncio.run(_record())
        case "compare":
            return asyncio.run(_compare(show_named=arguments.all))
        case "ledger":
            page.write()
            return 0
        case "others":
            return asyncio.run(_figures([read_policy(path) for path in arguments.policies], requests()))
        case _:
            return asyncio.run(_figures(*read_cases(arguments.source)))


async def _record() -> int:
    binary = find_plugin()
    if binary is None:
        return _no_plugin()
    recording.write(await recording.record(binary, policies(), requests()))
    return 0


async def _compare(*, show_named: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with run_guards(Path(folder), find_opa()) as guards:
            cases = await compare(guards, policies(), requests(), recording.read())
    left = [case for case in cases if case.opens] + list(unnamed(cases))
    _show(cases if show_named else left)
    print(f"{len(cases)} cases, {sum(not case.kind for case in cases)} alike, {len(left)} not in the ledger")
    print(f"{sum(case.opens for case in cases)} that the plugin refuses and the guard lets pass")
    found = counted(cases)
    for entry in ledger():
        print(f"{found[entry.name]:6}  {entry.name}")
    return 1 if left or any(not found[entry.name] for entry in ledger()) else 0


async def _figures(others: Sequence[Policy], asked: Sequence[Asked]) -> int:
    """Compare both at once, and print what differs; exits with 1 if the guard lets pass what the plugin refuses."""
    binary = find_plugin()
    if binary is None:
        return _no_plugin()
    loaded, recorded = [], {}
    for policy in others:
        try:
            recorded |= await recording.record(binary, [policy], asked)
            loaded.append(policy)
        except RuntimeError as error:
            print(f"{policy.name}: {str(error)[:200]}")
    with tempfile.TemporaryDirectory() as folder:
        async with run_guards(Path(folder), find_opa()) as guards:
            cases = await compare(guards, loaded, asked, recorded)
    _show([case for case in cases if case.kind])
    return _summary(cases)


def _summary(cases: Sequence[Case]) -> int:
    """Print one line for each policy and engine: whether it lets pass exactly what the plugin lets pass."""
    alike = Counter[str]()
    for policy, engine in sorted({(case.policy, case.engine) for case in cases}):
        own = [case for case in cases if (case.policy, case.engine) == (policy, engine)]
        kinds = Counter(case.kind for case in own if case.kind)
        alike[engine] += all(case.is_decided_alike for case in own)
        why = own[0].guard.get("why", "") if len(own) == 1 else ""
        print(f"{policy:24} {engine:9} {len(own)} cases, {sum(kinds.values())} differ {dict(kinds) or ''} {why}")
    print(f"{dict(alike)} policies let pass exactly what the plugin lets pass")
    refused = Counter((case.request, case.guard["decision"]) for case in cases if not case.is_decided_alike)
    print(f"{len({name for name, _ in refused})} requests are refused that the plugin lets pass: {dict(refused)}")
    opened = [case for case in cases if case.opens]
    print(f"{len(opened)} of {len(cases)} cases that the plugin refuses and the guard lets pass")
    return 1 if opened else 0


def _no_plugin() -> int:
    print(f"no opa-envoy-plugin: set {VARIABLE}, or put it on PATH", file=sys.stderr)
    return 2


def _show(cases: list[Case]) -> None:
    groups = Counter((case.kind, case.policy, case.request) for case in cases if case.kind)
    for (kind, policy, request), count in sorted(groups.items()):
        one = next(each for each in cases if (each.kind, each.policy, each.request) == (kind, policy, request))
        where = {
            f"{each.engine}/{each.door}"
            for each in cases
            if (each.policy, each.request) == (policy, request) and each.kind == kind
        }
        print(f"{kind:40} {policy:18} {request:22} {count} {' '.join(sorted(where)) if count < 4 else ''}")
        if ":" in kind and "->" not in kind:
            print(f"    - {one.plugin}\n    + {one.guard}")


if __name__ == "__main__":
    sys.exit(main())
