"""Many texts, prescanned together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.detectors.detector_set import NONE
from extproc.detectors.prefilter import MATCHES_FREE
from extproc.masking.batch_prescan import BatchPrescan
from tests.support.maskers import DETECTORS as ANALYZER

PARTS = [
    "4111 1111 1111 1111",
    "219-09-9999",
    "219099999",
    "a@b.co",
    "020 7946 0958",
    '"',
    "\\",
    "\\u0034",
    "\n",
    "٤",
    "x",
]
TEXTS = st.lists(st.lists(st.sampled_from(PARTS), max_size=3).map("".join), max_size=6)


@given(TEXTS, st.lists(st.sampled_from(["ssn", "phone", "note"])))
@settings(deadline=None)
def test_the_chosen_detectors_find_all_that_a_scan_finds(texts, names):
    batch, context = BatchPrescan(ANALYZER, texts, names=names), "\n".join(names)
    for number, text in enumerate(texts):
        found = ANALYZER.scan(text, lambda: context)
        assert ANALYZER.run(batch.detectors_for(number), text, lambda: context) == found


def test_each_text_is_prescanned_by_itself():
    batch = BatchPrescan(ANALYZER, ["x", "a@b.co", "4111", "1111 1111 1111"], also=[2])
    assert [batch.any_in(at, at + 1) for at in range(4)] == [False, True, True, False]
    assert (batch.detectors_for(0), batch.detectors_for(2)) == (NONE, NONE)
    assert batch.any_in(0, 4)
    assert not batch.any_in(3, 4)


@pytest.mark.parametrize("text", ["\\u0034", "a\\/b"])
def test_text_with_escapes_is_searched_by_all_detectors(text):
    batch = BatchPrescan(ANALYZER, ["x", text])
    assert batch.prescan_of(1) is None
    assert batch.detectors_for(1).is_all
    assert not batch.any_in(0, 1)


def test_with_too_many_candidates_every_text_is_searched():
    batch = BatchPrescan(ANALYZER, ["x", "a@b.co " * 10 * MATCHES_FREE])
    assert batch.detectors_for(0) == batch.detectors_for(1) == ANALYZER.detectors_for("a@b.co")


def test_a_field_that_tells_names_its_own_texts_only():
    texts = ["a", "x9Kq2mZt", "b", "password"]
    batch = BatchPrescan(ANALYZER, texts, names=["note", "password"], own={"password": [1], "note": [0, 2, 3]})
    assert [batch.any_in(at, at + 1) for at in range(4)] == [False, True, False, True]
    assert [number for number, _ in batch.telling()] == [3]
    anywhere = BatchPrescan(ANALYZER, texts, names=["note", "password"], own={"note": [0, 2, 3]})
    assert all(anywhere.any_in(at, at + 1) for at in range(4))


def test_a_text_that_is_searched_everywhere_stays_so():
    batch = BatchPrescan(ANALYZER, ["x", "a@b.co " * 10 * MATCHES_FREE])
    batch.add({1: ANALYZER.naming})
    assert batch.prescan_of(1).candidates is None
