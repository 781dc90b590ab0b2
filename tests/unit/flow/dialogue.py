"""A dialogue with the exchange: what Envoy says, and what it gets back.

The parts are the real ones but for two ports, whose doubles are implementations with a memory and fault switches.
"""

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass, field

from envoy_data_plane.envoy.service.ext_proc.v3 import ProcessingResponse

from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from extproc.assembly.make_connection import make_connection
from extproc.config.schema import Settings
from extproc.flow.exchange import exchange
from extproc.flow.observer import Observer
from extproc.flow.services import Services
from extproc.identity.session_ids import Sessions
from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.entries import Entry
from extproc.model.errors import EvidenceError, PolicyError
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.wire import encode
from extproc.wire.events import (
    RequestBodyReceived,
    RequestHeadersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
)
from tests.support.maskers import make_masker

NOW = 1_800_000_000_000_000_000
"""Takes half a second to make; shared by all calls, as in the product."""
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


@dataclass
class ScriptedPeer:
    """Envoy, saying what the test tells it to."""

    to_guard: asyncio.Queue = field(default_factory=asyncio.Queue)
    sent: list = field(default_factory=list)

    def say(self, *events):
        for event in events:
            self.to_guard.put_nowait(event)
        return self

    async def receive(self):
        return await self.to_guard.get()

    async def send(self, message):
        self.sent.append(ProcessingResponse.parse(message))

    async def keep_waiting(self, seconds):
        await self.send(encode.hold(seconds))

    @property
    def refusals(self):
        return [each.immediate_response for each in self.sent if each.immediate_response]

    def marks(self):
        """The guard's markers in the order in which they were sent."""
        found = []
        for each in self.sent:
            fields = each.dynamic_metadata.fields if each.dynamic_metadata else {}
            if "guard" in fields:
                found += [
                    (k, v.string_value) for k, v in fields["guard"].struct_value.fields.items() if k != "call"
                ]
        return found


class ScriptedEngine:
    """Answers what it is told to, and remembers what it was asked."""

    revision = "f" * 64

    is_remote = True
    input_keys = None

    def __init__(self, answer=None, *, fault=None, delay_s=0.0, responses=ResponseInterest.NEVER):
        self.response_interest = responses
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


class Loud(Observer):
    """Remembers what must not happen."""

    def __init__(self):
        self.lost = []

    def evidence_lost(self, entry):
        self.lost.append(entry)


def make_services(tmp_path, *, engine=None, recorder=None, changes=None, clock=None):
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
    connections = [make_connection(name, each, settings.limits) for name, each in settings.connections.items()]
    masker = make_masker()
    return Services(
        hosts={host: each for each in connections for host in each.settings.hosts},
        providers=settings.identity.providers,
        engine=engine or ScriptedEngine({"action": "allow"}),
        masker=masker,
        approvals=store,
        waiter=ApprovalWaiter(store, 0.01, now),
        recorder=recorder or MemoryRecorder(),
        limits=settings.limits,
        sessions=Sessions(b"s" * 32),
        clock=now,
        entropy=lambda size: bytes(next(ticks) % 256 for _ in range(size)),
        observer=Loud(),
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


__all__ = ["PolicyError"]
