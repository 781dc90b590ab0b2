"""In dry-run nothing that policy says stops a call, the record says what would have, and all else is as ever."""

from dataclasses import replace

import pytest

from extproc.model.errors import PolicyError
from extproc.policy.contract.response_interest import ResponseInterest
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

BODY = b'{"note":"n"}'


async def dry(tmp_path, answer, *events, **more):
    services = replace(make_services(tmp_path, engine=ScriptedEngine(answer, **more)), dry_run=True)
    peer = await play(services, *(events or (asks(), answers(), returns(BODY))))
    return services.recorder.last, peer


@pytest.mark.parametrize(
    ("answer", "would"),
    [
        ({"action": "deny", "reason": "not-in-scope", "rule": "roles"}, ("roles",)),
        ({"action": "deny", "shadow": ["other"]}, ("other", "policy-denied")),
        ({"action": "hold", "rule": "risk-70", "shadow": ["late"]}, ("late", "risk-70")),
        ({"allowed": False, "http_status": 429, "body": "slow", "headers": {"x": "y"}}, ("policy-denied",)),
        (False, ("policy-denied",)),
    ],
)
async def test_a_call_that_policy_would_stop_goes_on_and_is_named(tmp_path, answer, would):
    entry, peer = await dry(tmp_path, answer)
    assert not peer.refusals
    assert (entry.kind.value, entry.action, entry.status) == ("call.completed", "allow", 200)
    assert entry.shadow == would
    assert entry.approval_id == ""


async def test_masks_and_metadata_stay(tmp_path):
    entry, peer = await dry(tmp_path, {"allowed": False, "dynamic_metadata": {"team": "blue"}})
    assert peer.metadata[0]["policy"] == {"team": "blue"}
    held = {"action": "hold", "mask": {"response": [{"path": "$.note", "how": "remove"}]}}
    entry, peer = await dry(tmp_path, held)
    assert peer.delivered == b'{"note":null}'
    assert entry.shadow == ("approval-required",)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "policy-error"),
        ({"action": "permit"}, "policy-error"),
        ({"action": "deny", "reason": "uninspectable"}, "uninspectable"),
    ],
)
async def test_an_unusable_answer_and_an_unreadable_request_are_refused(tmp_path, answer, reason):
    entry, peer = await dry(tmp_path, answer)
    assert len(peer.refusals) == 1
    assert entry.reason == reason


async def test_failing_engines_unknown_callers_and_ambiguous_paths_are_refused(tmp_path):
    assert (await dry(tmp_path, None, fault=PolicyError("gone")))[0].reason == "policy-error"
    assert (await dry(tmp_path, True, asks(metadata={})))[0].reason == "unauthenticated"
    assert (await dry(tmp_path, True, asks(path="/nowhere")))[0].reason == "unknown-function"
    assert (await dry(tmp_path, True, asks(path="/customers/7?a=%zz")))[0].reason == "uninspectable"


async def test_a_response_is_not_withheld_either(tmp_path):
    def answer(document):
        return {"action": "deny", "rule": "cards"} if document["direction"] == "response" else True

    entry, peer = await dry(tmp_path, answer, responses=ResponseInterest.ALWAYS)
    assert not peer.refusals
    assert (entry.kind.value, entry.shadow) == ("call.completed", ("cards",))


async def test_policy_is_obeyed_without_dry_run(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine(False))
    assert (
        len(
            (
                await play(services, asks("POST", "/customers", content_type="application/json"), sends(b"{}"))
            ).refusals
        )
        == 1
    )


@pytest.mark.parametrize("action", ["allow", "deny"])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_every_entry_names_the_bundles_that_decided(tmp_path, action, dry_run):
    engine = ScriptedEngine({"action": action})
    engine.bundles = ("main@2026-08-01-abc", "shared@7")
    services = replace(make_services(tmp_path, engine=engine), dry_run=dry_run)
    await play(services, asks(), answers(), returns(b"{}"))
    assert {entry.policy_bundles for entry in services.recorder.entries} == {engine.bundles}
