"""Masking: nothing that is to be masked is left, and nothing else is touched."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import json
import random
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from extproc.codecs.strict_json import parse
from extproc.codecs.unreadable import Unreadable
from extproc.detectors.fold import fold
from extproc.masking.edits import Edit, Layer, apply
from extproc.masking.plan.json_path import compile_path, selects
from extproc.model.errors import MaskingError
from extproc.model.masking import Exemption, Listed, MaskOperator, MaskRule, RuleSource
from tests.support.analyzers import ExhaustiveAnalyzer
from tests.support.maskers import DETECTORS as ANALYZER
from tests.support.maskers import make_masker

JSON, SSE, TEXT = "application/json", "text/event-stream", "text/plain"
MASKER = make_masker(max_depth=40, event_limit=100_000)
STRICT = make_masker(ExhaustiveAnalyzer(), max_depth=40, event_limit=100_000)
"""Rules out no detector and no value before it searches."""

PARTS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "５５５５-5555-5555-4444",
    "123-45-6789",
    "123456789",
    "4111",
    "-1111",
    "4111\r\n1111\r\n1111\r\n1111",
    "\r\n",
    "219\r\n09\r\n9999",
    "219\\n09\\n9999",
    "4111\\r\\n1111\\r\\n1111\\r\\n1111",
    " 2222",
    "ssn",
    "SSN ",
    "bob@example.com",
    "@b.co",
    "sk_live_a1B2c3D4e5",
    "npm_" + "a1B2c3" * 6,
    "redis://:p@ss@h/",
    ";Pwd=",
    "curl -u a:",
    "Basic YTpi",
    "AKIAIOSFODNN7EXAMPLE",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "GB82WEST12345698765432",
    "+442079460958",
    "2001:db8::1:2",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "MjE5LTA5LTk5OTkgaXMgbWluZQ",
    "Sm9zZSBpcyBhbHNvIEpvc8OpOiA0MTExMTExMTExMTExMTEx",
    "TXkgc3NuIGlzIDIxOS0wOS\n05OTk5LCBhbmQgbXkgY2Fy\nZCA0MTExMTExMTExMTExMT\nEx",
    "TXkgc3NuIGlzIDIxOS0wOS05\\nOTk5LCBhbmQ=",
    "MgAxADkALQAwADkALQA5ADkAOQA5AA==",
    "4111<br>1111",
    "<br />1111<br>1111",
    "bob<span class='the hit'>@exam</span>ple.com",
    "=40example.com",
    "219=2D09=2D9999",
    "3231392d30392d39393939",
    "0x32, 0x31, 0x39, 0x2d, 0x30, 0x39, 0x2d, 0x39, 0x39, 0x39, 0x39",
    "bob\\x40example.com",
    "bob\\u{40}example.com",
    "4111\\1001111",
    "\\@b.co",
    "bob%u0040example.com",
    "\x1b[1m4111\x1b[0m111111111111",
    "4111\u3164",
    "\u2028",
    "123%2d45%2d6789",
    "123&#45;45&#x2D;6789",
    "123&#45&#52&#x0035-6789",
    "&#052",
    "bob&commat;example.com",
    "bob\\u0040example.com",
    "123\\u002D45\\\\u002d6789",
    "\\ud835\\udfd2111111111111111",
    "4111\\/1111\\/1111\\/1111",
    "＼u0034111",
    "\\/",
    "%",
    "&#45;",
    "password: ",
    "<phone>",
    "secret=",
    "Xk29fLq81mZtPw47",
    "0791234567",
    "[US_SSN]",
    "[REDACTED]",
    "<FIELD:k1:ABCDEFGHIJKLMNOP>",
    "\u200b",
    " ",
    "é",
    "😀",
    '"',
    "\\",
    "\\u0034",
    "/",
    "\n",
    "{",
    "}",
    "[1]",
    "a",
    ".",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=5).map("".join) | st.text(max_size=10)
KEYS = st.sampled_from(
    ["a", "b", "ssn", "a b", 'q"', "ü", "x/y", "4111111111111111", "a@b.co", "c@d.co", "[EMAIL_ADDRESS]"]
)
NUMBERS = (
    st.integers()
    | st.sampled_from([4111111111111111, 123456789, -5555555555554444])
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS


def containers(inner):
    nested = inner.map(json.dumps) | inner.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))
    return st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3) | nested


VALUES = st.recursive(SCALARS, containers, max_leaves=10)


def respell(text, seed):
    """The same document with some characters of its strings escaped."""
    chance = random.Random(seed)
    out, inside, at = [], False, 0
    while at < len(text):
        char = text[at]
        if char == '"':
            inside = not inside
        elif inside and char == "\\":
            out.append(text[at : at + 2])
            at += 2
            continue
        elif inside and char == "/":
            char = chance.choice(["/", "\\/"])
        elif inside and ord(char) < 0x10000 and chance.random() < 0.1:
            char = f"\\u{ord(char):04x}"
        out.append(char)
        at += 1
    return "".join(out)


BODIES = st.builds(
    lambda value, indent, seed: respell(json.dumps(value, ensure_ascii=False, indent=indent), seed),
    VALUES,
    st.sampled_from([None, 2]),
    st.integers(0, 1_000),
)
PATHS = [
    "$",
    "$.a",
    "$..ssn",
    "$.*",
    "$[*].a",
    "$['a b']",
    "$['q\"']",
    "$..['x/y']",
    "$.a.b",
    "$[0]",
    "$..a[*]",
    "$.ü",
]
HOWS = st.sampled_from(list(MaskOperator))
ENTITIES = st.sampled_from(["*", "CREDIT_CARD", "US_SSN", "EMAIL_ADDRESS", "STRIPE_KEY"])
RULES = st.lists(
    st.builds(lambda how, path: MaskRule(how, path=path), HOWS, st.sampled_from(PATHS))
    | st.builds(lambda how, entity: MaskRule(how, entity=entity), HOWS, ENTITIES),
    min_size=1,
    max_size=4,
).map(tuple)

SOURCES = st.sampled_from([RuleSource.ADDED, RuleSource.CONNECTION])
EXEMPTIONS = st.builds(
    lambda entity, path, values, record: MaskRule(
        MaskOperator.REDACT,
        path=path,
        entity=entity,
        source=RuleSource.CONNECTION,
        exempt=Exemption("x", record=record, **values),
    ),
    ENTITIES,
    st.sampled_from(["", *PATHS[1:]]),
    st.sampled_from(
        [{}, {"value": "4111111111111111"}, {"domain": "example.com"}, {"domain": "*.co"}, {"pattern": "[0-9 -]+"}]
    ),
    st.booleans(),
)
PLANS = st.builds(
    lambda rules, sources, exempt: (
        *(replace(rule, source=source) for rule, source in zip(rules, sources, strict=False)),
        *exempt,
    ),
    RULES,
    st.lists(SOURCES, min_size=4, max_size=4),
    st.lists(EXEMPTIONS, max_size=2),
)
"""Rules of a connection and of policy, and exemptions."""


def try_mask(body, content_type, rules, masker=MASKER):
    """The result, or None where masking refuses, which is always safe."""
    try:
        return masker.mask(body, content_type, rules)
    except MaskingError:
        return None


def left(value, rules, path=()):
    """Entities that the rules mask and that a naive walk still finds, JSON in strings included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from covered(ANALYZER.scan(key, lambda: keys_of(path)), rules)
            yield from left(inner, rules, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from left(inner, rules, (*path, index))
    elif isinstance(value, str):
        try:
            yield from left(parse(value.encode(), max_depth=40), rules, path)
        except (Unreadable, UnicodeEncodeError):
            yield from covered(ANALYZER.scan(value, lambda: keys_of(path)), rules)
    elif value is not None and not isinstance(value, bool):
        yield from covered(ANALYZER.scan(json.dumps(value), lambda: keys_of(path)), rules)


def keys_of(path):
    """The context of a place: the last two keys, folded."""
    return fold("\n".join([part for part in path if isinstance(part, str)][-2:])).text


def covered(found, rules):
    names = {rule.entity for rule in rules if rule.entity}
    return [match for match in found if "*" in names or match.entity in names]


@given(BODIES, RULES)
@settings(max_examples=300, deadline=None)
def test_nothing_is_left_and_the_output_parses(body, rules):
    raw = body.encode("utf-8", "replace")
    masked = try_mask(raw, JSON, rules)
    assume(masked is not None)
    assert list(left(parse(masked.body, max_depth=40), rules)) == []


@given(BODIES, PLANS)
@settings(max_examples=300, deadline=None)
def test_masking_again_changes_nothing(body, rules):
    once = try_mask(body.encode("utf-8", "replace"), JSON, rules)
    assume(once is not None)
    assert MASKER.mask(once.body, JSON, rules).body == once.body


@given(TEXTS, PLANS)
@settings(max_examples=200, deadline=None)
def test_masking_text_again_changes_nothing(text, rules):
    once = try_mask(text.encode("utf-8", "replace"), TEXT, rules)
    assume(once is not None)
    assert MASKER.mask(once.body, TEXT, rules).body == once.body


@given(BODIES, PLANS)
@settings(max_examples=300, deadline=None)
def test_the_prescan_never_misses_what_a_search_of_every_value_finds(body, rules):
    raw = body.encode("utf-8", "replace")
    assert try_mask(raw, JSON, rules, STRICT) == try_mask(raw, JSON, rules)


BLIND = MaskRule(MaskOperator.REDACT, path="$[999999999]")
"""Selects nothing and has no name: every document has to be scanned to know that."""


@given(BODIES, PLANS)
@settings(max_examples=300, deadline=None)
def test_names_in_a_document_never_rule_out_a_path_that_leads_somewhere(body, rules):
    raw = body.encode("utf-8", "replace")
    scanned = try_mask(raw, JSON, (*rules, BLIND), STRICT)
    assume(scanned is not None)  # a scan may refuse JSON in a string that others can read
    assert try_mask(raw, JSON, rules) == scanned


@given(BODIES)
@settings(max_examples=200, deadline=None)
def test_find_tells_of_all_that_everything_masks(body):
    raw = body.encode("utf-8", "replace")
    masked = try_mask(raw, JSON, (MaskRule(MaskOperator.REDACT, entity="*"),))
    assume(masked is not None)
    found = [(each.entity, each.path, each.count) for each in MASKER.find(raw, JSON)]
    assert found == [(each.entity, each.path, each.count) for each in masked.findings]
    assert bool(found) == (masked.body != raw)


@given(BODIES, PLANS)
@settings(max_examples=300, deadline=None)
def test_bytes_outside_of_edits_stay(body, rules):
    """Every stretch between the edits is in the output, in order, and nothing but replacements is between."""
    raw = body.encode("utf-8", "replace")
    masked = try_mask(raw, JSON, rules)
    assume(masked is not None)
    text, at, rest = raw.decode(), 0, masked.body.decode()
    edits = MASKER.trial(raw, JSON, rules).edits
    for edit in edits:
        assert at <= edit.start < edit.end
        stretch = text[at : edit.start] + edit.text
        assert rest.startswith(stretch)
        rest, at = rest[len(stretch) :], edit.end
    assert rest == text[at:]
    assert all(len(edit.text) < 400 + edit.end - edit.start for edit in edits)  # a partial mask is as long


@given(BODIES, RULES)
@settings(max_examples=200, deadline=None)
def test_untouched_members_keep_their_values(body, rules):
    """Where no finding is, a naive walk sees the value that was there before."""
    raw = body.encode("utf-8", "replace")
    masked = try_mask(raw, JSON, rules)
    assume(masked is not None and not any(finding.how for finding in masked.findings))
    assert masked.body == raw


@given(BODIES, st.lists(st.sampled_from(PATHS), max_size=3))
@settings(max_examples=200, deadline=None)
def test_in_allow_list_mode_nothing_passes_that_is_not_declared(body, declared):
    rules = (
        MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST),
        *(MaskRule(MaskOperator.REDACT, path=path, listed=Listed.DECLARED) for path in declared),
    )
    raw = body.encode("utf-8", "replace")
    masked = try_mask(raw, JSON, rules)
    assume(masked is not None)
    paths = [compile_path(path) for path in declared]
    for place, value in scalars_of(parse(masked.body, max_depth=40)):
        passes = any(selects(path, place[:end]) for path in paths for end in range(len(place) + 1))
        assert passes or value in ("[REDACTED]", None)


def scalars_of(value, place=()):
    """Every scalar and its place, JSON in strings included."""
    if isinstance(value, str):
        with suppress(Unreadable, UnicodeEncodeError):
            inner = parse(value.encode(), max_depth=40)
            if isinstance(inner, (dict, list, str)):
                yield from scalars_of(inner, place)
                return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from scalars_of(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from scalars_of(inner, (*place, index))
    else:
        yield place, value


PIECES = st.lists(st.integers(0, 10_000), max_size=5) | st.just(range(150))
STREAMS = st.lists(
    st.tuples(
        st.sampled_from(["data: ", "data:", ": ", "id: ", "event:", "x"]),
        BODIES | TEXTS,
        st.sampled_from(["\n", "\r", "\r\n", "\n\n", "\r\n\r\n"]),
    ),
    max_size=6,
).map(
    lambda lines: "".join(field + value.replace("\n", " ").replace("\r", " ") + end for field, value, end in lines)
)


@given(STREAMS, PIECES, PLANS)
@settings(max_examples=200, deadline=None)
def test_streams_ignore_cuts(text, places, rules):
    raw = text.encode("utf-8", "replace")
    whole = try_mask(raw, SSE, rules)
    stream = MASKER.stream(SSE, rules)
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    try:
        out = b"".join(stream.feed(raw[one:other]) for one, other in pairwise(edges))
    except MaskingError:
        assert whole is None
        return
    assert whole is not None
    assert out + stream.finish() == whole.body
    assert stream.findings == whole.findings


@given(STREAMS, PLANS)
@example(
    "data: 4111111111111111\ndata: null\n\n",
    (MaskRule(MaskOperator.PSEUDONYM, path="$"), MaskRule(MaskOperator.REMOVE, entity="*")),
)
@settings(max_examples=200, deadline=None)
def test_streams_masked_again_stay(text, rules):
    once = try_mask(text.encode("utf-8", "replace"), SSE, rules)
    assume(once is not None)
    assert MASKER.mask(once.body, SSE, rules).body == once.body


@given(
    st.binary(max_size=80), st.sampled_from([JSON, SSE, TEXT, "", "x/y", "application/x+json; charset=é"]), RULES
)
@settings(max_examples=300, deadline=None)
def test_junk_meets_documented_errors_alone(body, content_type, rules):
    for call in (
        lambda: MASKER.mask(body, content_type, rules),
        lambda: MASKER.find(body, content_type),
        lambda: MASKER.stream(content_type, rules).feed(body),
        lambda: MASKER.mask_text(body.decode("latin-1"), rules),
    ):
        with suppress(MaskingError):
            call()


@given(st.text(max_size=200) | TEXTS)
def test_matches_are_within_the_text(text):
    for match in ANALYZER.scan(text, lambda: "ssn"):
        assert 0 <= match.start < match.end <= len(text)


@given(
    st.text("abc", min_size=6, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.text("XY", max_size=3)), max_size=2),
    st.data(),
)
def test_edits_on_edits_are_edits_on_the_original(text, raw_edits, data):
    edits, at = [], 0
    for gap, length, replacement in raw_edits:
        start = min(at + gap, len(text))
        end = min(start + length, len(text))
        edits.append(Edit(start, end, replacement))
        at = end + 1
        if at >= len(text):
            break
    current = apply(text, edits)
    layer = Layer(edits)
    start = data.draw(st.integers(0, len(current)))
    end = data.draw(st.integers(start, len(current)))
    assume(start < end)
    start, end = layer.widen(start, end)
    made = layer.replace(start, end, "Z")
    assert apply(text, made) == current[:start] + "Z" + current[end:]


@pytest.mark.parametrize("how", [MaskOperator.REDACT, MaskOperator.REMOVE])
@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_no_part_of_a_removed_or_redacted_field_is_left(how, value):
    body = json.dumps({"keep": 1, "gone": value}).encode()
    masked = try_mask(body, JSON, (MaskRule(how, path="$.gone"),))
    assume(masked is not None)
    expected = None if how is MaskOperator.REMOVE or value is None else "[REDACTED]"
    assert json.loads(masked.body) == {"keep": 1, "gone": expected}
