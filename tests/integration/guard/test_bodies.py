"""Bodies of every size, framing and encoding, both ways."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable

import brotli
import pytest

from extproc.model.odd_bodies import Odd
from tests.integration.guard.raw import request, speak
from tests.integration.guard.stack import CARD, CREDENTIAL, KEY, POLL_S, SSN, WITHIN_S, Stack
from tests.integration.support.http2_client import call_http2
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

JSON = ("content-type", "application/json")
LIMIT, RESPONSE_LIMIT = 64 << 10, 128 << 10
SENSITIVE = json.dumps({"card": CARD, "ssn": SSN, "key": KEY}).encode()
CANARIES = (CARD, SSN, KEY, "4111111111111111", "536221847")


def assert_masked(*texts: object) -> None:
    """None of the planted values is in any of these."""
    for text in texts:
        shown = text.decode("latin-1") if isinstance(text, bytes) else str(text)
        assert [canary for canary in CANARIES if canary in shown] == [], shown[:500]


def sized(size: int) -> bytes:
    """A JSON body of exactly this many bytes."""
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


# Requests


async def test_a_body_at_the_limit_passes(stack: Stack) -> None:
    """Exactly ``limits.request_body`` bytes, and unchanged."""
    body = sized(LIMIT)
    answer = await stack.call("POST", "/customers", content=body)
    assert answer.status_code == 200
    assert [seen.body for seen in stack.reached] == [body]
    assert (await stack.ended())["request_bytes"] == LIMIT


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT, 40 * LIMIT])
async def test_a_larger_body_is_refused(stack: Stack, size: int) -> None:
    """By the guard when just over, by Envoy when far over; 413 and an entry either way."""
    answer = await stack.call("POST", "/customers", content=sized(size))
    assert answer.status_code == 413
    assert stack.reached == []
    assert (await stack.ended())["reason"] == "body-too-large"


async def test_a_chunked_body_is_read_whole(stack: Stack) -> None:
    """No content-length, many small pieces."""

    async def pieces():
        for number in range(0, 200, 2):
            yield b'{"a":"%b"}'[0:0] + (b'{"n":[' if number == 0 else b"") + b"%d," % number
        yield b"200]}"

    answer = await stack.call("POST", "/customers", content=pieces())
    assert answer.status_code == 200
    assert json.loads(stack.reached[0].body)["n"][-1] == 200
    entry = await stack.ended()
    assert json.loads(entry["arguments"])["n"][:2] == [0, 2]


async def test_a_gzipped_request_is_decided_and_forwarded_plain(stack: Stack) -> None:
    """The inspected bytes are the forwarded ones."""
    body = b'{"env":"live","n":1}'
    answer = await stack.call(
        "POST", "/customers", content=gzip.compress(body), headers={"content-encoding": "gzip"}
    )
    assert answer.status_code == 200
    (seen,) = stack.reached
    assert (seen.body, seen.header("content-encoding"), seen.header("content-length")) == (
        body,
        None,
        str(len(body)),
    )


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress)])
async def test_an_argument_in_an_encoded_request_is_seen_by_policy(
    stack: Stack, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """Compression hides nothing."""
    body = pack(b'{"env":"forbidden"}')
    answer = await stack.call("POST", "/customers", content=body, headers={"content-encoding": encoding})
    assert (answer.status_code, stack.reached) == (403, [])


@pytest.mark.parametrize(
    ("encoding", "body", "fact"),
    [
        ("compress", b"\x1f\x9d\x90{", "content-encoding"),
        ("br", brotli.compress(b'{"env":"live"}')[:-2], "truncated"),
        ("br", brotli.compress(b'{"env":"live"}') + b"x", "content-encoding"),
        ("zstd", b"(\xb5/\xfd", "truncated"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), "content-encoding"),
        ("gzip", gzip.compress(b'{"env":"live"}')[:-9], "truncated"),
        ("gzip", gzip.compress(b"{}") + gzip.compress(b'{"env":"forbidden"}'), "content-encoding"),
        ("gzip", gzip.compress(b'{"a":"' + b"0" * (8 << 20) + b'"}'), "too-large"),
        ("deflate", zlib.compress(b"0" * (8 << 20)), "too-large"),
        ("gzip", b'{"env":"live"}', "content-encoding"),
    ],
    ids=[
        "unknown",
        "br-truncated",
        "br-trailing",
        "zstd-truncated",
        "twice",
        "truncated",
        "two-members",
        "bomb",
        "deflate-bomb",
        "not-encoded",
    ],
)
async def test_a_request_that_cannot_be_decoded_is_not_forwarded(
    stack: Stack, encoding: str, body: bytes, fact: str
) -> None:
    """Unknown, doubled, truncated, concatenated, a bomb: each a named fact in the record."""
    answer = await stack.call("POST", "/customers", content=body, headers={"content-encoding": encoding})
    assert answer.status_code == 400
    assert stack.reached == []
    entry = await stack.ended()
    assert (entry["reason"], entry["uninspectable"]) == ("uninspectable", fact)


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        (b'{"env":"live","env":"forbidden"}', "duplicate-keys"),
        (b'{"env":"live"} {"env":"forbidden"}', "not-json"),
        (b"\xff\xfe{\x00}\x00", "not-utf8"),
        (b'{"env":"liv\xe9"}', "not-utf8"),
        (b"[" * 100 + b"]" * 100, "too-deep"),
        (b"", ""),
    ],
)
async def test_a_request_with_two_readings_is_not_forwarded(stack: Stack, body: bytes, fact: str) -> None:
    """Only an empty body counts as none."""
    answer = await stack.call("POST", "/customers", content=body)
    entry = await stack.ended()
    assert entry["uninspectable"] == fact
    assert len(stack.reached) == (0 if fact else 1)
    assert answer.status_code == (400 if fact else 200)


async def test_a_field_is_masked_on_its_way_in(stack: Stack) -> None:
    """Policy masks an argument: the backend gets it masked, every other byte as it came."""
    answer = await stack.call("POST", "/notes", content=b'{ "keep" : 1.0, "note":"secret words" }')
    assert answer.status_code == 200
    assert stack.reached[0].body == b'{ "keep" : 1.0, "note":"[REDACTED]" }'
    assert "secret words" not in json.dumps(stack.entries())


async def test_request_trailers_are_refused(stack: Stack) -> None:
    """With DATA and without: neither reaches the backend undecided."""
    for body in (b'{"a":1}', b"", None):
        headers = {**stack.headers(), "content-type": "application/json"}
        answer = await call_http2(
            await stack.connect(), headers, path="/customers", body=body, trailers={"x-late": "1"}
        )
        assert answer.status == 400, (body, answer)
    assert stack.reached == []
    await stack.ended(3)


async def test_an_interrupted_request_is_recorded(stack: Stack) -> None:
    """The caller leaves in the middle of its body."""
    _, writer = await stack.connect()
    before = await stack.answered()
    fields = [("content-type", "application/json"), ("content-length", "100"), *stack.headers().items()]
    writer.write(request("POST", "/customers", *fields, body=b'{"a":'))
    await writer.drain()
    async with asyncio.timeout(WITHIN_S):
        while await stack.answered() == before:  # the guard knows of the call
            await asyncio.sleep(POLL_S)
    writer.close()
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"]) == ("call.denied", "caller-gone")
    assert stack.reached == []


async def test_expect_continue_is_answered(stack: Stack) -> None:
    """100-continue, then the decision."""
    reader, writer = await stack.connect()
    fields = [*stack.headers().items(), JSON, ("content-length", "7"), ("expect", "100-continue")]
    writer.write(request("POST", "/customers", *fields))
    assert b"100" in await asyncio.wait_for(reader.readline(), WITHIN_S)
    writer.write(b'{"a":1}')
    rest = await asyncio.wait_for(reader.read(), WITHIN_S)
    writer.close()
    assert b"200 OK" in rest
    assert stack.reached[0].body == b'{"a":1}'


# Responses


async def test_a_response_is_masked_everywhere(stack: Stack) -> None:
    """Body, header fields, a redirect's location, cookies, and the credential itself."""
    fields = [
        JSON,
        ("x-note", f"card {CARD}"),
        ("location", f"https://x.example/{SSN}?k={KEY}"),
        ("set-cookie", f"ssn={SSN}; Path=/"),
        ("set-cookie", "plain=1"),
        ("etag", '"1"'),
    ]
    body = json.dumps({"card": CARD, "echo": f"Bearer {CREDENTIAL}"}).encode()
    stack.upstream.answer = Scripted(302, fields, [body])
    answer = await stack.call()
    assert answer.status_code == 302
    assert_masked(answer.text, answer.headers)
    assert CREDENTIAL not in answer.text
    assert answer.headers.get_list("set-cookie") == ["ssn=[US_SSN]; Path=/", "plain=1"]
    assert "etag" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    entry = await stack.ended()
    assert entry["status"] == 302
    assert {"CREDIT_CARD"} <= {finding["entity"] for finding in entry["findings"]}
    assert_masked(json.dumps(stack.entries()))


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", "application/problem+json"])
async def test_error_pages_are_masked(stack: Stack, status: int, kind: str) -> None:
    """Stack traces hold what backends were working on."""
    body = SENSITIVE if "json" in kind else f"<html><pre>card={CARD}\nssn {SSN} {KEY}</pre></html>".encode()
    stack.upstream.answer = Scripted(status, [("content-type", kind)], [body])
    answer = await stack.call()
    assert answer.status_code == status
    assert_masked(answer.content)


@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "image/png", "multipart/form-data; boundary=x", "", "x"]
)
async def test_a_response_that_cannot_be_masked_does_not_pass(stack: Stack, kind: str) -> None:
    """A clean 502 with a reason."""
    stack.upstream.answer = Scripted(200, [("content-type", kind)] if kind else [], [SENSITIVE])
    answer = await stack.call()
    assert (answer.status_code, answer.json()["reason"]) == (502, "masking-failed")
    assert_masked(answer.content)
    assert (await stack.ended())["reason"] == "masking-failed"


async def test_a_gzipped_response_is_masked_and_sent_plain(stack: Stack) -> None:
    """Although the guard had asked for no encoding."""
    fields = [JSON, ("content-encoding", "gzip"), ("vary", "accept-encoding")]
    stack.upstream.answer = Scripted(200, fields, [gzip.compress(SENSITIVE)])
    answer = await stack.call(headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
    assert set(answer.json()) == {"card", "ssn", "key"}
    assert_masked(answer.content)
    assert stack.reached[0].header("accept-encoding") is None


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("compress", SENSITIVE),
        ("br", brotli.compress(SENSITIVE)[:-2]),
        ("gzip", gzip.compress(SENSITIVE)[:-10]),
        ("gzip", gzip.compress(b'{"a":"' + b"0" * (16 << 20) + b'"}')),
        ("gzip", SENSITIVE),
        ("deflate", zlib.compress(SENSITIVE) + b"x"),
        ("gzip,gzip", gzip.compress(gzip.compress(SENSITIVE))),
    ],
    ids=["unknown", "br-truncated", "truncated", "bomb", "not-encoded", "trailing", "twice"],
)
async def test_a_response_that_cannot_be_decoded_does_not_pass(stack: Stack, encoding: str, body: bytes) -> None:
    """A decompression bomb is not unfolded either."""
    stack.upstream.answer = Scripted(200, [JSON, ("content-encoding", encoding)], [body])
    answer = await stack.call()
    assert (answer.status_code, answer.json()["reason"]) == (502, "response-uninspectable")
    assert_masked(answer.content)
    assert (await stack.ended())["kind"] == "call.failed"


@pytest.mark.parametrize("size", [RESPONSE_LIMIT + 1, 200 << 10, 300 << 10, 4 << 20])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_response_over_the_limit_does_not_pass(stack: Stack, size: int, framing: str) -> None:
    """By the guard when just over, by Envoy's buffer when far over: 5xx, and nothing of it."""
    body = b'{"card":"%b","a":"' % CARD.encode() + b"x" * size + b'"}'
    stack.upstream.answer = Scripted(200, [JSON], [body], framing)
    answer = await stack.call()
    assert answer.status_code in (500, 502)
    assert_masked(answer.content, answer.headers)
    assert b"xxxx" not in answer.content
    assert (await stack.ended())["kind"] == "call.failed"


async def test_a_response_at_the_limit_passes(stack: Stack) -> None:
    """Exactly ``limits.response_body`` bytes."""
    stack.upstream.answer = Scripted(200, [JSON], [sized(RESPONSE_LIMIT)])
    answer = await stack.call()
    assert (answer.status_code, len(answer.content)) == (200, RESPONSE_LIMIT)


async def test_masking_may_make_a_response_longer(stack: Stack) -> None:
    """Many short findings, each replaced by something else: the length is right."""
    body = json.dumps({"all": [SSN] * 500}).encode()
    stack.upstream.answer = Scripted(200, [JSON], [body])
    answer = await stack.call()
    assert answer.status_code == 200
    assert len(answer.json()["all"]) == 500
    assert_masked(answer.content)


async def test_a_part_of_a_document_does_not_pass(stack: Stack) -> None:
    """Its other part says what its values are. A caller may ask for it in a field that only the backend knows."""
    fields = [("content-type", "text/plain"), ("content-range", "bytes 9-15/16")]
    stack.upstream.answer = Scripted(206, fields, [b"hunter2"])
    answer = await stack.call(headers={"range": "bytes=9-15", "x-ms-range": "bytes=9-15", "x-part": "9-15"})
    assert (answer.status_code, answer.json()["reason"]) == (502, "response-uninspectable")
    (seen,) = stack.reached
    assert (seen.header("range"), seen.header("x-ms-range"), seen.header("x-part")) == (None, None, "9-15")


async def test_bodyless_responses_pass_and_are_masked(stack: Stack) -> None:
    """HEAD, 204, 304 and an empty 200, with a header field that must not pass."""
    fields = [JSON, ("x-note", CARD), ("content-length", "100")]
    stack.upstream.answer = Scripted(200, fields)
    assert (await stack.call("HEAD")).status_code == 200
    for status in (204, 304):
        stack.upstream.answer = Scripted(status, [("x-note", CARD)])
        answer = await stack.call()
        assert answer.status_code == status
        assert_masked(answer.headers)
    stack.upstream.answer = Scripted(200, [("x-note", CARD)])
    answer = await stack.call()
    assert (answer.status_code, answer.content) == (200, b"")
    assert_masked(answer.headers)
    await stack.ended(4)


async def test_response_trailers_of_http_1_do_not_pass(stack: Stack) -> None:
    """Envoy drops them; the body is masked nevertheless."""
    stack.upstream.answer = Scripted(
        200, [JSON], [SENSITIVE], "chunked", [("x-sum", CARD), ("x-plain", "as it is")]
    )
    headers = {**stack.headers(), "te": "trailers"}
    answer = await call_http2(await stack.connect(), headers, method="GET", path="/customers/1")
    assert answer.status == 200
    assert_masked(answer.body, answer.trailers)
    assert (await stack.ended())["kind"] == "call.completed"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_backend_that_breaks_off_shows_nothing(stack: Stack, framing: str) -> None:
    """Half a body cannot be masked."""
    fields = [JSON, ("content-length", "1000")] if framing == "length" else [JSON]
    stack.upstream.answer = Scripted(200, fields, [b'{"card":"' + CARD.encode()], framing, break_off=True)
    answer = await stack.call()
    assert answer.status_code in (502, 503)
    assert_masked(answer.content)
    assert (await stack.ended())["kind"] == "call.failed"


async def test_a_body_until_close_is_masked(stack: Stack) -> None:
    """Without any length."""
    stack.upstream.answer = Scripted(200, [JSON], [SENSITIVE], "until-close")
    answer = await stack.call()
    assert answer.status_code == 200
    assert_masked(answer.content)


async def test_a_backend_that_is_down_is_a_502(stack: Stack) -> None:
    """And the record says that it was the backend."""
    stack.upstream.answer = Scripted(0)
    answer = await stack.call()
    assert answer.status_code in (502, 503)
    entry = await stack.ended()
    assert (entry["kind"], entry["reason"]) == ("call.failed", "upstream-error")
    await stack.assert_unreported()


async def test_early_hints_do_not_carry_text_past_the_guard(stack: Stack) -> None:
    """A 1xx before the answer."""
    hint = f"HTTP/1.1 103 Early Hints\r\nlink: </{CARD}>\r\n\r\n"
    stack.upstream.answer = Scripted(103, [("link", f"</{SSN}>"), ("x-card", CARD)])
    with_hint = request("GET", "/customers/1", *stack.headers().items())
    answer = await speak(await stack.connect(), with_hint, within_s=1.0)
    assert_masked(answer.whole)
    assert hint not in answer.whole.decode("latin-1")


async def test_http_1_0_is_refused(stack: Stack) -> None:
    """Envoy's codec ends it, and its account is recorded."""
    stack.upstream.answer = Scripted(200, [JSON], [SENSITIVE])
    raw = request("GET", "/customers/1", *stack.headers().items(), version="1.0")
    answer = await speak(await stack.connect(), raw)
    assert answer.status in (0, 426)
    assert stack.reached == []
    # Which of the two Envoy names depends on whether the caller has gone by the time it writes its account.
    assert (await stack.reported())["detail"] in {"low_version", "downstream_remote_disconnect"}


# Odd but common bodies

MARK = b"\xef\xbb\xbf"
ODD = [
    (b'{"a": NaN}', "application/json", Odd.NAN),
    (rb'{"a": "\ud83d"}', "application/json", Odd.LONE_SURROGATE),
    (b'{"a": 1e-400}', "application/json", Odd.NUMBER),
    (rb'{"amount": 1, "amount\u0000": 2}', "application/json", Odd.NUL_KEY),
]


@pytest.mark.parametrize(("body", "content_type", "odd"), ODD)
async def test_an_odd_request_is_told_which_it_is(stack: Stack, body: bytes, content_type: str, odd: Odd) -> None:
    """In one line, with what to do: to the caller, and in the record."""
    answer = await stack.call("POST", "/customers", content=body, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["detail"]) == (400, odd.value)
    assert (await stack.ended())["detail"] == odd.value
    assert stack.reached == []


@pytest.mark.parametrize(
    ("body", "content_type", "odd"),
    [*ODD[:1], (b"<a/>", "application/xml", Odd.XML), (b"a: b", "application/yaml", Odd.YAML)],
)
async def test_the_record_tells_which_an_odd_response_is(
    stack: Stack, body: bytes, content_type: str, odd: Odd
) -> None:
    """The caller learns nothing of it."""
    stack.upstream.answer = Scripted(200, [("content-type", content_type)], [body])
    answer = await stack.call()
    assert (answer.status_code, "detail" in answer.json()) == (502, False)
    assert (await stack.ended())["detail"].endswith(odd.value)


async def test_a_byte_order_mark_passes_both_ways(stack: Stack) -> None:
    """Policy, masking and the backend read the document behind it."""
    stack.upstream.answer = Scripted(200, [JSON], [MARK + SENSITIVE])
    answer = await stack.call("POST", "/customers", content=MARK + b'{"env": "x"}')
    assert [seen.body for seen in stack.reached] == [MARK + b'{"env": "x"}']
    assert answer.content.startswith(MARK + b"{")
    assert_masked(answer.content)


@pytest.mark.parametrize("body", [b"", gzip.compress(b"")])
async def test_an_empty_body_in_gzip_passes_empty(stack: Stack, body: bytes) -> None:
    """Both ways."""
    encoded = ("content-encoding", "gzip")
    stack.upstream.answer = Scripted(200, [JSON, encoded], [body] if body else [])
    answer = await stack.call("POST", "/customers", content=body, headers=dict([encoded]))
    assert (answer.status_code, answer.content) == (200, b"")
    assert [seen.body for seen in stack.reached] == [b""]
