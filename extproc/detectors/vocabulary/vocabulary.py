"""The table of words: built in (``words.toml``), and those that an installation adds."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from extproc.detectors.vocabulary.hints import Hints
from extproc.detectors.vocabulary.words import Words

ABOUT, BEFORE = "about", "before"
"""Entries of the table, and of kinds, for other parts of names."""
EXCEPT, BELOW = "except", "below"
"""Entries of kinds: longer names that mean something else, and keys that tell together with the key above them."""
SWITCH = "switch"
"""An entry of the table for first parts of the names of switches."""
_NO_LANGUAGES = frozenset({ABOUT, BEFORE, EXCEPT, BELOW})


class Vocabulary:
    """The words of all kinds. Compiled words are remembered."""

    def __init__(self, more: Mapping[str, Iterable[str]] | None = None) -> None:
        """Take the built-in words, and more words by kind.

        Raises:
            ValueError: there is no such kind, or a word is written wrongly.
        """
        table = _table()
        self.languages: dict[str, dict[str, tuple[str, ...]]] = {
            kind: {
                language: tuple(words) for language, words in by_language.items() if language not in _NO_LANGUAGES
            }
            for kind, by_language in table.items()
            if kind != ABOUT
        }
        """The words by kind and language; ``any`` for words that are used in many languages."""
        self._more = {kind: tuple(words) for kind, words in (more or {}).items()}
        for kind in self._more:
            if kind not in self.languages:
                raise ValueError(f"{kind!r} is not a kind of words")
        self.hints = Hints()
        """The hints of all words that were asked for."""
        self._compiled: dict[tuple[str, ...], Words] = {}
        for kind in self._more:
            self.words(kind)

    def words(self, *kinds: str) -> Words:
        """Return the words of some kinds together."""
        if kinds not in self._compiled:
            table = _table()
            words = [each for kind in kinds for more in self.languages[kind].values() for each in more]
            words += [each for kind in kinds for each in self._more.get(kind, ())]
            about, before, exceptions, below = (
                [each for kind in kinds for each in table[kind].get(entry, ())]
                for entry in (ABOUT, BEFORE, EXCEPT, BELOW)
            )
            general = table[ABOUT]
            self._compiled[kinds] = Words(
                words,
                about=[*general["after"], *about],
                before=[*general[BEFORE], *general[SWITCH], *before],
                switches=general[SWITCH],
                exceptions=exceptions,
                below=below,
                searched=self.hints,
            )
        return self._compiled[kinds]


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))


def kinds() -> tuple[str, ...]:
    """Return the names of all kinds of words."""
    return tuple(sorted(kind for kind in _table() if kind != ABOUT))


@cache
def parts_about() -> frozenset[str]:
    """Return the parts of names that say, for some kind of words, that a value is about the thing."""
    table = _table()
    about = [*table[ABOUT]["after"], *(word for kind in table.values() for word in kind.get(ABOUT, ()))]
    return frozenset(part for word in about for part in word.split("_"))


@cache
def built_in() -> Vocabulary:
    """Return the built-in words."""
    return Vocabulary()
