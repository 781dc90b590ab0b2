"""The protocol's own values pass at exactly their places; what is encoded stays encoded; records keep neither."""

import base64
import gzip
import json

import pytest

from extproc.model.call import Call
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from extproc.protocols.mcp.methods import RESPONSE, STREAM
from extproc.protocols.mcp.own_values import arguments_shape, shape
from tests.support.maskers import make_masker

MASKER = make_masker(event_limit=1 << 20)
JSON, SSE, LINES = "application/json", "text/event-stream", "application/x-ndjson"
CARD, MAIL = "4111111111111111", "alice@example.com"
NUMBER = int(CARD)
LABEL, MAIL_LABEL = "[CREDIT_CARD]", "[EMAIL_ADDRESS]"


def call(method="tools/call", name=""):
    return Call("c", "docs", name or method, "mcp", {}, "", method, 1)


def masked(document, *, method="tools/call", response=True, rules=MASK_EVERYTHING, recorded=False, name=""):
    made = shape(call(method, name), response=response)
    made = made.for_records() if recorded else made
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return MASKER.mask(text.encode(), JSON, rules, shape=made)


def body(document, **options):
    return json.loads(masked(document, **options).body)


def answer(result, rpc_id=1):
    return {"jsonrpc": "2.0", "id": rpc_id, "result": result}


def request(method, params, rpc_id=1):
    return {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params}


def coded(text, charset="utf-8", mark=b""):
    return base64.b64encode(mark + text.encode(charset)).decode()


def resource(blob, mime_type="text/plain"):
    return answer(
        {"content": [{"type": "resource", "resource": {"uri": "x:y", "mimeType": mime_type, "blob": blob}}]}
    )


def blob_of(document):
    return document["result"]["content"][0]["resource"]["blob"]


META = {
    "progressToken": CARD,
    "io.modelcontextprotocol/subscriptionId": CARD,
    "io.modelcontextprotocol/related-task": {"taskId": CARD},
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
}


@pytest.mark.parametrize(
    "message",
    [
        request(
            "tools/call", {"name": "search", "requestState": CARD, "task": {"ttl": 5, "taskId": CARD}}, NUMBER
        ),
        request("tools/call", {"name": "search", "_meta": META}, CARD),
        request("tools/list", {"cursor": CARD}),
        request("tasks/get", {"taskId": CARD}),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": NUMBER}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": CARD}},
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": NUMBER, "progress": NUMBER, "total": NUMBER},
        },
        answer({"roots": []}, NUMBER),
    ],
)
def test_a_clients_own_values_pass(message):
    assert body(message, method=message.get("method", ""), response=False) == message


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("tools/call", answer({"content": [], "_meta": META}, NUMBER)),
        ("tools/call", answer({"requestState": CARD, "resultType": "input_required"}, CARD)),
        ("tools/call", answer({"task": {"taskId": CARD, "status": "working"}})),
        ("tools/list", answer({"tools": [], "nextCursor": CARD})),
        ("resources/list", answer({"resources": [{"uri": "x:y", "size": NUMBER}], "nextCursor": CARD})),
        ("tools/call", request("elicitation/create", {"elicitationId": CARD}, NUMBER)),
        (
            "tools/call",
            {
                "jsonrpc": "2.0",
                "method": "notifications/progress",
                "params": {"progressToken": CARD, "progress": NUMBER},
            },
        ),
    ],
)
def test_a_servers_own_values_pass(method, message):
    assert body(message, method=method) == message


@pytest.mark.parametrize(
    "message",
    [
        answer({"structuredContent": {"id": NUMBER, "nextCursor": CARD, "requestState": CARD}}),
        answer({"content": [{"type": "text", "text": json.dumps(answer({"nextCursor": CARD}, NUMBER))}]}),
        answer({"nextCursor": CARD}),
        answer({"content": [], "id": NUMBER}),
        answer({"content": [{"type": CARD, "text": "x", "mimeType": f"text/{CARD}"}]}),
        answer({"content": [], "_meta": {"other": CARD, "id": NUMBER}}),
        {"jsonrpc": "2.0", "id": [NUMBER], "result": {}},
        {"jsonrpc": "2.0", "id": {"id": NUMBER}, "result": {}},
        {"jsonrpc": "2.0", "id": 4111111111111111.5, "result": {}},
        {"id": NUMBER, "result": {}},
        {"jsonrpc": "2.1", "id": NUMBER, "result": {}},
        {"jsonrpc": "2.0", "id": NUMBER, "result": {}, "more": 1},
        {"jsonrpc": "2.0", "id": NUMBER, "result": {}, "error": {"code": 1, "message": "x"}},
        {"jsonrpc": "2.0", "id": NUMBER, "method": 7},
        request("tools/call", {"requestState": CARD}),  # a client's message from the server
        request("notifications/message", {"data": {"id": NUMBER}, "progressToken": CARD}),
        [[answer({}, NUMBER)]],
        {"ID": NUMBER, "jsonrpc": "2.0", "result": {}},
    ],
)
def test_the_same_values_elsewhere_are_data(message):
    text = masked(message).body.decode()
    assert CARD not in text


@pytest.mark.parametrize(
    "message",
    [
        request(
            "tools/call", {"name": "search", "arguments": {"id": NUMBER, "requestState": CARD, "cursor": CARD}}
        ),
        request("tools/call", {"name": "search", "cursor": CARD}),
        request("tools/list", {"cursor": NUMBER}),
        request("tools/list", {"cursor": {"cursor": CARD}}),
        answer({"action": "accept", "content": {"id": CARD, "toolUseId": CARD, "url": CARD}}),
    ],
)
def test_a_clients_data_is_masked(message):
    assert CARD not in masked(message, method=message.get("method", ""), response=False).body.decode()


def test_messages_of_a_batch_have_places_of_their_own():
    batch = [answer({"structuredContent": {"id": NUMBER}}, NUMBER), answer({"content": []}, NUMBER)]
    assert body(batch) == [answer({"structuredContent": {"id": LABEL}}, NUMBER), batch[1]]


def test_a_stream_may_repeat_answers_to_any_call():
    message = answer({"tools": [], "nextCursor": CARD}, NUMBER)
    assert body(message, method="GET", name=STREAM) == message
    assert CARD not in masked(answer({"cursor": CARD}), method="GET", name=STREAM).body.decode()


def test_what_passes_is_found_and_policy_sees_the_strings_of_it():
    made = masked(answer({"tools": [], "nextCursor": CARD}, NUMBER), method="tools/list")
    assert [(each.path, each.is_masked, each.how) for each in made.findings] == [
        ("$.id", False, "exempt: a value of the protocol"),
        ("$.result.nextCursor", False, "exempt: a value of the protocol"),
    ]
    found = MASKER.find(
        json.dumps(answer({"nextCursor": CARD}, NUMBER)).encode(),
        JSON,
        shape=shape(call("tools/list"), response=True),
    )
    assert [(each.path, each.how) for each in found] == [("$.result.nextCursor", "")]


@pytest.mark.parametrize("how", [MaskOperator.REDACT, MaskOperator.PSEUDONYM])
def test_a_rule_for_the_path_masks_them(how):
    rules = (*MASK_EVERYTHING, MaskRule(how, path="$.result.nextCursor"), MaskRule(how, path="$.id"))
    text = masked(answer({"nextCursor": CARD}, NUMBER), method="tools/list", rules=rules).body.decode()
    assert CARD not in text


def test_in_records_they_are_masked():
    message = answer({"tools": [], "nextCursor": CARD, "_meta": META}, NUMBER)
    assert CARD not in masked(message, method="tools/list", recorded=True).body.decode()


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"https://example.com/{MAIL}",
    "type": "object",
    "description": f"see {MAIL}",
    "properties": {
        MAIL: {
            "type": ["string", "null"],
            "default": MAIL,
            "pattern": MAIL,
            "enum": [MAIL, {MAIL: MAIL}],
            "const": MAIL,
            "title": f"of {MAIL}",
            "examples": [MAIL],
            "minimum": NUMBER,
            "$ref": f"#/$defs/{MAIL}",
        }
    },
    "required": [MAIL],
    "dependentRequired": {MAIL: [MAIL]},
    "$defs": {MAIL: {"anyOf": [{"const": MAIL}, {"not": {"const": MAIL}}], "items": {"default": MAIL}}},
    "x-owner": MAIL,
}


@pytest.mark.parametrize("key", ["inputSchema", "outputSchema"])
def test_a_schemas_keywords_pass_and_its_texts_are_masked(key):
    sent = body(answer({"tools": [{"name": "t", key: SCHEMA}]}), method="tools/list")["result"]["tools"][0][key]
    expected = json.loads(json.dumps(SCHEMA))
    expected["description"] = f"see {MAIL_LABEL}"
    expected["properties"][MAIL] |= {"title": f"of {MAIL_LABEL}", "examples": [MAIL_LABEL]}
    expected["x-owner"] = MAIL_LABEL
    assert sent == expected


def test_a_keyword_with_a_value_of_another_type_is_data():
    schema = {"type": MAIL, "pattern": {"x": MAIL}, "required": {"x": MAIL}, "minimum": MAIL, "format": [MAIL]}
    assert MAIL not in masked(answer({"tools": [{"inputSchema": schema}]}), method="tools/list").body.decode()


def test_a_form_is_a_schema_and_the_texts_around_it_are_data():
    params = {"message": MAIL, "requestedSchema": {"type": "object", "properties": {"a": {"default": MAIL}}}}
    sent = body(request("elicitation/create", params))["params"]
    assert sent == {**params, "message": MAIL_LABEL}
    asked = answer({"inputRequests": {MAIL: {"method": "elicitation/create", "params": params}}})
    assert body(asked)["result"]["inputRequests"] == {
        MAIL: {"method": "elicitation/create", "params": {**params, "message": MAIL_LABEL}}
    }


@pytest.mark.parametrize(
    ("uri", "sent"),
    [
        (f"file:///home/{MAIL}/a.txt", "file:///home/%5BEMAIL_ADDRESS%5D/a.txt"),
        (f"crm://customers/{CARD}", "crm://customers/%5BCREDIT_CARD%5D"),
        (f"crm://{MAIL}/x", "crm://email-address.masked/x"),
        ("http://203.0.113.7:8080/x", "http://ip-address.masked:8080/x"),
        ("http://[2001:db8::7]/x", "http://ip-address.masked/x"),
        (MAIL, MAIL_LABEL),
        (f"c{CARD}:x", f"c{LABEL}:x"),
        ("file:///a/b.txt", "file:///a/b.txt"),
    ],
)
def test_a_masked_uri_stays_a_uri(uri, sent):
    assert body(answer({"contents": [{"uri": uri, "text": "x"}]}), method="resources/read")["result"][
        "contents"
    ] == [{"uri": sent, "text": "x"}]


def test_a_uri_that_a_path_names_stays_a_uri():
    rules = (MaskRule(MaskOperator.REDACT, path="$.params.uri"),)
    sent = body(
        request("resources/read", {"uri": "file:///a/b"}), method="resources/read", response=False, rules=rules
    )
    assert sent["params"]["uri"] == "file:///%5BREDACTED%5D"


TEXT = f"Ärger: card {CARD}, {MAIL}"
HIDDEN = f"Ärger: card {LABEL}, {MAIL_LABEL}"


@pytest.mark.parametrize(
    ("charset", "mark", "mime_type"),
    [
        ("utf-8", b"", "text/plain"),
        ("utf-8", b"", "text/plain; charset=utf-8"),
        ("utf-8", b"", "application/octet-stream"),
        ("utf-8", b"", ""),
        ("utf-8", b"\xef\xbb\xbf", "text/csv"),
        ("utf-16-le", b"\xff\xfe", "text/plain"),
        ("utf-16-be", b"\xfe\xff", "application/octet-stream"),
        ("utf-16-le", b"", "text/plain; charset=utf-16le"),
        ("utf-16-le", b"", 'text/plain; charset="UTF-16"'),
        ("cp1252", b"", "text/plain; charset=windows-1252"),
        ("cp1252", b"", "text/plain;charset=ISO-8859-1"),
    ],
)
def test_a_blob_is_masked_in_its_charset(charset, mark, mime_type):
    document = resource(coded(TEXT, charset, mark), mime_type)
    assert base64.b64decode(blob_of(body(document))) == mark + HIDDEN.encode(charset)
    assert CARD not in masked(document, recorded=True).body.decode()


def test_a_blobs_json_is_masked_by_paths():
    rules = (MaskRule(MaskOperator.REDACT, path="$.result.content[*].resource.blob.a"),)
    document = resource(coded('{"a": 1, "b": 2}', "utf-16-le", b"\xff\xfe"), "application/json")
    sent = base64.b64decode(blob_of(body(document, rules=rules)))
    assert sent == b"\xff\xfe" + '{"a": "[REDACTED]", "b": 2}'.encode("utf-16-le")


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (TEXT.encode("cp1252"), "text/plain"),
        (TEXT.encode("cp1252"), "text/plain; charset=utf-8"),
        (TEXT.encode("utf-8"), "text/plain; charset=shift_jis"),
        (b"a\0b", "application/json"),
    ],
)
def test_text_that_cannot_be_read_is_redacted(data, mime_type):
    document = resource(base64.b64encode(data).decode(), mime_type)
    assert base64.b64decode(blob_of(body(document))) == b"[REDACTED]"


PNG = bytes(range(256)) * 4


@pytest.mark.parametrize("mime_type", ["image/png", "application/octet-stream", "audio/wav", ""])
def test_bytes_that_are_no_text_pass(mime_type):
    document = resource(base64.b64encode(PNG).decode(), mime_type)
    assert body(document) == document
    assert blob_of(body(document, recorded=True)).startswith("(1024 bytes, sha256:")


@pytest.mark.parametrize("mime_type", ["image/png", "application/octet-stream"])
def test_a_text_with_a_few_other_bytes_is_replaced(mime_type):
    blob = base64.b64encode(f"Karte {CARD}, ".encode() + b"\xe4\0" + PNG).decode()
    assert base64.b64decode(blob_of(body(resource(blob, mime_type)))) == LABEL.encode()


def test_the_letters_of_base64_are_no_text():
    """In one of twenty images of 100 kB, they look like a token."""
    token = "u+" + "Ab1" * 6
    blob = base64.b64encode(PNG[:768]).decode() + f"/{token}/AA"
    blob += "=" * (-len(blob) % 4)
    document = resource(blob, "application/pdf")
    assert masked({"x": f"/{token}/"}).findings
    assert body(document) == document


def test_an_image_passes_and_is_not_recorded():
    document = answer(
        {"content": [{"type": "image", "mimeType": "image/png", "data": base64.b64encode(PNG).decode()}]}
    )
    assert body(document) == document
    assert body(document, recorded=True)["result"]["content"][0]["data"].startswith("(1024 bytes, sha256:")


def test_a_picture_that_is_text_is_masked():
    picture = f'<svg xmlns="http://www.w3.org/2000/svg"><text>ä {CARD}</text></svg>'
    content = [{"type": "image", "mimeType": "image/svg+xml", "data": coded(picture)}]
    sent = body(answer({"content": content}))["result"]["content"][0]["data"]
    assert base64.b64decode(sent).decode() == picture.replace(CARD, LABEL)


def test_compressed_text_in_a_blob_is_replaced_as_base64():
    blob = base64.b64encode(gzip.compress(f"card {CARD}".encode() * 3)).decode()
    assert base64.b64decode(blob_of(body(resource(blob, "application/gzip")))) == LABEL.encode()


def test_what_is_not_base64_is_a_text():
    assert blob_of(body(resource(f"card {CARD}!"))) == f"card {LABEL}!"


@pytest.mark.parametrize(
    ("uri", "sent"),
    [
        (
            f"data:text/plain;charset=utf-16le;base64,{coded(TEXT, 'utf-16-le')}",
            f"data:text/plain;charset=utf-16le;base64,{coded(HIDDEN, 'utf-16-le')}",
        ),
        (f"data:;base64,{coded('Ä' + CARD)}", f"data:;base64,{coded('Ä' + LABEL)}"),
        (f"data:,{CARD}", f"data:,{LABEL}"),
        (
            f"data:text/plain;charset=windows-1252,%C4%3A{CARD}",
            "data:text/plain;charset=windows-1252,%C4:%5BCREDIT_CARD%5D",
        ),
        (f"data:image/png;base64,{base64.b64encode(PNG).decode()}", None),
    ],
)
@pytest.mark.parametrize("around", ["{}", "see {} and", "![x]({})"])
def test_the_data_of_a_uri_is_decoded_in_any_string(uri, sent, around):
    for place in ({"structuredContent": {"a": around.format(uri)}}, {"content": [{"text": around.format(uri)}]}):
        assert body(answer(place)) == json.loads(json.dumps(answer(place)).replace(uri, sent or uri))
    inner = json.dumps({"a": around.format(uri)})
    assert body(answer({"content": [{"text": inner}]}))["result"]["content"][0]["text"] == inner.replace(
        uri, sent or uri
    )


def test_data_uris_in_each_other_end_as_text():
    uri = f"card {CARD}"
    for _ in range(12):
        uri = f"data:text/plain;base64,{coded(uri)}"
    text = masked(answer({"content": [{"text": uri}]})).body.decode()
    assert coded(f"card {CARD}").rstrip("=") not in text


def test_escaped_keys_and_values_change_nothing():
    document = json.dumps(resource(coded(TEXT, "utf-16-le", b"\xff\xfe")))
    spelled = document.replace('"blob"', '"bl\\u006fb"').replace('"result"', '"\\u0072esult"')
    assert blob_of(json.loads(masked(spelled).body)) == blob_of(json.loads(masked(document).body))
    spelled = document.replace("//5", "\\/\\/5", 1)
    assert blob_of(json.loads(masked(spelled).body)) == blob_of(json.loads(masked(document).body))


MESSAGES = [
    answer({"tools": [{"inputSchema": SCHEMA}], "nextCursor": CARD}, NUMBER),
    resource(coded(TEXT, "utf-16-le", b"\xff\xfe")),
    answer({"content": [{"text": f"data:;base64,{coded('Ä' + CARD)}"}]}, NUMBER),
    answer({"structuredContent": {"id": NUMBER, "mail": MAIL}}, NUMBER),
    request("notifications/message", {"level": "info", "data": f"x {MAIL} y "}),
]


@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
def test_whole_bodies_streams_and_lines_are_masked_alike(method):
    made = shape(call(method), response=True)
    for message in MESSAGES:
        text = json.dumps(message)
        whole = MASKER.mask(text.encode(), JSON, MASK_EVERYTHING, shape=made).body
        event = f"id: {CARD}\nevent: message\ndata: {text}\n\n".encode()
        sent = f"id: {CARD}\nevent: message\n".encode() + b"data: " + whole + b"\n\n"
        assert MASKER.mask(event, SSE, MASK_EVERYTHING, shape=made).body == sent
        for size in (1, 7, 1000):
            stream = MASKER.stream(SSE, MASK_EVERYTHING, made)
            pieces = [stream.feed(event[at : at + size]) for at in range(0, len(event), size)]
            assert b"".join(pieces) + stream.finish() == sent
        assert MASKER.mask(text.encode() + b"\n", LINES, MASK_EVERYTHING, shape=made).body == whole + b"\n"


def test_data_on_several_lines_has_places():
    made = shape(call("tools/list"), response=True)
    event = f'data: {{"jsonrpc": "2.0", "id": {CARD},\ndata: "result": {{"nextCursor":\ndata: "{CARD}", "a": "{CARD}"}}}}\n\n'
    sent = MASKER.mask(event.encode(), SSE, MASK_EVERYTHING, shape=made).body.decode()
    assert sent == event.replace(f'"a": "{CARD}"', f'"a": "{LABEL}"')


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (f"id: {CARD}", f"id: {CARD}"),
        ("retry: 123456789", "retry: 123456789"),
        (f"retry: {CARD}", f"retry: {LABEL}"),
        (f"event: {CARD}", f"event: {LABEL}"),
        (f": {CARD}", f": {LABEL}"),
    ],
)
def test_the_fields_for_resuming_pass(line, sent):
    made = shape(call(), response=True)
    assert (
        MASKER.mask(f"{line}\ndata: x\n\n".encode(), SSE, MASK_EVERYTHING, shape=made).body
        == f"{sent}\ndata: x\n\n".encode()
    )
    recorded = MASKER.mask(f"{line}\ndata: x\n\n".encode(), SSE, MASK_EVERYTHING, shape=made.for_records()).body
    assert CARD.encode() not in recorded


def test_an_answer_to_the_server_is_recorded_without_its_blobs():
    result = {"role": "user", "model": "m", "content": {"type": "image", "data": base64.b64encode(PNG).decode()}}
    made = arguments_shape(call(name=RESPONSE)).for_records()
    kept = json.loads(MASKER.mask(json.dumps(result).encode(), JSON, MASK_EVERYTHING, shape=made).body)
    assert kept["content"]["data"].startswith("(1024 bytes, sha256:")
    assert arguments_shape(call()) is None


def test_masking_again_changes_nothing():
    for message in MESSAGES:
        once = masked(message).body
        assert masked(once.decode()).body == once


def test_without_a_shape_nothing_is_the_protocols():
    assert CARD.encode() not in MASKER.mask(json.dumps(answer({}, NUMBER)).encode(), JSON, MASK_EVERYTHING).body


def test_an_empty_value_behind_the_key_of_a_blob_is_no_name():
    """A candidate in front of a string would be taken for a part of the one before."""
    inner = json.dumps({"id": CARD, "data": CARD})
    for text in (inner, "", "\\"):
        for key in ("blob", "data"):
            document = {key: text, "password": "hunter2", "more": {key: text}}
            plain = MASKER.mask(json.dumps(document).encode(), JSON, MASK_EVERYTHING).body
            assert masked(document).body == plain
            assert masked(plain.decode()).body == plain
