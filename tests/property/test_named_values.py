"""Values by their names in text: what is skipped quickly could not have matched."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors import shell_values, text_values
from extproc.detectors.entities import named_value
from extproc.detectors.naming import Naming
from extproc.detectors.structures import named

NAMINGS = [
    each
    for module in (named, text_values, shell_values)
    for each in vars(module).values()
    if isinstance(each, Naming)
]
TEXT = st.lists(
    st.sampled_from(
        [*"ab_-./$:=<>\"'`\\ \t\r\n,;#*&|(){}[]1é", "value=", "--value", "${", "ENV ", "name", "</a>", "is "]
    ),
    max_size=24,
).map("".join)


@given(TEXT)
def test_a_pattern_follows_where_it_says(text):
    behind = named_value.OF_NAME.match(text).end()
    for naming in NAMINGS:
        if naming.follows and naming.behind.match(text):
            assert text[behind : behind + 1] in naming.follows


@given(TEXT)
def test_a_pattern_needs_what_it_says(text):
    for naming in NAMINGS:
        if naming.whole.search(text):
            assert naming.needs in text


def test_all_patterns_are_tried():
    assert len(NAMINGS) > 15
