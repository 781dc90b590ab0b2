"""Whatever is wrong with an engine or its answer: the call is denied, each time for a reason of its own, recorded."""

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.opa.http_answer import MAX_ANSWER
from extproc.policy.opa.opa_engine import CONNECTIONS, OpaEngine
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.evaluator import EmbeddedEngine
from tests.unit.flow.dialogue import (
    MemoryRecorder,
    ScriptedEngine,
    answers,
    asks,
    claims,
    make_services,
    play,
    returns,
)

SLOW = """package t
decision := true if input.call.arguments.id != "slow"
decision := "slow" if {
	input.call.arguments.id == "slow"
	all := numbers.range(1, 100000)
	count([1 | some a in all; some b in all; a == b]) > 0
}
"""


SLOWLY = "/customers/slow"
SOON_S = 30.0
"""A deadline that only a failing test sees."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A guard, whose engine each test replaces."""
    return make_services(tmp_path_factory.mktemp("guard"), changes={"limits.decision_timeout": 2 * SOON_S})


async def denied(base, engine, *said) -> tuple[str, str, str]:
    """Rule, detail and answer of a call that this engine is asked about; it must have been denied."""
    guard = replace(base, engine=engine, recorder=MemoryRecorder())
    peer = await play(guard, *(said or (asks(),)))
    entry = guard.recorder.last
    assert peer.marks() == [("resp", "done")]
    assert guard.recorder.kinds == ["call.denied"]
    assert entry.reason == "policy-error"
    return entry.rule, entry.detail, peer.refusals[0].body.decode()


# What the engine says, or does instead.


def embedded(text: str, **more: object) -> EmbeddedEngine:
    engine = EmbeddedEngine.from_sources(Sources((Module("t.rego", f"package t\n{text}"),), {}, "data.t.decision"))
    object.__setattr__(engine, "max_input", more.get("max_input", engine.max_input))
    return engine


EMBEDDED = {
    "undefined": (lambda: embedded("decision := 1 if input.never"), "the decision is undefined"),
    "several results": (
        lambda: embedded("decision := 1 if input.call\ndecision := 2 if input.call"),
        "evaluation failed at t.rego:3: its value is not that of t.rego:2",
    ),
    "an error": (
        lambda: embedded("decision := {'a': 1}[to_number(input.call.name)]".replace("'", '"')),
        "evaluation failed at t.rego:2",
    ),
    "a large input": (
        lambda: embedded("decision := true if input.call", max_input=10),
        "the input is too large for the embedded engine",
    ),
}


@pytest.mark.parametrize("what", EMBEDDED)
async def test_the_embedded_engine(base, what):
    make, detail = EMBEDDED[what]
    engine, recorder = make(), MemoryRecorder()
    await play(replace(base, engine=engine, recorder=recorder), asks())
    assert recorder.last.policy_revision == engine.revision
    rule, found, told = await denied(base, make())
    assert rule == "policy"
    assert found.startswith(detail)
    assert detail not in told


ANSWERS = {
    "null": None,
    "text": "allow",
    "a number": 1,
    "a list": [{"action": "allow"}],
    "nothing": {},
    "an unknown action": {"action": "permit"},
    "an unknown key": {"action": "allow", "masks": {}},
    "an unknown reason": {"action": "deny", "reason": "because"},
    "a mask that is none": {"action": "allow", "mask": {"response": [{"entity": "ssn"}]}},
    "thousands of masks": {"action": "allow", "mask": {"response": [{"entity": "US_SSN"}] * 1_001}},
    "a hold that nobody can release": {"action": "hold", "approval": {"groups": []}},
    "a flag that is none": {"allowed": "true"},
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_an_answer_that_cannot_be_read(base, what):
    rule, _, told = await denied(base, ScriptedEngine(ANSWERS[what]))
    assert rule == "policy-answer-unreadable"
    assert json.loads(told)["title"] == "Policy gave no usable answer"


async def test_a_bug_in_an_engine(tmp_path):
    """What nobody foresaw aborts the stream, on which Envoy refuses; it is recorded all the same."""
    guard = make_services(tmp_path, engine=ScriptedEngine(fault=ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await play(guard, asks())
    assert guard.recorder.kinds == ["call.failed"]


class Unequal(OpaEngine):
    """Waits long for each answer but that of the slow question."""

    async def evaluate(self, document: bytes, caller: str = ""):
        self.timeout_s = 0.5 if b"slow" in document else SOON_S  # read before anything is waited for
        return await super().evaluate(document, caller)


@contextlib.asynccontextmanager
async def asking(address: str, query: str = "data.t.decision", kind: type = OpaEngine, **more: object):
    engine = kind(OpaServer(address, **{"timeout_s": SOON_S, **more}), query)
    try:
        yield engine
    finally:
        await engine.close()


@contextlib.asynccontextmanager
async def speaking(raw: bytes):
    """A server that says this, whatever it is asked; nothing: it stays silent."""

    async def handle(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            await (writer.drain() if raw else asyncio.sleep(2 * SOON_S))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


GONE = {f"OPA gave no answer ({error})" for error in ("the connection ended", "ConnectionRefusedError")}
"""Which it is depends on how far a connection had come."""


def http(body: bytes, status: str = "200 OK", more: int = 0) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body) + more}\r\n\r\n".encode() + body


SAID = {
    "no HTTP": (b"*\r\n\r\n", "OPA gave no answer (not HTTP)"),
    "no JSON": (http(b"<html>"), "OPA's answer is not JSON"),
    "no object": (http(b"[]"), "OPA's answer is not an object"),
    "undefined": (http(b'{"provenance":{"bundles":{"b":{"revision":"1"}}}}'), "the decision is undefined"),
    "an error": (http(b"{}", "500 Internal Server Error"), "OPA answered with status 500"),
    "half of it": (http(b'{"result":true', more=9), "OPA gave no answer (the connection ended)"),
    "too much": (http(b'{"result":"' + b"x" * MAX_ANSWER + b'"}'), "OPA's answer is too large"),
    "nothing in time": (b"", "OPA gave no answer within 0.5 s"),
}


@pytest.mark.parametrize("what", SAID)
async def test_a_server_in_opas_place(base, what):
    raw, detail = SAID[what]
    async with speaking(raw) as address, asking(address, timeout_s=SOON_S if raw else 0.5) as engine:
        assert (await denied(base, engine))[:2] == ("policy", detail)


async def test_an_open_breaker(base):
    async with asking("unix:/nowhere/opa.sock", failures=1) as engine:
        assert (await denied(base, engine))[1] == "OPA gave no answer (FileNotFoundError)"
        assert (await denied(base, engine))[1] == "OPA is not asked: 1 questions in a row had no answer"


def listens(path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@contextlib.contextmanager
def opa(binary, folder, *arguments: object):
    """A running OPA on a unix socket."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [binary, "run", "--server", "--addr", f"unix://{folder}/opa.sock", "--log-level", "error", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + SOON_S
        while not listens(folder / "opa.sock"):
            assert time.monotonic() < deadline, "opa did not start"
            time.sleep(0.02)
        yield process, f"unix:{folder}/opa.sock"
    finally:
        process.kill()
        process.wait(SOON_S)


async def test_an_evaluation_that_takes_too_long_and_an_opa_that_is_killed_in_it(base, tmp_path, opa_binary):
    (tmp_path / "t.rego").write_text(SLOW)
    with opa(opa_binary, tmp_path / "o", tmp_path / "t.rego") as (process, address):
        async with asking(address, timeout_s=0.5) as engine:
            assert (await denied(base, engine, asks(path=SLOWLY)))[1] == "OPA gave no answer within 0.5 s"
        async with asking(address) as engine:
            guarded = make_services(tmp_path, engine=engine, changes={"limits.decision_timeout": 2 * SOON_S})
            asked = asyncio.create_task(play(guarded, asks(path=SLOWLY)))
            await asyncio.sleep(0.3)
            process.send_signal(signal.SIGKILL)
            assert len((await asked).refusals) == 1
            assert guarded.recorder.last.detail in GONE
            assert (await denied(base, engine))[1] in GONE


async def one_after_another(base, engine, times: int) -> list[str]:
    return [(await denied(base, engine, asks(path=SLOWLY)))[1] for _ in range(times)]


async def test_slow_questions_of_one_caller_do_not_deny_others(base, tmp_path, opa_binary):
    """Five of them would have opened the breaker, had OPA not answered about its health meanwhile."""
    (tmp_path / "t.rego").write_text(SLOW)
    with opa(opa_binary, tmp_path / "o", tmp_path / "t.rego") as (_, address):
        async with asking(address, kind=Unequal, failures=5) as engine:
            slow = asyncio.create_task(one_after_another(base, engine, 6))
            served = 0
            while not slow.done():
                guard = replace(base, engine=engine, recorder=MemoryRecorder())
                await play(guard, asks(), answers(), returns(b"{}"))
                assert guard.recorder.last.kind == "call.completed", guard.recorder.last.detail
                served += 1
            assert served > 3
            said = {each.partition(" within ")[0] for each in await slow}
            assert said == {"OPA gave no answer"}
            assert await engine.evaluate(b'{"call":{"arguments":{"id":"1"}}}') is True
            assert engine.problem == ""


async def test_a_caller_who_floods_leaves_turns_to_others(base, tmp_path, opa_binary):
    """More calls at once than there are connections, none of which OPA gets done with."""
    (tmp_path / "t.rego").write_text(SLOW)
    with opa(opa_binary, tmp_path / "o", tmp_path / "t.rego") as (_, address):
        async with asking(address, timeout_s=6.0) as engine:
            flood = [asyncio.create_task(denied(base, engine, asks(path=SLOWLY))) for _ in range(2 * CONNECTIONS)]
            await asyncio.sleep(0.5)
            for _ in range(3):
                guard = replace(base, engine=engine, recorder=MemoryRecorder())
                await play(guard, asks(metadata=claims(sub="bob")), answers(), returns(b"{}"))
                assert guard.recorder.last.kind == "call.completed", guard.recorder.last.detail
            assert not any(one.done() for one in flood)
            assert {(await one)[1] for one in flood} == {"OPA gave no answer within 6 s"}
            assert engine.problem == ""


async def test_an_opa_that_stands_still(base, tmp_path, opa_binary):
    (tmp_path / "t.rego").write_text("package t\ndecision := true\n")
    with opa(opa_binary, tmp_path / "o", tmp_path / "t.rego") as (process, address):
        async with asking(address, failures=2) as engine:
            assert await engine.evaluate(b"{}") is True
            engine.timeout_s = 0.5
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # until then it may still answer
            try:
                assert (await denied(base, engine))[1] == "OPA gave no answer within 0.5 s"
                for _ in range(3):
                    await denied(base, engine)
                assert engine.problem == "OPA does not answer: its breaker is open"
            finally:
                process.send_signal(signal.SIGCONT)


def bundle() -> bytes:
    """A bundle whose policy allows everything."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("t.rego", b"package t\ndecision := true\n"), (".manifest", b'{"revision":"r1"}')):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()


@contextlib.contextmanager
def bundles(served: dict[str, bytes], times: Counter[str]):
    """A bundle server that gives what ``served`` holds at the time, and counts how often."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "application/gzip")
            self.send_header("content-length", str(len(served["bundle"])))
            self.end_headers()
            self.wfile.write(served["bundle"])
            times["asked"] += 1

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


async def until(condition, within_s: float = SOON_S):
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_a_bundle_that_is_cut_off(base, tmp_path, opa_binary):
    """Denied until a whole one is there; one that comes later does not replace the policy in force."""
    whole = bundle()
    served, times = {"bundle": whole[: len(whole) // 2]}, Counter()
    with bundles(served, times) as port:
        settings = [
            f"services.s.url=http://127.0.0.1:{port}", "bundles.b.service=s", "bundles.b.resource=b.tar.gz",
            "bundles.b.polling.min_delay_seconds=1", "bundles.b.polling.max_delay_seconds=1",
        ]  # fmt: skip
        given = [part for each in settings for part in ("--set", each)]
        with opa(opa_binary, tmp_path / "o", *given) as (_, address):
            async with asking(address) as engine:
                await engine.poll()
                assert engine.problem == "OPA is not healthy, or cannot be reached"
                assert (await denied(base, engine))[1] == "OPA holds no policy"
                served["bundle"] = whole
                await until(engine.healthy)
                assert await engine.evaluate(b"{}") is True
                assert engine.bundles == ("b@r1",)
                revision = engine.revision
                served["bundle"] = whole[: len(whole) // 2]
                enough = (
                    times["asked"] + 3
                )  # one may be under way with the whole; the next comes after it was tried
                async with asyncio.timeout(SOON_S):
                    while times["asked"] < enough:
                        await asyncio.sleep(0.05)
                assert await engine.evaluate(b"{}") is True
                assert engine.revision == revision
