"""Everything that an approval rests on is looked at again when its call is released."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from extproc.approvals.approval import State, Vote
from extproc.model.errors import PolicyError
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.response_interest import ResponseInterest
from tests.unit.flow.dialogue import (
    NOW,
    ScriptedEngine,
    ScriptedPeer,
    answers,
    approve,
    asks,
    held,
    make_services,
    play,
    play_and_leave,
    sends,
)

BODY = b'{"ssn":"219-09-9999"}'
TERMS = {"groups": ["sre"], "min": 1}
HOLD = {"action": "hold", "reason": "high-risk", "rule": "two-eyes", "approval": TERMS}
ALLOW = {"action": "allow", "rule": "open-by-now"}


def then(first, later):
    """An engine that gives one answer, and another from the second question on."""
    engine = ScriptedEngine()
    engine.answer = lambda _: first if len(engine.asked) == 1 else later
    return engine


async def approved(services, *votes, meanwhile=lambda: None, body=BODY):
    """Play a call that these people approve, after something has happened; return the peer and the approval."""
    request = asks("POST", "/customers", content_type="application/json")
    task = asyncio.create_task(play(services, request, sends(body), answers(end=True)))
    request_for_approval = await held(services)
    meanwhile()
    for voter, groups in votes or (("iss|bob", ("sre",)),):
        approve(services, request_for_approval, voter, groups)
    peer = await task
    return peer, services.approvals.get(request_for_approval.approval_id)


async def test_a_policy_that_denies_by_then_lets_nothing_go(tmp_path):
    """The decision in force at the release counts, not the one that held the call."""
    deny = {"action": "deny", "reason": "outside-hours", "rule": "closed-by-now"}
    services = make_services(tmp_path, engine=then(HOLD, deny))
    peer, approval = await approved(services)
    assert not peer.is_forwarded
    assert peer.refusal.reason == "outside-hours"
    assert services.recorder.kinds == ["call.held", "call.denied"]
    last = services.recorder.last
    assert (last.action, last.rule, last.approvers) == ("deny", "closed-by-now", ("iss|bob",))
    assert services.approvals.spend(approval.request.approval_id, approval.request.digest, NOW)


@pytest.mark.parametrize("fault", [PolicyError("gone"), None], ids=["an error", "no readable answer"])
async def test_an_unusable_answer_at_the_release_lets_nothing_go(tmp_path, fault):
    """A policy that held the call and says nothing now denies it."""
    services = make_services(tmp_path, engine=then(HOLD, {"action": "perhaps"}))

    def break_it():
        services.engine.fault = fault

    peer, _ = await approved(services, meanwhile=break_it)
    assert not peer.is_forwarded
    assert peer.refusal.reason == "policy-error"


@pytest.mark.parametrize(
    "terms",
    [
        {"min": 2},
        {"groups": ["directors"]},
        {"groups": ["directors", "sre"], "min": 2},
        {"groups": {"any": [["sre", "directors"]]}},
    ],
    ids=["more people", "another group", "both", "one of each group"],
)
async def test_votes_do_not_release_a_call_whose_terms_changed(tmp_path, terms):
    """Votes that were enough when they were given are not enough by now."""
    later = {**HOLD, "approval": {**TERMS, **terms}}
    services = make_services(tmp_path, engine=then(HOLD, later))
    peer, approval = await approved(services)
    assert not peer.is_forwarded
    assert peer.refusal.reason == "approval-outdated"
    assert services.recorder.last.rule == "approval.terms"
    assert services.approvals.spend(approval.request.approval_id, approval.request.digest, NOW)


async def test_only_votes_of_the_groups_that_policy_asks_for_at_the_release_count(tmp_path):
    """Two people approved; the one who is a director is enough for a policy that asks for one director."""
    first = {**HOLD, "approval": {"groups": ["sre", "directors"], "min": 2}}
    later = {**HOLD, "approval": {"groups": ["directors"], "min": 1}}
    services = make_services(tmp_path, engine=then(first, later))
    peer, _ = await approved(services, ("iss|bob", ("sre",)), ("iss|carol", ("directors",)))
    assert peer.is_forwarded
    later["approval"]["min"] = 2
    services = make_services(tmp_path / "again", engine=then(first, later))
    peer, _ = await approved(services, ("iss|bob", ("sre",)), ("iss|carol", ("directors",)))
    assert not peer.is_forwarded


async def test_terms_that_these_votes_meet_too_release_it(tmp_path):
    """Other terms are not a reason by themselves."""
    later = {**HOLD, "approval": {"groups": ["sre", "directors"], "min": 1}}
    services = make_services(tmp_path, engine=then(HOLD, later))
    assert (await approved(services))[0].is_forwarded


async def test_a_policy_that_allows_by_then_releases_it(tmp_path):
    """The people who released it are recorded nevertheless."""
    services = make_services(tmp_path, engine=then(HOLD, ALLOW))
    peer, _ = await approved(services)
    assert peer.is_forwarded
    assert services.recorder.kinds == ["call.held", "call.decided", "call.completed"]
    last = services.recorder.last
    assert (last.action, last.reason, last.rule) == ("allow", "approved", "open-by-now")
    assert last.approvers == ("iss|bob",)


async def test_masks_that_policy_asks_for_by_then_are_applied(tmp_path):
    """The decision in force says what goes; entries are masked as either decision asks."""
    later = {**HOLD, "mask": {"request": [{"path": "$.name"}]}}
    services = make_services(tmp_path, engine=then(HOLD, later))
    peer, _ = await approved(services, body=b'{"name":"Ada"}')
    assert peer.is_forwarded
    assert peer.upstream_body == b'{"name":"[REDACTED]"}'
    assert "Ada" not in services.recorder.last.arguments


async def test_another_query_than_the_approved_one_does_not_go(tmp_path):
    """Approvers released one exact request: a policy that makes another of it by now does not get it sent."""

    engine = then(HOLD, {"allowed": True, "query_parameters_to_set": {"all": "yes"}})
    services = make_services(tmp_path, engine=engine)
    peer, _ = await approved(services)
    assert not peer.is_forwarded
    assert services.recorder.last.rule == "approval.digest"


async def test_a_connection_that_changed_meanwhile_does_not_get_the_call(tmp_path):
    """The host names another connection by now, or none."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    peer, _ = await approved(
        services, meanwhile=lambda: services.hosts.update({"crm.internal": services.hosts["docs.internal"]})
    )
    assert not peer.is_forwarded
    assert services.recorder.last.rule == "approval.connection"
    services = make_services(tmp_path / "again", engine=ScriptedEngine(HOLD))
    peer, _ = await approved(services, meanwhile=lambda: services.hosts.pop("crm.internal"))
    assert not peer.is_forwarded
    assert peer.refusal.reason == "unknown-function"


async def test_the_credential_is_read_when_the_call_goes(tmp_path):
    """One that is gone by then is not presented, and nothing goes."""
    (tmp_path / "secret").write_text("never-kept-9f8e7d6c")
    changes = {"connections.crm.credential": {"file": str(tmp_path / "secret")}}
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), changes=changes)
    peer, _ = await approved(services, meanwhile=(tmp_path / "secret").unlink)
    assert not peer.is_forwarded
    assert peer.refusal.reason == "credential-unavailable"


async def test_a_held_call_is_counted_once(tmp_path):
    """Questions about the release and the response are about the same call: they have the same usage."""
    engine = ScriptedEngine(HOLD, responses=ResponseInterest.ALWAYS)
    services = replace(make_services(tmp_path, engine=engine), usage=UsageStore(None))
    await approved(services)
    first, second, about_the_response = services.engine.asked
    assert first["usage"]["function"]["day"] == 1
    assert about_the_response["usage"] == first["usage"]
    assert {**first, "time": 0, "attributes": 0} == {**second, "time": 0, "attributes": 0}


def when_asked_again(services, work):
    """Do this while policy is asked about the release."""

    def answer(_):
        if len(services.engine.asked) > 1:
            work()
        return HOLD

    services.engine.answer = answer


async def test_an_approval_that_was_used_already_releases_nothing(tmp_path):
    """One approval lets one call go, even where somebody uses it between the last check and the release."""
    services = make_services(tmp_path)

    def use_it():
        [approval] = services.approvals.recent(pending_only=False, limit=1)
        assert services.approvals.spend(approval.request.approval_id, approval.request.digest, NOW)

    when_asked_again(services, use_it)
    task = asyncio.create_task(approved(services))
    async with asyncio.timeout(30):
        while len(services.approvals.recent(pending_only=False, limit=5)) < 2:
            await asyncio.sleep(0.01)
    again = await held(services)
    services.approvals.vote(again.approval_id, Vote("iss|carol", False, "once is enough", NOW), ("sre",))
    peer, _ = await task
    assert not peer.is_forwarded
    assert peer.refusal.reason == "approval-denied"
    assert services.recorder.last.denied_by == ("iss|carol",)


async def test_an_approval_of_another_call_releases_nothing(tmp_path):
    """A row that somebody changed in the store is not an approval of the call that this worker holds."""
    services = make_services(tmp_path)

    def change_it():
        with sqlite3.connect(tmp_path / "approvals.db") as db:
            db.execute("UPDATE approvals SET digest = ?", ("0" * 64,))

    when_asked_again(services, change_it)
    peer, _ = await approved(services)
    assert not peer.is_forwarded
    assert services.recorder.last.rule == "approval.single-use"


async def test_a_store_that_is_gone_at_the_release_lets_nothing_go(tmp_path):
    """An approval that cannot be used up could be used twice."""
    services = make_services(tmp_path)
    when_asked_again(services, (tmp_path / "approvals.db").unlink)
    request = asks("POST", "/customers", content_type="application/json")
    task = asyncio.create_task(play(services, request, sends(BODY), answers(end=True)))
    approve(services, await held(services))
    peer = await task
    assert not peer.is_forwarded
    assert peer.refusal.reason == "approval-unavailable"


async def test_an_approval_is_used_up_by_the_call_that_goes(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    peer, approval = await approved(services)
    assert peer.is_forwarded
    assert not services.approvals.spend(approval.request.approval_id, approval.request.digest, NOW)


async def test_a_caller_that_leaves_while_policy_is_asked_again_lets_nothing_go(tmp_path):
    """People have approved by then; no later call gets the approval, and the record names them."""
    services = make_services(tmp_path)
    services.engine.answer = HOLD
    request = asks("POST", "/customers", content_type="application/json")
    peer = ScriptedPeer().say(request, sends(BODY))
    task = asyncio.create_task(play_and_leave(services, peer, lambda: len(services.engine.asked) > 1))
    request_for_approval = await held(services)
    services.engine.delay_s = 5
    approve(services, request_for_approval)
    await task
    assert not peer.is_forwarded
    last = services.recorder.last
    assert (last.kind, last.reason, last.approvers) == ("call.denied", "caller-gone", ("iss|bob",))
    assert services.approvals.get(request_for_approval.approval_id).state is State.CANCELLED


async def test_an_identity_that_changed_meanwhile_releases_nothing(tmp_path):
    """The provider's groups are read from another claim by now: approvers saw another caller."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    provider = services.providers["demo"]
    changed = provider.model_copy(update={"claims": provider.claims.model_copy(update={"groups": "roles"})})
    peer, _ = await approved(services, meanwhile=lambda: services.providers.update(demo=changed))
    assert not peer.is_forwarded
    assert services.recorder.last.rule == "jwt.changed-while-held"


async def test_findings_of_the_request_that_goes_are_recorded(tmp_path):
    """Policy masks more by then: the entry says what was masked of the request that went."""
    later = {**HOLD, "mask": {"request": [{"entity": "US_SSN"}]}}
    services = make_services(tmp_path, engine=then(HOLD, later))
    peer, _ = await approved(services)
    assert peer.is_forwarded
    assert [(each.entity, each.how) for each in services.recorder.last.findings] == [("US_SSN", "redact")]


async def test_another_revision_of_the_policy_releases_what_it_would_hold_too(tmp_path):
    """The answer counts, and not that a file changed; the entry names the policy that was in force."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))

    def load_another():
        services.engine.revision = "e" * 64

    peer, _ = await approved(services, meanwhile=load_another)
    assert peer.is_forwarded
    revisions = [(entry.kind, entry.policy_revision[0]) for entry in services.recorder.entries]
    assert revisions == [("call.held", "f"), ("call.decided", "e"), ("call.completed", "e")]


async def test_the_policy_that_gave_no_usable_answer_at_the_release_is_recorded(tmp_path):
    """It may be another one than that which held the call."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD))
    services.engine.is_remote = False

    def load_a_broken_one():
        services.engine.revision, services.engine.fault = "e" * 64, PolicyError("gone")

    peer, _ = await approved(services, meanwhile=load_a_broken_one)
    assert peer.refusal.reason == "policy-error"
    assert services.recorder.last.policy_revision == "e" * 64


async def test_how_long_a_call_was_held_is_recorded(tmp_path):
    """From the request for approval to its end, without what comes after."""
    now = [NOW]
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), clock=lambda: now[0])

    def wait():
        now[0] += 7 * 10**9

    peer, _ = await approved(services, meanwhile=wait)
    assert peer.is_forwarded
    assert [entry.held_ms for entry in services.recorder.entries] == [0, 7_000, 7_000]


async def test_a_hold_of_the_response_is_not_put_to_people_again(tmp_path):
    """A policy that does not tell a response from its request says hold again; people have released the call."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD, responses=ResponseInterest.ALWAYS))
    peer, _ = await approved(services)
    assert peer.is_forwarded
    assert not peer.refusals
    assert services.recorder.last.kind == "call.completed"


async def test_entries_keep_masked_what_any_of_the_decisions_masked(tmp_path):
    """A path that the policy in force does not mask any more was sensitive when the call came."""
    first = {**HOLD, "mask": {"request": [{"path": "$.name"}]}}
    later = {**HOLD, "mask": {"request": [{"path": "$.city"}]}}
    services = make_services(tmp_path, engine=then(first, later))
    peer, _ = await approved(services, body=b'{"name":"Ada","city":"Ely"}')
    assert peer.upstream_body == b'{"name":"Ada","city":"[REDACTED]"}'
    assert services.recorder.last.arguments == '{"name":"[REDACTED]","city":"[REDACTED]"}'
