"""A text that streams is masked as the whole would be, wherever it is cut."""

# ruff: noqa: RUF001 - the other ways to write digits are the point

import json
from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.custom import make_custom
from extproc.masking.edits import apply
from extproc.masking.plan.compiled_plan import compile_plan
from extproc.masking.plan.operators import Operators
from extproc.masking.text.json_prefix import JsonPrefix
from extproc.masking.text.text_masker import TextMasker, merge_matches
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING, Exemption, MaskOperator, MaskRule, RuleSource
from tests.support.maskers import DETECTORS as ANALYZER
from tests.support.maskers import make_masker

TEXT = "text/plain"


LIMITS = {"max_depth": 40, "event_limit": 8, "text_limit": 100_000}
MASKER = make_masker(**LIMITS)
PHRASES = make_masker(Analyzer([make_custom("CODENAME", "big [a-z]+ bird", words=["project"])]), **LIMITS)
TEXT_MASKER = TextMasker(ANALYZER, Operators(b"k" * 32, "k1"))
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq83vEjRWeJ\n-----END RSA PRIVATE KEY-----"
VALUES = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111\n1111\n1111\n1111",
    "3782\n822463\n10005",
    "4111%0A1111\n1111%0a1111",
    "4111\r\n1111\r\n1111\r\n1111",
    "3782\r\n822463\r\n10005",
    "219\r\n09\r\n9999",
    "219\\t09\\t9999",
    "4111\\r\\n1111\\r\\n1111\\r\\n1111",
    "4111%0D%0A1111\r\n1111%0d\n1111",
    "\\u0034111\r\\u000a1111\r\n1111\\u000d\n111\\u0031",
    "5555\t5555\t5555\t4444",
    "219-09-9999",
    "219\n09\n9999",
    "&#50;19-09-9999",
    "4111\n111&#49\n&#" + "0" * 32 + "49;111\n111&#" + "0" * 32 + "49",
    "&#x0032&#49&#57-09-9999",
    "%32%31%39%2d09-9999",
    "2%2531%2539-09-9999",
    "bob\\u0040example.com",
    "\\u0034111\n\\u0031\\u0031\\u0031\\u0031\n1111\n111\\\\u0031",
    "\\ud835\\udfd2111\\u000a1111\n1111\\u000A1111",
    "4111\\/1111\\/1111\\/1111",
    "p\\u0061ssport:\n123456789",
    "\\u0070\\u0061\\u0073\\u0073\\u0070\\u006f\\u0072\\u0074 123456789",
    "passport 123456789",
    "\npasswords:\n  al: hunter2\n  bob: two words\nx: 1",
    "\nsecrets: [x1y2, 'a b']\n",
    "\n[passwords]\nal = x\n[x]\n",
    "\napiVersion: v1\ndata:\n  al: eA==\nkind: Secret\n---\n",
    "passport\n\n123456789",
    "p%61ssport:\n123456789",
    "&#112;assport no.: A12345678",
    "routing number is 021000021",
    "phone: 5551234567",
    "<phone>5551234567</phone>",
    "<phone_id tz='1'> 5551234567",
    "token: Xk29fLq81mZtPw47",
    "secret_name: Xk29fLq81mZtPw47",
    "http://10.1.2.3:80/x",
    "version: 1.2.3.4",
    "<US_SSN:k1:NE6MXUI4SHFZAXEJ> 123456789",
    "ssn 123456789",
    "(212) 555-0175",
    "+44 20 7946 0958",
    "GB82 WEST 1234 5698 7654 32",
    "bob@example.com",
    "postgres://app:hunter2,hunter: 3@db/x",
    "postgres://app:correct-horse@db/x",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789012345678901234567890123456789",
    "password = x8Kq2LmZ9wRt5YvB",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "MjE5LTA5LTk5OTkgaXMgbWluZQ==",
    "Sm9zZSBpcyBhbHNvIEpvc8OpOiA0MTExMTExMTExMTExMTEx",
    "TXkgc3NuIGlzIDIxOS0wOS\n05OTk5LCBhbmQgbXkgY2Fy\nZCA0MTExMTExMTExMTExMT\nEx",
    "TXkgc3NuIGlzIDIxOS0wOS05\r\nOTk5LCBhbmQ=",
    "H4sIAAAAAAAC_ytJLS5RKC4pysxLBwAA",
    "4111  1111  1111  1111",
    "4111,1111,1111,1111",
    "4111 | 1111 | 1111 | 1111",
    "4111<br>\n1111<br>\n1111<br>\n1111",
    "bob<span class='the hit'>@exam</span>ple.com",
    "41<!-- and so on -->11111111111111",
    "bob=40example.com",
    "the value that you have asked us for is 41=\n11111111111=\r\n111",
    "219=2D09=2D=\n9999",
    "3231392d30392d39393939",
    "32 31 39 2d 30 39 2d 39 39 39 39",
    "bob\\x40example.com",
    "bob\\u{40}example.com",
    "4111\\1001111",
    "bob%u0040example.com",
    "\x1b[1m4111\x1b[0m111111111111",
    "2001:db8::1:2",
    "version 1.2.3.4",
    "10.1.2.3",
    KEY,
    KEY.replace("\n", "\r\n"),
    KEY.replace("-", "%2D"),
    KEY.replace("-", "\\u002d").replace("/", "\\/"),
    KEY.replace("-", "&#45;").replace(" ", "&#32;"),
    "-----BEGIN PRIVATE KEY-----\nMIIE\n",
    "project big yellow bird",
    "1234\n5678\n",
    "1234\r\n5678\r\n",
    "12\n",
    "\u200b",
    "４１１１\n1111\n1111\n1111",
    "[US_SSN]",
    "[1, 2",
    '{"a": "\\u0034111111111111111"}',
    '"',
    "订单已发货。",
    "\ufeff",
]
TABLES = [
    "name,ssn\n",
    "id;account_number;password\n",
    "phone\tsort code\temail\n",
    " name | ssn\n------+-----\n",
    "| phone | password |\n| --- | :--: |\n",
    "+----+\n| name | ssn |\n+----+\n",
    '"first name","ssn, or tax id"\r\n',
    "Hello Bob, my phone\n",
    "-[ RECORD 1 ]-+--\n",
    "*************************** 1. row ***************************\n",
    "field,value\n",
    "name,ssn",
]
CELLS = [
    *(",", ";", "\t", "|", " | ", "\n", "\r\n", "| ", " |\n", ", ", '"', '""', "\\|", "# x\n", "\n\n"),
    *("219099998", "7104403517", "Bob", "hunter 2", "phone", "password", "ssn", "1", "two: words", "(2 rows)"),
    *("5551234567", "4111 1111 1111 1111", "ssn | 219099998\n", "ssn: 219099998\n", "219", "09", "9999"),
    *('"a\nb"', '"x; y, z"', "[US_SSN]", "\ufeff", "----+----\n", "name,ssn\n", "bob@example.com"),
]
FILLERS = st.sampled_from(
    [
        " ",
        "\n",
        ", ",
        " and then ",
        "\r\n",
        "\t",
        "1",
        "x",
        "%",
        "&",
        "\\",
        ". ",
        "é ",
        ":",
        "",
        "=",
        "=\n",
        "<b>",
        "<i a='",
        "'>",
        "<br>\n",
    ]
)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(VALUES),
        FILLERS,
        FILLERS,
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    ),
    max_size=14,
).map("".join)
TABLE_TEXTS = st.lists(
    st.one_of(st.sampled_from(TABLES), *[st.sampled_from(CELLS)] * 6, st.sampled_from(VALUES)), max_size=24
).map("".join)
RULES = st.lists(
    st.builds(
        lambda how, entity: MaskRule(how, entity=entity),
        st.sampled_from(list(MaskOperator)),
        st.sampled_from(["*", "CREDIT_CARD", "US_SSN", "EMAIL_ADDRESS", "PRIVATE_KEY", "NAMED_SECRET"]),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
EXEMPT = st.sampled_from(
    [
        MaskRule(MaskOperator.REDACT, entity=entity, source=RuleSource.CONNECTION, exempt=Exemption("x", **values))
        for entity, values in (
            ("*", {}),
            ("CREDIT_CARD", {}),
            ("CREDIT_CARD", {"value": "4111111111111111"}),
            ("PRIVATE_KEY", {}),
            ("EMAIL_ADDRESS", {"domain": "example.com"}),
            ("*", {"pattern": "[0-9 -]+"}),
        )
    ]
)
PLANS = st.tuples(
    RULES.map(lambda rules: tuple(replace(rule, source=RuleSource.CONNECTION) for rule in rules)), EXEMPT
).map(lambda both: (*both[0], both[1]))
"""Rules of a connection, and an exemption from them."""
PLACES = st.lists(st.integers(0, 10_000), max_size=6) | st.just(range(10_000))


def streamed(masker, raw, places, rules):
    edges = [0, *sorted({place for place in places if place < len(raw)}), len(raw)]
    stream = masker.stream(TEXT, rules)
    out = b"".join(stream.feed(raw[one:other]) for one, other in pairwise(edges))
    return out + stream.finish(), stream.findings


def masked_once(text, rules):
    plan = compile_plan(rules, ANALYZER.entities)
    entities = plan.entities_at(plan.root)
    merged = merge_matches(TEXT_MASKER.matches(text, str, entities), entities)
    return apply(text, TEXT_MASKER.edits(merged, text)).encode()


def is_json(text):
    return JsonPrefix().may_be_json_with(text)


@given(TEXTS, PLACES, PLANS)
@settings(max_examples=400, deadline=None)
def test_exempt_values_do_not_depend_on_cuts(text, places, rules):
    """What an exemption lets pass, and what it does not, is the same wherever the text is cut."""
    raw = text.encode()
    try:
        whole, _ = streamed(MASKER, raw, (), rules)
    except MaskingError:
        assume(False)
    assert streamed(MASKER, raw, places, rules)[0] == whole


def masked(findings):
    return sorted(str(each) for each in findings if each.how)


@given(TEXTS | TABLE_TEXTS, PLACES, RULES)
@settings(max_examples=400, deadline=None)
@example("2024\n4111\n1111\n1111\n1111\n2025\n", range(100), MASK_EVERYTHING)
@example("12ghp_0123456789012345678901234567890123456789\n", range(100), MASK_EVERYTHING)
def test_a_stream_is_masked_as_the_whole(text, places, rules):
    """The findings of masked text are the same. A private key that may stay is found only between two cuts."""
    raw = text.encode()
    try:
        whole = MASKER.mask(raw, TEXT, rules)
    except MaskingError:
        assume(False)
    assume(is_json(text) or masked_once(text, rules) == whole.body)  # what masks leave made nothing new
    out, findings = streamed(MASKER, raw, places, rules)
    assert out == whole.body
    assert masked(findings) == masked(whole.findings)


@given(TEXTS | TABLE_TEXTS, PLACES, RULES)
@settings(max_examples=200, deadline=None)
def test_cuts_make_no_difference(text, places, rules):
    """And masking what was sent once more changes nothing."""
    raw = text.encode()
    once = streamed(MASKER, raw, (), rules)
    again = streamed(MASKER, raw, places, rules)
    assert (again[0], masked(again[1])) == (once[0], masked(once[1]))
    assert MASKER.mask(once[0], TEXT, rules).body == once[0]


@given(TEXTS, PLACES)
@settings(max_examples=100, deadline=None)
def test_patterns_with_blanks_are_not_cut(text, places):
    raw = text.encode()
    assert streamed(PHRASES, raw, places, MASK_EVERYTHING)[0] == PHRASES.mask(raw, TEXT, MASK_EVERYTHING).body


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.booleans(),
    PLACES,
)
@settings(max_examples=200, deadline=None)
def test_what_is_json_is_never_denied(value, readable, places):
    """However it is spelled, and where it is cut."""
    text = "\ufeff " + json.dumps([value], ensure_ascii=readable, indent=1 if readable else None) + "\n"
    prefix = JsonPrefix()
    edges = [0, *sorted({place for place in places if place < len(text)}), len(text)]
    assert all(prefix.may_be_json_with(text[one:other]) for one, other in pairwise(edges))
