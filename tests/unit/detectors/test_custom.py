"""Custom detectors: what a pattern may say, and what it finds."""

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.custom import make_custom


def scan(detector, text, path=()):
    return [text[match.start : match.end] for match in Analyzer([detector]).scan(text, lambda: "\n".join(path))]


FOUND = [
    ({"pattern": r"E-[0-9]{6}"}, "staff E-123456, é E-654321!", ["E-123456", "E-654321"]),
    ({"pattern": r"E-[0-9]{6}"}, "xE-123456 E-1234567 E-12345", []),
    ({"pattern": r"E-[0-9]{6}", "whole": False}, "xE-1234567", ["E-123456"]),
    ({"pattern": r"E-[0-9]{6,9}"}, "E-12345678", ["E-12345678"]),
    ({"pattern": r"e-\d{6}", "ignore_case": True}, "E-123456", ["E-123456"]),
    ({"pattern": r"(?:CASE|FILE) ?[0-9]+\.[0-9]"}, "CASE 12.5", ["CASE 12.5"]),
    (
        {"pattern": r"[0-9]{5}", "words": ["badge"]},
        "badge 12345, and then a long way until there is 54321",
        ["12345"],
    ),
    ({"pattern": r"[0-9]{5}", "words": ["badge"]}, "[BADGE] 12345", []),
    ({"pattern": r"E-[0-9]{6}"}, "E\u2013\uff1123456", ["E\u2013\uff1123456"]),
]


@pytest.mark.parametrize(("settings", "text", "found"), FOUND)
def test_finds(settings, text, found):
    assert scan(make_custom("BADGE", **settings), text) == found


def test_words_may_be_in_the_key():
    detector = make_custom("BADGE", "[0-9]{5}", words=["badge"])
    assert scan(detector, "12345", ("badgeNumber",)) == ["12345"]
    assert scan(detector, "12345", ("order",)) == []


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"\bE[0-9]", "whole"),
        (r"^E", "whole"),
        (r"E$", "whole"),
        (r"E.", "name the characters"),
        (r"[^a]", "negated"),
        (r"a[[:space:]]b", "named classes"),
        (r"\S+", "negated"),
        (r"a\sb", "escapes"),
        (r"\x41", "escapes"),
        (r"(a)\1", "escapes"),
        (r'a"b', "quotes"),
        (r"a\\b", "quotes"),
        (r"(?=a)b", "groups"),
        (r"(?i)b", "groups"),
        (r"(?P<x>b)", "groups"),
        ("é", "ASCII"),
        ("a*", "matches empty text"),
        ("a(", "compiled"),
        ("[A-Z_]+", "masking leaves"),
        ("a" * 1_001, "at most"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(pattern, says):
    with pytest.raises(ValueError, match=says):
        make_custom("BADGE", pattern)


def test_a_name_is_that_of_an_entity():
    with pytest.raises(ValueError, match="name"):
        make_custom("badge", "E[0-9]")


@pytest.mark.timeout(30)
@pytest.mark.slow
def test_a_hostile_text_is_scanned_in_time():
    analyzer = Analyzer([*CATALOGUE, make_custom("BADGE", "(?:a+)+b")])
    assert analyzer.scan("a" * 20_000) == []


@pytest.mark.slow
def test_it_works_beside_the_others_in_documents():
    analyzer = Analyzer([*CATALOGUE, make_custom("BADGE", "E-[0-9]{6}", words=["badge"])])
    document = '{"badge": "E-123456", "ssn": "219-09-9999"}'
    offsets = [offset for offset, _ in analyzer.prescan(document).candidates]
    assert any(document.index("E-") <= offset < document.index("E-") + 8 for offset in offsets)


@pytest.mark.parametrize(
    ("word", "text", "is_found"),
    [
        *(
            ("cost_center", f"{name}: AB-1234", True)
            for name in (
                "cost_center",
                "costCenter",
                "cost-center",
                "cost center",
                "COST.CENTER",
                "Costcenter",
                "myCostCenters",
            )
        ),
        *(("costCenter", f"{name}: AB-1234", True) for name in ("cost_center", "costCenter", "Cost center")),
        ("Cost Center", "costCenter: AB-1234", True),
        ("kostenträger", "KOSTENTRAEGER AB-1234", True),
        ("kostenträger", "Kostentrager AB-1234", True),
        ("kostenträger", "kostenträger AB-1234", True),
        ("b2b", "B2B AB-1234", True),
        ("c.o", "c.o AB-1234", True),
        ("no. (new)", "no. (new) AB-1234", True),
        ("原価", "原価 AB-1234", True),
        ("badge", "Dienstbadges AB-1234", True),
        ("cost_center", "cost of the center AB-1234", False),
        ("cost_center", "center cost AB-1234", False),
        ("c.o", "cost AB-1234", False),
        ("a_b", "about AB-1234", False),
        ("cost_center", f"cost center {'x ' * 30}AB-1234", False),
    ],
)
def test_words_of_context_are_compared_by_the_parts_of_names(word, text, is_found):
    detector = make_custom("UNIT", "AB-[0-9]{4}", words=[word])
    assert bool(scan(detector, text)) is is_found


@pytest.mark.parametrize("key", ["costCenter", "cost-center", "cost_center", "Cost Center"])
def test_words_of_context_are_found_in_keys(key):
    detector = make_custom("UNIT", "AB-[0-9]{4}", words=["cost_center"])
    assert scan(detector, "AB-1234", [key]) == ["AB-1234"]
    assert scan(detector, "AB-1234", ["cost", "center"]) == []


@pytest.mark.parametrize("pattern", ["[0-9]*", "(a|)", "a?", "(x*)(y*)"])
def test_a_pattern_that_matches_nothing_at_all_says_so(pattern):
    with pytest.raises(ValueError, match="matches empty text: write"):
        make_custom("BADGE", pattern)
