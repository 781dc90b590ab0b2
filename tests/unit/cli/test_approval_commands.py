"""Withdrawing, cancelling, breaking the glass, history and links, against a real server, as people type them."""

import json
import time

import pytest
from typer.testing import CliRunner

from extproc.approvals.approval import State
from extproc.cli.exit_status import ExitStatus, exit_status
from extproc.cli.main import app
from extproc.model.errors import ControlError
from tests.unit.approvals.samples import vote
from tests.unit.cli.test_control_commands import ISSUER, opened, reader, run, server, store
from tests.unit.console.served import token

__all__ = ["reader", "run", "server", "store"]
pytestmark = pytest.mark.slow


def test_a_vote_can_be_taken_back_while_others_are_awaited(run, store):
    one = opened(store, minimum=2)
    run("approvals", "approve", one.approval_id, "-m", "checked", said=token("bob"))
    shown = run("approvals", "withdraw", one.approval_id[-8:], said=token("bob"))
    assert shown == "Withdrawn: 0/2 approvals for crm.delete_customer; it still waits.\n"
    assert "(withdrawn at 2" in run("approvals", "show", one.approval_id)
    with pytest.raises(ControlError) as caught:
        run("approvals", "withdraw", one.approval_id, said=token("carol"))
    assert caught.value.reason == "nothing-to-withdraw"


def test_the_caller_can_give_up_a_call_and_nobody_else(run, store):
    one = opened(store, actor="")
    with pytest.raises(ControlError) as caught:
        run("approvals", "cancel", one.approval_id, said=token("bob"))
    assert caught.value.reason == "not-yours"
    shown = run("approvals", "cancel", one.approval_id, said=token("alice"))
    assert shown == "Cancelled: crm.delete_customer\n"
    assert store.get(one.approval_id).state is State.CANCELLED


@pytest.mark.parametrize("verb", ["withdraw", "cancel"])
def test_taking_back_needs_a_token(run, store, verb):
    with pytest.raises(ControlError, match="this command needs your token"):
        run("approvals", verb, opened(store).approval_id)


def break_glass(server, one, typed, *more):
    words = ["approvals", "approve", one.approval_id, "-m", "pager 12", "--break-glass", *more]
    config = str(server[2] / "extproc.yaml")
    return CliRunner().invoke(
        app, [*words, "--config", config], input=typed, env={"EXTPROC_TOKEN": token("bob", groups=["oncall"])}
    )


def test_the_glass_is_broken_by_typing_the_functions_name(server, store):
    """The call is shown before, and the question is not part of the result."""
    one = opened(store, minimum=2, break_glass=("oncall",))
    done = break_glass(server, one, "crm.delete_customer\n")
    assert done.stdout.endswith("Approved: crm.delete_customer\n")
    assert "Your vote alone will release this call" in done.stderr
    (cast,) = store.get(one.approval_id).votes
    assert (cast.break_glass, store.get(one.approval_id).state) == (True, State.APPROVED)


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "yes\n", "crm.delete_customers\n", "crm\n"])
def test_the_glass_stays_whole_if_something_else_is_typed(server, store, typed):
    one = opened(store, minimum=2, break_glass=("oncall",))
    done = break_glass(server, one, typed)
    assert done.exit_code != 0
    assert store.get(one.approval_id).votes == ()


def test_the_glass_is_whole_where_policy_has_none(server, store):
    """Nothing is promised or asked before."""
    one = opened(store, minimum=2, groups=("sre", "oncall"))
    done = break_glass(server, one, "crm.delete_customer\n")
    assert done.stderr == ""
    assert isinstance(done.exception, ControlError)
    assert done.exception.reason == "no-break-glass"
    assert store.get(one.approval_id).votes == ()


def test_an_approval_without_the_option_breaks_no_glass(run, store):
    one = opened(store, minimum=2, break_glass=("oncall",))
    with pytest.raises(ControlError):
        run("approvals", "approve", one.approval_id, "-m", "pager 12", said=token("bob", groups=["oncall"]))


def test_history_lists_any_state_by_what_is_asked_for(run, store):
    waits, done = opened(store), opened(store, function="crm.get_customer")
    store.vote(done.approval_id, vote(at_ns=time.time_ns()), ("sre",))

    def ids(*words):
        return [each["approval_id"] for each in json.loads(run("approvals", "history", *words, "--json"))]

    assert ids() == [done.approval_id, waits.approval_id]
    assert ids("--state", "approved") == [done.approval_id]
    assert ids("--state", "approved", "--state", "pending") == [done.approval_id, waits.approval_id]
    assert ids("--function", "crm.delete_customer") == [waits.approval_id]
    assert ids("--requester", f"{ISSUER}|alice", "--limit", "1") == [done.approval_id]
    assert ids("--before", done.approval_id) == [waits.approval_id]
    assert run("approvals", "history", "--state", "denied") == "There are no such approvals.\n"
    assert waits.approval_id in run("approvals", "history")


def test_show_compares_with_the_last_approved_call(run, store):
    """The newest approved call of the same function before this one."""
    old = opened(store, preview='{"id": 7, "reason": "old"}')
    store.vote(old.approval_id, vote(at_ns=time.time_ns()), ("sre",))
    denied = opened(store, preview='{"id": 99, "reason": "denied"}')
    store.vote(denied.approval_id, vote(approve=False, at_ns=time.time_ns()), ("sre",))
    time.sleep(0.002)
    shown = run("approvals", "show", opened(store, preview='{"id": 8, "reason": "old"}').approval_id)
    assert f"compared with the last approved call ({old.approval_id}" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "changed $.id 7 → 8" in lines
    assert not any(line.startswith(("changed $.reason", "new")) for line in lines)
    assert '"denied"' not in shown


def test_show_marks_what_is_risky(run, store):
    """Findings, and values that commonly do harm, each with its place."""
    preview = '{"ssn": "[US_SSN]", "environment": "production", "note": "fine", "force": true}'
    lines = [
        " ".join(line.split())
        for line in run("approvals", "show", opened(store, preview=preview).approval_id).splitlines()
    ]
    assert any(line.startswith("us ssn $.ssn") for line in lines)
    assert any(line.startswith("production $.environment") for line in lines)
    assert any(line.startswith("forces $.force") for line in lines)
    assert not any("$.note" in line for line in lines)


def test_show_has_who_may_decide_and_what_was_decided(run, store):
    one = opened(store, minimum=2, break_glass=("oncall",))
    run("approvals", "approve", one.approval_id, "-m", "checked", said=token("bob"))
    lines = [" ".join(line.split()) for line in run("approvals", "show", one.approval_id).splitlines()]
    assert "break-glass one of oncall" in lines
    assert f"preview digest {one.preview_digest}" in lines
    assert any(
        line.startswith("voted bob approved at 2") and line.endswith("from socket: checked") for line in lines
    )


async def links(scope, receive, send):
    """A server that makes a link, with text that would steer a terminal."""
    headers = dict(scope["headers"])
    found = {"url": "http://127.0.0.1:9901/sign-in/link?secret=once\x1b[2J", "expires": "2026-01-01T00:00:00Z"}
    right = (scope["method"], scope["path"]) == ("POST", "/api/sign-in-links") and b"authorization" in headers
    await send({"type": "http.response.start", "status": 201 if right else 404, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


def test_open_prints_a_link_that_signs_in_once(run, server):
    server[0].app = links
    assert (
        run("approvals", "open", said=token("bob")) == "http://127.0.0.1:9901/sign-in/link?secret=once\\u001b[2J\n"
    )
    with pytest.raises(ControlError, match="this command needs your token"):
        run("approvals", "open")


def invoked(server, *words, said=None):
    """Run the whole program in the server's folder."""
    config = str(server[2] / "extproc.yaml")
    return CliRunner().invoke(app, ["approvals", *words, "--config", config], env={"EXTPROC_TOKEN": said})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open",), None),
        (("approve", "7f3a91c2", "-m", "fine"), None),
        (("withdraw", "7f3a91c2", "--token-file", "/nonexistent"), "ignored"),
        (("deny", "7f3a91c2", "-m", "fine"), "two words"),
    ],
)
def test_no_token_has_the_exit_status_of_signing_in(server, store, words, said):
    error = invoked(server, *words, said=said).exception
    assert isinstance(error, ControlError)
    assert exit_status(error) is ExitStatus.SIGN_IN


@pytest.mark.parametrize("verb", ["approve", "deny"])
@pytest.mark.parametrize("note", [(), ("-m", "  ")])
def test_a_vote_without_a_note_is_wrong_usage(server, store, verb, note):
    one = opened(store)
    done = invoked(server, verb, one.approval_id, *note, said=token("bob"))
    assert (done.exit_code, "a vote needs a reason" in done.stderr) == (2, True)
    assert store.get(one.approval_id).votes == ()


def test_open_with_an_id_needs_a_server(server, store):
    done = invoked(server, "open", opened(store).approval_id, said=token("bob"))
    assert (done.exit_code, "an ID needs --server" in done.stderr) == (2, True)


def test_an_id_that_is_too_short_says_so(run, store):
    one = opened(store)
    with pytest.raises(ControlError, match="at least 8 characters") as caught:
        run("approvals", "show", one.approval_id[-7:])
    assert exit_status(caught.value) is ExitStatus.NOT_FOUND
    assert one.approval_id in run("approvals", "show", one.approval_id[-8:])


def test_a_callers_short_name_finds_nothing_and_says_why(run, store):
    opened(store)
    assert "ISSUER|SUBJECT" in run("approvals", "history", "--requester", "alice")
    assert "ISSUER|SUBJECT" not in run("approvals", "history", "--requester", "https://other|alice")


def test_the_glass_of_a_decided_approval_is_not_asked_for(server, store):
    one = opened(store, minimum=2, break_glass=("oncall",))
    store.vote(one.approval_id, vote(approve=False, at_ns=time.time_ns()), ("sre",))
    done = break_glass(server, one, "crm.delete_customer\n")
    assert (str(done.exception), done.stderr) == ("It is already denied", "")


def test_an_approved_ticket_is_good_until_the_server_says(run, store):
    one = opened(store)
    assert json.loads(run("approvals", "show", one.approval_id, "--json"))["usable_until"] is None
    store.vote(one.approval_id, vote(at_ns=time.time_ns()), ("sre",))
    shown = json.loads(run("approvals", "show", one.approval_id, "--json"))
    assert shown["usable_until"] == shown["expires"]
    assert "bob approved: ticket 42" in run("approvals", "history")
