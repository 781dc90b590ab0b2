"""Policies change while calls run: the good one decides until a better one has been tried."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest

from extproc.assembly.try_policy import try_policy
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.model.masking import MASKED_VALUE
from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.bundle.policy_status import PolicyStatus, RefusedCandidate, read_statuses, write_status
from extproc.policy.bundle.reload import ReloadingEngine
from extproc.policy.names.known_names import KnownConnection, KnownNames
from extproc.policy.regorus.policy_check import PolicyCheck

pytestmark = pytest.mark.slow

ALLOW = 'package t\n\ndecision := {"action": "allow"}\n'
DENY = 'package t\n\ndecision := {"action": "deny"}\n'
BROKEN = "package t\n\ndecision := {\n"
HARMFUL = "package t\n\ndecision if {}\n"
FAILING = "package t\n\ntest_never if decision == 1\n"


def believe(_sources):
    return PolicyCheck()


class Stage:
    """A policy on disk, an engine over it, and all that was told.

    Lives as long as the process, as in a worker: the last to hold a refusal's traceback, and with it the engine,
    may be the thread that tried the candidate, which must not drop it.
    """

    all: ClassVar[list[object]] = []

    def __init__(self, folder, text=ALLOW, check=believe, **more):
        self.all.append(self)
        self.folder = folder
        self.write(text)
        self.told = []
        self.now = 1
        files = PolicyFiles((folder / "policy",), (), "data.t.decision")
        self.engine = ReloadingEngine(
            files,
            process="worker-0",
            every_s=0.01,
            clock_ns=lambda: self.now,
            on_change=self.told.append,
            check=check,
            **more,
        )

    def write(self, text, name="t.rego"):
        (self.folder / "policy").mkdir(exist_ok=True)
        (self.folder / "policy" / name).write_text(text)

    async def action(self):
        return (await self.engine.evaluate(b"{}"))["action"]


async def test_a_good_change_is_taken(tmp_path):
    stage = Stage(tmp_path)
    first = stage.engine.revision
    stage.write(DENY)
    stage.now = 2
    await stage.engine.poll()
    assert await stage.action() == "deny"
    assert stage.engine.revision != first
    assert stage.told[-1] == replace(stage.told[0], revision=stage.engine.revision, since_ns=2)


LOOKS = 'package t\n\ndecision := {"action": "allow"} if not input.body.uninspectable\n'


async def test_what_a_policy_reads_is_known_anew_after_a_reload(tmp_path):
    stage = Stage(tmp_path, LOOKS, check=try_policy)
    assert stage.engine.uninspectable_reads.request
    stage.write(ALLOW)
    await stage.engine.poll()
    assert not stage.engine.uninspectable_reads.request
    stage.write(BROKEN)
    await stage.engine.poll()
    assert not stage.engine.uninspectable_reads.request
    stage.write(LOOKS)
    await stage.engine.poll()
    assert stage.engine.uninspectable_reads.request


@pytest.mark.parametrize(("setting", "text", "asked"), [("ask", ALLOW, True), ("refuse", LOOKS, False)])
async def test_the_setting_holds_after_a_reload(tmp_path, setting, text, asked):
    stage = Stage(tmp_path, DENY, check=try_policy, uninspectable=setting)
    assert stage.engine.uninspectable_reads.request is asked
    stage.write(text)
    await stage.engine.poll()
    assert stage.engine.uninspectable_reads.request is asked


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        (BROKEN, "t.rego", "t.rego:"),
        (HARMFUL, "t.rego", "an expression is needed"),
        (FAILING, "t_test.rego", "test_never failed"),
        ("package t\n\nx := 1\n", "t.rego", "no rule defines"),
        ('package t\n\ndecision := "yes"\n', "t.rego", "the guard cannot read"),
        ("\udce9".encode("utf-8", "surrogateescape").decode("latin-1"), "t.rego", "t.rego"),
    ],
)
async def test_a_bad_change_is_refused_and_told_of(tmp_path, text, name, why):
    stage = Stage(tmp_path, check=try_policy)
    revision = stage.engine.revision
    stage.write(DENY)
    stage.write(text, name)
    stage.now = 5
    await stage.engine.poll()
    assert await stage.action() == "allow"
    assert (stage.engine.revision, stage.told[-1].revision) == (revision, revision)
    assert why in stage.told[-1].refused.why
    assert stage.told[-1].refused.at_ns == 5
    assert stage.told[-1].since_ns == 1


async def test_a_change_with_a_misspelled_name_is_refused_with_its_place(tmp_path):
    """In data as in Rego. The policy in force stays, and goes when the name is right."""
    data = tmp_path / "data.yaml"
    known = KnownNames({"crm": KnownConnection("crm", ("get", "delete"))}, frozenset({MASKED_VALUE}))
    good = "guard:\n  roles: {everyone: {functions: [crm.get]}}\n  risk: {functions: {crm.delete: 75}}\n"
    data.write_text(good)
    engine = ReloadingEngine(
        PolicyFiles((), (data,), "data.extproc.decision"),
        process="worker-0",
        every_s=None,
        clock_ns=lambda: 7,
        on_change=lambda _status: None,
        check=partial(try_policy, known=known),
    )
    Stage.all.append(engine)
    first = engine.revision
    data.write_text(good.replace("crm.delete", "crm.deleet"))
    await engine.poll()
    wanted = f'{data}:3:22: risk.functions: no function "crm.deleet"; did you mean "crm.delete"?'
    assert (engine.revision, engine.status.refused.why) == (first, wanted)
    data.write_text(good.replace("75", "76"))
    await engine.poll()
    assert engine.revision != first
    assert engine.status.refused is None


async def test_a_start_with_a_misspelled_name_in_rego_is_refused(tmp_path):
    known = KnownNames({"crm": KnownConnection("crm", ("get",))}, frozenset())
    text = 'package t\n\ndecision := {"action": "deny"} if input.call.function == "crm.gte"\n'
    with pytest.raises(
        PolicyInvalid, match=r't\.rego:3:\d+: input\.call\.function: no function "crm\.gte"; did you mean'
    ):
        Stage(tmp_path, text, check=partial(try_policy, known=known))
    Stage(tmp_path, text.replace("gte", "get"), check=partial(try_policy, known=known))


async def test_a_refused_change_is_not_tried_again_until_it_changes(tmp_path):
    stage = Stage(tmp_path)
    stage.write(BROKEN)
    await stage.engine.poll()
    await stage.engine.poll()
    assert len(stage.told) == 2
    stage.write(DENY)
    await stage.engine.poll()
    assert await stage.action() == "deny"
    assert stage.told[-1].refused is None


async def test_going_back_to_what_is_in_force_takes_the_complaint_away(tmp_path):
    stage = Stage(tmp_path)
    stage.write(BROKEN)
    await stage.engine.poll()
    stage.write(ALLOW)
    await stage.engine.poll()
    assert stage.told[-1].refused is None
    assert stage.told[-1].since_ns == 1


async def test_files_that_vanish_change_nothing(tmp_path):
    stage = Stage(tmp_path)
    (tmp_path / "policy" / "t.rego").unlink()
    await stage.engine.poll()
    assert await stage.action() == "allow"
    assert stage.told[-1].refused.revision == ""


async def test_an_unforeseen_error_keeps_the_policy_and_tells_only_its_type(tmp_path):
    def check(sources):
        if "deny" in sources.modules[0].text:
            raise RuntimeError("a secret")
        return believe(sources)

    stage = Stage(tmp_path, check=check)
    stage.write(DENY)
    await stage.engine.poll()
    assert await stage.action() == "allow"
    assert stage.told[-1].refused.why == "the guard could not try it (RuntimeError)"


async def test_calls_are_decided_while_a_candidate_is_tried(tmp_path):
    trying, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def check(sources):
        if "deny" in sources.modules[0].text:
            loop.call_soon_threadsafe(trying.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        return believe(sources)

    stage = Stage(tmp_path, check=check)
    stage.write(DENY)
    looking = asyncio.create_task(stage.engine.poll())
    await asyncio.wait_for(trying.wait(), 30)
    assert await stage.action() == "allow"
    go_on.set()
    await looking
    assert await stage.action() == "deny"


async def test_the_watch_looks_by_itself_and_stops_with_its_block(tmp_path):
    stage = Stage(tmp_path)
    async with stage.engine.watching():
        stage.write(DENY)
        async with asyncio.timeout(30):
            while len(stage.told) < 2:
                await asyncio.sleep(0.01)
    assert await stage.action() == "deny"
    stage.write(ALLOW)
    await asyncio.sleep(0.05)
    assert await stage.action() == "deny"


def test_without_a_good_policy_there_is_no_engine(tmp_path):
    with pytest.raises(ConfigError):
        Stage(tmp_path, BROKEN)
    with pytest.raises(PolicyInvalid):
        Stage(tmp_path, "package t\n\ndecision := 3\n", check=try_policy)


class Restarted:
    """A worker that keeps what it decides by, and begins again without having been stopped."""

    def __init__(self, folder, check=believe):
        self.folder, self.check, self.now = folder, check, 1
        (folder / "policy").mkdir()

    def write(self, text, name="t.rego"):
        (self.folder / "policy" / name).write_text(text)

    def begin(self):
        self.told = []

        def tell(status):
            self.told.append(status)
            write_status(self.folder / "state", status)

        files = PolicyFiles((self.folder / "policy",), (), "data.t.decision")
        kept = LastGoodPolicy(self.folder / "state", "worker-0")
        self.engine = ReloadingEngine(
            files, process="worker-0", every_s=None, clock_ns=lambda: self.now, on_change=tell, check=self.check, last_good=kept
        )  # fmt: skip
        Stage.all.append(self)
        return self.engine

    async def action(self):
        return (await self.engine.evaluate(b"{}"))["action"]


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        (BROKEN, "t.rego", "t.rego:"),
        (HARMFUL, "t.rego", "an expression is needed"),
        ('package t\n\ndecision := "yes"\n', "t.rego", "the guard cannot read"),
        ("package t\n\nx := 1\n", "t.rego", "no rule defines"),
    ],
)
async def test_a_restart_on_a_broken_policy_goes_on_with_the_one_in_force(tmp_path, text, name, why):
    worker = Restarted(tmp_path, try_policy)
    worker.write(DENY)
    worker.begin()
    worker.write(ALLOW)
    worker.now = 2
    await worker.engine.poll()
    revision = worker.engine.revision
    worker.write(text, name)
    worker.now = 5
    worker.begin()
    assert await worker.action() == "allow"
    first, last = worker.told
    assert (first.revision, first.since_ns, first.refused) == (revision, 2, None)
    assert last == replace(first, refused=last.refused)
    assert why in last.refused.why
    assert last.refused.at_ns == 5
    worker.begin()
    assert await worker.action() == "allow"
    worker.write(DENY)
    await worker.engine.poll()
    assert await worker.action() == "deny"
    assert worker.told[-1].refused is None


async def test_a_restart_on_a_policy_that_is_good_takes_it(tmp_path):
    worker = Restarted(tmp_path)
    worker.write(ALLOW)
    worker.begin()
    worker.write(DENY)
    worker.begin()
    assert await worker.action() == "deny"
    assert len(worker.told) == 1
    worker.write(BROKEN)
    worker.begin()
    assert await worker.action() == "deny"


async def test_a_restart_on_what_was_in_force_finds_nothing_to_refuse(tmp_path):
    """Its tests are broken, which are no part of it: a worker that runs on does not look at them, either."""
    worker = Restarted(tmp_path, try_policy)
    worker.write(ALLOW)
    worker.begin()
    worker.write(FAILING, "t_test.rego")
    worker.begin()
    assert await worker.action() == "allow"
    assert [status.refused for status in worker.told] == [None]


async def test_a_start_after_a_stop_needs_a_good_policy(tmp_path):
    worker = Restarted(tmp_path)
    worker.write(ALLOW)
    async with worker.begin().watching():
        worker.write(BROKEN)
    with pytest.raises(ConfigError):
        worker.begin()


async def test_an_error_is_no_stop(tmp_path):
    worker = Restarted(tmp_path)
    worker.write(ALLOW)
    with pytest.raises(ZeroDivisionError):
        async with worker.begin().watching():
            raise ZeroDivisionError
    worker.write(BROKEN)
    worker.begin()
    assert await worker.action() == "allow"


def test_a_copy_that_no_longer_passes_is_not_used_and_the_files_are_to_blame(tmp_path):
    def grown_strict(sources):
        if "allow" in sources.modules[0].text:
            raise PolicyInvalid("the copy")
        return believe(sources)

    worker = Restarted(tmp_path)
    worker.write(ALLOW)
    worker.begin()
    worker.write(BROKEN)
    worker.check = grown_strict
    with pytest.raises(ConfigError, match=r"t\.rego"):
        worker.begin()


def test_a_status_is_read_as_it_was_written(tmp_path):
    status = PolicyStatus("worker-0", "embedded", "ab", "data.t.x", 7, RefusedCandidate("cd", 8, "t.rego:1: no"))
    write_status(tmp_path / "policy", status)
    other = replace(status, process="worker-1", refused=None, bundles=("main@1", "shared@7"))
    write_status(tmp_path / "policy", other)
    (tmp_path / "policy" / "other.json").write_text("[]")
    assert read_statuses(tmp_path / "policy") == [(status, True), (other, True)]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "policy").write_text("a file")
    write_status(tmp_path / "policy", PolicyStatus("w", "opa", "", "data.x", 0))
    assert read_statuses(tmp_path / "policy") == []


async def test_an_answer_that_took_too_long_does_not_count(tmp_path):
    (tmp_path / "t.rego").write_text(ALLOW)
    times = iter([0.0, 1.0, 2.0, 3.001])
    files = PolicyFiles((tmp_path / "t.rego",), (), "data.t.decision")
    engine = ReloadingEngine(
        files, process="", every_s=None, clock_ns=lambda: 1, on_change=lambda _: None, check=believe,
        limit_s=1.0, clock_s=lambda: next(times),
    )  # fmt: skip
    assert await engine.evaluate(b"{}") == {"action": "allow"}
    with pytest.raises(PolicyError, match="longer than 1 s"):
        await engine.evaluate(b"{}")


ENDLESS = """package t
decision := {"action": "allow"} if {
	all := numbers.range(1, input.n)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) >= 0
}
"""
WORKER = """
import asyncio, sys
from pathlib import Path
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.bundle.reload import ReloadingEngine
from extproc.policy.names.known_names import KnownConnection, KnownNames

files = PolicyFiles((Path(sys.argv[1]),), (), "data.t.decision")
engine = ReloadingEngine(
    files, process="", every_s=None, clock_ns=lambda: 1, on_change=lambda _: None, check=lambda _: None, limit_s=0.05
)
print(asyncio.run(engine.evaluate(b'{"n": 2}')), flush=True)
asyncio.run(engine.evaluate(b'{"n": 5000}'))
print("came back")
"""


def test_an_evaluation_without_an_end_ends_with_its_process(tmp_path):
    """Nothing else can end it: while it runs, no Python code does."""
    (tmp_path / "t.rego").write_text(ENDLESS)
    ended = subprocess.run(
        [sys.executable, "-c", WORKER, tmp_path / "t.rego"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == "{'action': 'allow'}\n"
    assert ended.returncode == -signal.SIGVTALRM, ended.stderr
