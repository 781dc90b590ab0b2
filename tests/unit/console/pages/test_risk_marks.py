"""Values that commonly do harm are marked; harmless ones are not."""

import pytest

from extproc.console.pages.risk_marks import Weight, entity_mark, risk_marks
from extproc.model.masking import Finding


def labels(name, text, *, is_text=True):
    return [mark.label for mark in risk_marks(name, text, is_text=is_text)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("force", "true", ["forces"]),
        ("skipBackup", "true", ["forces"]),
        ("force", "false", []),
        ("environment", "production", ["production"]),
        ("env", "eu-prod-1", ["production"]),
        ("environment", "staging", []),
        ("environment", "reproduction", []),
        ("statement", "SELECT 1", ["runs"]),
        ("statement", "drop table x", ["destroys", "runs"]),
        ("note", "please DELETE FROM users", ["destroys"]),
        ("cmd", "rm -rf /", ["destroys", "runs"]),
        ("resource", "*", ["everything"]),
        ("role", "viewer", ["rights"]),
        ("amount", "900", ["money"]),
        ("amount", "[MASK]", []),
        ("webhook", "https://a.example", ["address"]),
        ("recipients", "[EMAIL_ADDRESS]", ["recipient"]),
        ("service", "billing", []),
        ("note", "a\u202eb", ["hidden characters"]),
        ("note", "two\nlines\tand more", []),
    ],
)
def test_marks(name, text, expected):
    assert labels(name, text) == expected


def test_marks_hold_nothing_of_the_value():
    assert all(
        "canary" not in mark.why + mark.label for mark in risk_marks("sql", "drop table canary", is_text=True)
    )


def test_a_masked_finding_says_that_the_function_gets_the_value():
    mark = entity_mark(Finding("CREDIT_CARD", "$.a", "redact", 3))
    assert (mark.weight, mark.label) == (Weight.DANGER, "credit card")
    assert "3 times" in mark.why
    assert "the function gets the value" in mark.why


def test_what_gives_access_stands_out_more_than_what_is_private():
    weights = {
        name: entity_mark(Finding(name, "$.a", "redact")).weight
        for name in ("STRIPE_KEY", "EMAIL_ADDRESS", "FIELD")
    }
    assert weights == {"STRIPE_KEY": Weight.DANGER, "EMAIL_ADDRESS": Weight.CARE, "FIELD": Weight.CARE}


def test_an_exempt_finding_says_why_it_shows():
    mark = entity_mark(Finding("EMAIL_ADDRESS", "$.a", "exempt: our own domain"))
    assert (mark.label, "our own domain" in mark.why) == ("email address, not masked", True)
