"""Findings: how they are counted, and how many they are."""

import json
import tracemalloc

import pytest

from extproc.masking.findings import MAX_FOUND, MAX_LOCATIONS, FindingLog
from extproc.masking.plan.json_path import RENDERED_MAX
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING, Finding, MaskOperator
from tests.support.maskers import make_masker

SSN = "219-09-9999"


def test_equal_findings_are_counted_in_the_order_of_first_appearance():
    log = FindingLog(str.upper)
    log.add("US_SSN", ("a", 0), MaskOperator.REDACT)
    log.add("US_SSN", ("a", 1), "")
    log.add("US_SSN", ("a", 0), MaskOperator.REDACT)
    assert log.findings == (Finding("US_SSN", "$.A[0]", "redact", 2), Finding("US_SSN", "$.A[1]", "", 1))


def test_each_key_is_masked_once():
    """Deep locations share their keys: each is masked once, however many findings are below it."""
    shown = []
    log = FindingLog(lambda key: shown.append(key) or key)
    keys = tuple(f"k{depth}" for depth in range(40))
    for number in range(300):
        log.add("US_SSN", (*keys, "x", number), "")
    assert len(log.findings) == 300
    assert sorted(shown) == sorted({*keys, "x"})


def test_every_document_may_have_as_many_findings_as_the_limit():
    log = FindingLog(str)
    for _ in range(2):
        log.begin_document()
        for _ in range(MAX_FOUND):
            log.add("US_SSN", (), "")
    with pytest.raises(MaskingError, match=r"50000 .*: ask for fewer records"):
        log.add("US_SSN", (), "")
    assert log.findings == (Finding("US_SSN", "$", "", 2 * MAX_FOUND),)


def test_findings_beyond_the_limit_of_locations_are_counted_at_the_root():
    log = FindingLog(str)
    for number in range(MAX_LOCATIONS + 5):
        log.add("US_SSN", (number,), "")
    assert len(log.findings) == MAX_LOCATIONS + 1
    assert log.findings[-1] == Finding("US_SSN", "$", "", 5)


def test_findings_keep_hardly_more_of_a_location_than_they_show():
    """A stream of locations that are as long as events may be does not fill the memory with them."""
    stream = make_masker(event_limit=1 << 20).stream("text/event-stream", MASK_EVERYTHING)
    tracemalloc.start()
    for number in range(20):
        deep = {f"{number}{'d' * 200}": {"e" * 200: {"f" * 200: {"g" * 200: SSN}}}}
        for document in ({f"{number}{'k' * 100_000}": SSN}, deep, {str(number): SSN}):
            stream.feed(b"data: " + json.dumps(document).encode() + b"\n\n")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 20 * 20_000
    shown = {finding.path: finding.count for finding in stream.findings}
    assert shown["$['…']"] == 20
    assert len(shown) == 41
    assert max(map(len, shown)) <= RENDERED_MAX + 1
