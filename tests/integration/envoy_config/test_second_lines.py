"""Envoy lets nothing pass when the guard ends its stream cleanly, which alone would mean consent."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from tests.integration.support.guarded import guarded
from tests.integration.support.http2_client import call_http2
from tests.integration.support.scripted_guard import RESPONSE_DONE, Script, Talk, begin_stream, passing, piece
from tests.integration.support.settings import HOST
from tests.integration.support.upstream import Scripted

pytestmark = pytest.mark.envoy

SECRET = b"4111-1111-1111-1111"
JSON = [("content-type", "application/json")]
SSE = [("content-type", "text/event-stream")]
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def leaving_at(phase: str) -> Script:
    """Answers properly until this phase arrives, then returns."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            if event.WhichOneof("request") == phase:
                return
            await talk.send(passing(event))

    return script


def with_trailers(config: dict[str, Any]) -> None:
    """Let the backend's HTTP/1.1 trailers through, as HTTP/2 backends' always are."""
    upstream = config["static_resources"]["clusters"][1]
    enabled = {"http_protocol_options": {"enable_trailers": True}}
    options = {"@type": f"type.googleapis.com/{OPTIONS}", "explicit_http_config": enabled}
    upstream["typed_extension_protocol_options"] = {OPTIONS: options}


def without(name: str) -> Any:
    """Take one filter out of the chain."""

    def change(config: dict[str, Any]) -> None:
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        kept = [each for each in manager["http_filters"] if not each["name"].endswith(name)]
        assert len(kept) + 1 == len(manager["http_filters"])
        manager["http_filters"] = kept

    return change


async def test_a_marked_exchange_passes() -> None:
    """The lines of defence are silent while the guard works."""
    async with guarded(answer=Scripted(200, JSON, [SECRET])) as run:
        answer = await run.call()
        posted = await run.call("POST", content=b'{"a":1}')
        head = await run.call("HEAD")
        run.upstream.answer = Scripted(204)
        empty = await run.call("DELETE")
    assert (answer.status_code, answer.content) == (200, SECRET)
    assert (posted.status_code, head.status_code, empty.status_code) == (200, 200, 204)
    assert [each.body for each in run.upstream.requests] == [b"", b'{"a":1}', b"", b""]
    assert run.upstream.requests[0].header("authorization") is None


@pytest.mark.parametrize("http2", [False, True])
async def test_a_clean_end_in_the_request_forwards_nothing(http2: bool) -> None:
    """No request goes upstream without the guard's marker."""
    async with guarded(leaving_at("request_headers"), http2=http2) as run:
        answers = [await run.call("POST", content=b'{"a":1}'), await run.call("GET")]
        run.guard.script = leaving_at("request_body")
        answers.append(await run.call("POST", content=b'{"a":1}'))
        denied = await run.envoy.stat("http.guarded.rbac.marked-by-the-guard.denied")
        half_closed = await run.envoy.stat("http.guarded.ext_proc.guard.server_half_closed")
    assert [each.status_code for each in answers] == [502] * 3
    assert (denied, half_closed) == (3, 3)
    assert run.upstream.requests == []


@pytest.mark.parametrize("body", [None, b"{}"])
async def test_a_clean_end_before_request_trailers_forwards_nothing(body: bytes | None) -> None:
    """With trailers, only the answer to them may carry the marker."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            if event.WhichOneof("request") == "request_trailers":
                return
            answer.ClearField("dynamic_metadata")
            await talk.send(answer)

    async with guarded(script) as run:
        headers = {"host": HOST, **run.issuer.headers()}
        answer = await call_http2(await run.connect(), headers, body=body, trailers={"x-late": "1"})
    assert answer.status == 502
    assert run.upstream.requests == []


@pytest.mark.parametrize("phase", ["response_headers", "response_body"])
async def test_a_clean_end_in_the_response_shows_nothing(phase: str) -> None:
    """No byte of the backend reaches the caller without the guard's marker."""
    answer = Scripted(200, [*JSON, ("x-secret", "a")], [SECRET])
    async with guarded(leaving_at(phase), answer) as run:
        got = await run.call()
    assert got.status_code == 502
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json()["reason"] == "guard-error"
    assert got.json()["status"] == 502
    assert SECRET not in got.content
    assert "x-secret" not in got.headers


async def test_a_clean_end_before_response_trailers_removes_them() -> None:
    """Trailers pass only with their own marker."""
    answer = Scripted(200, JSON, [b"{}"], "chunked", trailers=[("grpc-message", "secret")])
    async with guarded(answer=answer, change=with_trailers) as run:
        headers = {"host": HOST, **run.issuer.headers()}
        passed = await call_http2(await run.connect(), headers, method="GET")
        run.guard.script = leaving_at("response_trailers")
        cut = await call_http2(await run.connect(), headers, method="GET")
    assert (passed.status, passed.trailers) == (200, {"grpc-message": "secret"})
    assert (cut.status, cut.trailers) == (200, {})


async def test_a_killed_stream_shows_nothing() -> None:
    """An error instead of a clean end: refused as well."""

    async def script(talk: Talk) -> None:
        await talk.receive()
        raise RuntimeError("broken")

    async with guarded(script) as run:
        got = await run.call()
    assert got.status_code == 502
    assert run.upstream.requests == []


async def test_no_call_passes_without_a_guard() -> None:
    """A guard that is not there is a refusal."""

    def nowhere(config: dict[str, Any]) -> None:
        cluster = config["static_resources"]["clusters"][0]
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["pipe"]["path"] += ".gone"

    async with guarded(change=nowhere, limits={"message_timeout": 2.0, "hold": 30.0}) as run:
        got = await run.call()
    assert got.status_code == 502
    assert run.upstream.requests == []


@dataclass
class Plan:
    """One streamed or buffered call: how bytes come, how fast the guard is, where it leaves."""

    pieces: list[bytes | float]
    framing: Any
    trailers: bool
    streamed: bool
    leave_at: int
    """Number of the message at which the guard returns; 0 for never."""
    delays: list[float]
    heard: list[str] = field(default_factory=list)

    @property
    def left(self) -> bool:
        return 0 < self.leave_at <= len(self.heard)

    async def script(self, talk: Talk) -> None:
        """Masks every S as M, piece by piece or at once."""
        number = 0
        while (event := await talk.receive()) is not None:
            phase = str(event.WhichOneof("request"))
            self.heard.append(phase)
            await asyncio.sleep(self.delays[len(self.heard) % len(self.delays)])
            if self.left:
                return
            answer = passing(event)
            if phase == "response_headers" and self.streamed and not event.response_headers.end_of_stream:
                answer = begin_stream()
            elif phase == "response_body":
                number += 1
                answer = masked(event.response_body, number if self.streamed else 0)
            elif phase == "response_trailers":
                answer.response_trailers.header_mutation.set_headers.add(
                    header={"key": "x-late", "raw_value": b"M"}, append_action=2
                )
            await talk.send(answer)


def masked(body: pb.HttpBody, number: int) -> pb.ProcessingResponse:
    """The answer to a body (number 0) or to one piece of it."""
    answer = piece(number, body.body.replace(b"S", b"M"))
    if not number or body.end_of_stream:
        answer.dynamic_metadata.CopyFrom(RESPONSE_DONE)
    if not number:
        answer.response_body.response.header_mutation.remove_headers.append("content-length")
    return answer


def make_plan(dice: random.Random) -> Plan:
    pieces: list[bytes | float] = []
    for _ in range(dice.randint(1, 5)):
        pieces.append(b"S" * dice.choice([1, 7, 100, 5_000, 40_000]))
        pieces += [dice.choice([0.0005, 0.002, 0.005])] * (dice.random() < 0.6)
    trailers = dice.random() < 0.4
    return Plan(
        pieces=pieces,
        framing="chunked" if trailers else dice.choice(["chunked", "length", "until-close"]),
        trailers=trailers,
        streamed=dice.random() < 0.8,
        leave_at=dice.choice([0, 0, 2, 3, 4, 5, 6]),
        delays=[dice.choice([0, 0, 0, 0.001, 0.003]) for _ in range(10)],
    )


async def try_plans(run: Any, plans: list[Plan]) -> tuple[list[Plan], list[Plan]]:
    """The plans by which a raw byte reached the caller, and those by which an honest guard's answer broke."""
    leaked, broken = [], []
    for plan in plans:
        run.guard.script = plan.script
        late = [("x-late", "S")] if plan.trailers else []
        run.upstream.answer = Scripted(200, SSE, plan.pieces, plan.framing, trailers=late)
        got = await call_http2(await run.connect(), {"host": HOST, **run.issuer.headers()}, method="GET")
        if b"S" in got.body or "S" in str(got.trailers):
            leaked.append(plan)
        whole = sum(len(each) for each in plan.pieces if isinstance(each, bytes))
        if not plan.left and (got.status, len(got.body), got.reset) != (200, whole, False):
            broken.append(plan)
    return leaked, broken


async def test_a_clean_end_leaks_no_byte_at_any_moment() -> None:
    """Pieces, trailers and answers in any order of time: nothing raw passes, and nothing honest is lost."""
    dice = random.Random(20)
    async with guarded(change=with_trailers) as run:
        leaked, broken = await try_plans(run, [make_plan(dice) for _ in range(80)])
    assert leaked == []
    assert broken == []


async def test_bytes_leak_without_the_stream_guard() -> None:
    """Without the Lua filter the same calls leak: the test above has teeth."""
    dice = random.Random(20)

    def change(config: dict[str, Any]) -> None:
        with_trailers(config)
        without("lua")(config)

    async with guarded(change=change) as run:
        leaked, _ = await try_plans(run, [make_plan(dice) for _ in range(40)])
    assert leaked


async def test_unanswered_pieces_are_emptied_and_answered_ones_pass() -> None:
    """The first two pieces were answered; the rest of the stream comes out empty."""
    gates = [asyncio.Event(), asyncio.Event()]  # two pieces at once would be one to the guard

    async def script(talk: Talk) -> None:
        number = 0
        while (event := await talk.receive()) is not None:
            match event.WhichOneof("request"):
                case "response_headers":
                    await talk.send(begin_stream())
                case "response_body" if number == 2:
                    return
                case "response_body":
                    number += 1
                    await talk.send(piece(number))
                    gates[number - 1].set()
                case _:
                    await talk.send(passing(event))

    waits = [*gates, *[0.03] * 4]
    pieces = [each for n in range(6) for each in (b"data: %d\n\n" % n, waits[n])]
    async with guarded(script, Scripted(200, SSE, pieces, "chunked")) as run:
        got = await run.call()
    assert got.content == b"data: 0\n\ndata: 1\n\n"


async def test_an_error_in_the_stream_guard_hides_the_body() -> None:
    """Metadata that cannot be read hides every byte, even of a response that was released."""

    def change(config: dict[str, Any]) -> None:
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        code = manager["http_filters"][1]["typed_config"]["default_source_code"]
        code["inline_string"] = code["inline_string"].replace(
            "return handle:streamInfo()", 'error("broken") return handle'
        )
        assert "broken" in code["inline_string"]

    async with guarded(answer=Scripted(200, JSON, [SECRET]), change=change) as run:
        got = await run.call()
    assert got.content == b""


async def test_a_client_cannot_forge_the_markers() -> None:
    """Metadata is not a header."""

    async with guarded(leaving_at("request_headers")) as run:
        got = await run.call(headers={"guard": "done", "req": "done", "x-guard-req": "done"})
    assert got.status_code == 502
    assert run.upstream.requests == []


async def test_another_namespace_is_not_accepted() -> None:
    """Only `guard` is received: metadata under another name does not count."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            if answer.HasField("dynamic_metadata"):
                marks = answer.dynamic_metadata.fields.pop("guard")
                answer.dynamic_metadata.fields["other"].CopyFrom(marks)
            await talk.send(answer)

    async with guarded(script) as run:
        got = await run.call()
    assert got.status_code == 502
    assert run.upstream.requests == []


async def test_a_refused_mode_override_still_masks() -> None:
    """Only STREAMED is allowed: another override is ignored, the body comes whole, and unmarked it does not pass."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            if event.WhichOneof("request") == "response_headers":
                answer = begin_stream()
                answer.mode_override.response_body_mode = 0
            await talk.send(answer)

    async with guarded(script, Scripted(200, JSON, [b"a", 0.02, b"b"], "chunked")) as run:
        got = await run.call()
    assert run.guard.talks[0].phases[-1] == "response_body"
    assert run.guard.talks[0].heard[-1].response_body.body == b"ab"
    assert got.content == b"ab"


async def test_a_marker_that_never_changes_does_not_count_as_a_reply() -> None:
    """A guard that repeats one value passes only one piece."""
    answered = asyncio.Event()

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            match event.WhichOneof("request"):
                case "response_headers":
                    await talk.send(begin_stream())
                case "response_body":
                    await talk.send(piece(1))
                    answered.set()
                case _:
                    await talk.send(passing(event))

    async with guarded(script, Scripted(200, SSE, [b"one", answered, b"two"], "chunked")) as run:
        got = await run.call()
    assert got.content == b"one"
