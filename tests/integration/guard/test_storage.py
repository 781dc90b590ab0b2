"""A call is not forwarded if it cannot be recorded, put to approvers, or given its credential."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc.config.schema import Settings
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.model.entries import Entry, EntryKind
from tests.integration.guard.stack import CREDENTIAL, WITHIN_S, run_stack, terminals

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

SMALLEST_SPOOL = 1 << 20
"""Bytes; the least that ``evidence.max_spool`` may be."""


def fill(spool: Path, size: int) -> None:
    """Entries of earlier calls that nobody has shipped."""
    with contextlib.closing(Spool(spool, "worker-0", SpoolLimits(relaxed_window=10_000))) as recorder:
        for _ in range(size // 10_000 + 1):
            recorder.record_relaxed(Entry(EntryKind.COMPLETED, "old", time.time_ns(), arguments="x" * 10_000))


async def test_a_full_spool_denies() -> None:
    """Allowed and held calls alike; the denials themselves fit into the reserve."""

    def prepare(settings: Settings) -> None:
        fill(settings.evidence.spool, SMALLEST_SPOOL)

    async with run_stack(workers=1, prepare=prepare, evidence={"max_spool": SMALLEST_SPOOL}) as stack:
        for method, path in (("GET", "/customers/1"), ("POST", "/deploys")):
            answer = await stack.call(method, path, json={"env": "live"} if method == "POST" else None)
            assert (answer.status_code, answer.json()["reason"]) == (503, "evidence-unavailable"), path
        assert stack.reached == []
        assert stack.approvals.recent(pending_only=True, limit=10) == []
        await stack.ended(2)
        assert [each["reason"] for each in terminals(stack.entries())] == ["evidence-unavailable"] * 2
        assert "evidence lost" not in stack.logs()


async def test_a_spool_without_any_room_denies_loudly() -> None:
    """Not even the denial can be stored: it is counted and logged."""

    def prepare(settings: Settings) -> None:
        fill(settings.evidence.spool, SMALLEST_SPOOL * 5 // 4)

    async with run_stack(workers=1, prepare=prepare, evidence={"max_spool": SMALLEST_SPOOL}) as stack:
        answer = await stack.call()
        assert (answer.status_code, answer.json()["reason"]) == (503, "evidence-unavailable")
        assert stack.reached == []
        async with asyncio.timeout(WITHIN_S):
            while "evidence lost" not in stack.logs():
                await asyncio.sleep(0.02)


@contextlib.contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A separate file system in memory. Skips where this user may not mount."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="xp-", dir="/tmp") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"this user may not mount a tmpfs: {done.stderr.strip()[:80]}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_denies_until_there_is_room() -> None:
    """ENOSPC from the kernel, in the middle of the guard's life."""
    with small_disk("16m") as disk:
        async with run_stack(workers=1, evidence={"spool": str(disk / "spool")}) as stack:
            assert (await stack.call()).status_code == 200
            stack.fresh()
            ballast = disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            denied = 0
            for _ in range(100):
                answer = await stack.call()
                denied += answer.status_code != 200
                if denied:
                    assert (answer.status_code, answer.json()["reason"]) == (503, "evidence-unavailable")
                    reached = len(stack.reached)
                if denied > 3:
                    break
            assert denied > 3
            assert len(stack.reached) == reached
            ballast.unlink()
            async with asyncio.timeout(WITHIN_S):
                while (await stack.call()).status_code != 200:
                    await asyncio.sleep(0.1)


async def test_calls_that_need_a_broken_store_are_denied_and_others_go_on() -> None:
    """The approvals file damaged, then gone; the credential gone, then back."""
    async with run_stack(workers=1) as stack:
        store = stack.settings.approvals.store
        for broken in (b"no database at all" * 1000, None):
            for file in store.parent.glob(f"{store.name}*"):
                file.unlink()
            if broken:
                store.write_bytes(broken)
            answer = await stack.call("POST", "/deploys", json={"env": "live"})
            assert (answer.status_code, answer.json()["reason"]) == (503, "approval-unavailable")
            assert (await stack.call()).status_code == 200
        assert [seen.method for seen in stack.reached] == ["GET", "GET"]
        stack.fresh()
        secret = stack.folder / "credential"
        secret.unlink()
        answer = await stack.call()
        assert (answer.status_code, answer.json()["reason"]) == (503, "credential-unavailable")
        assert stack.reached == []
        secret.write_text("another-credential-1\n")
        assert (await stack.call()).status_code == 200
        assert stack.reached[0].header("authorization") == "Bearer another-credential-1"
        assert CREDENTIAL not in stack.logs()


async def test_a_held_call_whose_store_breaks_is_not_released() -> None:
    """Nobody can say any more whether it was approved: it waits as long as it may, and is denied."""
    async with run_stack(workers=1, approvals={"wait": 2.0}) as stack:
        task = asyncio.create_task(stack.call("POST", "/deploys", json={"env": "live"}))
        await stack.pending()
        for file in stack.settings.approvals.store.parent.glob(f"{stack.settings.approvals.store.name}*"):
            file.write_bytes(b"damaged " * 4096)
        answer = await asyncio.wait_for(task, WITHIN_S)
        assert (answer.status_code, answer.json()["reason"]) == (503, "approval-unavailable")
        assert stack.reached == []
        assert (await stack.ended())["reason"] == "approval-unavailable"
