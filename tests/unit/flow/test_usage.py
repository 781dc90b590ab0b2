"""Calls are counted before policy is asked; what cannot be counted is denied."""

from dataclasses import replace

from extproc.policy.call_counters import UsageStore
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns


async def test_policy_sees_how_often_the_caller_called(tmp_path):
    engine = ScriptedEngine({"action": "allow"})
    store = UsageStore(tmp_path / "usage.db")
    services = replace(make_services(tmp_path, engine=engine), usage=store)
    for _ in range(2):
        await play(services, asks(), answers(), returns(b"{}"))
    assert [asked["usage"]["caller"]["minute"] for asked in engine.asked] == [1, 2]
    assert engine.asked[1]["usage"]["function"]["day"] == 2
    store.close()


async def test_calls_are_not_counted_without_a_store(tmp_path):
    engine = ScriptedEngine({"action": "allow"})
    await play(make_services(tmp_path, engine=engine), asks(), answers(), returns(b"{}"))
    assert "usage" not in engine.asked[0]


async def test_a_store_that_cannot_count_denies(tmp_path):
    (tmp_path / "file").write_text("")
    engine = ScriptedEngine({"action": "allow"})
    services = replace(make_services(tmp_path, engine=engine), usage=UsageStore(tmp_path / "file" / "usage.db"))
    peer = await play(services, asks())
    assert peer.refusals
    assert engine.asked == []
    assert (services.recorder.last.reason, services.recorder.last.kind) == ("policy-error", "call.denied")
