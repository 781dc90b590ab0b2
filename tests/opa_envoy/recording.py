"""The plugin's outcomes in ``recorded.json``: for each policy, each outcome once, with the requests that have it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.opa_envoy.comparison import Recorded
from tests.opa_envoy.corpus import Asked, Policy
from tests.opa_envoy.outcome import Outcome
from tests.opa_envoy.plugin import run_plugin

FILE = Path(__file__).parent / "recorded.json"


async def record(
    binary: Path, policies: Iterable[Policy], requests: Sequence[Asked]
) -> dict[str, dict[str, Outcome]]:
    """Put each request to the plugin, under each policy."""
    found: dict[str, dict[str, Outcome]] = {}
    for policy in policies:
        async with run_plugin(binary, policy) as plugin:
            found[policy.name] = {asked.name: await plugin.answer(asked) for asked in requests}
    return found


def write(recorded: Recorded) -> None:
    """Write the recording."""
    FILE.write_text(json.dumps({name: _grouped(each) for name, each in recorded.items()}, indent=1) + "\n")


def _grouped(outcomes: dict[str, Outcome]) -> list[dict[str, object]]:
    groups: dict[str, list[str]] = {}
    for request, outcome in outcomes.items():
        groups.setdefault(json.dumps(outcome, sort_keys=True), []).append(request)
    return [{"outcome": json.loads(outcome), "requests": " ".join(names)} for outcome, names in groups.items()]


def read() -> dict[str, dict[str, Outcome]]:
    """Read the recording."""
    return {
        policy: {request: group["outcome"] for group in groups for request in group["requests"].split()}
        for policy, groups in json.loads(FILE.read_text()).items()
    }
