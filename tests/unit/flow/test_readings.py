"""Policy lets pass what it lets pass in the guard's reading and in that of opa-envoy-plugin."""

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

JSON, OTHER = "application/json", "application/vnd.api+json"
BODY = b'{"admin":true}'


async def asked(tmp_path, rule, *said):
    """The questions that policy is asked, and whether the request goes on."""
    engine = ScriptedEngine(rule)
    services = make_services(tmp_path, engine=engine)
    peer = await play(services, *said, answers(), returns(b"{}"))
    return engine.asked, not peer.refusals


def is_no_admin(document):
    """A deny rule, which does not match where there is no body."""
    return (document["parsed_body"] or {}).get("admin") is not True


def is_admin(document):
    """An allow rule."""
    return (document["parsed_body"] or {}).get("admin") is True


def post(content_type):
    return asks("POST", "/customers", content_type=content_type), sends(BODY)


@pytest.mark.parametrize("rule", [is_no_admin, is_admin])
async def test_json_that_the_plugin_does_not_parse_must_pass_in_both_readings(tmp_path, rule):
    questions, passes = await asked(tmp_path, rule, *post(OTHER))
    assert not passes
    assert [each["parsed_body"] for each in questions] == (
        [{"admin": True}] if rule is is_no_admin else [{"admin": True}, None]
    )


async def test_json_that_both_parse_is_asked_about_once(tmp_path):
    questions, passes = await asked(tmp_path, is_admin, *post(JSON))
    assert passes
    assert len(questions) == 1


async def test_a_rule_that_reads_no_body_is_not_touched(tmp_path):
    _, passes = await asked(tmp_path, lambda document: document["parsed_path"] == ["customers"], *post(OTHER))
    assert passes


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (lambda document: document["parsed_path"] == ["customers", "7"], False),
        (lambda document: document["parsed_path"] == ["customers", "7", ""], False),
        (lambda document: document["parsed_path"] != ["customers", "7"], False),
        (lambda document: document["parsed_path"][0] == "customers", True),
    ],
)
async def test_a_final_slash_must_pass_in_both_readings(tmp_path, rule, passes):
    """An exact path is not allowed by it, and not denied less."""
    questions, passed = await asked(tmp_path, rule, asks(path="/customers/7/"))
    assert passed is passes
    assert questions[0]["parsed_path"] == ["customers", "7"]


async def test_a_hold_in_one_reading_holds(tmp_path):
    """The strictest of both counts; what it asks for is the guard's own where both say the same."""

    def rule(document):
        return {"action": "hold" if document["parsed_body"] is None else "allow", "rule": "r"}

    services = make_services(tmp_path, engine=ScriptedEngine(rule), changes={"limits.hold": 0.05})
    peer = await play(services, *post(OTHER))
    assert peer.waits
    assert "call.held" in services.recorder.kinds


@pytest.mark.parametrize("masks", [is_admin, is_no_admin])
async def test_what_either_reading_masks_goes_masked(tmp_path, masks):
    """Both let the request pass; what must not leave must not leave in either."""

    def rule(document):
        plan = {"request": [{"path": "$.admin", "how": "remove"}]}
        return {"action": "allow", "mask": plan if masks(document) else {}}

    services = make_services(tmp_path, engine=ScriptedEngine(rule))
    peer = await play(services, *post(OTHER), answers(), returns(b"{}"))
    assert peer.upstream_body == b'{"admin":null}'
