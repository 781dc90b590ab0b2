"""Streams of language models: an entity that is cut over events is masked, and the stream stays valid."""

import json

import pytest

from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from tests.support.maskers import make_masker
from tests.support.model_streams import ARGUMENTS, CONTENT, TEXTS, at, block, chat, gemini, response

MASKER = make_masker(text_limit=2_000)
PIECES = ["Write to bo", "b@exam", "ple.com or pay with 41", "11 1111 1111 11", "11 tod", "ay"]
SEEN = "Write to [EMAIL_ADDRESS] or pay with [CREDIT_CARD] today"
EVENTS = "text/event-stream"


def masked(*documents, rules=MASK_EVERYTHING):
    body = b"".join(map(CONTENT.event, documents))
    return list(CONTENT.documents(MASKER.mask(body, EVENTS, rules).body))


@pytest.mark.parametrize("api", TEXTS, ids=str)
def test_an_entity_over_events_is_masked(api):
    result = MASKER.mask(api.stream(PIECES), api.content_type, MASK_EVERYTHING)
    assert api.text(result.body) == SEEN
    assert [(each.entity, each.path, each.count) for each in result.findings] == [
        ("EMAIL_ADDRESS", api.location, 1),
        ("CREDIT_CARD", api.location, 1),
    ]


@pytest.mark.parametrize("api", TEXTS, ids=str)
def test_words_go_on_before_the_text_ends(api):
    stream = MASKER.stream(api.content_type, MASK_EVERYTHING)
    sent = stream.feed(b"".join(map(api.event, map(api.delta, ["Hello ", "you ", "there, ", "my"]))))
    assert api.text(sent) == "Hello you there, "


@pytest.mark.parametrize("api", ARGUMENTS, ids=str)
def test_arguments_stay_json(api):
    pieces = ['{"to": "bo', 'b@example.com", "card": 4111', "11111111", '1111, "n": 12}']
    result = MASKER.mask(api.stream(pieces), api.content_type, MASK_EVERYTHING)
    assert json.loads(api.text(result.body)) == {"to": "[EMAIL_ADDRESS]", "card": "[CREDIT_CARD]", "n": 12}
    assert [each.path for each in result.findings] == [f"{api.location}.to", f"{api.location}.card"]


@pytest.mark.parametrize("api", ARGUMENTS, ids=str)
def test_arguments_go_with_the_event_that_completes_them(api):
    """No event has to be inserted, and a client that acts on the last one has them whole."""
    body = api.stream(['{"to": ', '"bob@example.com"', "}"])
    result = MASKER.mask(body, api.content_type, MASK_EVERYTHING).body
    assert [api.read(each) or "" for each in api.documents(result)][-len(api.end) - 3 :][:3] == [
        "",
        "",
        '{"to": "[EMAIL_ADDRESS]"}',
    ]
    assert len(list(api.documents(result))) == len(list(api.documents(body)))


def test_paths_go_on_into_arguments():
    rules = (MaskRule(MaskOperator.REDACT, path="$..arguments.name"),)
    api = ARGUMENTS[0]
    out = MASKER.mask(api.stream(['{"na', 'me": "Bo', 'b", "n": 1}']), EVENTS, rules).body
    assert json.loads(api.text(out)) == {"name": "[REDACTED]", "n": 1}


def test_a_rule_for_the_delta_masks_each_event():
    rules = (MaskRule(MaskOperator.REDACT, path="$.choices[*].delta.content"),)
    assert [
        at(each, "choices", 0, "delta", "content") for each in masked(chat({"content": "a"}), rules=rules)
    ] == ["[REDACTED]"]


def test_the_rest_goes_before_the_event_that_ends_the_text():
    """In a copy of the last event: same name, same ids."""
    api = next(each for each in TEXTS if each.name == "openai responses")
    out = MASKER.mask(api.stream(["my ", "word"]), EVENTS, MASK_EVERYTHING).body
    assert out.count(b"event: response.output_text.delta\n") == 3
    assert [(each["type"], each.get("delta"), each["sequence_number"]) for each in api.documents(out)] == [
        ("response.output_text.delta", "my ", 7),
        ("response.output_text.delta", "", 7),
        ("response.output_text.delta", "word", 7),
        ("response.output_text.done", None, 7),
    ]


def test_an_event_that_ends_its_own_text_carries_the_rest():
    events = masked(gemini("bob@exam"), gemini("ple.com", finishReason="STOP"))
    assert [at(each, "candidates", 0, "content", "parts", 0, "text") for each in events] == ["", "[EMAIL_ADDRESS]"]


def test_copies_have_the_line_ends_and_no_id_of_their_event():
    body = b'id: 4\r\nevent: x\r\ndata: {"choices":[{"delta":\r\ndata: {"content":"hi"}}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    first = body.partition(b"\r\n\r\n")[0]
    copy = b'event: x\r\ndata: {"choices":[{"delta":\r\ndata: {"content":"hi"}}]}\r\n\r\n'
    expected = first.replace(b'"hi"', b'""') + b"\r\n\r\n" + copy + b"data: [DONE]\r\n\r\n"
    for size in (1, 3, len(body)):
        stream = MASKER.stream(EVENTS, MASK_EVERYTHING)
        out = b"".join(stream.feed(body[start : start + size]) for start in range(0, len(body), size))
        assert out + stream.finish() == expected


def test_other_members_keep_their_bytes_and_are_masked():
    event = b'data: {"n": 1.50, "by": "a@b.co", "choices": [{"delta": {"content": "caf\\u00e9 is "}}]}\n\n'
    assert MASKER.stream(EVENTS, MASK_EVERYTHING).feed(event) == event.replace(b"a@b.co", b"[EMAIL_ADDRESS]")


def test_log_probabilities_are_emptied():
    document = chat({"content": "hi "})
    document["choices"][0]["logprobs"] = {"content": [{"token": "hi ", "logprob": -0.1}]}
    done = response("output_text.done", content_index=0, text="hi", logprobs=[{"token": "hi"}])
    events = masked(document, response("output_text.delta", content_index=0, delta="hi", logprobs=[]), done)
    assert at(events[0], "choices", 0, "logprobs") is None
    assert at(events[-1], "logprobs") == []
    assert at(events[-1], "text") == "hi"


def test_texts_of_several_choices_and_blocks_are_apart():
    documents = [
        chat({"content": "4111 1111 "}),
        chat({"reasoning_content": "1111 1111"}),
        block("text_delta", text="bob@exam"),
        block("thinking_delta", thinking="ple.com"),
    ]
    body = b"".join(map(CONTENT.event, documents))
    assert MASKER.mask(body, EVENTS, MASK_EVERYTHING).findings == ()


def notification(text, method="notifications/message", name="data"):
    return {"jsonrpc": "2.0", "method": method, "params": {"level": "info", name: text}}


RESULT = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}


@pytest.mark.parametrize(
    ("method", "name"), [("notifications/message", "data"), ("notifications/progress", "message")]
)
def test_pieces_in_notifications_are_one_text(method, name):
    pieces = ["pay with ", "4111", " 1111", " 1111", " 1111", " now"]
    events = masked(*(notification(each, method, name) for each in pieces), RESULT)
    assert "".join(at(each, "params", name) or "" for each in events) == "pay with [CREDIT_CARD] now"
    assert events[-1] == RESULT


def test_whole_messages_in_notifications_stay_as_they_are():
    messages = [notification(text) for text in ["Page 4111", "1111 rows", "1111\n", "1111"]]
    assert masked(*messages, RESULT) == [*messages, RESULT]


def test_partial_arguments_of_gemini_are_texts_by_their_paths():
    def chunk(path, text, **more):
        part = {"functionCall": {"partialArgs": [{"jsonPath": path, "stringValue": text, **more}]}}
        return {"candidates": [{"content": {"parts": [part]}}]}

    events = masked(chunk("$.a", "bob@exam", willContinue=True), chunk("$.b", "x"), chunk("$.a", "ple.com"))
    values = [at(each, *PARTS, "functionCall", "partialArgs", 0, "stringValue") for each in events]
    assert values == ["", "x", "[EMAIL_ADDRESS]"]


PARTS = ("candidates", 0, "content", "parts", 0)


def test_second_arguments_at_the_same_index_are_a_text_by_themselves():
    """Some gateways send every call of a tool as the first one."""
    api = ARGUMENTS[0]
    out = MASKER.mask(api.stream(['{"a": 1}', '{"b": ', '"bob@example.com"}']), EVENTS, MASK_EVERYTHING).body
    assert api.text(out) == '{"a": 1}{"b": "[EMAIL_ADDRESS]"}'


def test_arguments_that_are_cut_off_are_masked_as_text():
    api = ARGUMENTS[0]
    out = MASKER.mask(api.stream(['{"a": "bob@exa', 'mple.com", "b']), EVENTS, MASK_EVERYTHING).body
    assert api.text(out) == '{"a": "[EMAIL_ADDRESS]", "b'


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"choices":[{"delta":{"content":"a","content":"b"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"a"},"x":NaN}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"' + b"x" * 3_000 + b'"}}]}\n\n',
        b"".join(b'data: {"choices":[{"index":%d,"delta":{"content":"a"}}]}\n\n' % each for each in range(300)),
    ],
)
def test_what_cannot_be_held_breaks_the_stream(event):
    """Two readings, too much, or too many."""
    stream = MASKER.stream(EVENTS, MASK_EVERYTHING)
    with pytest.raises(MaskingError):
        stream.feed(event)
    with pytest.raises(MaskingError):
        stream.finish()


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"choices":[{"text":"4111 1111"},{"text":"1111 1111"}]}\n\n',
        b'data: {"type":"response.audio.delta","delta":"AAAA"}\n\n',
        b'data: {"done":"yes","response":"a"}\n\n',
        b'data: {"token":"abc","stop":true,"content":"x"}\n\n',
        b'data: {"choices":["a","b"],"candidates":{"a":1}}\n\n',
        b'data: {"choices":[{"delta":null,"finish_reason":null}],"usage":{"n":1}}\n\n',
    ],
)
def test_events_of_other_shapes_go_as_they_are(event):
    assert MASKER.stream(EVENTS, MASK_EVERYTHING).feed(event) == event
