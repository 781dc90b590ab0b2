"""Workers without a supervisor, as in containers: each reloads its file at SIGHUP, whole or not at all."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from extproc.config.configuration_status import running
from tests.integration.guard.stack import Stack, run_stack
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

WITHIN_S = 60.0
EMAIL, SSN = "ada.lovelace@example.org", "536-22-1847"
BODY = json.dumps({"mail": EMAIL, "ssn": SSN}).encode()
BOTH = {"mail": "[EMAIL_ADDRESS]", "ssn": "[US_SSN]"}
SSN_ONLY = {"mail": EMAIL, "ssn": "[US_SSN]"}


@pytest_asyncio.fixture(loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    answer = Scripted(200, [("content-type", "application/json")], [BODY])
    async with run_stack(workers=2, answer=answer) as running_stack:
        yield running_stack


def edit(stack: Stack, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(stack.config.read_text())
    change(document)
    stack.config.write_text(json.dumps(document, indent=1))


def ssn_only(document: dict[str, Any]) -> None:
    document["connections"]["crm"]["masking"] = {"response": [{"entity": "US_SSN"}]}


async def hang_up(stack: Stack, index: int, words: str) -> None:
    """Send SIGHUP to one worker, and wait until it has logged these words."""
    worker = stack.workers[index]
    before = worker.log().count(words)
    worker.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(WITHIN_S):
        while worker.log().count(words) == before:
            await asyncio.sleep(0.05)


def digests(stack: Stack) -> list[str]:
    return [each.digest for each in running(stack.settings.state)]


async def bodies(stack: Stack) -> set[str]:
    return {(await stack.call()).text for _ in range(8)}


async def test_each_worker_reloads_at_sighup_and_a_difference_shows(stack: Stack) -> None:
    assert await bodies(stack) == {json.dumps(BOTH)}
    edit(stack, ssn_only)
    await hang_up(stack, 0, "configuration changed")
    assert len(set(digests(stack))) == 2
    await hang_up(stack, 1, "configuration changed")
    assert len(set(digests(stack))) == 1
    assert await bodies(stack) == {json.dumps(SSN_ONLY)}
    await hang_up(stack, 1, "configuration unchanged")


async def test_what_cannot_be_used_is_logged_and_changes_nothing(stack: Stack) -> None:
    """A broken file, an entity that no detector finds, a key that needs a restart."""
    before = digests(stack)
    for change in (
        lambda document: document.update(workerz=1),
        lambda document: (
            document.pop("workerz"),
            document["connections"]["crm"].update(masking={"response": [{"entity": "CREDITCARD"}]}),
        ),
        lambda document: (document["connections"]["crm"].pop("masking"), document["limits"].update(drain=7.0)),
    ):
        edit(stack, change)
        for index in (0, 1):
            await hang_up(stack, index, "configuration refused")
        assert digests(stack) == before
        assert await bodies(stack) == {json.dumps(BOTH)}
    assert "limits.drain cannot change while processes run" in stack.workers[0].log()


async def test_a_backend_that_envoy_does_not_know_yet_gets_no_credential(stack: Stack) -> None:
    """Envoy still has the old one: calls are refused, and the log says which parts to render again."""

    def move(document: dict[str, Any]) -> None:
        document["connections"]["crm"]["upstream"] = {"address": "127.0.0.1:9"}
        document["connections"]["crm"]["credential"] = {"file": "other-credential"}

    (stack.folder / "other-credential").write_text("canary-other-credential-7Kq2w")
    edit(stack, move)
    for index in (0, 1):
        await hang_up(stack, index, "envoy configuration differs")
    stack.upstream.requests.clear()
    answer = await stack.call()
    assert (answer.status_code, answer.json()["reason"]) == (503, "route-mismatch")
    assert stack.upstream.requests == []
    assert "route crm" in stack.workers[0].log()
