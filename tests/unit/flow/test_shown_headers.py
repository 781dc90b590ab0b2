"""Header fields with secrets: hidden from policy unless the operator shows them, and recorded in neither case."""

from dataclasses import asdict

import pytest

from extproc.model.errors import PolicyError
from extproc.policy.contract.response_interest import ResponseInterest
from tests.unit.flow.dialogue import MemoryRecorder, ScriptedEngine, answers, asks, make_services, play, returns

COOKIE, TOKEN, SET = "session=canary-7Qx91z; theme=dark", "Bearer canary-Jw5t0k3n", "id=canary-S3tC00k1e; Path=/"
CANARIES = ("canary-7Qx91z", "canary-Jw5t0k3n", "canary-S3tC00k1e")
SHOWN = {"policy.show_headers": ["cookie", "authorization", "set-cookie"]}


def seen_headers(engine: ScriptedEngine) -> dict[str, str]:
    return engine.asked[-1]["attributes"]["request"]["http"]["headers"]


def told(*texts: str):
    """Policy's answer, which repeats what it was shown."""

    def answer(asked):
        fields = dict(asked["attributes"]["request"]["http"]["headers"])
        fields |= asked.get("response", {}).get("headers", {})
        values = [str(fields.get(name)) for name in ("cookie", "authorization", "set-cookie")]
        action = "deny" if asked["direction"] == "response" else "allow"
        rule = " ".join([*texts, *values, *(part for value in values for part in value.replace("=", " ").split())])
        return {"action": action, "rule": rule[:200], "shadow": values}

    return answer


async def call(tmp_path, engine, **changes):
    recorder = MemoryRecorder()
    services = make_services(tmp_path, engine=engine, recorder=recorder, changes=changes)
    head = asks(cookie=COOKIE, authorization=TOKEN, x_plain="plain")
    peer = await play(services, head, answers(set_cookie=SET), returns(b"{}"))
    kept = repr([asdict(entry) for entry in recorder.entries])
    return recorder, kept, peer


async def test_policy_does_not_see_them_by_default(tmp_path):
    engine = ScriptedEngine({"action": "allow"}, responses=ResponseInterest.ALWAYS)
    await call(tmp_path, engine)
    assert {"cookie", "authorization"}.isdisjoint(seen_headers(engine))
    assert seen_headers(engine)["x-plain"] == "plain"
    assert "set-cookie" not in engine.asked[-1]["response"]["headers"]


async def test_policy_sees_those_that_are_shown(tmp_path):
    engine = ScriptedEngine({"action": "allow"}, responses=ResponseInterest.ALWAYS)
    await call(tmp_path, engine, **SHOWN)
    assert (seen_headers(engine)["cookie"], seen_headers(engine)["authorization"]) == (COOKIE, TOKEN)
    assert engine.asked[-1]["response"]["headers"]["set-cookie"] == SET


@pytest.mark.parametrize("responses", [ResponseInterest.NEVER, ResponseInterest.ALWAYS])
async def test_no_entry_repeats_them_even_if_policy_does(tmp_path, responses):
    """As its rule's name, whole or in parts, and among its shadow rules."""
    recorder, kept, _ = await call(tmp_path, ScriptedEngine(told("seen:"), responses=responses), **SHOWN)
    assert "seen: [cookie]" in recorder.last.rule
    assert [canary for canary in CANARIES if canary in kept] == []


async def test_an_error_of_policy_repeats_nothing(tmp_path):
    _, kept, peer = await call(tmp_path, ScriptedEngine(fault=PolicyError("evaluation failed")), **SHOWN)
    assert [canary for canary in CANARIES if canary in kept + repr(peer.sent)] == []


@pytest.mark.parametrize(
    "cut", [lambda text: text[10:20], lambda text: text.upper(), lambda text: text[:18].upper()]
)
async def test_no_entry_repeats_a_piece_of_them(tmp_path, cut):
    """Cut anywhere, in any case."""

    def answer(asked):
        cookie = cut(asked["attributes"]["request"]["http"]["headers"]["cookie"])
        return {"action": "deny", "rule": f"seen: {cookie}!", "shadow": [cookie]}

    recorder, kept, _ = await call(tmp_path, ScriptedEngine(answer), **SHOWN)
    assert recorder.last.rule == "seen: [cookie]!"
    assert "nary-7qx" not in kept.lower()
