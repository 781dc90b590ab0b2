"""A dialogue with the exchange: what Envoy says, and what it gets back.

The parts are the real ones but for two ports, whose doubles are implementations with a memory and fault switches.
"""

import asyncio
import contextlib
import itertools
import json

from extproc.approvals.approval import Vote
from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from extproc.assembly.make_connection import make_connection
from extproc.config.schema import Settings
from extproc.flow.exchange import exchange
from extproc.flow.observer import Observer
from extproc.flow.services import Services
from extproc.identity.approval_state import ApprovalStates
from extproc.identity.event_ids import EventIds
from extproc.identity.session_ids import Sessions
from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError
from extproc.pinning.sqlite_pins import SqlitePins
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import ALL_READ
from extproc.wire.events import (
    RequestBodyReceived,
    RequestHeadersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
)
from tests.support.maskers import make_masker
from tests.unit.flow.scripted_peer import ScriptedPeer

NOW = 1_800_000_000_000_000_000
ISSUER = "https://issuer.example"
SETTINGS = {
    "version": 1,
    "identity": {"providers": {"demo": {"issuer": ISSUER, "audiences": ["extproc"], "jwks_url": "http://j/"}}},
    "connections": {
        "crm": {
            "protocol": "http-json",
            "hosts": ["crm.internal"],
            "upstream": {"address": "127.0.0.1:9"},
            "functions": {
                "get_customer": {"method": "GET", "path": "/customers/{id}"},
                "update_customer": {"method": "POST", "path": "/customers"},
            },
            "approvals": {"groups": ["sre"]},
        },
        "docs": {
            "protocol": "mcp",
            "hosts": ["docs.internal"],
            "upstream": {"address": "127.0.0.1:9"},
            "tools": ["search"],
        },
    },
}


class ScriptedEngine:
    """Answers what it is told to, and remembers what it was asked."""

    revision = "f" * 64

    is_remote = True
    input_keys = None
    connection_facts = frozenset()
    bundles = ()

    def __init__(
        self,
        answer=None,
        *,
        fault=None,
        delay_s=0.0,
        responses=ResponseInterest.NEVER,
        reads=ALL_READ,
        decides_server_requests=False,
    ):
        self.response_interest = responses
        self.decides_server_requests = decides_server_requests
        self.uninspectable_reads = reads
        self.answer, self.fault, self.delay_s = answer, fault, delay_s
        self.asked = []

    async def evaluate(self, document, caller=""):
        asked = json.loads(document)
        self.asked.append(asked)
        await asyncio.sleep(self.delay_s)
        if self.fault:
            raise self.fault
        return self.answer(asked) if callable(self.answer) else self.answer


class MemoryRecorder:
    """Keeps entries; ``full`` refuses them, ``fail_on`` refuses one kind."""

    def __init__(self, *, full=False, fail_on=None):
        self.entries: list[Entry] = []
        self.full, self.fail_on = full, fail_on
        self.healthy = True

    async def record(self, entry):
        await asyncio.sleep(0)
        self.record_relaxed(entry)

    def record_end(self, entry, lost):
        self.record_relaxed(entry)

    def record_relaxed(self, entry):
        if self.full or entry.kind == self.fail_on:
            raise EvidenceError("the disk is full")
        self.entries.append(entry)

    @property
    def kinds(self):
        return [entry.kind.value for entry in self.entries]

    @property
    def last(self):
        return self.entries[-1]


class LossObserver(Observer):
    """Remembers the entries that were lost."""

    def __init__(self):
        self.lost = []

    def evidence_lost(self, entry):
        self.lost.append(entry)


def make_services(tmp_path, *, engine=None, recorder=None, masker=None, changes=None, clock=None):
    """Services of real parts around a scripted engine and a recorder with a memory."""
    document = json.loads(json.dumps(SETTINGS))
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    settings = Settings.model_validate(document)
    store = SqliteApprovals(tmp_path / "approvals.db")
    ticks = itertools.count()
    now = clock or (lambda: NOW + next(ticks))
    connections = [
        make_connection(name, each, settings.limits, settings.envoy.guard_filter)
        for name, each in settings.connections.items()
    ]
    return Services(
        hosts={host: each for each in connections for host in each.settings.hosts},
        providers=settings.identity.providers,
        mtls=settings.identity.mtls,
        engine=engine or ScriptedEngine({"action": "allow"}),
        masker=masker or make_masker(),
        approvals=store,
        waiter=ApprovalWaiter(store, 0.01, now),
        recorder=recorder or MemoryRecorder(),
        pins=SqlitePins(tmp_path / "definitions.db"),
        limits=settings.limits,
        show_headers=frozenset(settings.policy.show_headers),
        sessions=Sessions(b"s" * 32),
        event_ids=EventIds(b"s" * 32),
        approval_states=ApprovalStates(b"s" * 32),
        ends_streams=settings.identity.end_streams,
        clock=now,
        entropy=lambda size: bytes(next(ticks) % 256 for _ in range(size)),
        observer=LossObserver(),
    )


def headers(**fields):
    return Headers(tuple((name.replace("_", "-"), value.encode()) for name, value in fields.items()))


def claims(**more):
    payload = {
        "iss": ISSUER, "aud": "extproc", "sub": "alice", "exp": NOW / 1e9 + 600, "groups": ["support"], **more,
    }  # fmt: skip
    return {"envoy.filters.http.jwt_authn": {"claims": payload}}


def asks(
    method="GET", path="/customers/7", host="crm.internal", *, end=None, metadata=None, **fields
) -> RequestHeadersReceived:
    """The caller's request head."""
    head = RequestHead(method, "http", host, path, headers(**fields), "rid-1", "127.0.0.1:1")
    ended = method == "GET" if end is None else end
    return RequestHeadersReceived(head, ended, claims() if metadata is None else metadata)


def sends(body: bytes, *, end=True):
    """The caller's whole body."""
    return RequestBodyReceived(body, end)


def answers(status=200, *, end=False, local="", content_type="application/json", **fields):
    """The backend's response head."""
    head = ResponseHead(status, headers(content_type=content_type, **fields), local)
    return ResponseHeadersReceived(head, end, RequestHead("", "", "", "", Headers()))


def returns(body: bytes, *, end=True):
    """The backend's body, or a piece of it."""
    return ResponseBodyReceived(body, end)


async def play(services, *events, peer=None):
    """Say all this to the guard, and return the peer when the exchange is over."""
    peer = (peer or ScriptedPeer()).say(*events)
    async with asyncio.timeout(30):
        await exchange(peer, services)
    return peer


async def play_and_leave(services, peer, until):
    """Run the exchange, and have the caller leave once ``until`` is true."""
    task = asyncio.create_task(exchange(peer, services))
    async with asyncio.timeout(30):
        while not until():
            await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def held(services):
    """Wait until a call is held, and return its request for approval."""
    async with asyncio.timeout(30):
        while not (found := await asyncio.to_thread(services.approvals.recent, pending_only=True, limit=1)):
            await asyncio.sleep(0.01)
    return found[0].request


def approve(services, request, voter="iss|bob", groups=("sre",)):
    """Have this person approve a held call."""
    services.approvals.vote(request.approval_id, Vote(voter, True, "looks right", NOW + 5), groups)


def deny(services, request):
    """Have a person deny a held call."""
    services.approvals.vote(request.approval_id, Vote("iss|bob", False, "no reason", NOW + 5), ("sre",))
