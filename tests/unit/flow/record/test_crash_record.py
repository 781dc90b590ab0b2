"""A call whose evaluation its worker did not survive is recorded by the next."""

import json
import shutil
import struct
import zlib
from contextlib import closing
from dataclasses import replace

import pytest

from extproc.evidence.spool.crash_file import CrashFile, CrashRecord
from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.spool import Spool
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.flow.record.crash_record import record_orphans
from extproc.flow.record.from_access_log import entry_from_access_log
from extproc.identity.session_ids import Sessions
from extproc.model.entries import DID_NOT_END, Entry, EntryKind
from extproc.model.identity import Identity
from extproc.model.ids import envoys_id, uuid7
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.wire.access_log import AccessLogEntry
from tests.unit.flow.dialogue import (
    ISSUER,
    NOW,
    LossObserver,
    MemoryRecorder,
    ScriptedEngine,
    answers,
    asks,
    claims,
    make_services,
    play,
    returns,
    sends,
)  # fmt: skip

SECRET = "4111 1111 1111 1111"
BODY = json.dumps({"note": SECRET}).encode()


class Listening(LossObserver):
    """Counts what is recorded of crash files."""

    def __init__(self):
        super().__init__()
        self.unreadable, self.ends = [], []

    def crash_file_unreadable(self, worker):
        self.unreadable.append(worker)

    def call_ended(self, entry):
        self.ends.append(entry)


class DyingEngine(ScriptedEngine):
    """Holds the process. At one of its evaluations the process dies: what is on the disk then is kept."""

    is_remote = False

    def __init__(self, folder, dies_at):
        super().__init__({"action": "allow"}, responses=ResponseInterest.ALWAYS)
        self.folder, self.dies_at = folder, dies_at

    async def evaluate(self, document):
        answer = await super().evaluate(document)
        if len(self.asked) == self.dies_at:
            shutil.copytree(self.folder / "spool", self.folder / "left")
        return answer


@pytest.fixture
def dies(tmp_path):
    """A guard whose process dies at the n-th evaluation, as another finds it."""

    async def run(dies_at, *events):
        own = CrashFile(tmp_path / "spool", "worker-3")
        services = replace(
            make_services(tmp_path, engine=DyingEngine(tmp_path, dies_at)), crash_file=own, worker="worker-3"
        )
        await play(services, *events)
        own.close()
        return tmp_path / "left", services.recorder.entries[-1]

    return run


async def test_a_request_that_was_evaluated_is_recorded_as_denied(tmp_path, dies):
    left, survived = await dies(
        1,
        asks("POST", f"/customers?q={SECRET}", content_type="application/json", x_note=SECRET),
        sends(BODY), answers(), returns(b"{}"),
    )  # fmt: skip
    raw = b"".join(file.read_bytes() for file in left.iterdir())
    assert b"alice" in raw
    assert SECRET.encode() not in raw
    assert b"customers?" not in raw
    services = replace(make_services(tmp_path, clock=lambda: NOW + 1_000_000_000), observer=Listening())
    await record_orphans(services, left)
    [entry] = services.recorder.entries
    assert (entry.kind, entry.reason, entry.detail) == (EntryKind.DENIED, "policy-error", DID_NOT_END)
    for name in ("function", "connection", "protocol", "method", "issuer", "subject", "groups", "source"):
        assert getattr(entry, name) == getattr(survived, name), name
    assert (entry.worker, entry.request_id, entry.policy_revision) == ("worker-3", "rid-1", "f" * 64)
    assert entry.duration_ms == pytest.approx(1000)
    assert services.observer.ends == [entry]
    await record_orphans(services, left)
    assert services.recorder.entries == [entry]
    assert not list(left.iterdir())


async def test_the_session_of_a_call_is_recorded_by_its_name(tmp_path, dies):
    """Never by the id, with which anybody could speak in the session."""
    bound = Sessions(b"s" * 32).bind("server-1", Identity(ISSUER, "alice"), "docs")
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    left, survived = await dies(
        1,
        asks("POST", "/mcp", "docs.internal", content_type="application/json", mcp_session_id=bound),
        sends(ping), answers(), returns(b"{}"),
    )  # fmt: skip
    assert b"server-1" not in b"".join(file.read_bytes() for file in left.iterdir())
    services = make_services(tmp_path)
    await record_orphans(services, left)
    assert services.recorder.last.session == survived.session == services.sessions.name(bound, "docs")


async def test_the_entry_and_envoys_report_are_of_one_call(tmp_path, dies):
    """Nobody knows the id that the guard gave the call: Envoy's is told to the caller, and names both entries."""
    left, _ = await dies(1, asks(), answers(), returns(b"{}"))
    services = make_services(tmp_path)
    await record_orphans(services, left)
    ended = AccessLogEntry(
        "rid-1", "", "GET", "crm.internal", "", "/customers/7", "127.0.0.1:1", 504, "x", NOW, 5, guarded=False
    )
    assert (
        services.recorder.last.call_id
        == entry_from_access_log(ended, services.masker, hosts={}, clusters={}).call_id
        == "rid-1"
    )


async def test_a_response_that_was_evaluated_is_recorded_as_failed(tmp_path, dies):
    left, survived = await dies(2, asks(), answers(), returns(b"{}"))
    services = make_services(tmp_path)
    await record_orphans(services, left)
    entry = services.recorder.last
    assert (entry.kind, entry.reason, entry.rule) == (EntryKind.FAILED, "policy-error", "policy.response")
    assert entry.call_id == survived.call_id


async def test_an_evaluation_that_the_worker_survived_is_not_recorded(tmp_path):
    own = CrashFile(tmp_path / "spool", "w")
    engine = ScriptedEngine(fault=RuntimeError("a panic"))
    engine.is_remote = False
    services = replace(make_services(tmp_path, engine=engine), crash_file=own)
    with pytest.raises(RuntimeError):
        await play(services, asks())
    shutil.copytree(tmp_path / "spool", tmp_path / "left")
    own.close()
    other = make_services(tmp_path)
    await record_orphans(other, tmp_path / "left")
    assert other.recorder.entries == []


async def test_an_end_that_is_recorded_already_is_not_recorded_again(tmp_path, dies):
    """The worker that told it died before it could say so; or the machine lost what was written last."""
    left, _ = await dies(1, asks(), answers(), returns(b"{}"))
    shutil.copytree(left, tmp_path / "again")
    for _ in range(2):
        spool = Spool(left, "worker-5")
        services = make_services(tmp_path, recorder=spool)
        await record_orphans(services, left)
        spool.close()
        shutil.copytree(tmp_path / "again", left, dirs_exist_ok=True)
    reader = Spool(left, "worker-5")
    assert reader.stats.last == 1
    reader.close()


async def test_calls_that_share_a_request_id_are_each_recorded_once(tmp_path):
    """A caller who chooses the id cannot hide a call behind another call, of any caller."""
    said = [
        say_and_leave(tmp_path, number, *who) for number, who in enumerate([("mallory",), ("alice",), ("alice",)])
    ]
    shutil.copytree(tmp_path / "left", tmp_path / "again")
    for _ in range(2):  # the worker that told them died before it could say so
        spool = Spool(tmp_path / "left", "worker-5")
        await record_orphans(make_services(tmp_path, recorder=spool), tmp_path / "left")
        spool.close()
        shutil.copytree(tmp_path / "again", tmp_path / "left", dirs_exist_ok=True)
    with closing(SpoolReader(next((tmp_path / "left").glob("*.spool")))) as reader:
        entries = [decode_entry(document) for document in reader.mentioning("rid-1", 0)]
    assert sorted(each.subject for each in entries) == ["alice", "alice", "mallory"]
    ids = {each.call_id for each in entries}
    assert len(ids) == 3
    assert "rid-1" in ids
    assert ids - {"rid-1"} < set(said)


def say_and_leave(folder, number, subject):
    """The crash record of a call that no worker survived; returns the guard's id of it."""
    call_id = uuid7(NOW, bytes([number + 1]) * 10)
    entry = Entry(
        EntryKind.DENIED, call_id, 0, request_id="rid-1", function="crm.f", subject=subject, worker="worker-3"
    )
    own = CrashFile(folder / f"of-{number}", "worker-3")
    own.begin(CrashRecord(entry, NOW - 1_000_000 - number))
    shutil.copytree(folder / f"of-{number}", folder / "left", dirs_exist_ok=True)
    own.close()
    return call_id


def written_before(*words):
    """A crash file as the version before wrote it: a list of names."""
    record = json.dumps(words).encode()
    return b"\x01\0\0\0" + struct.pack("<II", len(record), zlib.crc32(record)) + record


OLD = written_before("call-1", str(NOW), "", "rid-1", "", "crm", "crm.f", "http-json", *[""] * 7)


@pytest.mark.parametrize("torn", [b"\x01", b"\x01" * 9000, OLD], ids=["cut", "noise", "old"])
async def test_a_crash_record_that_cannot_be_read_is_reported_and_stops_nobody(tmp_path, dies, torn):
    left, _ = await dies(1, asks(), answers(), returns(b"{}"))
    [file] = left.iterdir()
    file.write_bytes(torn)
    services = replace(make_services(tmp_path), observer=Listening())
    await record_orphans(services, left)
    assert services.recorder.entries == []
    assert services.observer.unreadable == ["worker-3"]
    assert not list(left.iterdir())


async def test_a_crash_record_that_cannot_be_stored_is_left_for_the_next_worker(tmp_path, dies):
    left, _ = await dies(1, asks(), answers(), returns(b"{}"))
    await record_orphans(make_services(tmp_path, recorder=MemoryRecorder(full=True)), left)
    services = make_services(tmp_path)
    await record_orphans(services, left)
    assert services.recorder.kinds == ["call.denied"]


async def test_an_engine_that_can_be_timed_out_writes_no_crash_record(tmp_path):
    class NoFile:
        def __getattr__(self, _name):
            raise AssertionError

    services = replace(make_services(tmp_path), crash_file=NoFile())
    await play(services, asks(), answers(), returns(b"{}"))
    assert services.recorder.kinds[-1] == "call.completed"


def test_a_request_id_that_could_be_a_call_of_ours_names_none():
    """A caller who may name its requests must not write into the record of another call."""
    assert envoys_id(uuid7(NOW, b"\x01" * 10)) == ""
    assert envoys_id("7b1d2a6c-0f1e-4c3a-9a51-0d8f6f1c2e3d") == "7b1d2a6c-0f1e-4c3a-9a51-0d8f6f1c2e3d"
    assert envoys_id("") == ""


async def test_a_crash_record_holds_many_groups_and_long_names(tmp_path):
    own = CrashFile(tmp_path / "spool", "w")
    engine = DyingEngine(tmp_path, 1)
    services = replace(make_services(tmp_path, engine=engine), crash_file=own)
    who = claims(groups=[f"group-{n}-{'x' * 200}" for n in range(150)])
    await play(services, asks(metadata=who), answers(), returns(b"{}"))
    own.close()
    other = make_services(tmp_path)
    await record_orphans(other, tmp_path / "left")
    assert other.recorder.last.groups[0].startswith("group-0-")
    assert other.recorder.last.subject == "alice"
