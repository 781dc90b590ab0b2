"""Local replies: what Envoy tells the guard about its own answers, and what the guard can do to them."""

import asyncio
import json
from typing import Any

import grpc
import httpx
import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from tests.integration.support.guarded import Guarded, guarded
from tests.integration.support.scripted_guard import RESPONSE_DONE, Script, Talk, begin_stream, mark, passing
from tests.integration.support.settings import HOST
from tests.integration.support.upstream import Scripted

pytestmark = pytest.mark.envoy

SMALL = {"request_body": 2_000, "response_body": 2_000, "hold": 30.0, "message_timeout": 10.0}
RESPONSE = ["response_headers", "response_body"]
WITHIN_S = 30.0
"""A deadline that only a failing test sees."""


def attributes(talk: Talk) -> dict[str, str]:
    """The response attributes that Envoy sent."""
    first = next(each for each in talk.heard if each.HasField("response_headers"))
    fields = first.attributes["envoy.filters.http.ext_proc"].fields
    return {name: value.string_value for name, value in fields.items()}


async def heard(run: Guarded, calls: int = 1) -> Talk:
    """The last stream, once Envoy has opened that many."""
    async with asyncio.timeout(WITHIN_S):
        while len(run.guard.talks) < calls or not run.guard.talks[-1].heard:
            await asyncio.sleep(0.02)
    return run.guard.talks[-1]


async def told(run: Guarded) -> Any:
    """The entry of Envoy's access log that the guard got; there is one."""
    async with asyncio.timeout(WITHIN_S):
        while not run.guard.logged:
            await asyncio.sleep(0.05)
    (entry,) = run.guard.logged
    return entry


def telling_of_the_head(heard: asyncio.Event) -> Script:
    """Lets all through; sets the event once Envoy has told of the response's head."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            await talk.send(passing(event))
            if event.HasField("response_headers"):
                heard.set()

    return script


async def raw(run: Guarded, head: str) -> bytes:
    """Write bytes as they are; what came back, before Envoy closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", run.envoy.port)
    writer.write(head.encode("latin-1"))
    try:
        return await asyncio.wait_for(reader.read(4_096), WITHIN_S)
    except TimeoutError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("claims", "status", "details"),
    [
        (None, 401, "jwt_authn_access_denied{Jwt_is_missing}"),
        ({"exp": 1}, 401, "jwt_authn_access_denied{Jwt_is_expired}"),
        ({"exp": None}, 401, "jwt_authn_access_denied{Jwt_verification_fails}"),
        ({"aud": "others"}, 403, "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}"),
        ({"iss": "https://evil"}, 401, "jwt_authn_access_denied{Jwt_issuer_is_not_configured}"),
    ],
)
async def test_a_bad_token_is_a_stream_that_begins_with_the_response(
    claims: dict[str, Any] | None, status: int, details: str
) -> None:
    async with guarded() as run:
        headers = {"host": HOST} if claims is None else {"host": HOST, **run.issuer.headers(**claims)}
        got = await run.client.post(f"{run.envoy.url}/customers/1?q=1", headers=headers, content=b"{}")
        talk = await heard(run)
    assert (got.status_code, talk.phases, run.upstream.requests) == (status, RESPONSE, [])
    about = attributes(talk)
    assert about["response.code_details"] == details
    assert (about["request.method"], about["request.host"]) == ("POST", HOST)
    assert about["request.path"] == "/customers/1?q=1"
    assert about["request.id"]
    assert about["source.address"].startswith("127.0.0.1:")
    assert "/customers/1?q=1" in got.headers["www-authenticate"]


async def test_a_token_in_the_query_is_not_accepted() -> None:
    async with guarded() as run:
        url = f"{run.envoy.url}/customers/1?access_token={run.issuer.token()}"
        got = await run.client.get(url, headers={"host": HOST})
    assert got.status_code == 401


async def test_the_guard_may_replace_a_local_reply() -> None:
    """ImmediateResponse in answer to response_headers replaces status, headers and body."""

    async def script(talk: Talk) -> None:
        await talk.receive()
        answer = pb.ProcessingResponse(dynamic_metadata=RESPONSE_DONE)
        answer.immediate_response.status.code = 429
        answer.immediate_response.body = b"{}"
        answer.immediate_response.details = "extproc"
        await talk.send(answer)

    async with guarded(script) as run:
        got = await run.client.get(run.envoy.url, headers={"host": HOST})
        (line,) = await run.envoy.flushed()
    assert (got.status_code, got.content) == (429, b"{}")
    assert line["details"] == "extproc"


async def test_the_guard_may_rewrite_a_local_reply() -> None:
    """Envoy's status stays; body, content-type and length are the guard's."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            if event.HasField("response_body"):
                common = answer.response_body.response
                common.body_mutation.body = b'{"a":1}'
                for name, value in (("content-type", b"application/problem+json"), ("content-length", b"7")):
                    field = {"key": name, "raw_value": value}
                    common.header_mutation.set_headers.add(header=field, append_action=2)
                common.header_mutation.remove_headers.append("www-authenticate")
            await talk.send(answer)

    async with guarded(script) as run:
        got = await run.client.get(run.envoy.url, headers={"host": HOST})
    assert (got.status_code, got.json()) == (401, {"a": 1})
    assert got.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" not in got.headers


async def test_an_unmarked_local_reply_becomes_a_502() -> None:
    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            answer.ClearField("dynamic_metadata")
            await talk.send(answer)

    async with guarded(script) as run:
        got = await run.client.get(run.envoy.url, headers={"host": HOST})
    assert got.status_code == 502


async def test_a_body_over_the_limit_is_reported_after_the_headers() -> None:
    """request_headers, and then at once Envoy's own response."""
    async with guarded(limits=SMALL) as run:
        got = await run.call("POST", content=b"x" * 300_000)
        talk = await heard(run)
    assert (got.status_code, talk.phases) == (413, ["request_headers", *RESPONSE])
    assert attributes(talk)["response.code_details"] == "request_payload_too_large"
    assert run.upstream.requests == []


async def test_a_response_over_the_limit_is_a_500_without_the_guard() -> None:
    """The stream just ends; not a byte of the backend passes."""
    head = asyncio.Event()  # else Envoy's reset could overtake what it told before
    answer = Scripted(200, [("x-secret", "y"), ("content-length", "300000")], [b"y", head, b"y" * 299_999])
    async with guarded(telling_of_the_head(head), answer, limits=SMALL) as run:
        got = await run.call()
        talk = await heard(run)
        (line,) = await run.envoy.flushed()
    assert (got.status_code, got.content) == (500, b"Internal Server Error")
    assert "x-secret" not in got.headers
    assert talk.phases == ["request_headers", "response_headers"]
    assert line["details"] == "response_payload_too_large"


@pytest.mark.parametrize("host", ["other.example.com", f"{HOST}:80", f"{HOST}."])
async def test_an_unknown_host_passes_the_guard_and_is_404(host: str) -> None:
    async with guarded() as run:
        got = await run.call(headers={"host": host})
        talk = await heard(run)
    assert got.status_code == 404
    assert talk.phases == ["request_headers", "response_headers"]
    assert attributes(talk)["response.code_details"] == "direct_response"
    assert attributes(talk)["request.host"] == host


@pytest.mark.parametrize(
    ("answer", "status", "details"),
    [
        (Scripted(200, [], [], "until-close", break_off=True), 200, "via_upstream"),
        (Scripted(0), 503, "upstream_reset_before_response_started{connection_termination}"),
    ],
)
async def test_a_broken_backend_is_answered_by_envoy(answer: Scripted, status: int, details: str) -> None:
    async with guarded(answer=answer) as run:
        got = await run.call()
        talk = await heard(run)
    assert (got.status_code, attributes(talk)["response.code_details"]) == (status, details)


async def test_a_body_that_is_cut_off_is_not_sent() -> None:
    """The backend breaks off: Envoy answers itself, and the guard's stream just ends."""
    head = asyncio.Event()  # else Envoy's reset could overtake what it told before
    fields = [("content-length", "50"), ("content-type", "text/plain")]
    cut = Scripted(200, fields, [b"secret", head], break_off=True)
    async with guarded(telling_of_the_head(head), cut) as run:
        got = await run.call()
        talk = await heard(run)
    assert got.status_code == 502
    assert b"secret" not in got.content
    assert talk.phases == ["request_headers", "response_headers"]


@pytest.mark.parametrize("path", ["/customers%2F1", "/a%5Cb", "/a%00b"])
async def test_hidden_separators_are_refused_before_the_filters(path: str) -> None:
    """The guard hears of a 400 without request attributes: Envoy has made no request of it yet."""
    async with guarded() as run:
        got = await run.call(path=path)
        talk = await heard(run)
    assert got.status_code == 400
    assert talk.phases == ["response_headers"]
    assert attributes(talk)["response.code_details"] == "path_normalization_failed"
    assert "request.path" not in attributes(talk)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/a/../customers/1", "/customers/1"),
        ("//customers//1", "/customers/1"),
        ("/%63ustomers/1", "/customers/1"),
    ],
)
async def test_paths_are_normalized_before_the_guard_and_the_backend(asked: str, seen: str) -> None:
    """The request that was decided is the one that is forwarded."""
    async with guarded() as run:
        head = f"GET {asked} HTTP/1.1\r\nhost: {HOST}\r\n"
        fields = "".join(f"{name}: {value}\r\n" for name, value in run.issuer.headers().items())
        assert await raw(run, f"{head}{fields}\r\n")
        talk = await heard(run)
    headers = {each.key: each.raw_value.decode() for each in talk.heard[0].request_headers.headers.headers}
    assert headers[":path"] == seen
    assert [each.path for each in run.upstream.requests] == [seen]


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("TRACE /customers/1", "", 403),
        ("TRACK /customers/1", "", 400),
        (f"CONNECT {HOST}:80", "", 403),
        ("GET /customers/1", "upgrade: websocket\r\nconnection: upgrade\r\n", 403),
        ("OPTIONS *", "", 404),
        ("GET /customers/1", "x_y: 1\r\n", 400),
        ("POST /customers/1", "content-length: 3\r\ntransfer-encoding: chunked\r\n", 400),
        ("GET /customers/1", f"host: {HOST}\r\n", 404),
    ],
)
async def test_malformed_requests_reach_no_backend(line: str, fields: str, status: int) -> None:
    async with guarded() as run:
        token = "".join(f"{name}: {value}\r\n" for name, value in run.issuer.headers().items())
        got = await raw(run, f"{line} HTTP/1.1\r\nhost: {HOST}\r\n{token}{fields}\r\n")
        await run.envoy.flushed()
    assert got[:12] in (b"HTTP/1.1 %d" % status, b"")
    assert run.upstream.requests == []


async def test_a_caller_on_loopback_is_not_internal() -> None:
    """Nothing that steers Envoy is taken from the caller."""
    steering = {
        "x-envoy-retry-on": "5xx",
        "x-envoy-max-retries": "5",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-internal": "true",
        "x-request-id": "mine",
        "x-forwarded-client-cert": "By=me",
    }
    async with guarded(answer=Scripted(503, [], [b"no"])) as run:
        got = await run.call(headers=steering)
        talk = await heard(run)
    seen = {each.key: each.raw_value.decode() for each in talk.heard[0].request_headers.headers.headers}
    assert got.status_code == 503
    assert len(run.upstream.requests) == 1
    assert set(steering) & set(seen) == {"x-request-id"}
    assert seen["x-request-id"] != "mine"


async def test_the_guard_sees_claims_and_never_the_token() -> None:
    async with guarded() as run:
        await run.call(headers=run.issuer.headers("alice", groups=["sre"], act={"sub": "agent-7"}))
        talk = await heard(run)
    first = talk.heard[0]
    claims = first.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"]["claims"]
    assert (claims["sub"], claims["iss"], list(claims["groups"])) == ("alice", run.issuer.name, ["sre"])
    assert claims["act"]["sub"] == "agent-7"
    assert "authorization" not in {each.key for each in first.request_headers.headers.headers}
    assert first.attributes["envoy.filters.http.ext_proc"]["source.address"].startswith("127.0.0.1:")


async def test_changing_host_or_method_fails_the_call() -> None:
    """A rejected mutation is an error rather than silently ignored."""

    def setting(name: str) -> Script:
        async def script(talk: Talk) -> None:
            while (event := await talk.receive()) is not None:
                answer = passing(event)
                if event.HasField("request_headers"):
                    mutation = answer.request_headers.response.header_mutation
                    mutation.set_headers.add(header={"key": name, "raw_value": b"x"}, append_action=2)
                await talk.send(answer)

        return script

    async with guarded() as run:
        statuses = {}
        for name in (":authority", "host", ":method", "authorization", "x-api-key"):
            run.guard.script = setting(name)
            statuses[name] = (await run.call()).status_code
    assert statuses == {":authority": 502, "host": 502, ":method": 502, "authorization": 200, "x-api-key": 200}
    assert [each.header("authorization") for each in run.upstream.requests] == ["x", None]


async def test_markers_of_several_messages_are_merged() -> None:
    """Markers of the request are still there when the stream ends early."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            match event.WhichOneof("request"):
                case "request_headers":
                    answer = passing(event)
                    answer.dynamic_metadata.CopyFrom(mark(req="done", call="c-1"))
                    await talk.send(answer)
                case "response_headers":
                    await talk.send(begin_stream())
                case _:
                    return

    async with guarded(script, Scripted(200, [("content-type", "text/event-stream")], [b"a"], "chunked")) as run:
        got = await run.call()
        entry = await told(run)
    marks = entry.common_properties.metadata.filter_metadata["guard"]
    assert dict(marks.items()) == {"req": "done", "call": "c-1", "resp": "hdr"}
    assert got.content == b""


async def test_a_stale_content_length_is_an_error() -> None:
    """A body of another length needs its own content-length, or none."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            answer = passing(event)
            if event.HasField("response_body"):
                answer.response_body.response.body_mutation.body = b"longer than before"
            await talk.send(answer)

    async with guarded(script, Scripted(200, [("content-type", "text/plain")], [b"short"])) as run:
        got = await run.call()
    assert got.status_code == 503
    assert b"short" not in got.content
    assert b"longer" not in got.content


async def test_a_hold_outlasts_the_message_timeout() -> None:
    """First the override alone, then the answer; without it the call ends."""

    def waiting(seconds: float, override: bool) -> Script:
        async def script(talk: Talk) -> None:
            while (event := await talk.receive()) is not None:
                if event.HasField("request_headers"):
                    if override:
                        asked = pb.ProcessingResponse()
                        asked.override_message_timeout.FromSeconds(25)
                        await talk.send(asked)
                    await asyncio.sleep(seconds)
                await talk.send(passing(event))

        return script

    async with guarded(waiting(2.5, override=True), limits={**SMALL, "message_timeout": 1.0}) as run:
        held = await run.call()
        run.guard.script = waiting(2.5, override=False)
        late = await run.call()
    assert (held.status_code, late.status_code) == (200, 502)
    assert len(run.upstream.requests) == 1


async def test_envoy_reports_requests_that_the_guard_did_not_end() -> None:
    """The access log service gets what ended without `resp: done`, and only that."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            await talk.send(passing(event))

    async with guarded(script, limits=SMALL) as run:
        await run.call()
        await run.call(path="/customers/refused?ssn=1", headers={"authorization": "Bearer x"})
        run.upstream.answer = Scripted(200, [], [b"y" * 300_000])
        await run.call(path="/too-big")
        entry = await told(run)
        lines = await run.envoy.flushed(3)
    assert entry.request.path == "/too-big"
    assert entry.response.response_code_details == "response_payload_too_large"
    assert "guard" in entry.common_properties.metadata.filter_metadata
    text = str(lines)
    assert "customers" not in text
    assert "Bearer" not in text
    assert "ssn" not in text
    assert isinstance(httpx.codes(lines[0]["status"]), httpx.codes)


LEFT = json.dumps(
    {"jsonrpc": "2.0", "id": 'q"%REQ(:PATH)% %DYNAMIC_METADATA(guard:req)% \\ é', "error": {"code": 1}}
)
"""An answer that the guard leaves with Envoy. Nothing in it is a template, whatever it looks like."""
PLAIN = [("content-type", "text/plain"), ("x-secret", "y")]


def leaving_an_answer(at: str, leave: str) -> Script:
    """Lets the request go with an answer for Envoy; in this phase leaves, in this way."""

    async def script(talk: Talk) -> None:
        while (event := await talk.receive()) is not None:
            phase, answer = event.WhichOneof("request"), passing(event)
            if phase == at:
                match leave:
                    case "return":
                        return
                    case "abort":
                        await talk.context.abort(grpc.StatusCode.INTERNAL, "broken")
                    case "refuse":
                        refusal = pb.ImmediateResponse(body=b"refused")
                        answer = pb.ProcessingResponse(immediate_response=refusal, dynamic_metadata=RESPONSE_DONE)
            if phase == "request_body":
                answer.dynamic_metadata.MergeFrom(mark(req="done", cut_off=LEFT))
            await talk.send(answer)

    return script


@pytest.mark.parametrize("phase", ["response_headers", "response_body"])
@pytest.mark.parametrize("leave", ["return", "abort"])
async def test_envoy_answers_for_a_guard_that_left_in_its_words(phase: str, leave: str) -> None:
    async with guarded(leaving_an_answer(phase, leave), Scripted(200, PLAIN, [b"secret"])) as run:
        got = await run.call("POST", content=b"{}")
    assert (got.status_code, got.headers["content-type"], got.text) == (200, "application/json", LEFT)
    assert "x-secret" not in got.headers


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(200, [*PLAIN, ("content-length", "50")], [b"secret", 0.3], break_off=True),
        Scripted(200, [*PLAIN, ("content-length", "300000")], [b"y", 0.3, b"y" * 299_999]),
    ],
    ids=["cut off", "too large"],
)
async def test_envoy_answers_for_a_broken_backend_in_the_guards_words(answer: Scripted) -> None:
    async with guarded(leaving_an_answer("", ""), answer, limits=SMALL) as run:
        got = await run.call("POST", content=b"{}")
    assert (got.status_code, got.headers["content-type"], got.text) == (200, "application/json", LEFT)
    assert "x-secret" not in got.headers


@pytest.mark.parametrize("answer", [Scripted(200, PLAIN, [b"secret"]), Scripted(0)], ids=["backend", "envoy"])
async def test_what_the_guard_says_itself_stays(answer: Scripted) -> None:
    """A refusal is a local reply too, and so is what it answers to."""
    async with guarded(leaving_an_answer("response_headers", "refuse"), answer) as run:
        got = await run.call("POST", content=b"{}")
    assert got.text == "refused"


async def test_a_response_that_the_guard_releases_stays() -> None:
    async with guarded(leaving_an_answer("", ""), Scripted(200, PLAIN, [b"fine"])) as run:
        got = await run.call("POST", content=b"{}")
    assert (got.status_code, got.text, got.headers["x-secret"]) == (200, "fine", "y")
