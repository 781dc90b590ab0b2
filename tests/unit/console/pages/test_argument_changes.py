"""Two calls are compared value by value."""

from extproc.console.pages.argument_changes import compare
from extproc.console.pages.argument_lines import argument_lines


def compared(before, now):
    return compare(argument_lines(now), argument_lines(before))


def test_changed_new_and_gone_values_are_told():
    found = compared('{"a": 1, "b": "x", "gone": 0}', '{"a": 2, "b": "x", "new": null}')
    assert [(line.path, line.change, line.before) for line in found.lines] == [
        ("$.a", "changed", "1"),
        ("$.b", "", ""),
        ("$.new", "new", ""),
    ]
    assert [line.path for line in found.gone] == ["$.gone"]
    assert found.summary == "1 changed, 1 new, 1 gone"


def test_a_number_and_a_text_of_the_same_digits_differ():
    found = compared('{"a": "1"}', '{"a": 1}')
    assert (found.lines[0].change, found.lines[0].before) == ("changed", '"1"')


def test_the_same_arguments_have_no_summary():
    assert compared('{"b": [1, {}], "a": 2}', '{"a": 2, "b": [1, {}]}').summary == ""


def test_a_number_written_otherwise_is_a_change():
    assert compared('{"a": 2.1}', '{"a": 2.10}').summary == "1 changed"


def test_an_item_more_is_new_and_an_object_in_place_of_a_value_is_told():
    assert compared('{"a": [1]}', '{"a": [1, 2]}').summary == "1 new"
    assert compared('{"a": 1}', '{"a": {"b": 1}}').summary == "1 new, 1 gone"
    assert compared('{"a": []}', '{"a": [1]}').summary == "1 new, 1 gone"
