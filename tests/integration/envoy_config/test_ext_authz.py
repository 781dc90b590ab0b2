"""The ext_authz filter alone: it decides, and changes no body."""

import pytest
from envoy.service.auth.v3 import external_auth_pb2 as auth

from tests.integration.support.guarded import guarded
from tests.integration.support.scripted_guard import Check

pytestmark = pytest.mark.envoy


def allow(*, marked: bool = True) -> Check:
    def check(_: auth.CheckRequest) -> auth.CheckResponse:
        answer = auth.CheckResponse()
        answer.status.SetInParent()
        answer.ok_response.headers.add(header={"key": "authorization", "value": "Bearer backend"})
        if marked:
            answer.dynamic_metadata.fields["guard"].string_value = "done"
        return answer

    return check


def deny(_: auth.CheckRequest) -> auth.CheckResponse:
    answer = auth.CheckResponse()
    answer.status.code = 7
    answer.denied_response.status.code = 403
    answer.denied_response.body = "no"
    return answer


async def test_ext_authz_decides_on_the_whole_request() -> None:
    async with guarded(guard_filter="ext_authz", check=allow()) as run:
        got = await run.call("POST", "/customers/1?q=1", content=b'{"a":1}', headers={"x-raw": b"\xff"})
    (asked,) = run.guard.checks
    http = asked.attributes.request.http
    claims = asked.attributes.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"]["claims"]
    raw = {each.key: each.raw_value for each in http.header_map.headers}
    assert (got.status_code, http.raw_body, http.path, http.method) == (
        200,
        b'{"a":1}',
        "/customers/1?q=1",
        "POST",
    )
    assert claims["sub"] == "alice"
    assert raw["x-raw"] == b"\xff"
    assert "authorization" not in raw
    assert [each.header("authorization") for each in run.upstream.requests] == ["Bearer backend"]


async def test_raw_values_of_a_reply_arrive_empty() -> None:
    """Unlike ext_proc, this filter reads `value` alone: a `raw_value` sets the header to nothing."""

    def check(asked: auth.CheckRequest) -> auth.CheckResponse:
        answer = allow()(asked)
        answer.ok_response.headers.add(header={"key": "x-raw", "raw_value": b"a"})
        answer.ok_response.headers.add(header={"key": "x-plain", "value": "a"})
        return answer

    async with guarded(guard_filter="ext_authz", check=check) as run:
        await run.call()
    (seen,) = run.upstream.requests
    assert (seen.header("x-raw"), seen.header("x-plain")) == ("", "a")


async def test_an_empty_reply_would_allow_but_has_no_marker() -> None:
    """An empty CheckResponse means allow to Envoy; the second line refuses it."""
    async with guarded(guard_filter="ext_authz", check=lambda _: auth.CheckResponse()) as run:
        empty = await run.call()
        run.guard.check = allow(marked=False)
        unmarked = await run.call()
    assert (empty.status_code, unmarked.status_code, run.upstream.requests) == (403, 403, [])


async def test_a_denial_and_an_error_forward_nothing() -> None:
    async with guarded(guard_filter="ext_authz", check=deny) as run:
        denied = await run.call()
        run.guard.check = None
        failed = await run.call()
    assert (denied.status_code, denied.content, failed.status_code) == (403, b"no", 503)
    assert run.upstream.requests == []


async def test_a_body_over_the_limit_is_refused_before_the_guard() -> None:
    limits = {"request_body": 2_000, "message_timeout": 2.0, "hold": 30.0}
    async with guarded(guard_filter="ext_authz", check=allow(), limits=limits) as run:
        got = await run.call("POST", content=b"x" * 2_001)
    assert (got.status_code, run.guard.checks, run.upstream.requests) == (413, [], [])
