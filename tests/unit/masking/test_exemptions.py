"""Values that pass although a rule masks their entity, and everything that masks them all the same."""

import base64
import json
from urllib.parse import quote

import pytest

from extproc.assembly.make_connection import EVERY_ENTITY, exemption_rule
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.custom import make_custom
from extproc.masking.text.exempt_values import host_of, is_of_domain
from extproc.model.masking import MASK_EVERYTHING, Listed, MaskOperator, MaskRule, RuleSource
from extproc.settings.masking import ExemptionSettings
from tests.support.maskers import make_masker
from tests.support.model_streams import CONTENT

JSON, TEXT, FORM, EVENTS = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "text/event-stream",
)
OURS, THEIRS = "help@example.com", "alice@example.org"
CARD = "4111111111111111"
REASON = "our own addresses"


def exempt(entity="EMAIL_ADDRESS", reason=REASON, **settings):
    return exemption_rule(ExemptionSettings(entity=entity, reason=reason, **settings))


OUR_DOMAIN = exempt(domain="example.com")


def mask(body, *rules, content_type=JSON, masker=None):
    text = body if isinstance(body, str) else json.dumps(body)
    return (masker or make_masker()).mask(text.encode(), content_type, EVERY_ENTITY + rules)


def masked(document, *rules, **options):
    return json.loads(mask(document, *rules, **options).body)


def test_a_value_passes_by_its_domain_and_no_other_does():
    shown = masked({"from": OURS, "to": THEIRS, "text": f"from {OURS} to {THEIRS}"}, OUR_DOMAIN)
    assert shown == {"from": OURS, "to": "[EMAIL_ADDRESS]", "text": f"from {OURS} to [EMAIL_ADDRESS]"}


def test_the_finding_says_which_exemption_and_where_and_never_what():
    (finding,) = mask({"from": OURS}, OUR_DOMAIN).findings
    assert (finding.entity, finding.path, finding.how) == ("EMAIL_ADDRESS", "$.from", f"exempt: {REASON}")
    assert finding.is_exempt
    assert not finding.is_masked
    assert OURS not in repr(finding)


def test_an_exemption_of_what_no_rule_masks_is_not_named():
    (finding,) = make_masker().mask(f'"{OURS}"'.encode(), JSON, (OUR_DOMAIN,)).findings
    assert finding.how == ""


@pytest.mark.parametrize(
    ("domain", "address", "passes"),
    [
        ("example.com", "a@example.com", True),
        ("example.com", "A@EXAMPLE.COM", True),
        ("example.com", "a@mail.example.com", False),
        ("example.com", "a@example.com.evil.org", False),
        ("example.com", "a@notexample.com", False),
        ("*.example.com", "a@mail.example.com", True),
        ("*.example.com", "a@b.mail.example.com", True),
        ("*.example.com", "a@example.com", False),
        ("*.example.com", "a@evilexample.com", False),
    ],
)
def test_domains(domain, address, passes):
    assert is_of_domain(address, domain) is passes
    assert (masked({"x": address}, exempt(domain=domain))["x"] == address) is passes


@pytest.mark.parametrize(
    ("found", "host"),
    [
        ("a@Example.com", "example.com"),
        ("https://u:p@Example.com:8443/x@y", "example.com"),
        ("https://[", ""),
        ("example.com", "example.com"),
        ("a@example.com@evil.org", "evil.org"),
    ],
)
def test_hosts(found, host):
    assert host_of(found) == host


@pytest.mark.parametrize(
    ("entity", "value", "key", "written"),
    [
        ("PHONE_NUMBER", "+1 800 555 0100", "phone", ["+1 800 555 0100", "+18005550100", "+1 (800) 555-0100"]),
        ("CREDIT_CARD", "4111 1111 1111 1111", "x", [CARD, "4111-1111-1111-1111"]),
        ("EMAIL_ADDRESS", "Help@Example.com", "x", [OURS, "HELP@EXAMPLE.COM"]),
        ("IP_ADDRESS", "203.0.113.7", "x", ["203.0.113.7"]),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", "x", ["DE89370400440532013000"]),
    ],
)
def test_an_exact_value_passes_however_it_is_written(entity, value, key, written):
    rule = exempt(entity, value=value)
    for each in written:
        assert masked({key: each}, rule) == {key: each}


@pytest.mark.parametrize("other", ["+1 800 555 0101", "1 800 555 01000", "+44 800 555 0100"])
def test_another_value_does_not(other):
    assert OURS not in masked({"phone": other}, exempt("PHONE_NUMBER", value="+1 800 555 0100"))["phone"]
    assert masked({"phone": other}, exempt("PHONE_NUMBER", value="+1 800 555 0100")) != {"phone": other}


@pytest.mark.parametrize(
    ("value", "passes"), [("10.1.2.3", True), ("10.255.0.1", True), ("210.1.2.3", False), ("11.1.2.3", False)]
)
def test_a_pattern_matches_the_whole_value(value, passes):
    rule = exempt("IP_ADDRESS", pattern=r"10\.[0-9.]+")
    assert (masked({"x": value}, rule) == {"x": value}) is passes


def test_a_path_holds_for_everything_below_it_and_nowhere_else():
    rule = exempt("IP_ADDRESS", path="$.nodes[*].net")
    document = {"nodes": [{"net": {"ip": "203.0.113.7"}}, {"ip": "203.0.113.8"}], "net": "203.0.113.9"}
    assert masked(document, rule) == {
        "nodes": [{"net": {"ip": "203.0.113.7"}}, {"ip": "[IP_ADDRESS]"}],
        "net": "[IP_ADDRESS]",
    }


def test_a_path_goes_on_into_json_in_a_string():
    rule = exempt("IP_ADDRESS", path="$.a.ip")
    inner = json.loads(masked({"a": json.dumps({"ip": "203.0.113.7", "x": "203.0.113.8"})}, rule)["a"])
    assert inner == {"ip": "203.0.113.7", "x": "[IP_ADDRESS]"}


def test_a_path_that_escapes_spell():
    body = r'{"\u0061": {"i\u0070": "203.0.113.7"}}'
    assert mask(body, exempt("IP_ADDRESS", path="$.a.ip")).body.decode() == body


def test_a_path_of_an_exemption_does_not_refuse_loose_json_in_a_string():
    """Only a path that masks has to be followed into text that readers may read in two ways."""
    document = {"note": '{"ip": 1, "ip": 2, "x": "203.0.113.8"}'}
    assert "[IP_ADDRESS]" in masked(document, exempt("IP_ADDRESS", path="$..ip"))["note"]


def test_the_root_stands_for_everything_keys_included():
    assert masked({OURS: OURS}, exempt(path="$")) == {OURS: OURS}
    assert masked({OURS: OURS}, exempt()) == {OURS: OURS}


def test_all_entities_at_one_path():
    assert masked({"debug": f"{OURS} {CARD}", "x": OURS}, exempt("*", path="$.debug")) == {
        "debug": f"{OURS} {CARD}",
        "x": "[EMAIL_ADDRESS]",
    }


@pytest.mark.parametrize(
    ("content_type", "body", "sent"),
    [
        (TEXT, f"from {OURS} to {THEIRS}\n", f"from {OURS} to [EMAIL_ADDRESS]\n"),
        (FORM, f"from={OURS}&to={THEIRS}", f"from={OURS}&to=%5BEMAIL_ADDRESS%5D"),
        (FORM, f"from={quote(OURS)}", f"from={quote(OURS)}"),
        (EVENTS, f"data: {OURS}\n\ndata: {THEIRS}\n\n", f"data: {OURS}\n\ndata: [EMAIL_ADDRESS]\n\n"),
        ("application/x-ndjson", f'{{"a":"{OURS}"}}\n', f'{{"a":"{OURS}"}}\n'),
    ],
)
def test_formats(content_type, body, sent):
    assert mask(body, OUR_DOMAIN, content_type=content_type).body.decode() == sent


@pytest.mark.parametrize(
    "spell", [quote, lambda text: text.replace("@", "&#64;"), lambda text: quote(quote(text))]
)
def test_a_value_that_is_spelled_in_text_is_read_first(spell):
    ours, theirs = quote(spell(OURS), safe="%&#;"), spell(THEIRS).replace("@", "%40")
    assert masked({"x": f"see {ours}"}, OUR_DOMAIN) == {"x": f"see {ours}"}
    assert masked({"x": f"see {theirs}"}, OUR_DOMAIN) != {"x": f"see {theirs}"}


def test_a_value_in_base64_never_passes():
    run = base64.b64encode(OURS.encode()).decode()
    assert masked({"x": run}, OUR_DOMAIN) == {"x": "[EMAIL_ADDRESS]"}
    hidden = base64.b64encode(f"{OURS}\0{CARD}".encode()).decode()
    assert masked({"x": hidden}, OUR_DOMAIN) == {"x": "[EMAIL_ADDRESS]"}


def test_what_overlaps_an_exempt_value_is_masked():
    address = f"{CARD}@example.com"
    assert masked({"x": address}, OUR_DOMAIN) == {"x": "[CREDIT_CARD]@example.com"}
    findings = {each.entity: each.how for each in mask({"x": address}, OUR_DOMAIN).findings}
    assert findings == {"CREDIT_CARD": "redact", "EMAIL_ADDRESS": f"exempt: {REASON}"}


def test_what_encloses_an_exempt_value_is_masked_as_a_whole():
    analyzer = Analyzer((*CATALOGUE, make_custom("TICKET", "T/[a-z@.]+/T")))
    assert masked({"x": f"T/{OURS}/T"}, OUR_DOMAIN, masker=make_masker(analyzer)) == {"x": "[TICKET]"}


def test_parts_that_move_together_are_searched_again():
    rules = MaskRule(MaskOperator.REMOVE, entity="US_SSN"), OUR_DOMAIN
    assert masked({"x": f"{OURS} 219-09-9999 {THEIRS}"}, *rules) == {"x": f"{OURS}  [EMAIL_ADDRESS]"}


def test_masked_again_nothing_changes():
    document = {"a": f"{OURS} {THEIRS}", "b": f"{CARD}@example.com", "c": [OURS, {"d": "203.0.113.7"}]}
    rules = OUR_DOMAIN, exempt("IP_ADDRESS", path="$.c")
    once = masked(document, *rules)
    assert masked(once, *rules) == once


@pytest.mark.parametrize(
    "rule",
    [
        MaskRule(MaskOperator.REDACT, entity="EMAIL_ADDRESS"),
        MaskRule(MaskOperator.REDACT, entity="*"),
        MaskRule(MaskOperator.REDACT, path="$.x"),
        MaskRule(MaskOperator.PARTIAL, path="$.x"),
        MaskRule(MaskOperator.REDACT, path="$.x", source=RuleSource.CONNECTION),
        MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST),
        *MASK_EVERYTHING,
    ],
)
@pytest.mark.parametrize("exemption", [OUR_DOMAIN, exempt(), exempt("*"), exempt(path="$.x")])
def test_what_no_exemption_sets_aside(rule, exemption):
    """Rules of policy, rules for a path, allow-list mode, and the record's."""
    assert OURS not in mask({"x": OURS}, rule, exemption).body.decode()


def test_the_record_shows_what_the_operator_lets_it_show():
    rules = (*MASK_EVERYTHING, exempt(domain="example.com", record=True))
    assert masked({"x": OURS, "y": THEIRS}, *rules) == {"x": OURS, "y": "[EMAIL_ADDRESS]"}


def test_one_of_several_exemptions_is_enough():
    rules = exempt(domain="example.net"), exempt(value=OURS), exempt("IP_ADDRESS")
    assert masked({"x": OURS}, *rules) == {"x": OURS}


def test_a_field_is_not_exempt_by_the_path_of_a_header_field():
    rule = exempt("IP_ADDRESS", path="header.x-forwarded-for")
    assert masked({"x-forwarded-for": "203.0.113.7"}, rule) == {"x-forwarded-for": "[IP_ADDRESS]"}


@pytest.mark.parametrize("cut", [3, 7, 64])
def test_streams_do_not_depend_on_cuts(cut):
    text = f"from {OURS}, {THEIRS} and {CARD}@example.com\n4111\n1111\n1111\n1111\n" * 5
    whole = mask(text, OUR_DOMAIN, exempt("CREDIT_CARD", value=CARD), content_type=TEXT).body
    stream = make_masker().stream(TEXT, (*EVERY_ENTITY, OUR_DOMAIN, exempt("CREDIT_CARD", value=CARD)))
    data = text.encode()
    pieces = [stream.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    assert b"".join([*pieces, stream.finish()]) == whole
    assert OURS.encode() in whole
    assert THEIRS.encode() not in whole


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        (OUR_DOMAIN, f"to {OURS} or [EMAIL_ADDRESS] now"),
        (exempt(path="$.choices[*].delta.content"), f"to {OURS} or {THEIRS} now"),
        (exempt(path="$.other"), "to [EMAIL_ADDRESS] or [EMAIL_ADDRESS] now"),
    ],
)
def test_a_models_text_over_events(rule, sent):
    pieces = ["to he", "lp@exam", "ple.com or al", "ice@example", ".org now"]
    result = mask(CONTENT.stream(pieces).decode(), rule, content_type=CONTENT.content_type)
    assert CONTENT.text(result.body) == sent
