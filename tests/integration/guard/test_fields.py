"""Header fields, cookies and queries, both ways: no planted value reaches the backend, the caller or the record."""

import json

import pytest

from tests.integration.guard.stack import KEY, MASKED, SSN, Stack
from tests.integration.guard.test_bodies import JSON, assert_masked
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

BARE = "536221847"
PLANTED = {
    "x-customer": f"customer {SSN}, gold",
    "x-ssn": BARE,
    "x-key": KEY,
    "referer": f"https://x.example/a%2Fb?ssn={SSN.replace('-', '%2D')}&n=1",
    "cookie": f"theme=dark; ssn={BARE}; id={SSN}; last=1",
    "x-json": json.dumps({"ssn": int(BARE)}),
    "x-plain": "as it is; a=%41",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_sensitive_values_of_request_fields_do_not_reach_the_backend(stack: Stack, method: str) -> None:
    """With and without a body; what is left of a field stays, and a field of which nothing is left is gone."""
    body = {"content": b'{"n": 1}'} if method == "POST" else {}
    path = "/customers" if method == "POST" else "/customers/1"
    answer = await stack.call(method, path, host=MASKED, headers=PLANTED, **body)
    assert answer.status_code == 200
    (seen,) = stack.reached
    assert_masked(seen.path, seen.headers, seen.body)
    assert seen.header("x-customer") == "customer , gold"
    assert (seen.header("x-ssn"), seen.header("x-key")) == (None, None)
    assert seen.header("referer") == "https://x.example/a%2Fb?ssn=&n=1"
    assert seen.header("cookie") == "theme=dark; ssn=; id=; last=1"
    assert seen.header("x-plain") == PLANTED["x-plain"]
    entry = await stack.ended()
    where = {finding["path"] for finding in entry["findings"]}
    assert {f"header.{name}" for name in PLANTED if name != "x-plain"} <= where
    assert_masked(json.dumps(stack.entries()), stack.logs())


@pytest.mark.parametrize(
    "path",
    [
        f"/customers/{SSN}",
        f"/customers/1?note={SSN}",
        f"/customers/1?ssn={BARE}",
        f"/lookup?note={SSN.replace('-', '%2D')}",
    ],
)
async def test_a_url_that_holds_what_is_to_be_masked_does_not_go_on(stack: Stack, path: str) -> None:
    """The function called is read from it: it is not rewritten."""
    answer = await stack.call("GET", path, host=MASKED)
    assert (answer.status_code, answer.json()["reason"]) == (502, "masking-failed")
    assert stack.reached == []
    await stack.ended()
    assert_masked(json.dumps(stack.entries()), stack.logs())


@pytest.mark.parametrize("name", ["x-envoy-note", "content-type"])
async def test_a_field_that_cannot_be_rewritten_does_not_go_on(stack: Stack, name: str) -> None:
    """With a reason, rather than as an error of Envoy's."""
    answer = await stack.call(host=MASKED, headers={name: f"text/x; ssn={SSN}"})
    assert answer.json()["reason"] == "masking-failed"
    assert stack.reached == []


async def test_the_names_of_response_fields_tell_what_they_hold(stack: Stack) -> None:
    """And percent-encoding hides nothing."""
    fields = [JSON, ("x-ssn", BARE), ("location", f"/x?ssn={SSN.replace('-', '%2D')}&n=%20")]
    stack.upstream.answer = Scripted(200, fields, [b"{}"])
    answer = await stack.call(host=MASKED)
    assert_masked(answer.headers)
    assert (answer.headers["x-ssn"], answer.headers["location"]) == ("[US_SSN]", "/x?ssn=[US_SSN]&n=%20")
    await stack.ended()
    assert_masked(json.dumps(stack.entries()))


async def test_parameters_of_addresses_in_fields_are_masked_and_challenges_stay(stack: Stack) -> None:
    """Also the first parameter. MCP clients find their authorization server by the challenge."""
    challenge = 'Bearer realm="mcp", resource_metadata="https://x.example/.well-known/oauth-protected-resource"'
    fields = [
        ("location", "https://x.example/cb?access_token=canary1&n=1"),
        ("link", '<https://x.example/a?api_key=canary2&page=2>; rel="next"'),
        ("www-authenticate", challenge),
    ]
    stack.upstream.answer = Scripted(200, [JSON, *fields], [b"{}"])
    answer = await stack.call()
    assert answer.headers["location"] == "https://x.example/cb?access_token=[NAMED_SECRET]&n=1"
    assert answer.headers["link"] == '<https://x.example/a?api_key=[NAMED_SECRET]&page=2>; rel="next"'
    assert answer.headers["www-authenticate"] == challenge
    await stack.ended()
    assert "canary" not in json.dumps(stack.entries()) + stack.logs()
