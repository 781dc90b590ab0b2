"""An index of the words of many kinds: it tells in one pass which of them a text may have."""

import re
from collections.abc import Mapping

from extproc.detectors.vocabulary.names import normal_text, without_accents
from extproc.detectors.vocabulary.words import Words

PARTS = 6
"""Most parts of a word that the index knows; longer ones, and those with ``*``, are searched for one by one."""
_PART = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9_]+")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


class WordIndex:
    """Knows the words of some kinds. Names perhaps too many kinds, never too few: ``Words`` knows."""

    def __init__(self, kinds: Mapping[str, Words]) -> None:
        """Index the words of each kind."""
        self._kinds: dict[str, frozenset[str]] = {}
        self._anywhere: dict[str, frozenset[str]] = {}
        for kind, words in kinds.items():
            for word in map(without_accents, words.words):
                indexed = _ASCII_WORD.fullmatch(word) and word.count("_") < PARTS
                index = self._kinds if indexed else self._anywhere
                joined = word.replace("_", "").strip("*")
                index[joined] = index.get(joined, frozenset()) | {kind}
        self._beginnings = frozenset(word[:end] for word in self._kinds for end in range(1, len(word)))
        others = sorted(self._anywhere, key=len, reverse=True)
        self._others = re.compile("|".join(map(re.escape, others))) if others else None

    def kinds(self, text: str) -> frozenset[str]:
        """Return the kinds of which the text may have a word."""
        normal = normal_text(text)
        parts = _PART.findall(normal)
        found: frozenset[str] = frozenset()
        index = self._kinds
        for first in range(len(parts)):
            joined = ""
            for part in parts[first : first + 2 * PARTS]:
                joined += part
                kinds = index.get(joined) or (index.get(joined[:-1]) if joined.endswith("s") else None)
                if kinds:
                    found |= kinds
                elif joined not in self._beginnings:
                    break
        if self._others is not None:
            for word in self._others.findall(_NOT_ALPHANUMERIC.sub("", normal)):
                found |= self._anywhere[word]
        return found
