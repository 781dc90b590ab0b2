"""A call that waits for approval: what the client and its model are told."""

import json
from dataclasses import replace

import pytest

from extproc.model.pending_approval import PendingApproval
from extproc.protocols.mcp.repeats import QUESTION
from tests.unit.protocols.mcp.test_protocol import post, protocol, tool

URL = "https://approve.test/approvals/a1"
PENDING = PendingApproval("a1", URL, 5, 1_000_000_000_000_000_000, "state-1")
EXPIRES = "2001-09-09T01:46:40Z"
VERSION = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
OPENS_PAGES = {**VERSION, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}, "url": {}}}}
PROMPTS = {"prompts": ["greet"], "resources": ["file:///docs/**"], "methods": ["tasks/*"]}


def request(method, meta=None, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, **({"_meta": meta} if meta else {})}}


def deploy(meta=None, **params):
    return request("tools/call", meta, name="deploy", arguments={"env": "live"}, **params)


def answer(document, pending=PENDING):
    reply = protocol(**PROMPTS).pending(post(document, **PROMPTS), "c1", pending)
    assert reply.status == 200
    assert dict(reply.headers) == {"content-type": "application/json", "cache-control": "no-store"}
    told = json.loads(reply.body)
    assert (told.pop("jsonrpc"), told.pop("id")) == ("2.0", document["id"])
    return told


def error(document):
    told = answer(document)
    assert list(told) == ["error"]
    assert told["error"]["code"] == -32010
    return told["error"]["data"]


def test_a_model_reads_in_a_tools_result_what_to_do():
    """It is an error, so that no client compares it with the output schema, and no model takes it for done."""
    result = answer(deploy())["result"]
    assert result["isError"] is True
    assert result["_meta"] == {
        "extproc/approval": {
            "reason": "approval-required",
            "call_id": "c1",
            "approval": "a1",
            "approval_url": URL,
            "expires": EXPIRES,
            "retry_after": 5,
        }
    }
    (block,) = result["content"]
    assert block["type"] == "text"
    for words in ("deploy", URL, EXPIRES, "5 seconds", "exactly the same arguments", "not made yet"):
        assert words in block["text"]
    assert result.keys() == {"content", "isError", "_meta"}
    assert "state-1" not in repr(result)


def test_without_pages_the_result_names_none():
    text = json.dumps(answer(deploy(), replace(PENDING, url="")))
    assert "http" not in text


def test_in_the_newer_era_a_result_says_its_type():
    assert answer(deploy(VERSION))["result"]["resultType"] == "complete"


@pytest.mark.parametrize(
    "document",
    [
        request("prompts/get", name="greet"),
        request("resources/read", uri="file:///docs/a"),
        request("completion/complete", ref={"type": "ref/prompt", "name": "greet"}, argument={"name": "a", "value": "b"}),
        request("tasks/get", taskId="t"),
        request("ping"),
        deploy(task={"ttl": 1}),
    ],
    ids=lambda each: each["method"],
)  # fmt: skip
def test_what_has_no_result_for_models_is_answered_with_an_error(document):
    data = error(document)
    assert "exactly the same arguments" in data.pop("detail")
    assert data == {
        "reason": "approval-required",
        "call_id": "c1",
        "status": 409,
        "approval": "a1",
        "approval_url": URL,
        "expires": EXPIRES,
        "retry_after": 5,
    }


@pytest.mark.parametrize(
    "document",
    [
        deploy(OPENS_PAGES),
        request("prompts/get", OPENS_PAGES, name="greet"),
        request("resources/read", OPENS_PAGES, uri="file:///docs/a"),
    ],
    ids=lambda each: each["method"],
)
def test_a_client_that_opens_pages_is_asked_to(document):
    result = answer(document)["result"]
    question = result["inputRequests"].pop(QUESTION)
    assert result == {"resultType": "input_required", "requestState": "state-1", "inputRequests": {}}
    assert question["method"] == "elicitation/create"
    assert question["params"].keys() == {"mode", "message", "url"}
    assert (question["params"]["mode"], question["params"]["url"]) == ("url", URL)


def test_it_is_asked_once_and_then_only_to_call_again():
    shown = replace(PENDING, was_shown=True)
    assert answer(deploy(VERSION), shown)["result"] == {"resultType": "input_required", "requestState": "state-1"}


@pytest.mark.parametrize(
    ("document", "pending"),
    [
        (deploy(VERSION), PENDING),
        (deploy({**VERSION, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}), PENDING),
        (deploy({**VERSION, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": None}}}), PENDING),
        (deploy(OPENS_PAGES), replace(PENDING, url="")),
        (deploy(OPENS_PAGES), replace(PENDING, state_token="")),
        (deploy(OPENS_PAGES), replace(PENDING, state_token="", was_shown=True)),
        (deploy({k: v for k, v in OPENS_PAGES.items() if k not in VERSION}), PENDING),
        (deploy(OPENS_PAGES, requestState="of the server"), PENDING),
        (deploy(OPENS_PAGES, inputResponses={"a": {}}), replace(PENDING, was_shown=True)),
    ],
)  # fmt: skip
def test_all_others_are_told_in_words(document, pending):
    """Also one that gives back a server's state, which it would lose: a client keeps the last one only."""
    assert answer(document, pending)["result"]["isError"] is True


def test_nobody_is_answered_who_awaits_nothing():
    call = post({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1}})
    assert protocol().pending(call, "c1", PENDING).body == b""


def test_a_request_without_an_id_that_can_be_read_gets_the_status():
    reply = protocol().pending(post(b"{"), "c1", PENDING)
    assert reply.status == 409


def test_a_ticket_for_a_resumed_answer_comes_in_a_stream():
    call = replace(post(tool()), method="GET", resumes="tools/call", document=None)
    reply = protocol().pending(call, "c1", PENDING)
    assert dict(reply.headers)["content-type"] == "text/event-stream"
    assert b'"reason":"approval-required"' in reply.body
