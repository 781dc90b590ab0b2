"""An MCP client makes a held call again by protocol, with the state that it was given: whose it is, and what for."""

import json
import os
from dataclasses import replace

import pytest

from extproc.approvals.port import Filter
from extproc.identity.approval_state import MOST_ROUNDS, ApprovalStates
from tests.unit.flow.dialogue import (
    NOW,
    ScriptedEngine,
    answers,
    approve,
    asks,
    claims,
    deny,
    make_services,
    play,
    sends,
)

pytestmark = pytest.mark.slow
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
}
QUESTION = "extproc-approval"
ACCEPT = {QUESTION: {"action": "accept"}}
WAIT_S = 0.03
SECONDS = 1_000_000_000


class Clock:
    """Time that the test moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        self.now += 1
        return self.now


def holding(tmp_path, *, wait_s=WAIT_S, clock=None, **terms):
    """Services whose policy holds every call."""
    hold = {"action": "hold", "reason": "high-risk", "approval": {"groups": ["sre"], **terms}}
    made = make_services(
        tmp_path,
        engine=ScriptedEngine(hold),
        clock=clock,
        changes={
            "connections.docs.tools": ["search", "publish"],
            "connections.docs.approvals": {"groups": ["sre"]},
        },
    )
    return replace(
        made, approval_wait_s=wait_s, approval_pages="https://approve.example.com/approvals/", entropy=os.urandom
    )


def message(rpc_id=1, *, name="search", arguments=None, **given_back):
    params = {"name": name, "arguments": arguments or {"q": "x"}, "_meta": META, **given_back}
    return json.dumps({"jsonrpc": "2.0", "id": rpc_id, "method": "tools/call", "params": params}).encode()


async def called(services, body, **who):
    metadata = claims(**who)
    asked = asks(
        "POST", "/mcp", "docs.internal", metadata=metadata, content_type="application/json",
        content_length=str(len(body)), mcp_method="tools/call",
    )  # fmt: skip
    return await play(services, asked, sends(body), answers(202, end=True))


async def result(services, body, **who):
    peer = await called(services, body, **who)
    assert not peer.is_forwarded
    told = json.loads(peer.refusal.body)
    assert "result" in told, services.recorder.last
    return told["result"]


async def state_of(services, **more):
    """The state that a client gets with the question."""
    asked = await result(services, message(**more))
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"][QUESTION]["params"]["url"].startswith("https://approve.example.com/approvals/")
    return asked["requestState"]


def requests(services):
    return services.approvals.search(Filter())


async def refused(services, body, **who):
    peer = await called(services, body, **who)
    assert not peer.is_forwarded
    return peer.refusal.reason


async def test_a_client_comes_back_by_itself_and_the_server_sees_nothing_of_it(tmp_path):
    """What goes to the server is the call as it was first made, to the byte, with its length."""
    services = holding(tmp_path)
    state = await state_of(services)
    again = await result(services, message(2, requestState=state, inputResponses=ACCEPT))
    assert again.keys() == {"resultType", "requestState"}  # the page is not opened twice
    [stored] = requests(services)
    assert stored.ticketed
    approve(services, stored.request)
    peer = await called(services, message(3, requestState=again["requestState"]))
    assert peer.upstream_body == message(3)
    assert peer.upstream_headers["content-length"] == str(len(message(3))).encode()
    assert state not in repr((peer.upstream_headers, services.recorder.entries, services.engine.asked))
    assert services.recorder.last.approvers == ("iss|bob",)


async def test_policy_sees_no_answer_to_the_guards_question(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    await called(services, message(2, requestState=state, inputResponses=ACCEPT))
    first, second = services.engine.asked
    assert first["call"]["arguments"] == second["call"]["arguments"] == {"q": "x"}


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ({"arguments": {"q": "y"}}, {}),
        ({"arguments": {"q": "x", "more": None}}, {}),
        ({"name": "publish"}, {}),
        ({"inputResponses": {"name": {"action": "accept"}}}, {}),
        ({}, {"sub": "mallory"}),
        ({}, {"act": {"sub": "bot"}}),
    ],
    ids=["argument", "one more argument", "function", "another answer", "caller", "agent"],
)
async def test_a_state_is_good_for_its_caller_and_its_call_alone(tmp_path, change, who):
    """Also when the call that it was given for is approved."""
    services = holding(tmp_path)
    state = await state_of(services)
    [stored] = requests(services)
    approve(services, stored.request)
    assert await refused(services, message(2, requestState=state, **change), **who) == "ticket-refused"
    assert services.recorder.last.rule == "approval.state"
    assert len(requests(services)) == 1  # nobody is asked
    assert (await called(services, message(3))).is_forwarded


async def test_no_bit_of_a_state_can_be_changed(tmp_path):
    """Behind its beginning it is refused. With another beginning it is a server's: the call then is another one."""
    services = holding(tmp_path, wait_s=0.0, mode="ticket")
    state = await state_of(services)
    [stored] = requests(services)
    approve(services, stored.request)
    begin = len(services.approval_states.prefix)
    for at in (*range(begin, len(state), 7), len(state) - 1):
        changed = state[:at] + ("A" if state[at] != "A" else "B") + state[at + 1 :]
        assert await refused(services, message(2, requestState=changed)) == "ticket-refused"
    for at in range(0, begin, 5):
        changed = state[:at] + "!" + state[at + 1 :]
        assert (await result(services, message(2, requestState=changed)))["isError"] is True
    assert (await called(services, message(3))).is_forwarded


async def test_a_state_of_another_installation_is_the_servers(tmp_path):
    """As where one guard stands before another: it passes, and is a part of the call."""
    services = holding(tmp_path)
    other = replace(services, approval_states=ApprovalStates(b"o" * 32))
    state = await state_of(other)
    body = message(2, requestState=state, inputResponses=ACCEPT)
    assert (await result(services, body))["isError"] is True
    for each in services.approvals.recent(pending_only=True, limit=10):
        approve(services, each.request)
    assert (await called(services, body)).upstream_body == body


async def test_a_state_is_over_with_its_request(tmp_path):
    clock = Clock()
    services = holding(tmp_path, clock=clock, expires_in="60s")
    state = await state_of(services)
    clock.now += 60 * SECONDS
    assert await refused(services, message(2, requestState=state)) == "approval-expired"


async def test_a_state_that_was_used_releases_nothing_more(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    [stored] = requests(services)
    approve(services, stored.request)
    assert (await called(services, message(2, requestState=state))).is_forwarded
    again = await called(services, message(3, requestState=state))
    assert not again.is_forwarded
    assert len(requests(services)) == 2  # people are asked anew


async def test_a_denial_is_told(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    [stored] = requests(services)
    deny(services, stored.request)
    assert await refused(services, message(2, requestState=state)) == "approval-denied"


async def test_a_person_who_declines_gives_the_call_up(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    declined = {QUESTION: {"action": "decline"}}
    assert await refused(services, message(2, requestState=state, inputResponses=declined)) == "caller-gone"
    [stored] = requests(services)
    assert stored.state == "cancelled"


async def test_a_person_who_closes_the_question_is_told_in_words(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    told = await result(services, message(2, requestState=state, inputResponses={QUESTION: {"action": "cancel"}}))
    assert told["isError"] is True
    [stored] = requests(services)
    assert stored.state == "pending"


async def test_a_client_is_told_in_words_before_it_gives_up(tmp_path):
    """The official clients give up when they are told an eleventh time to come back, with an error of their own."""
    services = holding(tmp_path)
    told = {"requestState": await state_of(services)}
    rounds = 1
    while "requestState" in told:
        told = await result(services, message(rounds, requestState=told["requestState"]))
        rounds += 1
    assert rounds == MOST_ROUNDS + 1
    assert told["isError"] is True
    assert len(requests(services)) == 1


async def test_in_mode_ticket_a_client_does_not_come_back_at_once(tmp_path):
    """Nothing would slow it down: it would use up its rounds in seconds."""
    services = holding(tmp_path, mode="ticket")
    state = await state_of(services)
    assert (await result(services, message(2, requestState=state, inputResponses=ACCEPT)))["isError"] is True


async def test_what_policy_allows_by_now_goes_without_the_state(tmp_path):
    services = holding(tmp_path)
    state = await state_of(services)
    services.engine.answer = {"action": "allow"}
    assert (await called(services, message(2, requestState=state))).upstream_body == message(2)


async def test_a_state_is_recorded_nowhere(tmp_path):
    """Neither of a call that waits, nor of one that is refused; nor shown to policy."""
    services = holding(tmp_path)
    state = await state_of(services)
    payload = state.rsplit(".", 2)[1]
    await called(services, message(2, requestState=state, inputResponses=ACCEPT))
    await called(services, message(3, arguments={"q": "y"}, requestState=state))
    await called(services, message(4, requestState=state), sub="mallory")
    seen = repr((services.recorder.entries, services.engine.asked, requests(services)))
    for part in (state, payload, state.rpartition(".")[2]):
        assert part not in seen
