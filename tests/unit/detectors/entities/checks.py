"""Checks that the tests of all entities share."""

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE

ANALYZER = Analyzer()
AROUND = ["", "|", " ", "é", "中", "\n", "\x00", ","]
"""Text that may stand right beside an entity."""
IN_MARKUP = [
    '{{"{}": "{}"}}',
    "<{0}>{1}</{0}>",
    "<x:{0} a='b'>{1}</x:{0}>",
    "[{}: {}]",
    "[{}] {}",
    "<{}: {}>",
]


def check_found(entity, text, around):
    """The text is found, and neither more nor less, whatever stands around it."""
    before = "" if around in "é中" and entity == "EMAIL_ADDRESS" else around
    after = "" if entity in ("EMAIL_ADDRESS", "PRIVATE_KEY") else around
    assert ANALYZER.scan(before + text + after) == [(len(before), len(before + text), entity)]
    check_shortest(entity, text, "ssn")


def check_found_in_context(entity, text, key):
    """The text is found under the key, and beside the key in text, and not under another key."""
    found = [(match.start, match.end) for match in ANALYZER.scan(text, lambda: key) if match.entity == entity]
    assert found == [(0, len(text))]
    assert entity in found_in(f"{key}: {text}")
    for markup in IN_MARKUP:
        assert entity in found_in(markup.format(key, text))
        if key.upper() not in ANALYZER.entities:
            assert entity in found_in(markup.format(key.upper(), text))
    assert ANALYZER.scan(text, lambda: "order") == [] or entity == "AWS_SECRET_KEY"
    check_shortest(entity, text, key)


def check_part_found(entity, text, part):
    """That part of the text is found, wherever it is."""
    at = text.index(part)
    assert (at, at + len(part), entity) in ANALYZER.scan(text)


def check_nothing_found(text):
    assert ANALYZER.scan(text) == []


def check_shortest(entity, text, key):
    """No match is shorter than the detector says."""
    for detector in CATALOGUE:
        if detector.entity == entity:
            assert all(end - start >= detector.shortest for start, end in detector.find(text, key))


def found_in(text):
    return {match.entity for match in ANALYZER.scan(text)}
