"""The real control process: what people do over its socket and its port is in ClickHouse, and in no other view."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from extproc.approvals.sqlite import SqliteApprovals
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import Target, connect
from extproc.evidence.spool.entry_codec import decode_entry
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.evidence.spool.spool_reader import SpoolReader
from extproc.model.entries import Entry, EntryKind
from tests.unit.approvals.samples import request
from tests.unit.console.served import AUDIENCE, ISSUER, RSA, jwk, key_set, token

pytestmark = pytest.mark.slow

WITHIN_S = 60
SECOND = 10**9
CANARY = "078-05-1120"
SMALLEST_SPOOL = 1 << 20
CALLER = f"{ISSUER}|alice"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Control:
    """The process, and clients of its two listeners."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen):
        self.state, self.process = folder / "state", process
        self.local = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.state / "control.sock")),
            base_url="http://control",
            timeout=30,
        )
        self.remote = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    def say(self, one, who, word="approve", **body):
        headers = {"Authorization": f"Bearer {token(who)}"}
        body = {"note": "ticket 42", "digest": one.digest, "preview_digest": one.preview_digest} | body
        return self.remote.post(f"/api/approvals/{one.approval_id}/{word}", json=body, headers=headers)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def log(self):
        return (self.state.parent / "log").read_text()

    def reader(self):
        target = Target("chdb://", "extproc", self.state / "clickhouse")
        return EvidenceReader(lambda wanted: connect(target, wanted), target.database)


@pytest.fixture
def start(tmp_path):
    """Starts control on the folder's own stores."""
    (tmp_path / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    running = []

    def begin(**evidence):
        port, health = free_port(), free_port()
        document = {
            "version": 1,
            "state": "state",
            "identity": {
                "providers": {"idp": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_file": "jwks.json"}}
            },
            "connections": {
                "crm": {
                    "protocol": "http-json",
                    "hosts": ["crm"],
                    "upstream": {"address": "127.0.0.1:1"},
                    "functions": {"get": {"method": "GET", "path": "/"}},
                }
            },
            "control": {"listen": f"127.0.0.1:{port}"},
            "evidence": {"ship_every": 0.1, **evidence},
        }
        (tmp_path / "extproc.yaml").write_text(json.dumps(document))
        with (tmp_path / "log").open("ab") as log:
            command = [sys.executable, "-m", "extproc", "control", "-c", "extproc.yaml"]
            process = subprocess.Popen(
                [*command, "--health", f"127.0.0.1:{health}"], cwd=tmp_path, stdout=log, stderr=log,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
            )  # fmt: skip
        control = Control(tmp_path, port, process)
        running.append(control)
        deadline = time.monotonic() + WITHIN_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                if control.remote.get("/healthz").status_code == 200:
                    control.health = f"http://127.0.0.1:{health}"
                    return control
            assert process.poll() is None, control.log()
            assert time.monotonic() < deadline, control.log()
            time.sleep(0.05)

    yield begin
    for control in running:
        if control.process.poll() is None:
            control.process.kill()
            control.process.wait()


@pytest.fixture
def store(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    made = SqliteApprovals(tmp_path / "state" / "approvals.db")
    yield made
    made.close()


def opened(store, lasts_s=600, **changes):
    now = time.time_ns()
    given = {"created_ns": now, "expires_ns": now + lasts_s * SECOND, "requester": CALLER, "connection": "crm"}
    made = request(groups=("sre",), call_id=f"call-{now}", **{"minimum": 1, **given, **changes})
    store.open(made)
    return made


def call_of(one, folder):
    """The entries that the worker wrote about the held call."""
    with contextlib.closing(Spool(folder, "worker-0", SpoolLimits())) as spool:
        for step, kind in enumerate((EntryKind.HELD, EntryKind.COMPLETED)):
            entry = Entry(
                kind, one.call_id, one.created_ns + step, connection="crm", function=one.function,
                issuer=ISSUER, subject="alice", session="s", approval_id=one.approval_id,
            )  # fmt: skip
            spool.record_relaxed(entry)


def test_what_people_did_is_found_by_the_call(start, store):
    """Alice is refused, bob looks and approves, carol looks afterwards; a second call is cancelled, a third expires."""
    one, two, three = opened(store), opened(store), opened(store, lasts_s=1)
    control = start()
    call_of(one, control.state / "spool")
    assert control.say(one, "alice").json()["reason"] == "own-call"
    for who in ("bob", "carol"):
        headers = {"Authorization": f"Bearer {token(who)}"}
        assert control.remote.get(f"/api/approvals/{one.approval_id}", headers=headers).status_code == 200
        if who == "bob":
            assert control.say(one, "bob", note=f"for {CANARY}").json()["state"] == "approved"
    assert control.local.get(f"/api/approvals/{one.approval_id}").json()["votes"][0]["note"] == "for [US_SSN]"
    headers = {"Authorization": f"Bearer {token('alice', ())}"}
    assert control.remote.post(f"/api/approvals/{two.approval_id}/cancel", headers=headers).status_code == 200
    deadline = time.monotonic() + WITHIN_S
    while store.get(three.approval_id).state != "expired":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert control.stop() == 0, control.log()
    with contextlib.closing(control.reader()) as reader:
        acts = reader.query(
            "SELECT kind, subject, reason, source, digest = '' FROM approval_acts"
            f" WHERE approval_id = '{one.approval_id}' ORDER BY time, seq"
        ).rows
        assert [row[:3] for row in acts] == [
            ("approval.refused", "alice", "own-call"),
            ("approval.looked", "bob", ""),
            ("approval.voted", "bob", "approve"),
            ("approval.counted", "bob", "approved"),
            ("approval.looked", "carol", ""),
            ("approval.looked", "", ""),
        ]
        assert {row[3] for row in acts} == {"api 127.0.0.1", "socket"}
        assert not any(row[4] for row in acts)
        assert reader.query("SELECT call_id, subject, kind, steps FROM calls").rows == (
            (one.call_id, "alice", "call.completed", ["call.completed", "call.held"]),
        )
        [session] = reader.sessions()
        assert session["calls"] == 1
        kinds = {row["kind"] for row in reader.session(session["session_id"])}
        assert kinds >= {"call.held", "approval.looked", "approval.voted"}
        others = reader.query(
            f"SELECT kind FROM approval_acts WHERE approval_id != '{one.approval_id}' ORDER BY time, seq"
        ).rows
        assert sorted(kind for (kind,) in others) == ["approval.cancelled", "approval.counted", "approval.expired"]
    kept = b"".join(path.read_bytes() for path in control.state.rglob("*") if path.is_file())
    assert CANARY.encode() not in kept
    assert CANARY not in control.log()


def test_a_vote_without_room_for_its_record_is_refused(start, store, tmp_path):
    """The spool is full from the start, and ClickHouse is away; a restart with room lets the person vote."""
    one = opened(store)
    folder = tmp_path / "state" / "spool"
    with contextlib.closing(Spool(folder, "control", SpoolLimits(relaxed_window=10_000))) as spool:
        for _ in range(SMALLEST_SPOOL // 10_000 + 1):
            spool.record_relaxed(Entry(EntryKind.COMPLETED, "old", time.time_ns(), arguments="x" * 10_000))
    control = start(max_spool=SMALLEST_SPOOL, clickhouse="http://default@127.0.0.1:1")
    for word in ("approve", "deny"):
        answer = control.say(one, "bob", word)
        assert (answer.status_code, answer.json()["reason"]) == (503, "evidence-unavailable"), answer.text
    assert store.get(one.approval_id).votes == ()
    parts = httpx.get(f"{control.health}/healthz").json()["parts"]
    assert "no vote counts" in parts["acts"]
    assert "extproc_approval_acts_lost_total" in httpx.get(f"{control.health}/metrics").text
    assert "evidence lost" in control.log()
    control.stop()
    again = start()
    assert again.say(one, "bob").json()["state"] == "approved"
    assert again.stop() == 0


def test_acts_survive_a_kill(start, store):
    """A vote that was acknowledged is in the spool, whatever happens then."""
    one = opened(store)
    control = start(clickhouse="http://default@127.0.0.1:1")
    assert control.say(one, "bob").json()["state"] == "approved"
    control.process.kill()
    control.process.wait()
    with contextlib.closing(SpoolReader(control.state / "spool" / "control.spool")) as spool:
        kinds = [decode_entry(row.document).kind for row in spool.read(1, spool.last())]
    assert kinds[0] == "approval.voted"
