"""Callers who do not wait as long as people take: they call again, and the same call is the same request."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from extproc.approvals.approval import State, Vote
from extproc.approvals.port import Filter
from extproc.model.errors import VoteRefused
from extproc.model.withdrawal import WithdrawnBy
from tests.unit.flow.dialogue import (
    NOW,
    ScriptedEngine,
    ScriptedPeer,
    answers,
    approve,
    asks,
    claims,
    deny,
    held,
    make_services,
    play,
    play_and_leave,
    sends,
)

pytestmark = pytest.mark.slow
TERMS = {"groups": ["sre"]}
BODY = b'{"ssn":"219-09-9999"}'
TICKET, APPROVED = "approval-required", "approved"


def holding(tmp_path, *, wait_s=0.03, clock=None, changes=None, **terms):
    """Services whose policy holds every call."""
    hold = {"action": "hold", "reason": "high-risk", "rule": "r", "approval": {**TERMS, **terms}}
    made = make_services(tmp_path, engine=ScriptedEngine(hold), clock=clock, changes=changes)
    return replace(made, approval_wait_s=wait_s, approval_pages="https://approve.example.com/approvals/")


async def called(services, body=BODY, **more):
    """Make a call; return its peer."""
    asked = asks("POST", "/customers", content_type="application/json", **more)
    return await play(services, asked, sends(body), answers(end=True))


def stored(services):
    return services.approvals.search(Filter())


def ticket_of(peer):
    assert peer.refusal.reason == TICKET, peer.refusal
    return stored_id(peer)


def stored_id(peer):
    return json.loads(peer.refusal.body)["approval"]


async def test_a_caller_gets_a_ticket_and_the_same_call_is_released_once(tmp_path):
    services = holding(tmp_path)
    first = await called(services)
    [ticket] = stored(services)
    assert (first.refusal.reason, first.refusal.status) == (TICKET, 409)
    assert ticket.ticketed
    assert ticket.state is State.PENDING
    again = await called(services)
    assert stored_id(first) == stored_id(again)
    assert stored_id(again) == ticket.request.approval_id
    approve(services, ticket.request)
    assert (await called(services)).is_forwarded
    [entry] = [each for each in services.recorder.entries if each.kind == "call.decided"]
    assert (entry.approval_id, entry.approvers) == (ticket.request.approval_id, ("iss|bob",))
    after = await called(services)
    assert not after.is_forwarded
    assert ticket_of(after) != ticket.request.approval_id


async def test_an_answer_names_the_page_and_when_to_come_back(tmp_path):
    peer = await called(holding(tmp_path))
    document = json.loads(peer.refusal.body)
    assert document["approval_url"] == f"https://approve.example.com/approvals/{document['approval']}"
    assert dict(peer.refusal.headers)["retry-after"] == b"5"


@pytest.mark.parametrize(
    "other",
    [
        {"body": b'{"ssn":"219-09-9998"}'},
        {"body": BODY + b" "},
        {"metadata": claims(sub="carol")},
        {"metadata": claims(groups=["support", "more"])},
        {"metadata": claims(act={"sub": "agent"})},
        {"metadata": claims(act={"sub": "agent", "iss": "https://other.example"})},
    ],
    ids=["arguments", "bytes", "caller", "groups", "agent", "other-agent"],
)
async def test_another_call_is_another_request(tmp_path, other):
    services = holding(tmp_path)
    first = ticket_of(await called(services))
    approve(services, services.approvals.get(first).request)
    assert ticket_of(await called(services, **other)) != first


URL = {"connections.crm.functions": {"update": {"method": "PUT", "path": "/customers/{id}"}}}
HOSTS = {"connections.crm.hosts": ["crm.internal", "prod.internal"]}
TEXT, PATCH = {"content_type": "text/plain"}, {"content_type": "application/merge-patch+json"}


@pytest.mark.parametrize(
    ("path", "fields", "other_path", "others"),
    [
        ("/customers/7", TEXT, "/customers/8", TEXT),
        ("/customers/7?a=1&a=2", PATCH, "/customers/7?a=1&a=3", PATCH),
        ("/customers/7", PATCH, "/customers/%37", PATCH),
        ("/customers/7", PATCH, "/customers/7", PATCH | {"host": "prod.internal"}),
        ("/customers/7", PATCH, "/customers/7", {"content_type": "application/json-patch+json"}),
        ("/customers/7", TEXT | {"x_http_method": "GET"}, "/customers/7", TEXT | {"x_http_method": "DELETE"}),
    ],
    ids=["unread-path", "unread-query", "spelling", "host", "content-type", "override"],
)
async def test_another_request_line_is_another_request(tmp_path, path, fields, other_path, others):
    """A call that cannot be read has no arguments: its path and its fields name it all the same."""
    unmasked = {"connections.crm.masking": {"request": [], "response": []}}
    services = holding(tmp_path, changes=URL | HOSTS | unmasked)

    async def put(target, fields):
        return await play(services, asks("PUT", target, **fields), sends(b"[]"), answers(end=True))

    first = ticket_of(await put(path, fields))
    approve(services, services.approvals.get(first).request)
    assert ticket_of(await put(other_path, others)) != first
    assert (await put(path, fields)).is_forwarded


async def test_an_agent_of_another_issuer_does_not_decide_on_its_own_call(tmp_path):
    services = holding(tmp_path)
    agent = claims(act={"sub": "agent", "iss": "https://other.example"})
    request = services.approvals.get(ticket_of(await called(services, metadata=agent))).request
    with pytest.raises(VoteRefused, match="own-call"):
        approve(services, request, voter="https://other.example|agent")


async def test_another_backend_is_another_request(tmp_path):
    services = holding(tmp_path)
    first = ticket_of(await called(services))
    approve(services, services.approvals.get(first).request)
    moved = holding(tmp_path, changes={"connections.crm.upstream.address": "127.0.0.1:10"})
    assert ticket_of(await called(replace(services, hosts=moved.hosts))) != first


async def test_a_caller_whose_person_is_known_by_now_asks_anew(tmp_path):
    """Whoever approved before accounts were joined may be the caller."""
    services = holding(tmp_path)
    first = ticket_of(await called(services))
    approve(services, services.approvals.get(first).request, voter="iss|alice-too")
    joined = holding(tmp_path, changes={"identity.providers.demo.claims": {"person": "email"}})
    services = replace(services, providers=joined.providers)
    assert ticket_of(await called(services, metadata=claims(email="alice@example.com"))) != first


KEY = """
import asyncio, sys, pathlib
from tests.unit.flow.test_tickets import called, holding, stored
services = holding(pathlib.Path(sys.argv[1]), reuse={"for": "5m"})
asyncio.run(called(services))
print(stored(services)[0].request.call_key)
"""


def test_all_workers_know_the_same_call(tmp_path):
    """Sets have another order in each process."""
    keys = set()
    for seed in ("1", "3"):
        (tmp_path / seed).mkdir()
        run = [sys.executable, "-c", KEY, str(tmp_path / seed)]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        keys.add(subprocess.run(run, check=True, capture_output=True, env=env).stdout)
    assert len(keys) == 1


async def test_other_terms_make_another_request(tmp_path):
    """People approved under terms that policy does not ask for any more."""
    services = holding(tmp_path)
    first = ticket_of(await called(services))
    approve(services, services.approvals.get(first).request)
    services.engine.answer["approval"] = {"groups": ["directors"]}
    assert ticket_of(await called(services)) != first


async def test_another_revision_with_the_same_terms_is_no_other_request(tmp_path):
    services = holding(tmp_path)
    first = ticket_of(await called(services))
    services.engine.revision = "e" * 64
    approve(services, services.approvals.get(first).request)
    assert (await called(services)).is_forwarded


async def test_of_calls_at_once_one_is_released_and_the_others_ask_again(tmp_path):
    services = holding(tmp_path, wait_s=1.0)
    tasks = [asyncio.create_task(called(services)) for _ in range(5)]
    request = await held(services)
    async with asyncio.timeout(30):
        while [entry.kind for entry in services.recorder.entries].count("call.held") < 5:
            await asyncio.sleep(0.01)
    assert len(stored(services)) == 1
    approve(services, request)
    peers = await asyncio.gather(*tasks)
    assert [peer.is_forwarded for peer in peers].count(True) == 1
    assert {ticket_of(peer) for peer in peers if not peer.is_forwarded} == {
        each.request.approval_id for each in stored(services) if each.state is State.PENDING
    }
    assert len(stored(services)) == 2


async def test_one_caller_has_so_many_tickets_and_no_more(tmp_path):
    services = holding(tmp_path, mode="ticket", changes={"limits.tickets_per_caller": 2})
    bodies = [b'{"number": %d}' % number for number in range(3)]
    first, second, third = [await called(services, body) for body in bodies]
    assert ticket_of(first) != ticket_of(second)
    assert third.refusal.reason == "overloaded"
    assert services.recorder.last.rule == "limits.tickets_per_caller"
    assert [each.state for each in stored(services)] == [State.PENDING, State.PENDING], "nobody is asked"
    assert ticket_of(await called(services, bodies[0])) == stored_id(first)
    assert ticket_of(await called(services, bodies[2], metadata=claims(sub="carol")))
    deny(services, services.approvals.get(stored_id(first)).request)
    assert ticket_of(await called(services, bodies[2]))


async def test_a_caller_who_waits_first_gets_no_ticket_above_the_limit(tmp_path):
    services = holding(tmp_path, changes={"limits.tickets_per_caller": 1})
    assert ticket_of(await called(services))
    assert (await called(services, b"{}")).refusal.reason == "overloaded"
    assert sorted(each.state for each in stored(services)) == [State.CANCELLED, State.PENDING]


async def test_a_denial_stands_until_the_ticket_ends(tmp_path):
    services = holding(tmp_path)
    ticket = ticket_of(await called(services))
    deny(services, services.approvals.get(ticket).request)
    for _ in range(2):
        assert (await called(services)).refusal.reason == "approval-denied"
    assert services.recorder.last.denied_by == ("iss|bob",)
    assert len(stored(services)) == 1


async def test_a_ticket_that_is_over_is_asked_for_anew(tmp_path):
    late = [0]
    services = holding(tmp_path, clock=lambda: NOW + late[0], expires_in="60s")
    ticket = ticket_of(await called(services))
    late[0] = 61 * 10**9
    assert ticket_of(await called(services, metadata=claims(exp=NOW / 1e9 + 600))) != ticket


async def test_an_approval_outlives_its_expiry_for_the_caller_to_come_back_but_not_for_long(tmp_path):
    late = [0]
    services = holding(tmp_path, clock=lambda: NOW + late[0], expires_in="60s")
    for seconds, released in ((299, True), (360, False)):
        late[0] = 0
        ticket = services.approvals.get(ticket_of(await called(services)))
        late[0] = 59 * 10**9
        services.approvals.vote(ticket.request.approval_id, Vote("iss|bob", True, "fine", NOW + late[0]), ("sre",))
        late[0] += seconds * 10**9
        assert (await called(services)).is_forwarded is released


async def test_mode_ticket_does_not_wait_and_mode_wait_gives_no_ticket(tmp_path):
    services = holding(tmp_path / "ticket", wait_s=60.0, mode="ticket")
    peer = await called(services)
    assert (ticket_of(peer) != "", peer.waits) == (True, [])
    services = holding(tmp_path / "wait", mode="wait", expires_in="1s")
    assert (await called(services)).refusal.reason == "approval-expired"
    assert [each.ticketed for each in stored(services)] == [False]


async def test_a_caller_who_leaves_before_its_ticket_gives_up_and_with_one_it_does_not(tmp_path):
    services = holding(tmp_path, wait_s=60.0)
    asked = asks("POST", "/customers", content_type="application/json")

    def said():
        return ScriptedPeer().say(asked, sends(BODY))

    await play_and_leave(services, said(), lambda: services.recorder.kinds == ["call.held"])
    assert [each.state for each in stored(services)] == [State.CANCELLED]
    patient = services
    impatient = replace(services, approval_wait_s=0.03)
    ticket = ticket_of(await called(impatient))
    before = len(services.recorder.entries)
    await play_and_leave(patient, said(), lambda: len(services.recorder.entries) > before)
    assert services.approvals.get(ticket).state is State.PENDING


async def test_one_of_two_who_share_a_request_leaves_and_the_other_is_released(tmp_path):
    services = holding(tmp_path, wait_s=20.0)
    task = asyncio.create_task(called(services))
    request = await held(services)
    other = ScriptedPeer().say(asks("POST", "/customers", content_type="application/json"), sends(BODY))
    await play_and_leave(services, other, lambda: services.recorder.kinds == ["call.held", "call.held"])
    approve(services, request)
    assert (await task).is_forwarded


async def test_the_caller_cancels_its_request(tmp_path):
    """In the console, say: whoever waits is told, and a ticket is worth nothing any more."""
    services = holding(tmp_path, wait_s=20.0)
    task = asyncio.create_task(called(services))
    request = await held(services)
    assert services.approvals.cancel_own(request.approval_id, NOW).withdrawn_by is WithdrawnBy.REQUESTER
    assert (await task).refusal.reason == "caller-gone"
    assert services.recorder.last.rule == "approval.requester-cancelled"
    with pytest.raises(VoteRefused):
        services.approvals.cancel_own(request.approval_id, NOW)


async def test_an_approver_takes_an_approval_back_before_it_is_used(tmp_path):
    services = holding(tmp_path)
    ticket = ticket_of(await called(services))
    approve(services, services.approvals.get(ticket).request)
    after = services.approvals.withdraw_vote(ticket, "iss|bob", NOW + 9)
    assert (after.state, after.withdrawn_by) == (State.CANCELLED, WithdrawnBy.APPROVER)
    assert ticket_of(await called(services)) != ticket


async def test_two_people_and_one_takes_its_approval_back(tmp_path):
    services = holding(tmp_path, min=2)
    ticket = ticket_of(await called(services))
    request = services.approvals.get(ticket).request
    approve(services, request)
    services.approvals.withdraw_vote(ticket, "iss|bob", NOW + 9)
    approve(services, request, "iss|carol")
    assert ticket_of(await called(services)) == ticket
    approve(services, request, "iss|bob")
    assert (await called(services)).is_forwarded


@pytest.mark.parametrize(
    ("voters", "released"),
    [
        ([("iss|bob", ("sre",))], True),
        ([("iss|bob", ("dba",))], False),
        ([("iss|bob", ("dba", "security"))], False),
        ([("iss|bob", ("dba",)), ("iss|carol", ("dba",))], False),
        ([("iss|bob", ("dba",)), ("iss|carol", ("security",))], True),
        ([("iss|bob", ("dba", "security")), ("iss|carol", ("dba",))], True),
    ],
)
async def test_any_of_and_all_of(tmp_path, voters, released):
    services = holding(tmp_path, groups={"any": [["sre"], ["dba", "security"]]})
    request = services.approvals.get(ticket_of(await called(services))).request
    for voter, groups in voters:
        approve(services, request, voter, groups)
    assert (await called(services)).is_forwarded is released


async def test_another_account_of_the_caller_does_not_approve(tmp_path):
    services = holding(tmp_path, changes=joined(tmp_path))
    mine = claims(email="Alice@Example.com")
    request = services.approvals.get(ticket_of(await called(services, metadata=mine))).request
    assert request.requester_person == "alice@example.com"
    other = Vote("other-iss|a.smith", True, "fine", NOW, person="alice@example.com")
    with pytest.raises(VoteRefused, match="own-call"):
        services.approvals.vote(request.approval_id, other, ("sre",))
    services.approvals.vote(
        request.approval_id, Vote("iss|bob", True, "fine", NOW, person="bob@example.com"), ("sre",)
    )
    assert (await called(services, metadata=mine)).is_forwarded


@pytest.mark.parametrize("more", [{}, {"email": 7}, {"email": "a@example.com", "email_verified": False}])
async def test_a_caller_of_whom_nobody_can_say_which_person_it_is_is_not_held(tmp_path, more):
    services = holding(tmp_path, changes=joined(tmp_path))
    peer = await called(services, metadata=claims(**more))
    assert peer.refusal.reason == "approval-unavailable"
    assert services.recorder.last.rule == "approval.person"
    assert stored(services) == []


def joined(tmp_path):
    """Settings by which an address joins the accounts of one person."""
    provider = next(iter(make_services(tmp_path / "names").providers))
    return {f"identity.providers.{provider}.claims": {"person": "email"}}


async def test_one_person_counts_once_whatever_the_account(tmp_path):
    services = holding(tmp_path, min=2)
    request = services.approvals.get(ticket_of(await called(services))).request
    services.approvals.vote(request.approval_id, Vote("iss|bob", True, "fine", NOW, person="bob"), ("sre",))
    with pytest.raises(VoteRefused, match="already-voted"):
        services.approvals.vote(request.approval_id, Vote("two|bob", True, "fine", NOW, person="bob"), ("sre",))


async def test_break_glass_releases_alone_only_where_policy_lets_it_by_then(tmp_path):
    services = holding(tmp_path, min=2, break_glass=["lead"])
    request = services.approvals.get(ticket_of(await called(services))).request
    glass = Vote("iss|lea", True, "the site is down", NOW + 5, break_glass=True)
    for refused, groups in ((replace(glass, approve=False), ("lead",)), (glass, ("sre",))):
        with pytest.raises(VoteRefused, match="no-break-glass"):
            services.approvals.vote(request.approval_id, refused, groups)
    with pytest.raises(VoteRefused, match="own-call"):
        services.approvals.vote(request.approval_id, replace(glass, voter=request.requester), ("lead",))
    assert services.approvals.vote(request.approval_id, glass, ("lead",)).broke_glass
    assert (await called(services)).is_forwarded
    assert services.recorder.last.approval_use == "break-glass"


async def test_nobody_breaks_the_glass_where_policy_does_not_say_so(tmp_path):
    services = holding(tmp_path, min=2)
    request = services.approvals.get(ticket_of(await called(services))).request
    with pytest.raises(VoteRefused, match="no-break-glass"):
        services.approvals.vote(
            request.approval_id, Vote("iss|lea", True, "fine", NOW, break_glass=True), ("sre", "lead")
        )


REUSE = {"for": "10m", "same": ["function", "arguments"]}


async def test_an_approval_is_used_again_where_policy_says_so(tmp_path):
    late = [0]
    services = holding(tmp_path, clock=lambda: NOW + late[0], reuse=REUSE)
    request = services.approvals.get(ticket_of(await called(services))).request
    approve(services, request)
    assert [(await called(services)).is_forwarded for _ in range(3)] == [True] * 3
    assert services.recorder.last.approval_use == "reused"
    assert services.recorder.last.approval_id == request.approval_id
    assert not (await called(services, body=b'{"ssn":"219-09-9998"}')).is_forwarded
    assert not (await called(services, metadata=claims(sub="carol"))).is_forwarded
    late[0] = 601 * 10**9
    assert not (await called(services, metadata=claims(exp=NOW / 1e9 + 900))).is_forwarded


async def test_an_approval_for_the_function_alone_takes_other_arguments(tmp_path):
    services = holding(tmp_path, reuse={"for": "10m", "same": ["function"]})
    approve(services, services.approvals.get(ticket_of(await called(services))).request)
    assert (await called(services)).is_forwarded
    assert (await called(services, body=b'{"ssn":"219-09-9998"}')).is_forwarded


@pytest.mark.parametrize(
    "now",
    [{"reuse": None}, {"groups": ["directors"]}, {"min": 2}, {"reuse": {"for": "1s"}}],
    ids=["no reuse", "others", "more", "shorter"],
)
async def test_an_approval_is_not_used_again_when_policy_asks_for_more(tmp_path, now):
    late = [0]
    services = holding(tmp_path, clock=lambda: NOW + late[0], reuse=REUSE)
    approve(services, services.approvals.get(ticket_of(await called(services))).request)
    assert (await called(services)).is_forwarded
    late[0] = 5 * 10**9
    terms = {**TERMS, "reuse": REUSE, **now}
    services.engine.answer["approval"] = {name: value for name, value in terms.items() if value is not None}
    assert not (await called(services)).is_forwarded


async def test_an_approver_ends_the_reuse(tmp_path):
    services = holding(tmp_path, reuse=REUSE)
    ticket = ticket_of(await called(services))
    approve(services, services.approvals.get(ticket).request)
    assert (await called(services)).is_forwarded
    assert services.approvals.withdraw_vote(ticket, "iss|bob", NOW + 9).state is State.APPROVED
    assert not (await called(services)).is_forwarded
