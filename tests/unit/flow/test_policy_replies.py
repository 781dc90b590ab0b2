"""A policy written for opa-envoy-plugin chooses the reply to the caller."""

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns


async def refusal_for(tmp_path, answer):
    services = make_services(tmp_path, engine=ScriptedEngine(answer))
    peer = await play(services, asks())
    assert services.recorder.last.reason in ("policy-denied", "policy-error")
    return peer.refusal


async def test_status_body_and_headers_are_the_policys(tmp_path):
    asked = {"allowed": False, "http_status": 429, "body": "slower", "headers": {"retry-after": "7"}}
    refusal = await refusal_for(tmp_path, asked)
    assert (refusal.status, refusal.body) == (429, b"slower")
    assert refusal.headers == {"retry-after": b"7"}  # Envoy says text/plain


async def test_a_status_or_a_header_alone_counts_too(tmp_path):
    refusal = await refusal_for(tmp_path, {"allowed": False, "http_status": 404})
    assert (refusal.status, refusal.body) == (404, b"")
    refusal = await refusal_for(
        tmp_path, {"allowed": False, "headers": {"location": "/login"}, "http_status": 302}
    )
    assert (refusal.status, refusal.headers) == (302, {"location": b"/login"})


async def test_a_policy_that_asks_for_nothing_gets_a_problem_document(tmp_path):
    refusal = await refusal_for(tmp_path, {"allowed": False, "dynamic_metadata": {"a": 1}})
    assert refusal.reason == "policy-denied"


async def test_an_unreadable_answer_does_not_choose_the_reply(tmp_path):
    refusal = await refusal_for(tmp_path, {"allowed": False, "http_status": 200, "mask": {}})
    assert refusal.reason == "policy-error"


async def test_shadow_rules_are_recorded_and_not_applied(tmp_path):
    engine = ScriptedEngine({"action": "allow", "shadow": ["office-hours", "risk-70"]})
    services = make_services(tmp_path, engine=engine)
    peer = await play(services, asks(), answers(), returns(b"{}"))
    assert peer.refusals == []
    assert services.recorder.kinds == ["call.decided", "call.completed"]
    assert [entry.shadow for entry in services.recorder.entries] == [("office-hours", "risk-70")] * 2


async def test_metadata_goes_to_envoy_beside_the_marks_never_over_them(tmp_path):
    asked = {"team": "x", "req": "forged", "policy": {"n": 1.5, "l": [True, None]}}
    engine = ScriptedEngine({"allowed": True, "dynamic_metadata": asked})
    peer = await play(make_services(tmp_path, engine=engine), asks(), answers(), returns(b"{}"))
    first = peer.metadata[0]
    assert "resp" not in first
    assert first["req"] == "done"
    assert first["policy"] == asked


async def test_metadata_of_a_denial_goes_too(tmp_path):
    engine = ScriptedEngine({"allowed": False, "dynamic_metadata": {"team": "x"}})
    peer = await play(make_services(tmp_path, engine=engine), asks())
    assert len(peer.refusals) == 1
    assert peer.metadata == [{"resp": "done", "policy": {"team": "x"}}]
