"""Sets of detectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.detector_set import ALL, NONE, DetectorSet

NUMBERS = st.sets(st.integers(0, 80))


@given(NUMBERS, NUMBERS)
def test_it_is_a_set_of_numbers(one, other):
    a, b = DetectorSet.of(one), DetectorSet.of(other)
    assert list(a.numbers) == sorted(one)
    assert list((a | b).numbers) == sorted(one | other)
    assert list((a & b).numbers) == sorted(one & other)
    assert DetectorSet.union([a, b]) == a | b
    assert [number in a for number in range(81)] == [number in one for number in range(81)]
    assert bool(a) == bool(one)
    assert (a == b) == (one == other)
    assert hash(a) == hash(DetectorSet.of(one))


@given(NUMBERS)
def test_all_stays_all_and_none_adds_nothing(numbers):
    some = DetectorSet.of(numbers)
    assert some | ALL == ALL | some == ALL
    assert some | NONE == some
    assert not some.is_all
    assert all(number in ALL for number in numbers)
    assert not any(number in NONE for number in numbers)


def test_all_cannot_be_listed():
    assert (repr(ALL), repr(DetectorSet.of([3, 1]))) == ("ALL", "DetectorSet.of([1, 3])")
    assert DetectorSet.union([]) == NONE
    with pytest.raises(ValueError, match="ALL"):
        list(ALL.numbers)
