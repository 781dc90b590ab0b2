"""The steps of the story over HTTP. Each does one thing with real traffic, and returns what it proved."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from extproc.demo.console_visit import approve_in_browser, browser_there
from extproc.demo.sample_data import CUSTOMERS, SENSITIVE_FIELDS
from extproc.demo.stage import Stage, expect, problem_of, until

Proof = list[str]
"""Sentences that the step has proved."""
CUSTOMER = CUSTOMERS["1001"]
HELD_WITHIN_S = 15.0
"""Seconds in which a held call must appear among the approvals."""


def refused_without_token(stage: Stage) -> Proof:
    """An agent without a token is refused."""
    before = len(stage.arrivals("crm"))
    response = stage.call(None, "GET", "/customers/1001")
    expect(response.status_code == httpx.codes.UNAUTHORIZED, "401", response.status_code)
    reason = problem_of(response)["reason"]
    expect(reason == "unauthenticated", "reason unauthenticated", reason)
    _nothing_arrived(stage, before)
    return ["401, and nothing was forwarded"]


def masked_read(stage: Stage) -> Proof:
    """An allowed read is answered, with its sensitive fields masked."""
    response = stage.call("maya", "GET", "/customers/1001")
    expect(response.status_code == httpx.codes.OK, "200", response.status_code)
    given: dict[str, Any] = response.json()
    for name, value in CUSTOMER.items():
        if name not in SENSITIVE_FIELDS:
            expect(given.get(name) == value, f"{name} untouched", given.get(name))
        else:
            expect(given.get(name) not in (value, None, ""), f"{name} masked", "its value, or nothing")
            expect(str(value) not in response.text, f"{name} nowhere in the answer", "its value")
    return [f"{', '.join(SENSITIVE_FIELDS)} are masked; all other fields are the backend's"]


def out_of_scope(stage: Stage) -> Proof:
    """A call outside the caller's scope is denied, with a reason."""
    before = len(stage.arrivals("crm"))
    response = stage.call("maya", "DELETE", "/customers/1001")
    _denied(response, "not-in-scope")
    _nothing_arrived(stage, before)
    return ["denied with reason not-in-scope; nothing reached the backend"]


def forbidden_argument(stage: Stage) -> Proof:
    """A forbidden argument (a destructive statement) is blocked."""
    allowed = stage.call("maya", "POST", "/query", body=b'{"statement": "SELECT id, plan, email FROM customers"}')
    expect(allowed.status_code == httpx.codes.OK, "a reading statement to pass", allowed.status_code)
    expect(CUSTOMER["email"] not in allowed.text, "addresses in rows masked", "an address")
    before = len(stage.arrivals("crm"))
    blocked = stage.call("maya", "POST", "/query", body=b'{"statement": "SELECT 1; DROP TABLE customers"}')
    _denied(blocked, "forbidden-argument")
    _nothing_arrived(stage, before)
    return ["of the same function, a statement that reads is allowed, and one that destroys is denied"]


def approved_release(stage: Stage) -> Proof:
    """A high-risk call is held, shown masked, approved by another person, and forwarded byte for byte."""
    body = (
        '{"service":  "billing", "version": 2.10, "environment": "production",\n'
        f'  "note": "rotate {stage.api_key} afterwards"}}'
    ).encode()
    before = len(stage.arrivals("crm"))
    with _calling(stage, "omar", "/deployments", body) as call:
        approval_id = _held(stage, "crm.deploy", call)["approval_id"]
        _preview_is_masked(stage, approval_id)
        own = stage.command("approvals", "approve", approval_id, "--note", "looks fine to me", who="omar-himself")
        expect(own.returncode != 0, "nobody to approve their own call", own.stdout)
        _nothing_arrived(stage, before)
        where = _approved_by_noor(stage, approval_id, "change 4711, agreed on the phone")
        response = call.result()
    expect(response.status_code == httpx.codes.CREATED, "201", response.status_code)
    arrived = stage.arrivals("crm")[before:]
    expect(len(arrived) == 1, "one request at the backend", len(arrived))
    expect(arrived[0].body == body, "exactly the approved bytes at the backend", "others")
    return [
        f"held until noor approved {where}; omar, of the same group, could not approve his own call",
        "the preview showed the place of the secret key, never the key",
        f"the backend received exactly the {len(body)} approved bytes, odd spacing and 2.10 included",
    ]


def _approved_by_noor(stage: Stage, approval_id: str, note: str) -> str:
    """Approve in the console's page where a browser is there, and on the command line elsewhere; return where."""
    browser = browser_there()
    if browser:
        approve_in_browser(stage, browser, approval_id, note)
        return "in the console"
    done = stage.command("approvals", "approve", approval_id, "--note", note, who="noor")
    expect(done.returncode == 0, "noor's approval to count", done.stderr or done.stdout)
    return "on the command line"


def _preview_is_masked(stage: Stage, approval_id: str) -> None:
    queue = stage.command("approvals", "list").stdout
    shown = stage.command("approvals", "show", approval_id).stdout
    expect(approval_id in queue, "the call in the queue", queue)
    expect(stage.api_key not in queue + shown, "a masked preview", "the key")
    expect("[STRIPE_KEY]" in shown, "the key's place marked in the preview", shown)


def refused_by_approver(stage: Stage) -> Proof:
    """A held call is refused by an approver."""
    before = len(stage.arrivals("crm"))
    body = b'{"customer": "1002", "amount": 900, "note": "goodwill"}'
    with _calling(stage, "maya", "/refunds", body) as call:
        approval = _held(stage, "crm.issue_refund", call)
        done = stage.command("approvals", "deny", approval["approval_id"], "--note", "no ticket", who="noor")
        expect(done.returncode == 0, "noor's refusal to count", done.stderr or done.stdout)
        response = call.result()
    _denied(response, "approval-denied")
    _nothing_arrived(stage, before)
    return ["the caller was told that an approver refused; nothing was forwarded"]


def own_credentials(stage: Stage) -> Proof:
    """The backends received their own credentials, and never the caller's token."""
    proof = []
    for backend in ("crm", "docs"):
        arrived = stage.arrivals(backend)
        own = f"Bearer {stage.installation.credential(backend)}"
        expect(bool(arrived), f"requests at {backend}", "none")
        for one in arrived:
            shown = [value for name, value in one.headers if name == "authorization"]
            expect(shown == [own], f"{backend}'s own credential, alone", f"{len(shown)} others on {one.path}")
            expect(not one.carries_a_token, f"no token at {backend}", f"one on {one.path}")
            for name, token in stage.tokens.items():
                hidden = token.encode() in one.body or any(token in value for _, value in one.headers)
                expect(not hidden, f"{name}'s token nowhere at {backend}", f"it on {one.path}")
        proof.append(
            f"{backend}: all {len(arrived)} requests came with ...{own[-4:]} and without any caller's token"
        )
    answer = stage.call("maya", "GET", "/whoami").json()
    expect(answer["caller_token_seen"] is False, "crm to have seen no token", answer)
    return proof


def recorded_session(stage: Stage) -> Proof:
    """The recorded session is read from ClickHouse, by a query and as a timeline."""
    calls = f"calls WHERE session = '{stage.session}' AND subject != ''"
    count = f"SELECT count() AS calls FROM {calls} AND finished"  # noqa: S608 - our own session id
    until(lambda: _rows(stage, count)[0]["calls"] >= CALLS, f"{CALLS} recorded calls", within_s=20)
    columns = "function, subject, action, reason, status"
    sql = f"SELECT {columns}, count() AS calls FROM {calls} GROUP BY {columns} ORDER BY min(started)"  # noqa: S608 - as above
    shown = stage.command("query", sql)
    expect(shown.returncode == 0, "the query to run", shown.stderr)
    missing = RECORDED - {(row["function"], row["reason"]) for row in _rows(stage, sql)}
    expect(not missing, "each call of the story recorded with its reason", f"none of {sorted(missing)}")
    return [f"{CALLS} calls, refused ones included, with caller, function, reason and outcome", *_timeline(stage)]


CALLS = 7
"""The calls of the session ``stage.session`` before the query: those of steps 2 to 6, and one of step 8."""
RECORDED = {
    ("crm.get_customer", "policy-allowed"),
    ("crm.delete_customer", "not-in-scope"),
    ("crm.run_query", "policy-allowed"),
    ("crm.run_query", "forbidden-argument"),
    ("crm.deploy", "approved"),
    ("crm.issue_refund", "approval-denied"),
    ("crm.whoami", "policy-allowed"),
}


def _timeline(stage: Stage) -> Proof:
    calls = f"session_calls WHERE session = '{stage.session}' AND subject = 'maya'"
    (session_id,) = (row["session_id"] for row in _rows(stage, f"SELECT DISTINCT session_id FROM {calls}"))  # noqa: S608 - as above
    listed = stage.command("sessions", "list", show=False)
    expect(session_id in listed.stdout, "the session listed", listed.stdout or listed.stderr)
    shown = stage.command("sessions", "show", session_id)
    expect(shown.returncode == 0, "a timeline", shown.stderr)
    for function in ("crm.get_customer", "crm.delete_customer", "crm.run_query", "crm.issue_refund"):
        expect(function in shown.stdout, f"{function} on the timeline", shown.stdout)
    return ["the timeline shows maya's calls in order"]


def _rows(stage: Stage, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stage.command_json("query", sql, "--format", "json")
    return rows


@contextmanager
def _calling(stage: Stage, who: str, path: str, body: bytes) -> "Iterator[Future[httpx.Response]]":
    """Run a call in a thread, since it will be held. A step that fails does not wait for it."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool.submit(stage.call, who, "POST", path, body=body)
    finally:
        pool.shutdown(wait=False)


def _held(stage: Stage, function: str, call: "Future[httpx.Response]") -> dict[str, Any]:
    """Wait until the call is among the approvals, and return its approval."""

    def pending() -> dict[str, Any] | None:
        if call.done():
            expect(False, f"{function} held", f"an answer, {call.result().status_code}")
        listed = stage.command_json("approvals", "list", "--json", who="noor")
        return next((one for one in listed if one["function"] == function and one["state"] == "pending"), None)

    approval: dict[str, Any] = until(pending, f"{function} in the queue", within_s=HELD_WITHIN_S)
    expect(
        bool(re.fullmatch(r"[0-9a-f-]{36}", approval["approval_id"])), "an approval id", approval["approval_id"]
    )
    return approval


def _denied(response: httpx.Response, reason: str) -> None:
    expect(response.status_code == httpx.codes.FORBIDDEN, "403", response.status_code)
    document = problem_of(response)
    expect(document["reason"] == reason, f"reason {reason}", document["reason"])
    expect(bool(document.get("call_id")), "a call_id to ask about", json.dumps(dict(document)))


def _nothing_arrived(stage: Stage, before: int) -> None:
    arrived = len(stage.arrivals("crm")) - before
    expect(arrived == 0, "nothing at the backend", f"{arrived} requests")
