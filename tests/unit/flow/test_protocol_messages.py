"""Which MCP messages pass under the starter policies where no role names them: none that reads or runs something."""

import json
from dataclasses import replace

import pytest

from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.protocols.mcp.methods import PROTOCOL_MESSAGES, REQUESTS_OF_SERVERS, UNREADABLE
from tests.unit.flow.dialogue import answers, asks, make_services, play, returns, sends

QUERY = "data.extproc.decision"
SSN = "536-22-1847"
REQUESTS = {
    "initialize", "ping", "logging/setLevel", "completion/complete", "prompts/get", "prompts/list", "resources/list",
    "resources/read", "resources/templates/list", "resources/subscribe", "resources/unsubscribe", "tools/call",
    "tools/list", "tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "server/discover", "subscriptions/listen",
}  # fmt: skip
"""``ClientRequest`` in schema.ts of MCP 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28."""
NOTIFICATIONS = {
    "notifications/cancelled", "notifications/initialized", "notifications/progress",
    "notifications/roots/list_changed", "notifications/tasks/status",
}  # fmt: skip
"""``ClientNotification`` of the same."""
OF_THE_SERVER = {
    "sampling/createMessage", "roots/list", "elicitation/create", "notifications/message",
    "notifications/elicitation/complete", "notifications/prompts/list_changed", "notifications/resources/updated",
    "notifications/resources/list_changed", "notifications/tools/list_changed",
    "notifications/subscriptions/acknowledged",
}  # fmt: skip
"""``ServerRequest`` and ``ServerNotification``: not for a client to send."""
WITHOUT_FUNCTION = {
    "initialize", "ping", "logging/setLevel", "tools/list", "server/discover", "subscriptions/listen", *NOTIFICATIONS,
    "prompts/list", "resources/list", "resources/templates/list",
}  # fmt: skip
UNKNOWN = {
    "tools/run",
    "prompts/run",
    "resources/write",
    "notifications/new",
    "x/y",
    "response",
    "stream",
    "Ping",
    "",
}
EVERYTHING = {"tools": ["search", "publish"], "prompts": ["*"], "resources": ["**"], "methods": ["*"]}
LISTEN = {"notifications": {"toolsListChanged": True}}
CALL = {"name": "publish", "arguments": {}}
READ = {"taskId": "1"}
RESOURCE = {"uri": "file:///a"}
PARAMS = {
    "tools/call": CALL, "prompts/get": {"name": "a"}, "subscriptions/listen": LISTEN, "resources/read": RESOURCE,
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "a"}, "argument": {"name": "x", "value": "y"}},
    "resources/subscribe": RESOURCE, "resources/unsubscribe": RESOURCE,
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled():
    """The starter policies, compiled once for each data."""
    known = {}

    def make(**guard):
        key = json.dumps(guard, sort_keys=True)
        if key not in known:
            roles = {"support": {"functions": ["docs.search"]}}
            sources = replace(read_sources([], [], QUERY), data={"guard": {"roles": roles, **guard}})
            known[key] = EmbeddedEngine.from_sources(sources)
        return known[key]

    return make


@pytest.fixture
def docs(tmp_path, compiled):
    """Services whose caller may call ``docs.search``, and under ``docs`` what the test changes of the guard's data."""

    def make(changes=None, **guard):
        registered = {f"connections.docs.{key}": names for key, names in EVERYTHING.items()}
        return make_services(tmp_path, engine=compiled(**guard), changes={**registered, **(changes or {})})

    return make


async def sent(services, message, metadata=None):
    head = asks("POST", "/mcp", "docs.internal", metadata=metadata, content_type="application/json")
    body = json.dumps(message).encode()
    if "method" not in message or "id" not in message:
        return await play(services, head, sends(body), answers(202), returns(b""))
    return await play(services, head, sends(body), answers(200), returns(b'{"jsonrpc":"2.0","id":7,"result":{}}'))


def method(name, params=None):
    with_id = {"id": 7} if not name.startswith("notifications/") else {}
    usual = PARAMS.get(name, READ)
    return {"jsonrpc": "2.0", **with_id, "method": name, "params": params or usual}


def answer(**content):
    return {"jsonrpc": "2.0", "id": 5, "result": {"action": "accept", "content": content}}


async def passing(services, names):
    return {name for name in names if (await sent(services, method(name))).is_forwarded}


async def test_only_messages_without_a_function_pass(docs):
    """The tool that they name, ``publish``, is one that the caller may not call."""
    everything = REQUESTS | NOTIFICATIONS | OF_THE_SERVER | UNKNOWN
    assert await passing(docs(), everything) == WITHOUT_FUNCTION


async def test_a_function_that_a_role_grants_passes(docs):
    assert (await sent(docs(), method("tools/call", {"name": "search", "arguments": {}}))).is_forwarded


async def test_the_policies_list_the_protocols_messages():
    """So a message that is added to one of the two lists alone is found."""
    sources = replace(read_sources([], [], "data.extproc.protocol_messages.names"), data={"guard": {"roles": {}}})
    assert set(EmbeddedEngine.from_sources(sources).evaluate_now(b"{}")) == (
        PROTOCOL_MESSAGES | REQUESTS_OF_SERVERS
    ) - {UNREADABLE}


@pytest.mark.parametrize(
    "message",
    [
        answer(note="x"),
        {"jsonrpc": "2.0", "id": 5, "result": {}},
        {"jsonrpc": "2.0", "id": "5", "result": {"roots": [{"uri": "file:///a"}]}},
        {"jsonrpc": "2.0", "id": 5, "result": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "x"}}},
        {"jsonrpc": "2.0", "id": 5, "error": {"code": -1, "message": "declined"}},
    ],
)  # fmt: skip
async def test_an_answer_to_the_server_passes_as_it_is(docs, message):
    """Of an elicitation, a ping, roots, sampling; and an error."""
    services = docs()
    peer = await sent(services, message)
    assert json.loads(peer.upstream_body) == message
    last = services.recorder.last
    assert (last.kind.value, last.function, last.rule) == ("call.completed", "docs.response", "protocol-message")


async def test_whoever_may_call_nothing_answers_nothing(docs):
    services = docs(roles={"sre": {"functions": ["docs.*"]}, "support": {"functions": ["crm.*"]}})
    for message in (answer(note="x"), method("initialize"), method("ping")):
        assert not (await sent(services, message)).is_forwarded
        assert services.recorder.last.rule == "not-granted"


@pytest.mark.parametrize("name", sorted(WITHOUT_FUNCTION))
async def test_each_message_can_be_denied_by_name(docs, name):
    services = docs(protocol_messages={"denied": [f"docs.{name}"]})
    assert not (await sent(services, method(name))).is_forwarded
    assert services.recorder.last.rule == "protocol-message-denied"
    assert (await sent(services, answer(note="x"))).is_forwarded


async def test_answers_can_be_denied_by_name(docs):
    services = docs(protocol_messages={"denied": ["docs.response"]}, roles={"support": {"functions": ["docs.*"]}})
    assert not (await sent(services, answer(note="x"))).is_forwarded
    assert services.recorder.last.rule == "protocol-message-denied"


async def test_listening_for_changes_of_resources_needs_a_role(docs):
    asked = method("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["file:///secret/a"]}})
    registered = {"connections.docs.resources": ["file:///secret/**"]}
    assert not (await sent(docs(registered), asked)).is_forwarded
    granted = {"support": {"functions": ["docs.search", "docs.subscriptions/listen"]}}
    assert (await sent(docs(registered, roles=granted), asked)).is_forwarded
    services = docs({"connections.docs.resources": ["file:///public/**"]}, roles=granted)
    assert not (await sent(services, asked)).is_forwarded
    assert services.recorder.last.reason == "unknown-function"


MASKING = "connections.docs.masking"


@pytest.mark.parametrize("masked", [[{"entity": "US_SSN"}], [{"path": "$.note"}]])
async def test_an_answer_is_masked_by_its_connection(docs, masked):
    peer = await sent(docs({MASKING: {"request": masked}}), answer(note=f"it is {SSN}", other="x"))
    sent_on = json.loads(peer.upstream_body)["result"]
    assert SSN not in str(sent_on)
    assert (sent_on["action"], sent_on["content"]["other"]) == ("accept", "x")


@pytest.mark.parametrize("rule", [{"entity": "US_SSN"}, {"path": "$.note"}])
@pytest.mark.parametrize("function", ["docs.publish", "docs.response", "docs.*", "*"])
async def test_an_answer_is_masked_for_each_function_that_it_may_be_for(docs, rule, function):
    peer = await sent(docs(masks=[{"functions": [function], "request": [rule]}]), answer(note=f"it is {SSN}"))
    assert SSN not in peer.upstream_body.decode()
    assert json.loads(peer.upstream_body)["result"]["action"] == "accept"


@pytest.mark.parametrize("name", ["notifications/progress", "notifications/tasks/status"])
async def test_a_notice_about_a_request_of_the_server_is_masked_as_its_answer(docs, name):
    services = docs(masks=[{"functions": ["docs.publish"], "request": [{"entity": "US_SSN"}]}])
    text = {"message": f"read {SSN}", "statusMessage": f"read {SSN}"}
    peer = await sent(services, method(name, {"progressToken": 7, "progress": 1, **text}))
    assert json.loads(peer.upstream_body)["params"]["progressToken"] == 7
    assert SSN not in peer.upstream_body.decode()


async def test_in_allow_list_mode_only_what_is_declared_of_an_answer_passes(docs):
    peer = await sent(docs({MASKING: {"declared": {"request": ["$.note"]}}}), answer(note="kept", other="secret"))
    sent_on = json.loads(peer.upstream_body)["result"]
    assert (sent_on["action"], sent_on["content"]["note"]) == ("accept", "kept")
    assert "secret" not in peer.upstream_body.decode()
    error = {"jsonrpc": "2.0", "id": 5, "error": {"code": -1, "message": "m", "data": {"x": "secret"}}}
    assert (
        "secret"
        not in (await sent(docs({MASKING: {"declared": {"request": ["$.note"]}}}), error)).upstream_body.decode()
    )


async def test_the_record_of_an_answer_holds_no_value(docs):
    services = docs()
    await sent(services, answer(note=f"it is {SSN}"))
    last = services.recorder.last
    assert "it is [US_SSN]" in last.arguments
    assert SSN not in repr(services.recorder.entries)
    assert {finding.entity for finding in last.findings} == {"US_SSN"}


@pytest.mark.parametrize(("most", "passes"), [(2, False), (3, True)])
async def test_a_condition_that_names_answers_applies_to_them(docs, most, passes):
    condition = {"rule": "small", "functions": ["docs.response"], "path": ["content", "amount"], "at_most": most}
    services = docs(arguments=[condition])
    assert (await sent(services, answer(amount=3))).is_forwarded is passes
    assert services.recorder.last.rule == ("granted" if passes else "small")
