"""National numbers: those that are too long or too short to be looked at have no form of any row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.detectors.entities.national.beside import BESIDE
from extproc.detectors.entities.national.detectors import LONGEST_WORD


@pytest.mark.parametrize("row", BESIDE, ids=lambda row: row.entity)
def test_all_numbers_of_a_form_are_looked_at(row):
    @settings(max_examples=40)
    @given(st.from_regex(row.form, fullmatch=True))
    def check(number):
        assert row.shortest <= len(number) <= LONGEST_WORD

    check()
