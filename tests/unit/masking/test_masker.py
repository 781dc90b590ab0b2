"""The masker, dialogue by dialogue."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import json
import re

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.detector import Detector
from extproc.masking.plan.operators import Operators
from extproc.masking.text.text_masker import TextMasker
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, Listed, MaskOperator, MaskRule
from tests.support.maskers import DETECTORS as ANALYZER
from tests.support.maskers import make_masker

JSON, SSE, TEXT = "application/json", "text/event-stream", "text/plain"
CARD = "4111111111111111"
MASKER = make_masker(event_limit=10_000)


def path(text, how="redact"):
    return MaskRule(MaskOperator(how), path=text)


def entity(name="*", how="redact"):
    return MaskRule(MaskOperator(how), entity=name)


def mask(body, *rules, content_type=JSON):
    return MASKER.mask(body.encode(), content_type, rules).body.decode()


def with_card(text):
    """¤ stands for a card number in the tables."""
    return text.replace("¤", CARD)


REWRITES = [
    # entities, in place
    ('{"a": "my ¤!"}', [entity()], '{"a": "my [CREDIT_CARD]!"}'),
    (
        '{ "a" :\t"x\\n\\u00e9 123-45-6789 \\/ \\u0041" }',
        [entity()],
        '{ "a" :\t"x\\n\\u00e9 [US_SSN] \\/ \\u0041" }',
    ),
    ('["\\u0034111111111111111"]', [entity()], '["[CREDIT_CARD]"]'),
    ('["4111\\u002d1111-1111-1111"]', [entity()], '["[CREDIT_CARD]"]'),
    ('["bob\\u0040example.com"]', [entity()], '["[EMAIL_ADDRESS]"]'),
    ('["４１１１１１１１１１１１１１１１"]', [entity()], '["[CREDIT_CARD]"]'),
    ('["😀\\ud83d\\ude00 ¤ 😀"]', [entity()], '["😀\\ud83d\\ude00 [CREDIT_CARD] 😀"]'),
    ("[¤]", [entity()], '["[CREDIT_CARD]"]'),
    ("[¤.0, -1e5]", [entity()], '["[CREDIT_CARD]", -1e5]'),
    ("[¤]", [entity(how="partial")], '["************1111"]'),
    # a negative number is no card
    ("[-¤]", [entity()], "[-¤]"),
    ('{"card":-¤}', [entity()], '{"card":"-[CREDIT_CARD]"}'),
    ("[¤]", [entity(how="remove")], "[null]"),
    ("[0.¤]", [entity()], "[0.¤]"),
    ('{"ssn":123456789,"n":123456789}', [entity()], '{"ssn":"[US_SSN]","n":123456789}'),
    ('{"s\\u0073n":123456789}', [entity()], '{"s\\u0073n":"[US_SSN]"}'),
    ('"¤"', [entity()], '"[CREDIT_CARD]"'),
    (CARD, [entity()], '"[CREDIT_CARD]"'),
    # only what is asked for
    ('["a@b.co ¤"]', [entity("CREDIT_CARD")], '["a@b.co [CREDIT_CARD]"]'),
    (
        '["a@b.co ¤"]',
        [entity("CREDIT_CARD", "partial"), entity("EMAIL_ADDRESS")],
        '["[EMAIL_ADDRESS] ************1111"]',
    ),
    # ways
    ('["x ¤"]', [entity(how="partial")], '["x ************1111"]'),
    ('["a@b.co"]', [entity(how="partial")], '["******"]'),
    ('["x ¤ y"]', [entity(how="remove")], '["x  y"]'),
    # the strictest wins
    ('["¤"]', [entity(how="partial"), entity("CREDIT_CARD")], '["[CREDIT_CARD]"]'),
    ('["¤"]', [entity(), entity("CREDIT_CARD", "partial")], '["[CREDIT_CARD]"]'),
    (
        '["¤.bob@x.com"]',
        [entity("CREDIT_CARD", "partial"), entity("EMAIL_ADDRESS")],
        '["[EMAIL_ADDRESS]"]',
    ),
    ('{"a":"my ¤"}', [path("$.a", "partial"), entity()], '{"a":"[REDACTED]"}'),
    ('{"a":"my ¤"}', [path("$.a", "partial"), entity(how="remove")], '{"a":null}'),
    ('{"a":"my ¤"}', [path("$.a", "remove"), entity()], '{"a":null}'),
    ('{"a":"12345678"}', [path("$.a", "partial"), path("$..a", "redact")], '{"a":"[REDACTED]"}'),
    ('{"a":{"b":1}}', [path("$.a"), path("$.a.b", "remove")], '{"a":"[REDACTED]"}'),
    # fields
    ('{"a": {"b": "secret"}, "b": "open"}', [path("$.a.b")], '{"a": {"b": "[REDACTED]"}, "b": "open"}'),
    ('{"a": {"b": [1, {"c": "}]"}]}, "d":2}', [path("$.a")], '{"a": "[REDACTED]", "d":2}'),
    ('{"a": [1, 2], "b": {}}', [path("$.a", "remove"), path("$.b", "partial")], '{"a": null, "b": "[REDACTED]"}'),
    ('{"a":12345678.50,"b":true,"c":null}', [path("$.*", "partial")], '{"a":"*******8.50","b":"****","c":null}'),
    ('{"a":"abcdefg","b":"abcdefgh","c":""}', [path("$.*", "partial")], '{"a":"*******","b":"****efgh","c":""}'),
    ('{"\\u0061":"x"}', [path("$.a")], '{"\\u0061":"[REDACTED]"}'),
    ('{"a/b":"x","a\\/c":"y"}', [path("$['a/b']"), path("$['a/c']")], '{"a/b":"[REDACTED]","a\\/c":"[REDACTED]"}'),
    ('{"a\\"b":"x"}', [path("$['a\"b']")], '{"a\\"b":"[REDACTED]"}'),
    ("[[1,2],[3]]", [path("$[*][0]", "remove")], "[[null,2],[null]]"),
    ('{"x":1}', [path("$")], '"[REDACTED]"'),
    ("[1]", [path("$", "remove")], "null"),
    ('{"a\\/c":"y"}', [path("$['a/c']")], '{"a\\/c":"[REDACTED]"}'),
    ('{"a":"{\\"b\\":\\"12345678\\"}"}', [path("$.a", "partial")], '{"a":"[REDACTED]"}'),
    # escapes hide nothing
    ('["line\\nbXkgc3NuIGlzIDIxOS0wOS05OTk5"]', [entity()], '["line\\n[US_SSN]"]'),
    ('["219\\t09\\t9999", "4111\\n1111\\n1111\\n1111"]', [entity()], '["[US_SSN]", "[CREDIT_CARD]"]'),
    ('["whsec_aaaaaaaaaaaa\\/bbbbbbbbbbbb"]', [entity()], '["[STRIPE_KEY]"]'),
    ('["x\\n1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"]', [entity()], '["x\\n[CRYPTO]"]'),
    ('["\\tGB82WEST12345698765432"]', [entity()], '["\\t[IBAN_CODE]"]'),
    ('["\\r\\f¤ \\b.¤"]', [entity()], '["\\r\\f[CREDIT_CARD] \\b.[CREDIT_CARD]"]'),
    # keys
    ('{"bob@x.com":1}', [entity()], '{"[EMAIL_ADDRESS]":1}'),
    (
        '{"a@b.co":1,"c@d.co":2,"[EMAIL_ADDRESS]":3}',
        [entity()],
        '{"[EMAIL_ADDRESS]#2":1,"[EMAIL_ADDRESS]#3":2,"[EMAIL_ADDRESS]":3}',
    ),
    ('{"a@b.co":1,"c@d.co":2}', [entity(how="remove")], '{"":1,"#2":2}'),
    ('{"ssn":{"123456789":1}}', [entity()], '{"ssn":{"[US_SSN]":1}}'),
    # the last two keys count, in any script
    ('{"ｓｓｎ":[123456789,{"a":123456789}]}', [entity()], '{"ｓｓｎ":["[US_SSN]",{"a":"[US_SSN]"}]}'),
    ('{"ssn":{"a":{"b":123456789}}}', [entity()], '{"ssn":{"a":{"b":123456789}}}'),
    # JSON that appears only when the text around it is removed was never looked into
    ('["{\\"ssn\\":\\"x\\"}a@b.co"]', [entity(how="remove"), path("$..ssn")], '["[REDACTED]"]'),
    # what comes together through masking is looked at again
    (
        '["4111sk_live_a1B2c3D4e5-1111-1111-1111 x"]',
        [entity("STRIPE_KEY", "remove"), entity("CREDIT_CARD")],
        '["[CREDIT_CARD] x"]',
    ),
]


@pytest.mark.parametrize(("body", "rules", "rewritten"), REWRITES)
def test_rewrites_json(body, rules, rewritten):
    body, rewritten = with_card(body), with_card(rewritten)
    assert mask(body, *rules) == rewritten
    assert mask(rewritten, *rules) == rewritten


def nested(inner, **more):
    return json.dumps({"result": {"content": [{"type": "text", "text": inner, **more}]}}, ensure_ascii=False)


SSN_RULE = path("$.result.content[*].text.customer.ssn")
NESTED = [
    ('{"customer": {"ssn": "abc", "n": 1}}', [SSN_RULE], '{"customer": {"ssn": "[REDACTED]", "n": 1}}'),
    ('{"customer": {"s\\u0073n": "a\\nb"}}', [SSN_RULE], '{"customer": {"s\\u0073n": "[REDACTED]"}}'),
    (' [{"x": ¤}] ', [entity()], ' [{"x": "[CREDIT_CARD]"}] '),
    ('{"x": "\\u0034111111111111111"}', [entity()], '{"x": "[CREDIT_CARD]"}'),
    ('"\\u0034111111111111111"', [entity()], '"[CREDIT_CARD]"'),
    (
        json.dumps({"x": json.dumps({"y": "é " + CARD})}),
        [entity()],
        json.dumps({"x": json.dumps({"y": "é [CREDIT_CARD]"})}),
    ),
    ('{"ssn": 123456789}', [entity()], '{"ssn": "[US_SSN]"}'),
    ('{"a@b.co": {}}', [entity()], '{"[EMAIL_ADDRESS]": {}}'),
    ("{not json ¤}", [entity()], "{not json [CREDIT_CARD]}"),
    ("[1] and ¤", [entity()], "[1] and [CREDIT_CARD]"),
    ('{"a": 1, "a": "¤"}', [entity()], '{"a": 1, "a": "[CREDIT_CARD]"}'),
    ('{"score": NaN, "x": 1}', [SSN_RULE], '{"score": NaN, "x": 1}'),
]


@pytest.mark.parametrize(("inner", "rules", "rewritten"), NESTED)
def test_rewrites_json_in_strings(inner, rules, rewritten):
    inner, rewritten = with_card(inner), with_card(rewritten)
    assert mask(nested(inner), *rules) == nested(rewritten)
    assert mask(nested(rewritten), *rules) == nested(rewritten)


@pytest.mark.parametrize("separator", ["\n", "\t", "\r\n"])
@pytest.mark.parametrize(
    ("number", "label"), [("4111 1111 1111 1111", "[CREDIT_CARD]"), ("219 09 9999", "[US_SSN]")]
)
def test_escapes_between_digits_are_escaped_again_in_json_in_json(separator, number, label):
    number = number.replace(" ", separator)
    for _ in range(6):
        number, label = json.dumps(number), json.dumps(label)
        assert mask(number, entity()) == label


def test_the_text_twin_and_structured_content_are_masked_alike():
    data = {"customer": {"ssn": "123-45-6789"}}
    body = json.dumps({"result": {"structuredContent": data, "content": [{"text": json.dumps(data)}]}})
    rules = [SSN_RULE, path("$.result.structuredContent.customer.ssn")]
    assert "6789" not in mask(body, *rules)


@pytest.mark.parametrize(
    "inner",
    [
        '{"customer": {"ssn": "x", "score": NaN}}',
        '{"customer": {"ssn": "x"}, "customer": {}}',
        '{"customer": {"ssn": "x", "n": 1e999}}',
        '{"customer": {"ssn": "x", "t": "a\tb"}}',
        '\ufeff{"customer": {"ssn": "x"}}',
        '{"customer": {"ssn": "x", "d": ' + "[" * 70 + "]" * 70 + "}}",
        '{"customer": {"\\u0073sn": "x", "score": NaN}}',
    ],
)
def test_json_in_a_string_that_only_others_can_read_is_refused(inner):
    with pytest.raises(MaskingError):
        mask(nested(inner), SSN_RULE)


def test_json_in_json_without_end_is_refused():
    text = CARD
    for _ in range(12):
        text = json.dumps([text])
    with pytest.raises(MaskingError):
        mask(text, entity())


BODY_REFUSED = [
    (b"{", "not-json"),
    (b'{"a":1,"a":2}', "duplicate-keys"),
    (b'{"a":"\xff"}', "not-utf8"),
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not-json"),
    (rb'["\ud800"]', "not-utf8"),
    (b"[NaN]", "not-json"),
    (b"[1e999]", "number-out-of-range"),
    (b"[" * 70 + b"]" * 70, "too-deep"),
]


@pytest.mark.parametrize(("body", "kind"), BODY_REFUSED)
@pytest.mark.parametrize(
    "content_type", [JSON, "application/problem+json; charset=utf-8", "application/vnd.api+JSON"]
)
def test_json_is_read_strictly_even_when_nothing_is_found(body, kind, content_type):
    with pytest.raises(MaskingError, match=kind):
        MASKER.mask(body, content_type, (entity(),))
    with pytest.raises(MaskingError, match=kind):
        MASKER.find(body, content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "json",
        "application/octet-stream",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "text/plain, application/json",
        "application/json, application/json",
        "text/plain; charset=utf-16",
        "application/json; charset=utf-7",
        "text/event-stream; charset=latin1",
        "image/png",
    ],
)
def test_unknown_types_are_refused(content_type):
    with pytest.raises(MaskingError):
        MASKER.mask(b"{}x\xc3\xa9", content_type, (entity(),))
    with pytest.raises(MaskingError):
        MASKER.find(b"{}x\xc3\xa9", content_type)
    assert MASKER.mask(b"", content_type, (entity(),)).body == b""
    assert MASKER.mask(b"\xff", content_type, ()).body == b"\xff"
    assert MASKER.find(b"", content_type) == ()


def test_a_charset_that_changes_nothing_is_fine():
    assert MASKER.mask(b'["a@b.co"]', "application/json;charset=ISO-8859-1", (entity(),)).body != b'["a@b.co"]'


def test_an_entity_that_nothing_detects_is_refused():
    """A rule that could never apply would let everything pass."""
    with pytest.raises(MaskingError, match="SHOE_SIZE"):
        mask("{}", entity("SHOE_SIZE"))
    with pytest.raises(MaskingError, match="offset 1"):
        mask("{}", path("$!"))
    with pytest.raises(MaskingError):
        MASKER.check((MaskRule(MaskOperator.REDACT),))
    MASKER.check((entity(), path("$.a")))


def test_plain_text():
    assert mask(f"call a@b.co\r\n{CARD}", entity(), content_type=TEXT) == "call [EMAIL_ADDRESS]\r\n[CREDIT_CARD]"
    assert mask('{"ssn": "x"}', path("$.ssn"), content_type="text/html") == '{"ssn": "[REDACTED]"}'
    assert mask("some text", path("$", "partial"), content_type=TEXT) == "*****text"
    assert mask("some text", path("$", "remove"), content_type=TEXT) == ""
    with pytest.raises(MaskingError):
        MASKER.mask(b"\xff", TEXT, (entity(),))


def test_findings_say_where_and_how_and_never_what():
    body = json.dumps({"c": ["a@b.co a@b.co", {"bob@x.com": CARD}], "d": "x"})
    masked = MASKER.mask(body.encode(), JSON, (entity("CREDIT_CARD", "partial"), path("$.d")))
    assert masked.findings == (
        Finding("EMAIL_ADDRESS", "$.c[0]", "", 2),
        Finding("EMAIL_ADDRESS", "$.c[1]", "", 1),
        Finding("CREDIT_CARD", "$.c[1]['[EMAIL_ADDRESS]']", "partial", 1),
        Finding("FIELD", "$.d", "redact", 1),
    )
    found = MASKER.find(body.encode(), JSON)
    assert [(each.entity, each.how) for each in found] == [("EMAIL_ADDRESS", "")] * 2 + [("CREDIT_CARD", "")]


def test_findings_are_bounded():
    body = json.dumps(["a@b.co"] * 3_000).encode()
    findings = MASKER.find(body, JSON)
    assert len(findings) <= 1_001
    assert sum(each.count for each in findings) == 3_000


TOKEN = re.compile(r"<CREDIT_CARD:k1:[A-Z2-7]{16}>")


def test_pseudonyms_join_spellings_and_differ_by_key():
    rule = entity(how="pseudonym")
    first, second = json.loads(mask(f'["{CARD}", "4111-1111-1111-1111"]', rule))
    assert first == second
    assert TOKEN.fullmatch(first)
    other = make_masker(key=b"x" * 32).mask(f'["{CARD}"]'.encode(), JSON, (rule,)).body.decode()
    assert first not in other
    assert json.loads(mask('["5555555555554444"]', rule)) != [first]


TELLING = ["password", "secret", "phone", "ssn", "account number", "passport", "bearer", "aws_secret"]


@pytest.mark.parametrize("how", list(MaskOperator))
@pytest.mark.parametrize("around", ["{word}: {value}", "<{word}>{value}</{word}>", "{word} of {value}, please"])
@pytest.mark.slow
def test_what_is_masked_stays_beside_words_that_tell(how, around):
    """A pseudonym beside ``password`` is none: tokens would not join any more."""
    rules = (entity(how=how),)
    values = ["bob@example.com", "219-09-9999", CARD, "Xk29fLq81mZtPw47", "0791234567", "123456789", "10.1.2.3"]
    values += [f"user{number}@example.com" for number in range(20)]
    for word in TELLING:
        for value in values:
            text = around.format(word=word, value=value)
            for body, content_type in (
                (text, TEXT),
                (json.dumps({"note": text}), JSON),
                (json.dumps({word: value}), JSON),
            ):
                once = mask(body, *rules, content_type=content_type)
                assert mask(once, *rules, content_type=content_type) == once
                assert how is not MaskOperator.PSEUDONYM or "SECRET]" not in once
                assert how is not MaskOperator.PSEUDONYM or value[0] != "u" or "<EMAIL_ADDRESS:" in once


def test_a_field_pseudonym_is_not_masked_again_unless_it_is_forged_or_old():
    rule = path("$.a", "pseudonym")
    once = mask('{"a":"value"}', rule)
    assert mask(once, rule) == once
    assert mask(once, path("$.a", "partial")) == once
    assert mask(once, path("$.a")) == '{"a":"[REDACTED]"}'
    forged = '{"a":"<FIELD:k1:ABCDEFGHIJKLMNOP>"}'
    assert mask(forged, rule) != forged
    assert make_masker(key_id="k2").mask(once.encode(), JSON, (rule,)).body != once.encode()


def test_the_key_is_in_no_repr_and_its_id_is_checked():
    assert "kkk" not in repr(MASKER) + repr(TextMasker(ANALYZER, Operators(b"k" * 32, "k1")))
    for wrong in ("", "K1", "k1234", "k:1", "toolongname"):
        with pytest.raises(ValueError, match="key id"):
            make_masker(key_id=wrong)


def test_header_text():
    rules = (entity(), path("$.a"))
    assert MASKER.mask_text("to a@b.co", rules) == (
        "to [EMAIL_ADDRESS]",
        (Finding("EMAIL_ADDRESS", "$", "redact"),),
    )
    assert MASKER.mask_text('{"a": "x"}', rules) == ('{"a": "x"}', ())
    assert MASKER.mask_text('{"b": "\\u0034111111111111111"}', rules)[0] == '{"b": "[CREDIT_CARD]"}'
    assert MASKER.mask_text("a@b.co", ()) == ("a@b.co", ())
    assert MASKER.mask_text("", rules) == ("", ())


def test_whatever_a_detector_does_is_a_masking_error():
    def broken(text, _):
        raise KeyError(text)

    masker = make_masker(Analyzer([Detector("B", (b"secret",), 1, broken)]))
    for call in (
        lambda: masker.mask(b'["my secret"]', JSON, (entity(),)),
        lambda: masker.find(b'["my secret"]', JSON),
        lambda: masker.mask_text("my secret", (entity(),)),
        lambda: masker.stream(SSE, (entity(),)).feed(b"data: my secret\n\n"),
    ):
        with pytest.raises(MaskingError) as caught:
            call()
        assert "secret" not in str(caught.value)


def test_a_document_deeper_than_python_recurses_is_no_crash():
    masker = make_masker(max_depth=512)
    body = b"[" * 512 + CARD.encode() + b"]" * 512
    assert b"[CREDIT_CARD]" in masker.mask(body, JSON, (entity(),)).body


@pytest.mark.slow
def test_more_entities_than_the_limit_are_refused():
    """No document keeps a worker busy for long."""
    body = json.dumps(["a@b.co " * 1_000] * 51).encode()
    with pytest.raises(MaskingError, match="50000"):
        MASKER.mask(body, JSON, (entity(),))


def test_a_document_full_of_numbers_is_masked():
    """If there are too many candidates to be of use, every value is searched."""
    body = json.dumps(["9" * 40] * 3_000 + [CARD]).encode()
    assert MASKER.mask(body, JSON, (entity(),)).body.count(b"[CREDIT_CARD]") == 1


def allow(*paths):
    rest = MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST)
    return (rest, *(MaskRule(MaskOperator.REDACT, path=each, listed=Listed.DECLARED) for each in paths))


ALLOWED = [
    ('{"id": 1, "name": "Ada", "x": null}', ["$.id"], '{"id": 1, "name": "[REDACTED]", "x": null}'),
    (
        '{"a": {"b": 1, "c": true}, "d": {"e": 1}}',
        ["$.a.b"],
        '{"a": {"b": 1, "c": "[REDACTED]"}, "d": "[REDACTED]"}',
    ),
    ('{"a": {"b": {"c": [1, 2]}}, "d": [1]}', ["$.a"], '{"a": {"b": {"c": [1, 2]}}, "d": "[REDACTED]"}'),
    ('[{"id": 1, "n": 2}, {"id": 3}, 4]', ["$[*].id"], '[{"id": 1, "n": "[REDACTED]"}, {"id": 3}, "[REDACTED]"]'),
    ('{"a": {"id": 1, "b": {"id": 2, "c": 3}}}', ["$..id"], '{"a": {"id": 1, "b": {"id": 2, "c": "[REDACTED]"}}}'),
    ('{"a": "x"}', [], '"[REDACTED]"'),
    ('{"a": "x"}', ["$"], '{"a": "x"}'),
    ('"x"', ["$.a"], '"[REDACTED]"'),
    ('{"t": "{\\"id\\": 1, \\"n\\": 2}"}', ["$.t.id"], '{"t": "{\\"id\\": 1, \\"n\\": \\"[REDACTED]\\"}"}'),
    ('{"t": "no json"}', ["$.t.id"], '{"t": "[REDACTED]"}'),
    ('{"t": "{\\"id\\": 1}"}', ["$.id"], '{"t": "[REDACTED]"}'),
]


@pytest.mark.parametrize(("body", "declared", "rewritten"), ALLOWED)
def test_what_is_not_declared_is_masked(body, declared, rewritten):
    assert mask(body, *allow(*declared)) == rewritten
    assert mask(rewritten, *allow(*declared)) == rewritten


def test_declared_fields_are_masked_by_other_rules():
    rules = (*allow("$.note", "$.pin"), entity(), path("$.pin", "remove"))
    assert mask(f'{{"note": "my card {CARD}"}}', *rules) == ('{"note": "my card [CREDIT_CARD]"}')
    assert mask('{"pin": 1234, "x": 1}', *rules) == '{"pin": null, "x": "[REDACTED]"}'


def test_text_without_structure_is_masked_unless_all_may_pass():
    assert mask("any text", *allow("$.a"), content_type=TEXT) == "[REDACTED]"
    assert mask("any text", *allow("$"), content_type=TEXT) == "any text"
