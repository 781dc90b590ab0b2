"""The ext_authz service as dialogues: one request, one answer, and no hand on bodies or responses."""

import asyncio
import contextlib
import gzip
import json

import pytest
from envoy_data_plane.envoy.service.auth.v3 import CheckResponse

from extproc.flow.check import check
from extproc.flow.grant import PERMIT_LASTS_NS
from extproc.model.errors import ProtocolViolation
from extproc.wire.ext_authz import CheckAsked
from tests.unit.flow.dialogue import NOW, MemoryRecorder, ScriptedEngine, approve, asks, held, make_services

HOLD = {"action": "hold", "reason": "high-risk", "approval": {"groups": ["sre"], "mode": "wait"}}
NOTHING = {"connections.crm.masking": {"response": []}, "connections.docs.masking": {"response": []}}
"""A route of this service has nothing to mask; the default plan masks responses."""
JSON = {"content_type": "application/json"}


def guards(tmp_path, answer=None, *, changes=None, **more):
    engine = ScriptedEngine(answer or {"action": "allow", "rule": "ok"})
    return make_services(tmp_path, engine=engine, changes={**NOTHING, **(changes or {})}, **more)


async def decide(services, opened, body=b"", *, truncated=False):
    """Put one request to the guard, and read its answer."""
    asked = CheckAsked(opened.head, body, truncated, opened.metadata)
    async with asyncio.timeout(30):
        return CheckResponse.parse(await check(asked, services))


def allows(answer):
    return answer.status.code == 0 and answer.dynamic_metadata.fields["guard"].string_value == "done"


def reason_of(answer):
    assert answer.status.code != 0
    return json.loads(answer.denied_response.body)["reason"]


async def test_an_allowed_request_goes_on_and_is_recorded_as_decided_only(tmp_path):
    """Intent before the answer, and an end that does not say that the response was seen."""
    services = guards(tmp_path)
    answer = await decide(services, asks(authorization="Bearer t"))
    assert allows(answer)
    assert "authorization" in answer.ok_response.headers_to_remove
    assert services.recorder.kinds == ["call.decided", "call.completed"]
    last = services.recorder.last
    assert (last.status, last.detail) == (0, "decided only: the response was not seen")
    assert last.call_id == answer.dynamic_metadata.fields["decision_id"].string_value


@pytest.mark.parametrize(
    "mask", [{"request": [{"entity": "*"}]}, {"response": [{"entity": "*"}]}], ids=["the request", "the response"]
)
@pytest.mark.parametrize("by", ["the connection", "policy", "policy at the release"])
async def test_a_call_that_needs_a_mask_is_refused(tmp_path, mask, by):
    """Nothing can be masked here, whoever asks for it and whenever."""
    services = guards(tmp_path)
    if by == "the connection":
        services = guards(tmp_path, changes={"connections.crm.masking": {"response": [], **mask}})
    elif by == "policy":
        services.engine.answer = {"action": "allow", "mask": mask}
    else:
        services.engine.answer = lambda _: HOLD if len(services.engine.asked) == 1 else {**HOLD, "mask": mask}
    task = asyncio.create_task(decide(services, asks()))
    if by == "policy at the release":
        approve(services, await held(services))
    assert reason_of(await task) == "masking-unavailable"
    assert services.recorder.last.kind == "call.denied"


async def test_a_held_call_that_needs_a_mask_is_put_to_nobody(tmp_path):
    services = guards(tmp_path, {**HOLD, "mask": {"request": [{"entity": "*"}]}})
    assert reason_of(await decide(services, asks())) == "masking-unavailable"
    assert services.approvals.recent(pending_only=False, limit=5) == []


async def test_a_held_call_goes_on_when_people_approved_it(tmp_path):
    services = guards(tmp_path, HOLD)
    task = asyncio.create_task(decide(services, asks()))
    request = await held(services)
    approve(services, request)
    assert allows(await task)
    assert services.recorder.kinds == ["call.held", "call.decided", "call.completed"]
    assert services.recorder.last.approvers == ("iss|bob",)
    assert not services.approvals.spend(request.approval_id, request.digest, 1)


async def test_a_held_call_that_policy_denies_by_then_is_refused(tmp_path):
    services = guards(tmp_path)
    services.engine.answer = lambda _: HOLD if len(services.engine.asked) == 1 else {"action": "deny"}
    task = asyncio.create_task(decide(services, asks()))
    approve(services, await held(services))
    assert reason_of(await task) == "policy-denied"


async def test_a_check_that_is_cancelled_while_held_is_recorded(tmp_path):
    services = guards(tmp_path, HOLD)
    task = asyncio.create_task(decide(services, asks()))
    await held(services)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await services.waiter.finish()
    last = services.recorder.last
    assert (last.kind, last.reason, last.detail) == ("call.denied", "caller-gone", "the check was cancelled")
    assert services.approvals.recent(pending_only=True, limit=5) == []


@pytest.mark.parametrize("durability", ["strict", "relaxed"])
async def test_a_call_that_cannot_be_recorded_does_not_go_on(tmp_path, durability):
    changes = {"connections.crm.recording": {"durability": durability}}
    services = guards(tmp_path, changes=changes, recorder=MemoryRecorder(fail_on="call.decided"))
    assert reason_of(await decide(services, asks())) == "evidence-unavailable"


async def test_an_encoded_body_is_refused(tmp_path):
    """It was inspected decoded, and would go as it came."""
    services = guards(tmp_path)
    opened = asks("POST", "/customers", content_encoding="gzip", **JSON)
    assert reason_of(await decide(services, opened, gzip.compress(b"{}"))) == "uninspectable"


async def test_fields_that_policy_sets_go_with_the_answer(tmp_path):
    """Those of the request to the backend, those of the response to the caller."""
    answer = {"allowed": True, "headers": {"x-set": "1"}, "response_headers_to_add": {"x-resp": "2"}}
    allowed = await decide(guards(tmp_path, answer), asks())
    assert allows(allowed)
    assert "x-set" in {each.header.key for each in allowed.ok_response.headers}
    added = {each.header.key: each.header.value for each in allowed.ok_response.response_headers_to_add}
    assert added == {"x-resp": "2"}


async def test_a_body_that_envoy_cut_is_a_fact_that_policy_sees(tmp_path):
    """It may be whole JSON by chance."""
    services = guards(tmp_path)
    await decide(services, asks("POST", "/customers", **JSON), b'{"a":1}', truncated=True)
    [asked] = services.engine.asked
    assert asked["body"]["uninspectable"] == "truncated"
    assert asked["call"]["arguments"] is None
    assert services.recorder.last.uninspectable == "truncated"


async def test_a_session_is_named_and_not_taken_apart(tmp_path):
    """No response is seen here, so no session id was bound to a caller."""
    services = guards(tmp_path)
    opened = asks("POST", "/mcp", "docs.internal", mcp_session_id="server-1", **JSON)
    call = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{}}}'
    answer = await decide(services, opened, call)
    assert allows(answer)
    assert "mcp-session-id" not in {each.header.key for each in answer.ok_response.headers}
    assert services.engine.asked[0]["call"]["session"] == services.recorder.last.session
    assert "server-1" not in repr(services.recorder.entries)


class SlowRecorder(MemoryRecorder):
    """Takes longer for an intent than the permit lasts."""

    now = NOW

    async def record(self, entry):
        self.now += PERMIT_LASTS_NS
        await super().record(entry)


async def test_a_permit_that_expired_while_the_intent_was_recorded_lets_nothing_go(tmp_path):
    """Envoy denies on an error. The entry after the intent says that nothing was forwarded."""
    recorder = SlowRecorder()
    services = guards(tmp_path, recorder=recorder, clock=lambda: recorder.now)
    with pytest.raises(ProtocolViolation):
        await decide(services, asks())
    assert recorder.kinds == ["call.decided", "call.denied"]
    assert recorder.last.reason == "guard-error"


BY_EXT_AUTHZ = "ext_authz"


async def test_the_default_masking_refuses_nothing_where_ext_authz_is_configured(tmp_path):
    """The operator chose a service that masks nothing."""
    changes = {"envoy.guard_filter": BY_EXT_AUTHZ}
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}), changes=changes)
    assert allows(await decide(services, asks()))


async def test_the_default_masking_refuses_where_ext_proc_is_configured(tmp_path):
    """There, ext_authz is a way around the masking."""
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}))
    assert reason_of(await decide(services, asks())) == "masking-unavailable"


@pytest.mark.parametrize(
    "masking",
    [{"response": [{"entity": "*"}]}, {"request": [{"entity": "*"}]}, {"declared": {"response": ["$.a"]}}],
)
async def test_rules_of_the_operator_refuse_wherever_they_cannot_be_applied(tmp_path, masking):
    changes = {"envoy.guard_filter": BY_EXT_AUTHZ, "connections.crm.masking": masking}
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}), changes=changes)
    assert reason_of(await decide(services, asks())) == "masking-unavailable"


async def test_fields_that_only_masking_forbids_go_on(tmp_path):
    """A response that is not masked may be compressed, and may be a part of a document."""
    answer = await decide(
        guards(tmp_path), asks(accept_encoding="br", range="bytes=0-9", if_range="x", authorization="t")
    )
    removed = set(answer.ok_response.headers_to_remove)
    assert removed.isdisjoint({"accept-encoding", "range", "if-range", "grpc-accept-encoding"})
    assert {"authorization", "x-forwarded-host"} <= removed
