"""Policy has a say about what comes back: it withholds it, has more of it masked, or is not asked at all."""

import asyncio
import json
from dataclasses import replace

import pytest

from extproc.flow.check import check
from extproc.model.errors import PolicyError
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads
from extproc.wire.ext_authz import CheckAsked
from tests.support.maskers import make_masker
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

CARD = "4111111111111111"
BODY = json.dumps({"name": "Ann", "status": "closed", "note": "x"}).encode()
DENY = {"action": "deny", "reason": "sensitive-data", "rule": "no-cards"}
ALLOW = {"action": "allow"}
LIMIT = {"limits.decision_timeout": 1.0}


def engine(response, request=ALLOW, **more):
    """Allows the request (or what it is told), and answers this when the response is asked about."""

    def answer(document):
        found = response if document["direction"] == "response" else request
        if isinstance(found, Exception):
            raise found
        return found

    return ScriptedEngine(answer, **{"responses": ResponseInterest.ALWAYS, **more})


async def answered(tmp_path, policy, *events, changes=None):
    services = make_services(tmp_path, engine=policy, changes=changes)
    peer = await play(services, asks(), *(events or (answers(), returns(BODY))))
    return services, peer


async def withheld(tmp_path, policy, *events, changes=None):
    """The entry and the refusal of a response that must not have gone to the caller."""
    services, peer = await answered(tmp_path, policy, *events, changes=changes)
    assert ("resp", "done") in peer.marks()
    assert services.recorder.kinds == ["call.decided", "call.failed"]
    assert b"closed" not in peer.refusal.body
    return services.recorder.last, peer.refusal


@pytest.mark.parametrize(
    ("limit", "depth", "seen"), [(8, 8, True), (8, 9, False), (100, 100, True), (100, 101, False)]
)
async def test_how_deep_policy_looks_into_a_response_is_the_configured_limit(tmp_path, limit, depth, seen):
    body = b"[" * depth + b"]" * depth
    policy = engine(ALLOW)
    changes = {"limits.json_depth": limit, "connections.crm.masking": {"response": []}}
    services = make_services(tmp_path, engine=policy, masker=make_masker(max_depth=limit), changes=changes)
    await play(services, asks(), answers(), returns(body))
    found = policy.asked[-1]["response"]
    assert (found["body"] is not None, found.get("uninspectable")) == (seen, None if seen else "too-deep")


@pytest.mark.parametrize(("limit", "status"), [(8, "call.denied"), (40, "call.completed")])
async def test_how_deep_a_part_of_a_form_may_be_is_the_configured_limit(tmp_path, limit, status):
    value = "[" * 30 + "]" * 30
    lines = [
        '--B\r\nContent-Disposition: form-data; name="a"',
        "Content-Type: application/json",
        "",
        value,
        "--B--",
        "",
    ]
    services = make_services(
        tmp_path, engine=engine(ALLOW, responses=ResponseInterest.NEVER), changes={"limits.json_depth": limit}
    )
    head = asks("POST", "/customers", content_type="multipart/form-data; boundary=B")
    await play(services, head, sends("\r\n".join(lines).encode()), answers(end=True))
    assert services.recorder.last.kind.value == status


async def test_policy_is_not_asked_about_responses_that_it_never_reads(tmp_path):
    policy = engine(DENY, responses=ResponseInterest.NEVER)
    services, peer = await answered(tmp_path, policy)
    assert [document["direction"] for document in policy.asked] == ["request"]
    assert services.recorder.kinds == ["call.decided", "call.completed"]
    assert not peer.refusals


async def test_policy_sees_the_request_and_the_response_without_the_credential(tmp_path):
    policy = engine(ALLOW, responses=ResponseInterest.UNKNOWN)
    body = json.dumps({"card": CARD, "key": "canary-credential"}).encode()
    await answered(
        tmp_path, policy, answers(206, x_key="is canary-credential", set_cookie="a=b"), returns(body),
        changes={"connections.crm.credential": {"file": str(credential(tmp_path))}},
    )  # fmt: skip
    request, response = policy.asked
    assert "response" not in request
    assert response["direction"] == "response"
    assert {key: response[key] for key in ("identity", "call", "connection")} == {
        key: request[key] for key in ("identity", "call", "connection")
    }
    assert response["response"]["status"] == 206
    assert response["response"]["body"]["card"] == CARD
    assert response["response"]["findings"] == [{"entity": "CREDIT_CARD", "path": "$.card", "count": 1}]
    assert "canary" not in json.dumps(response)
    assert "set-cookie" not in response["response"]["headers"]


def credential(tmp_path):
    file = tmp_path / "credential"
    file.write_text("canary-credential")
    return file


async def test_a_response_is_withheld(tmp_path):
    entry, refusal = await withheld(tmp_path, engine(DENY))
    assert (entry.reason, entry.rule, entry.action) == ("sensitive-data", "no-cards", "deny")
    assert (refusal.status, refusal.reason) == (403, "sensitive-data")
    assert refusal.document["call_id"] == entry.call_id


async def test_a_response_without_a_body_is_withheld_too(tmp_path):
    entry, _ = await withheld(tmp_path, engine(DENY), answers(204, end=True))
    assert entry.rule == "no-cards"


async def test_an_event_stream_is_decided_by_its_head(tmp_path):
    policy = engine(DENY)
    entry, _ = await withheld(tmp_path, policy, answers(content_type="text/event-stream"))
    assert entry.rule == "no-cards"
    assert policy.asked[1]["response"] == {
        "status": 200, "headers": {"content-type": "text/event-stream"}, "size": 0, "body": None,
        "uninspectable": "streamed",
    }  # fmt: skip


async def test_policy_masks_more_of_a_response(tmp_path):
    policy = engine(
        {"action": "allow", "mask": {"response": [{"path": "$.note", "how": "remove"}]}, "shadow": ["s"]}
    )
    services, peer = await answered(tmp_path, policy)
    assert json.loads(peer.delivered) == {"name": "Ann", "status": "closed", "note": None}
    assert services.recorder.last.shadow == ("s",)
    assert json.loads(services.recorder.last.response)["note"] is None


async def test_policy_masks_more_of_a_stream(tmp_path):
    policy = engine({"action": "allow", "mask": {"response": [{"path": "$.note", "how": "remove"}]}})
    _, peer = await answered(
        tmp_path, policy, answers(content_type="text/event-stream"), returns(b"data: " + BODY + b"\n\n")
    )
    assert json.loads(peer.delivered.removeprefix(b"data: "))["note"] is None


async def test_an_allowed_response_goes_as_it_came(tmp_path):
    services, peer = await answered(tmp_path, engine(ALLOW))
    assert peer.response_body_is_untouched
    assert services.recorder.kinds == ["call.decided", "call.completed"]


async def test_policy_decides_about_a_response_that_cannot_be_searched(tmp_path):
    policy = engine(ALLOW)
    changes = {"connections.crm.masking": {"response": []}}
    binary = (answers(content_type="image/png"), returns(b"\x89PNG\x00"))
    await answered(tmp_path, policy, *binary, changes=changes)
    assert policy.asked[1]["response"]["uninspectable"] == "content-type"
    assert "findings" not in policy.asked[1]["response"]


async def test_a_body_that_passes_undecoded_is_named_to_policy(tmp_path):
    policy = engine(ALLOW)
    changes = {"connections.crm.masking": {"undecodable": "pass-unmasked"}}
    await answered(tmp_path, policy, answers(content_encoding="zip"), returns(b"\x00"), changes=changes)
    assert policy.asked[1]["response"]["uninspectable"] == "content-encoding"
    assert policy.asked[1]["response"]["body"] is None


HTML = (answers(content_type="text/html"), returns(b"<p>closed</p>"))
BINARY = (answers(content_type="image/png"), returns(b"\x89PNG\x00closed"))
TWICE = (answers(), returns(b'{"status":"open","status":"closed"}'))
STREAM = (answers(content_type="text/event-stream"), returns(b"data: closed\n\n"))
UNSEARCHED = [TWICE, BINARY, STREAM]


def blind(*parts, **more):
    """A policy that may read these parts of a response, and not the fact that they are missing."""
    return engine(ALLOW, reads=UninspectableReads(request=True, response_parts=frozenset(parts), **more))


NO_MASK = {"connections.crm.masking": {"response": []}}


@pytest.mark.parametrize(
    ("part", "events"), [("body", HTML), *((part, each) for part in ("body", "findings") for each in UNSEARCHED)]
)
async def test_a_response_that_policy_would_not_see_is_withheld(tmp_path, part, events):
    policy = blind(part)
    entry, refusal = await withheld(tmp_path, policy, *events, changes=NO_MASK)
    assert (entry.reason, entry.rule) == ("response-uninspectable", "policy.uninspectable")
    assert f"there is no input.response.{part} for policy" in entry.detail
    assert refusal.status == 502
    assert [document["direction"] for document in policy.asked] == ["request"]


@pytest.mark.parametrize("events", [HTML, *UNSEARCHED])
@pytest.mark.parametrize("policy", [blind, lambda: blind("body", "findings", response=True)])
async def test_a_policy_that_reads_the_fact_or_none_of_the_parts_is_asked(tmp_path, policy, events):
    services, peer = await answered(tmp_path, policy(), *events, changes=NO_MASK)
    assert not peer.refusals
    assert services.engine.asked[-1]["direction"] == "response"


async def test_text_is_searched_and_so_its_findings_are_there(tmp_path):
    services, peer = await answered(tmp_path, blind("findings"), *HTML, changes=NO_MASK)
    assert not peer.refusals
    assert services.engine.asked[-1]["response"]["findings"] == []


async def test_dry_run_does_not_release_a_response_that_policy_would_not_see(tmp_path):
    services = replace(make_services(tmp_path, engine=blind("body"), changes=NO_MASK), dry_run=True)
    peer = await play(services, asks(), *HTML)
    assert peer.refusal.reason == "response-uninspectable"


async def test_a_response_without_a_body_lacks_nothing(tmp_path):
    _, peer = await answered(tmp_path, blind("body", "findings"), answers(204, end=True))
    assert not peer.refusals


@pytest.mark.parametrize(
    ("response", "detail"),
    [
        (PolicyError("the decision is undefined"), "the decision is undefined"),
        ({"action": "hold"}, "a response cannot be held"),
        ({"action": "alow"}, "action: not one of allow, deny, hold"),
        (None, "neither a boolean nor an object with action or allowed"),
    ],
)
async def test_an_unusable_answer_withholds_the_response(tmp_path, response, detail):
    entry, refusal = await withheld(tmp_path, engine(response))
    assert (entry.reason, entry.detail) == ("policy-error", detail)
    assert refusal.reason == "policy-error"


@pytest.mark.slow
async def test_an_engine_that_hangs_withholds_the_response(tmp_path):
    policy = engine(ALLOW)
    slow = policy.evaluate

    async def evaluate(document, caller):
        await asyncio.sleep(30 if b'"direction":"response"' in document else 0)
        return await slow(document)

    policy.evaluate = evaluate
    entry, _ = await withheld(tmp_path, policy, changes=LIMIT)
    assert (entry.reason, entry.rule, entry.detail) == ("policy-error", "policy.response", "timeout")


async def test_a_policy_for_the_plugin_withholds_with_an_answer_of_its_own(tmp_path):
    _, refusal = await withheld(
        tmp_path, engine({"allowed": False, "http_status": 409, "body": "no"}, {"allowed": True})
    )
    assert (refusal.status, refusal.body) == (409, b"no")


async def test_a_withheld_tool_result_is_answered_in_json_rpc(tmp_path):
    services = make_services(tmp_path, engine=engine(DENY))
    call = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "search", "arguments": {}}}
    result = {"jsonrpc": "2.0", "id": 9, "result": {"content": [{"type": "text", "text": "secret"}]}}
    peer = await play(
        services,
        asks("POST", "/mcp", "docs.internal", content_type="application/json"),
        sends(json.dumps(call).encode()), answers(), returns(json.dumps(result).encode()),
    )  # fmt: skip
    assert peer.refusal.reason == "sensitive-data"
    assert peer.refusal.document["id"] == 9


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        (ResponseInterest.ALWAYS, "masking-unavailable"),
        (ResponseInterest.UNKNOWN, "policy-allowed"),
        (ResponseInterest.NEVER, "policy-allowed"),
    ],
)
async def test_ext_authz_refuses_calls_whose_responses_policy_must_see(tmp_path, responses, reason):
    changes = {"connections.crm.masking": {"response": []}}
    services = make_services(tmp_path, engine=engine(ALLOW, responses=responses), changes=changes)
    first = asks()
    await check(CheckAsked(first.head, b"", False, first.metadata), services)
    assert services.recorder.last.reason == reason
