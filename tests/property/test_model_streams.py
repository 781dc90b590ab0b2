"""The texts of a model's stream are masked as if each were whole, however it was cut into deltas and pieces."""

import json
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING
from tests.property.test_text_streams import PLACES, RULES, TEXTS, is_json, masked_once
from tests.support.maskers import make_masker
from tests.support.model_streams import ARGUMENTS, CONTENT
from tests.support.model_streams import TEXTS as TEXT_APIS

MASKER = make_masker(max_depth=40, event_limit=1 << 20)


def cut(text, places):
    edges = [0, *sorted({place for place in places if 0 < place < len(text)}), len(text)]
    return [text[one:other] for one, other in pairwise(edges)]


def streamed(api, body, places, rules):
    stream = MASKER.stream(api.content_type, rules)
    out = b"".join(map(stream.feed, cut(body, places)))
    return out + stream.finish(), stream.findings


def whole(text, rules):
    """As a text, and not as a text in JSON: there a NUL is no fault."""
    try:
        return MASKER.mask(text.encode(), "text/plain", rules)
    except MaskingError:
        assume(False)


def masked(findings):
    return sorted((each.entity, each.how, each.count) for each in findings if each.how)


@given(st.sampled_from(TEXT_APIS), TEXTS, PLACES, RULES)
@settings(max_examples=500, deadline=None)
def test_deltas_are_masked_as_the_whole_text(api, text, places, rules):
    """In every API; and the text is found once, at the place of the deltas."""
    expected = whole(text, rules)
    assume(is_json(text) or masked_once(text, rules) == expected.body)
    out, findings = streamed(api, api.stream(cut(text, places)), (), rules)
    assert api.text(out) == expected.body.decode()
    assert masked(findings) == masked(expected.findings)
    assert {each.path.partition(api.location)[0] for each in findings} <= {""}


@given(st.sampled_from(TEXT_APIS + ARGUMENTS), TEXTS, PLACES, PLACES, RULES)
@settings(max_examples=300, deadline=None)
def test_cuts_of_the_bytes_make_no_difference(api, text, places, cuts, rules):
    """And masking what was sent once more changes no text."""
    body = api.stream(cut(text, places))
    try:
        once = streamed(api, body, (), rules)
    except MaskingError:
        assume(False)
    assert streamed(api, body, cuts, rules) == once
    assert api.text(MASKER.mask(once[0], api.content_type, rules).body) == api.text(once[0])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([4111111111111111, 219099999]) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just("ssn"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(ARGUMENTS),
    st.dictionaries(st.sampled_from(["a", "ssn", "phone"]), VALUES),
    PLACES,
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_arguments_are_masked_as_a_document(api, value, places, readable):
    """They stay valid JSON, and are masked as the whole string of arguments is in an answer that is not streamed."""
    text = json.dumps(value, ensure_ascii=readable)
    try:
        body = MASKER.mask(json.dumps({"arguments": text}).encode(), "application/json", MASK_EVERYTHING).body
        out, _ = streamed(api, api.stream(cut(text, places)), (), MASK_EVERYTHING)
    except MaskingError:
        assume(False)
    assert json.loads(api.text(out)) == json.loads(json.loads(body)["arguments"])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from([CONTENT, *ARGUMENTS[:1]]), st.text("a1 -@.4é\n", max_size=5)
        ),
        max_size=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_texts_that_are_mixed_do_not_mix(pieces):
    """Each choice is a text by itself, in the order in which its pieces came."""
    events = []
    for choice, api, piece in pieces:
        document = api.delta(piece)
        document["choices"][0]["index"] = choice
        events.append(CONTENT.event(document))
    out = MASKER.mask(b"".join(events), "text/event-stream", MASK_EVERYTHING).body
    for number in range(3):
        for api in (CONTENT, ARGUMENTS[0]):
            text = "".join(piece for choice, of, piece in pieces if (choice, of) == (number, api))
            mine = [each for each in CONTENT.documents(out) if each["choices"][0]["index"] == number]
            got = "".join(api.read(each) or "" for each in mine)
            assert got == whole(text, MASK_EVERYTHING).body.decode()
