"""A rule for a path is the operator's word about that path; policy can only add to it."""

import json
import re
from pathlib import Path

import pytest
import yaml

from extproc.assembly.make_connection import masking_plan
from extproc.detectors.catalogue import CATALOGUE
from extproc.masking.plan.operators import partial
from extproc.model.masking import MASK_EVERYTHING, Listed, MaskOperator, MaskRule, RuleSource
from extproc.settings.masking import MaskingSettings
from tests.support.maskers import DETECTORS, make_masker

JSON = "application/json"
CARD = "4111111111111111"
GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "mask-fields.md"
PARTIAL, PSEUDONYM, REDACT, REMOVE = (
    MaskOperator.PARTIAL,
    MaskOperator.PSEUDONYM,
    MaskOperator.REDACT,
    MaskOperator.REMOVE,
)


def own(how, **target):
    return MaskRule(how, **target, source=RuleSource.CONNECTION)


def masked(document, *rules, content_type=JSON):
    body = make_masker().mask(json.dumps(document).encode(), content_type, rules).body
    return json.loads(body)


EVERYTHING = own(REDACT, entity="*")


def test_a_paths_rule_is_the_word_about_the_entities_in_its_field():
    shown = masked({"card": CARD, "other": CARD}, own(PARTIAL, path="$.card"), EVERYTHING)
    assert shown == {"card": "************1111", "other": "[CREDIT_CARD]"}


@pytest.mark.parametrize("how", list(MaskOperator))
def test_each_operator_is_one(how):
    field = masked({"card": CARD}, own(how, path="$.card"), own(REMOVE, entity="*"))["card"]
    alone = masked({"card": CARD}, own(how, path="$.card"))["card"]
    assert field == alone


def test_of_several_paths_the_strictest_wins():
    rules = own(PARTIAL, path="$.card"), own(PSEUDONYM, path="$..card"), EVERYTHING
    assert masked({"card": CARD}, *rules)["card"].startswith("<FIELD:k1:")


@pytest.mark.parametrize("target", [{"path": "$.card"}, {"entity": "CREDIT_CARD"}, {"entity": "*"}])
def test_what_policy_adds_counts_in_any_case(target):
    rules = own(PARTIAL, path="$.card"), EVERYTHING, MaskRule(REDACT, **target)
    assert masked({"card": CARD}, *rules) == {"card": "[REDACTED]"}


def test_policy_cannot_weaken_a_plan_by_a_path():
    assert masked({"card": CARD}, EVERYTHING, MaskRule(PARTIAL, path="$.card")) == {"card": "[REDACTED]"}


def test_a_weaker_rule_of_policy_changes_nothing():
    rules = own(PSEUDONYM, path="$.card"), EVERYTHING, MaskRule(PARTIAL, entity="*")
    assert masked({"card": CARD}, *rules)["card"].startswith("<FIELD:")


def test_the_record_masks_the_field_as_before():
    assert masked({"card": CARD}, own(PARTIAL, path="$.card"), *MASK_EVERYTHING) == {"card": "[REDACTED]"}


def test_allow_list_mode_is_the_outer_limit():
    rest, declared = (
        MaskRule(REDACT, path="$", listed=Listed.REST),
        MaskRule(REDACT, "$.a", listed=Listed.DECLARED),
    )
    rules = rest, declared, own(PARTIAL, path="$.a"), own(PARTIAL, path="$.b"), EVERYTHING
    assert masked({"a": CARD, "b": CARD, "c": 1}, *rules) == {
        "a": "************1111",
        "b": "[REDACTED]",
        "c": "[REDACTED]",
    }


@pytest.mark.parametrize("value", [json.dumps({"a": CARD}), f"[{CARD}]", {"a": CARD}, [CARD]])
def test_what_holds_other_values_is_redacted_as_a_whole(value):
    assert masked({"card": value}, own(PARTIAL, path="$.card"), EVERYTHING) == {"card": "[REDACTED]"}


def test_a_number_becomes_the_same_text():
    assert masked({"card": int(CARD)}, own(PARTIAL, path="$.card"), EVERYTHING) == {"card": "************1111"}


def test_the_word_holds_in_json_in_a_string():
    shown = masked({"a": json.dumps({"card": CARD, "x": CARD})}, own(PARTIAL, path="$.a.card"), EVERYTHING)
    assert json.loads(shown["a"]) == {"card": "************1111", "x": "[CREDIT_CARD]"}


def test_the_word_holds_in_a_form_and_in_events():
    rules = own(PARTIAL, path="$.card"), EVERYTHING
    masker = make_masker()
    form = masker.mask(f"card={CARD}&x={CARD}".encode(), "application/x-www-form-urlencoded", rules)
    assert form.body == b"card=%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A1111&x=%5BCREDIT_CARD%5D"
    events = masker.mask(f'data: {{"card": "{CARD}"}}\n\n'.encode(), "text/event-stream", rules)
    assert events.body == b'data: {"card": "************1111"}\n\n'


def test_findings_say_how_the_field_was_masked():
    rules = own(PARTIAL, path="$.card"), EVERYTHING
    findings = make_masker().mask(json.dumps({"card": CARD}).encode(), JSON, rules).findings
    assert [(each.entity, each.path, each.how) for each in findings] == [
        ("FIELD", "$.card", "partial"),
        ("CREDIT_CARD", "$.card", "partial"),
    ]


SAMPLES = {
    "card": CARD,
    "email": "alice.smith@example.com",
    "email2": "a@b.example.co",
    "ssn": "219-09-9999",
    "phone": "+1 212 555 0123",
    "iban": "DE89370400440532013000",
    "ip": "fe80::1:2ab",
    "ip4": "203.0.113.99",
    "password": "correct horse 4931",
    "pin": "49311234",
    "account_number": "000123456789",
    "passport": "C01234567",
    "api_key": "q7WeRtYu1oPaSdFgHjK1l",
    "url": "postgres://app:pw-pw-pw@db.example/app",
}


@pytest.mark.parametrize("key", SAMPLES)
def test_partial_is_a_fixed_point_of_the_plan(key):
    rules = own(PARTIAL, path=f"$.{key}"), EVERYTHING
    once = masked({key: SAMPLES[key]}, *rules)
    assert masked(once, *rules) == once


@pytest.mark.parametrize("key", SAMPLES)
def test_detectors_find_nothing_in_what_partial_leaves(key):
    left = partial(SAMPLES[key])
    found = make_masker().find(json.dumps({key: left}).encode(), JSON)
    assert [each.entity for each in found] == []


def test_the_samples_are_found_before():
    found = {each.path for each in make_masker().find(json.dumps(SAMPLES).encode(), JSON)}
    assert len(found) >= len(SAMPLES) - 3


def test_no_example_of_the_catalogue_is_found_once_it_is_partial():
    assert [each.example for each in CATALOGUE if DETECTORS.scan(partial(each.example))] == []


def test_the_guides_example_does_what_it_says():
    block = next(yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    plan = masking_plan(MaskingSettings.model_validate(block["connections"]["crm"]["masking"]))
    answer = {"customer": {"ssn": "219-09-9999"}, "orders": [{"card": CARD}], "note": CARD}
    assert masked(answer, *plan.response) == {
        "customer": {"ssn": None},
        "orders": [{"card": "************1111"}],
        "note": "[CREDIT_CARD]",
    }
