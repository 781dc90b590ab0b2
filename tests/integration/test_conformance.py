"""MCP's official conformance suite: what is green directly is green through the guard, but for what policy refuses.

The packages come with ``.ci/node``. Without them the tests are skipped on a person's machine, and fail where CI is set
and npm is there.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.checks import green
from tests.conformance.clients_table import JOURNEYS, compare_journeys, lost
from tests.conformance.comparison import Case, compare_clients, compare_servers, idle, unnamed
from tests.conformance.programs import are_installed
from tests.conformance.ticket_clients import INSTALLED, TicketClient, try_client

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),  # all cases are made in one fixture
]
NOT_GREEN_DIRECTLY = {("server python_2", "2026-07-28"): {"http-header-validation"}}
"""Version 2.3 of the Python SDK does not take blanks off a header field's value; Envoy does."""
SCENARIOS = {
    ("server typescript_1", "2025-11-25"): 33,
    ("server typescript_2", "2025-11-25"): 33,
    ("server typescript_2", "2026-07-28"): 40,
    ("server python_2", "2025-11-25"): 33,
    ("server python_2", "2026-07-28"): 40,
    ("server tasks", "2026-07-28"): 10,
    ("client typescript_1", "2025-11-25"): 5,
    ("client typescript_2", "2025-11-25"): 5,
    ("client typescript_2", "2026-07-28"): 8,
    ("client python_2", "2025-11-25"): 5,
    ("client python_2", "2026-07-28"): 8,
}


@pytest.fixture(scope="module")
def packages() -> None:
    if are_installed():
        return
    if os.environ.get("CI") and shutil.which("npm"):
        pytest.fail("the conformance suite is not installed: .ci/node")
    pytest.skip("no conformance suite (make conformance; needs npm)")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cases(packages: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Case]]:
    folder = tmp_path_factory.mktemp("suite")
    found = [case async for case in compare_servers(folder)]
    yield found + [case async for case in compare_clients(folder)]


async def test_what_is_lost_is_in_the_ledger(cases: list[Case]) -> None:
    assert [str(loss) for loss in unnamed(loss for case in cases for loss in case.losses)] == []


async def test_each_entry_of_the_ledger_names_a_loss(cases: list[Case]) -> None:
    """One that names none any more is to be removed."""
    assert idle(loss for case in cases for loss in case.losses) == []


async def test_all_scenarios_ran_and_are_green_directly(cases: list[Case]) -> None:
    """Else nothing could be lost."""
    ran = {(case.program, case.version): {scenario for scenario, _ in case.direct} for case in cases}
    assert {key: len(scenarios) for key, scenarios in ran.items()} == SCENARIOS
    red = {key: scenarios - green(case.direct) for case, (key, scenarios) in zip(cases, ran.items(), strict=True)}
    assert {key: scenarios for key, scenarios in red.items() if scenarios} == NOT_GREEN_DIRECTLY


async def test_whole_clients_lose_nothing(packages: None, tmp_path: Path) -> None:
    """Those of the table that need no other packages: `python -m tests.conformance clients` runs them all."""
    found = await compare_journeys(tmp_path, [each for each in JOURNEYS if not each.requirements])
    assert lost(found) == []
    assert [error for direct, _ in found.values() for error in direct.values() if error] == []


TRIED = [each for each in INSTALLED if each.action == "accept" or each.script == "typescript_1.mjs"]
"""One client that is told in words, and those that come back by protocol. The others: see ``ticket_clients``."""


@pytest.mark.parametrize("client", TRIED, ids=str)
async def test_a_client_whose_call_waits_for_approval_gets_its_result_in_the_end(
    packages: None, client: TicketClient, tmp_path: Path
) -> None:
    """It shows the ticket to its model, or opens the page once and comes back by itself; there is one request."""
    seen = await try_client(client, tmp_path, wait_s=2.0, approve_after_s=5.0)
    assert seen.is_done, seen.told
    assert len(seen.approvals) == 1
    if client.action == "accept":
        [question] = seen.questions
        assert question["url"].endswith(f"/approvals/{seen.approvals[0].request.approval_id}")
        assert seen.tickets == []
    else:
        assert seen.questions == []
        assert "exactly the same arguments" in seen.tickets[0]["text"]
