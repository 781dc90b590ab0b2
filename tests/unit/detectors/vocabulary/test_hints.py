"""Hints: all words are searched for together, and each finds its own."""

from extproc.detectors.vocabulary.hints import Hints
from extproc.detectors.vocabulary.words import Words


def test_words_that_share_a_search_find_what_they_find_alone():
    shared = Hints()
    kinds = [["password", "pin"], ["pin", "phone*"], ["telefon*", "*secret"]]
    together = [Words(words, searched=shared) for words in kinds]
    texts = ["my password: x, pin 1", "Telefonnummer 1; phone 2; clientSecret=3", "", "é pin é password " * 40]
    for text in texts:
        for words, one in zip(kinds, together, strict=True):
            assert one.ends(text) == Words(words).ends(text)


def test_words_that_are_added_later_are_found():
    shared = Hints()
    first = Words(["password"], searched=shared)
    text = "password and phone " * 20
    assert first.ends(text)
    second = Words(["phone"], searched=shared)
    assert second.ends(text) == Words(["phone"]).ends(text)
    assert first.ends(text) == Words(["password"]).ends(text)


def test_equal_hints_have_one_number():
    shared = Hints()
    assert shared.add([b"a", b"b"]) == {0, 1}
    assert shared.add([b"b", b"c"]) == {1, 2}
