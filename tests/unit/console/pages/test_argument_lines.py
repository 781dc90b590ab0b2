"""Arguments become lines that say all of them, as they were written."""

from extproc.console.pages.argument_lines import FOLDED_OVER, LINES_MOST, Kind, argument_lines, fold
from extproc.model.masking import Finding


def shown(preview, *findings):
    return [(line.path, line.kind.value, line.text) for line in argument_lines(preview, findings)]


def marks(preview, *findings):
    return {line.path: [mark.label for mark in line.marks] for line in argument_lines(preview, findings)}


def test_every_value_has_a_line_with_its_place():
    assert shown('{"a": {"b": ["x", true]}, "c": null}') == [
        ("$.a", "open", "1 field"),
        ("$.a.b", "open", "2 items"),
        ("$.a.b[0]", "text", "x"),
        ("$.a.b[1]", "word", "true"),
        ("$.c", "word", "null"),
    ]


def test_numbers_keep_their_digits():
    digits = "2.10", "1e400", "-0", "12345678901234567890"
    assert [text for _, kind, text in shown(f"[{', '.join(digits)}]") if kind == "number"] == list(digits)


def test_a_text_is_told_from_a_word_and_a_number():
    assert [line.written for line in argument_lines('["true", true, "2", 2]')] == ['"true"', "true", '"2"', "2"]


def test_both_of_two_equal_names_are_shown():
    assert [text for _, _, text in shown('{"a": 1, "a": 2}')] == ["1", "2"]


def test_empty_containers_and_scalars_have_lines():
    assert shown('{"a": {}, "b": []}') == [("$.a", "empty", "{}"), ("$.b", "empty", "[]")]
    assert shown('"x"') == [("$", "text", "x")]
    assert shown("{}") == [("$", "empty", "{}")]


def test_what_is_not_json_or_too_deep_is_shown_as_text():
    deep = "[" * 100_000 + "]" * 100_000
    for raw in ("not json", deep, "[" * 70 + "]" * 70):
        assert shown(raw) == [("$", "raw", raw)]


def test_findings_are_marked_at_their_value():
    findings = Finding("STRIPE_KEY", "$.note", "redact"), Finding("FIELD", "$['a b'][0].ssn", "redact", 2)
    assert marks('{"note": "[STRIPE_KEY]", "a b": [{"ssn": null}]}', *findings) == {
        "$.note": ["stripe key"],
        "$['a b']": [],
        "$['a b'][0]": [],
        "$['a b'][0].ssn": ["a field that is always masked"],
    }


def test_a_finding_inside_an_encoded_value_is_marked_at_the_value_that_holds_it():
    assert marks('{"body": "{}"}', Finding("EMAIL_ADDRESS", "$.body.to[0]", "redact")) == {
        "$.body": ["email address"]
    }


def test_a_name_that_hides_characters_is_marked():
    assert marks('{"env\\u200b": "x"}')["$['env\\u200b']"] == ["hidden characters"]


def test_an_items_name_is_that_of_its_list():
    assert marks('{"recipients": ["a", "b"]}') == {
        "$.recipients": [],
        "$.recipients[0]": ["recipient"],
        "$.recipients[1]": ["recipient"],
    }


def test_long_values_and_lists_are_folded_and_said_to_be():
    long = argument_lines('{"a": "' + "x" * (FOLDED_OVER + 1) + '", "b": "y"}')
    folded = fold(long, whole=False)
    assert (folded.is_whole, folded.hidden_lines) == (False, 0)
    assert folded.hidden_characters + len(folded.lines[0].text) == FOLDED_OVER + 1
    many = argument_lines(f"[{', '.join('1' * 1 for _ in range(LINES_MOST + 5))}]")
    assert (fold(many, whole=False).hidden_lines, fold(many, whole=False).is_whole) == (5, False)
    for lines in (long, many):
        assert fold(lines, whole=True).lines == lines
        assert fold(lines, whole=True).is_whole
    short = argument_lines('{"a": 1}')
    assert fold(short, whole=False).is_whole


def test_only_the_first_lines_are_made_where_that_is_enough():
    assert len(argument_lines(f"[{'1, ' * 5000}1]", most=7)) == 7


def test_kinds_are_those_that_the_template_knows():
    assert {kind.value for kind in Kind} == {"text", "number", "word", "open", "empty", "raw"}
