"""MCP's own values pass through a whole call, and the record has none of them."""

import base64
import json

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

ALLOW = {"action": "allow", "mask": {"request": [{"entity": "*", "how": "redact"}]}}
CARD, MAIL = "4111111111111111", "alice@example.com"
NUMBER = int(CARD)
TEXT = f"Ärger: {CARD}"
BLOB = base64.b64encode(b"\xff\xfe" + TEXT.encode("utf-16-le")).decode()
EVENTS = "text/event-stream"
OF_PROMPT = {"ref": {"type": "ref/prompt", "name": "192.0.2.7"}, "argument": {"name": "a", "value": ""}}


def message(method, params, rpc_id=NUMBER):
    return {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params}


def answer(result, rpc_id=NUMBER):
    return {"jsonrpc": "2.0", "id": rpc_id, "result": result}


async def called(tmp_path, asked, *responses, content_type="application/json", changes=None, **fields):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json", **fields)
    ends = [*([False] * (len(responses) - 1)), True]
    said = [sends(json.dumps(asked).encode()), answers(content_type=content_type)]
    peer = await play(
        services, head, *said, *(returns(each, end=end) for each, end in zip(responses, ends, strict=True))
    )
    return services, peer


async def test_the_id_of_a_call_is_that_of_its_answer(tmp_path):
    asked = message("tools/call", {"name": "search", "arguments": {"q": CARD}, "_meta": {"progressToken": NUMBER}})
    sent = answer({"content": [{"type": "text", "text": CARD}], "_meta": {"progressToken": NUMBER}})
    services, peer = await called(tmp_path, asked, json.dumps(sent).encode())
    asked["params"]["arguments"]["q"] = sent["result"]["content"][0]["text"] = "[CREDIT_CARD]"
    assert json.loads(peer.upstream_body) == asked
    assert json.loads(peer.delivered) == sent
    assert [each["path"] for each in services.engine.asked[0]["findings"]] == ["$.params.arguments.q"]


async def test_policy_sees_strings_that_pass(tmp_path):
    asked = message("tools/list", {"cursor": CARD}, 1)
    services, peer = await called(tmp_path, asked, json.dumps(answer({"tools": []}, 1)).encode())
    assert json.loads(peer.upstream_body) == asked
    assert [each["path"] for each in services.engine.asked[0]["findings"]] == ["$.params.cursor"]


async def test_a_streams_position_goes_back_as_it_came(tmp_path):
    """Its caller holds it sealed."""
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    asked = message("tools/call", {"name": "search", "arguments": {}})
    event = f"id: {MAIL} {CARD}\nretry: 5000\ndata: {json.dumps(answer({'content': []}))}\n\n".encode()
    post = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    called = await play(
        services, post, sends(json.dumps(asked).encode()), answers(content_type=EVENTS), returns(event)
    )
    sealed, rest = called.delivered.removeprefix(b"id: ").split(b"\n", 1)
    assert rest == event.split(b"\n", 1)[1]
    get = asks("GET", "/mcp", "docs.internal", last_event_id=sealed.decode(), accept=EVENTS)
    peer = await play(services, get, answers(content_type=EVENTS), returns(event))
    assert peer.upstream_headers["last-event-id"] == f"{MAIL} {CARD}".encode()
    assert MAIL not in repr(services.recorder.entries)
    assert CARD not in repr(services.recorder.entries)


@pytest.mark.parametrize("cut", [1, 10, 10_000])
async def test_blobs_are_masked_in_streams_and_not_recorded(tmp_path, cut):
    picture = base64.b64encode(bytes(range(256))).decode()
    content = [
        {"type": "resource", "resource": {"uri": f"crm:///{MAIL}", "blob": BLOB}},
        {"type": "image", "mimeType": "image/png", "data": picture},
    ]
    raw = b"event: message\ndata: " + json.dumps(answer({"content": content})).encode() + b"\n\n"
    asked = message("tools/call", {"name": "search", "arguments": {}})
    pieces = [raw[at : at + cut] for at in range(0, len(raw), cut)]
    services, peer = await called(tmp_path, asked, *pieces, content_type=EVENTS)
    sent = json.loads(peer.delivered.split(b"data: ")[1])["result"]["content"]
    assert sent[0]["resource"]["uri"] == "crm:///%5BEMAIL_ADDRESS%5D"
    assert base64.b64decode(sent[0]["resource"]["blob"]).decode("utf-16") == "Ärger: [CREDIT_CARD]"
    assert sent[1]["data"] == picture
    kept = repr(services.recorder.entries)
    assert "(256 bytes, sha256:" in kept
    assert not [each for each in (picture, BLOB, sent[0]["resource"]["blob"], CARD) if each in kept]


async def test_an_answer_to_the_server_is_recorded_without_its_picture(tmp_path):
    picture = base64.b64encode(bytes(range(256))).decode()
    content = {"type": "image", "mimeType": "image/png", "data": picture}
    asked = answer({"role": "assistant", "model": "m", "content": content}, CARD)
    services, peer = await called(tmp_path, asked, b"")
    assert json.loads(peer.upstream_body) == asked
    assert picture not in repr(services.recorder.entries)
    assert "(256 bytes, sha256:" in repr(services.recorder.entries)


async def test_listed_output_schemas_accept_masks(tmp_path):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    sent = answer({"tools": [{"name": "search", "outputSchema": schema}], "nextCursor": CARD})
    services, peer = await called(tmp_path, message("tools/list", {}), json.dumps(sent).encode())
    schema["properties"]["n"]["type"] = ["integer", "string", "null"]
    assert json.loads(peer.delivered) == sent
    assert CARD not in repr(services.recorder.entries)


@pytest.mark.parametrize(
    ("setting", "pattern", "method", "params"),
    [
        ("tools", "x*", "tools/call", {"name": f"x.{CARD}"}),
        ("tools", "*", "tools/call", {"name": "192.0.2.7"}),
        ("prompts", "*", "prompts/get", {"name": f"of {MAIL}"}),
        ("methods", "x/*", f"x/{CARD}", {}),
    ],
)
async def test_a_name_within_a_pattern_holds_no_entity(tmp_path, setting, pattern, method, params):
    """Names are stored and shown as they are."""
    changes = {f"connections.docs.{setting}": [pattern, "search"]}
    services, peer = await called(tmp_path, message(method, params, 1), b"", changes=changes)
    assert peer.refusal.reason == "unknown-function"
    kept = repr(services.recorder.entries)
    assert not [each for each in (CARD, MAIL, "192.0.2.7") if each in kept]
    assert "'docs." in kept


@pytest.mark.parametrize(
    ("setting", "method", "params"),
    [
        ("tools", "tools/call", {"name": "192.0.2.7", "arguments": {}}),
        ("prompts", "prompts/get", {"name": "192.0.2.7"}),
        ("prompts", "completion/complete", OF_PROMPT),
        ("methods", "192.0.2.7", {}),
    ],
)
async def test_a_name_that_is_registered_whole_is_the_operators(tmp_path, setting, method, params):
    changes = {f"connections.docs.{setting}": ["192.0.2.7"]}
    asked = message(method, params, 1)
    _, peer = await called(tmp_path, asked, json.dumps(answer({}, 1)).encode(), changes=changes)
    assert json.loads(peer.upstream_body) == asked


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("notifications/cancelled", {"requestId": NUMBER}),
        ("notifications/progress", {"progressToken": NUMBER, "progress": NUMBER, "total": NUMBER}),
        ("tools/call", {"name": "search", "inputResponses": {MAIL: {"action": "cancel"}}}),
    ],
)
async def test_arguments_are_recorded_without_what_passes(tmp_path, method, params):
    asked = message(method, params)
    if method.startswith("notifications/"):
        del asked["id"]
    services, peer = await called(tmp_path, asked, b"")
    assert json.loads(peer.upstream_body) == asked
    assert services.recorder.entries
    kept = repr(services.recorder.entries)
    assert not [each for each in (CARD, MAIL) if each in kept]


@pytest.mark.parametrize("content_type", ["application/json", EVENTS])
async def test_a_name_of_a_property_passes_and_is_not_recorded(tmp_path, content_type):
    asked = message("elicitation/create", {"message": "x", "requestedSchema": {"properties": {MAIL: {}}}}, 1)
    raw = json.dumps(asked).encode()
    raw = raw if content_type != EVENTS else b"data: " + raw + b"\n\n"
    call = message("tools/call", {"name": "search", "arguments": {}}, 1)
    services, peer = await called(tmp_path, call, raw, content_type=content_type)
    assert peer.delivered == raw
    assert MAIL not in repr(services.recorder.entries)


@pytest.mark.parametrize("value", ["219-09-9999", CARD, f"{CARD}\n", CARD * 5 + "\n" + CARD + "\n" * 9])
@pytest.mark.parametrize("key", ["data", "blob"])
async def test_a_value_that_can_be_decoded_is_searched_as_it_is_written(tmp_path, key, value):
    block = {"type": "image", "data": value, "mimeType": "image/png"}
    if key == "blob":
        block = {"type": "resource", "resource": {"uri": "a:b", "blob": value, "mimeType": "image/png"}}
    asked = message("tools/call", {"name": "search", "arguments": {}}, 1)
    services, peer = await called(tmp_path, asked, json.dumps(answer({"content": [block]}, 1)).encode())
    assert value.split()[0] not in peer.delivered.decode()
    assert value.split()[0] not in services.recorder.last.response
    sent = json.loads(peer.delivered)["result"]["content"][0]
    spelled = sent.get("data") or sent["resource"]["blob"]
    assert base64.urlsafe_b64decode(spelled + "=" * (-len(spelled) % 4)).startswith(b"[")
