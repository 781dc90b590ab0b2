"""The guard against opa-envoy-plugin, as it answered when ``recorded.json`` was made: alike, or named in the ledger.

Where the plugin's binary is there (EXTPROC_OPA_ENVOY_PLUGIN), the recording is held to it. Where its source is there too
(EXTPROC_OPA_ENVOY_SOURCE), its own tests' requests and policies are put to both.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import find_opa
from tests.opa_envoy import recording
from tests.opa_envoy.comparison import Case, compare, counted, ledger, unnamed
from tests.opa_envoy.corpus import policies, requests
from tests.opa_envoy.guard import Guards, run_guards
from tests.opa_envoy.plugin import VARIABLE, find_plugin
from tests.opa_envoy.published import read_cases

SOURCE = "EXTPROC_OPA_ENVOY_SOURCE"
REQUESTS_LEAST, POLICIES_LEAST = 60, 20

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]  # all cases are made in one fixture


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def guards(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guards]:
    async with run_guards(tmp_path_factory.mktemp("guards"), find_opa()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cases(guards: Guards) -> list[Case]:
    return await compare(guards, policies(), requests(), recording.read())


@pytest.fixture(scope="session")
def plugin_binary() -> Path:
    """The real plugin, which is no part of this project: without it, the recording stands for it."""
    found = find_plugin()
    if found is None:
        pytest.skip(f"no opa-envoy-plugin ({VARIABLE}, PATH)")
    return found


async def test_nothing_passes_that_the_plugin_refuses(cases: list[Case]) -> None:
    """Whatever the ledger says."""
    assert [case for case in cases if case.opens] == []


async def test_every_difference_has_its_reason(cases: list[Case]) -> None:
    assert sorted({(case.policy, case.request, case.kind) for case in unnamed(cases)}) == []


async def test_every_entry_of_the_ledger_names_a_difference(cases: list[Case], opa_binary: Path) -> None:
    """One that names none any more is to be removed. Needs both engines."""
    assert opa_binary
    found = counted(cases)
    assert [entry.name for entry in ledger() if not found[entry.name]] == []


async def test_the_corpus_is_whole() -> None:
    assert len(requests()) >= REQUESTS_LEAST
    assert len(policies()) >= POLICIES_LEAST
    recorded = recording.read()
    assert {policy.name for policy in policies()} == recorded.keys()
    names = {asked.name for asked in requests()}
    assert all(outcomes.keys() == names for outcomes in recorded.values())


async def test_the_recording_is_what_the_plugin_says(plugin_binary: Path) -> None:
    assert await recording.record(plugin_binary, policies(), requests()) == recording.read()


async def test_nothing_of_the_plugins_own_cases_passes_that_it_refuses(
    guards: Guards, plugin_binary: Path
) -> None:
    """Its tests' requests under its tests' policies, read from its source."""
    source = os.environ.get(SOURCE)
    if not source:
        pytest.skip(f"no source of opa-envoy-plugin ({SOURCE})")
    published, asked = read_cases(Path(source))
    assert published
    assert asked
    recorded = await recording.record(plugin_binary, published, asked)
    found = await compare(guards, published, asked, recorded)
    assert [case for case in found if case.opens] == []
