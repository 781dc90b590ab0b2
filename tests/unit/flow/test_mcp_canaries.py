"""Values planted in every string of every message of MCP: they come out at the protocol's own places alone.

Each message is made from the published schema of its version, and goes through a whole call, in both directions. The
record has the values nowhere.
"""

import base64
import binascii
import json
import re

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends
from tests.unit.flow.mcp_messages import RESULTS, VERSIONS, Messages, Plant, places

pytestmark = pytest.mark.slow

ALLOW = {"action": "allow", "mask": {"request": [{"entity": "*", "how": "redact"}]}}
PLANTS = tuple(map(Plant, ("4111111111111111", "ada@example.org", "219-09-9999")))
TRACES = ("4111111111111111", "ada@", "ada%40", "09-9999")
SCHEMA = r"(?:inputSchema|outputSchema|requestedSchema)"
OWN = re.compile(
    r"\$\.id"
    r"|.*\._meta\.(?:progressToken|io\.modelcontextprotocol/subscriptionId"
    r"|io\.modelcontextprotocol/related-task\.taskId)"
    r"|\$\.params\.(?:cursor|requestState|taskId|requestId|progressToken|elicitationId|task\.taskId)"
    r"|\$\.result\.(?:nextCursor|requestState|taskId|task\.taskId|tasks\[\]\.taskId)"
    r"|\$\.result\.inputRequests\.\w+\.params\.elicitationId|\$\.error\.data\.elicitations\[\]\.elicitationId"
    r"|(?:\$\.params\.messages\[\]|\$\.result|\$\.result\.inputRequests\.\w+\.params\.messages\[\])"
    r"\.content(?:\[\])?\.(?:id|toolUseId)"
    rf"|.*\.{SCHEMA}(?:\.properties\.\w+)*(?:\.allOf\[\]\.anyOf\[\])?\.(?:default|enum(?:\[\])?|const|\$schema)"
    rf"|.*\.{SCHEMA}\.(?:properties\.KEY#|required\[\])"
    r"|\$\.(?:params\.inputResponses|result\.inputRequests)\.KEY#"
)
"""The places at which strings pass: see ``docs/reference/masking.md``."""
RELAXED = re.compile(r"\.allOf\[\]\.anyOf\[\]")
"""The place that a keyword of a relaxed output schema has, behind the one that it had."""
UNIQUE = {"tools": ["search"], "prompts": ["*"], "resources": ["**"], "methods": ["tasks/*"]}
CHANGES = {f"connections.docs.{key}": value for key, value in UNIQUE.items()}
CLIENTS = ("ClientRequest", "ClientNotification", "ClientResult")
ERRORS = ("JSONRPCError", "JSONRPCErrorResponse", "URLElicitationRequiredError", "UnsupportedProtocolVersionError")


def registered(message, version, *, rpc_id=None):
    """Give functions the names that are registered, and messages the envelope and version that they are of."""
    message = {"jsonrpc": "2.0", **({"id": rpc_id} if rpc_id else {}), **message}
    params, result = message.get("params") or {}, message.get("result") or {}
    if message.get("method") in {"tools/call", "prompts/get"}:
        params["name"] = "search"
    if "name" in params.get("ref", {}):
        params["ref"]["name"] = "search"
    if "resourceSubscriptions" in params.get("notifications", {}):
        params["notifications"]["resourceSubscriptions"] = ["crm:///x"]
    for each in result.get("tools", ()):
        each["name"] = "search"
    meta = params.get("_meta") or {}
    for holder, key in ((params, "protocolVersion"), (meta, "io.modelcontextprotocol/protocolVersion")):
        if key in holder:
            holder[key] = version
    return message


def seen(text):
    """A string with what it spells in Base64."""
    try:
        return text + base64.b64decode(text, validate=True).decode("utf-16")
    except (binascii.Error, ValueError):
        return text


def has_value(text):
    return any(trace in seen(text) for trace in TRACES)


def check(came, went):
    """Values that were planted went on at the protocol's own places, and at no other ones."""
    before, after = dict.fromkeys(places(came, has_value)), dict.fromkeys(places(went, has_value))
    after |= {(RELAXED.sub("", path), text): None for path, text in after}
    left = {path for path, text in after if has_value(text)}
    assert sorted(path for path in left if not OWN.fullmatch(path)) == []
    assert sorted(path for path, text in before if OWN.fullmatch(path) and (path, text) not in after) == []


def check_record(services):
    kept = repr(services.recorder.entries)
    runs = re.findall(r"[A-Za-z0-9+/]{15,}={0,2}", kept)
    assert [trace for trace in TRACES if any(trace in each for each in map(seen, [kept, *runs]))] == []


def enveloped(name, value, plant, of="result"):
    """A result or an error as a message."""
    return {"jsonrpc": "2.0", "id": plant.text, of: value}


async def request(services, message):
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    body = json.dumps(message).encode()
    return await play(services, head, sends(body), answers(202), returns(b""))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.value)
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_client_sends(tmp_path, version, plant):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=CHANGES)
    messages = Messages(version, plant)
    forwarded = set()
    for group in CLIENTS:
        for name, value in messages.of(group):
            made = enveloped(name, value, plant) if group == "ClientResult" else value
            made = registered(made, version, rpc_id=plant.text if group == "ClientRequest" else None)
            peer = await request(services, made)
            if peer.is_forwarded:
                forwarded.add(name)
                check(made, json.loads(peer.upstream_body))
    assert {name for group in CLIENTS for name in messages.names(group)} - forwarded == set()
    check_record(services)


async def response(services, method, message, *, is_stream):
    params = {"name": "search", "uri": "crm:///x", "ref": {"type": "ref/prompt", "name": "x"}, "taskId": "t"}
    params["argument"] = {"name": "a", "value": ""}
    taken = {
        "tools/call": ("name",),
        "prompts/get": ("name",),
        "resources/read": ("uri",),
        "completion/complete": ("ref", "argument"),
    }.get(method, ("taskId",) if method.startswith("tasks/") else ())
    rpc_id = 1 if "method" in message else message.get("id", 1)  # an answer to another call does not pass
    asked = {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": {key: params[key] for key in taken}}
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    body, content_type = json.dumps(message).encode(), "application/json"
    if is_stream:
        body, content_type = b"event: message\ndata: " + body + b"\n\n", "text/event-stream"
    said = answers(content_type=content_type), returns(body)
    peer = await play(services, head, sends(json.dumps(asked).encode()), *said)
    assert peer.refusals == [], peer.refusals
    return json.loads(peer.delivered.split(b"data: ")[1] if is_stream else peer.delivered)


def from_server(messages, plant):
    """Yield each message of a server with a method that it may answer."""
    for name, value in messages.of("ServerRequest"):
        yield name, "tools/call", {"id": plant.text, **value}
    for name, value in messages.of("ServerNotification"):
        yield name, "tools/call", value
    for name, value in messages.of("ServerResult"):
        for method in RESULTS[name]:
            yield name, method, enveloped(name, value, plant)
    for group in ERRORS:
        for name, value in messages.of(group):
            yield name, "tools/call", value


@pytest.mark.parametrize("is_stream", [False, True], ids=["json", "events"])
@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.value)
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_server_sends(tmp_path, version, plant, is_stream):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=CHANGES)
    messages = Messages(version, plant)
    for _, method, value in from_server(messages, plant):
        made = registered(value, version)
        check(made, await response(services, method, made, is_stream=is_stream))
    check_record(services)


async def test_a_plan_without_masks_lets_the_values_through(tmp_path):
    """The check sees what is not masked: only so does finding nothing mean anything."""
    changes = {**CHANGES, "connections.docs.masking": {"response": []}}
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}), changes=changes)
    made = enveloped("", {"content": [{"type": "text", "text": PLANTS[0].text}]}, PLANTS[0])
    went = await response(services, "tools/call", made, is_stream=False)
    with pytest.raises(AssertionError):
        check(made, went)
    check_record(services)
