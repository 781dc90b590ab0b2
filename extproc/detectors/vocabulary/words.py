"""The words of one kind: they tell from names and text what a value is."""

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

from extproc.detectors.context import NAME_REACH, REACH, last_name, name_before
from extproc.detectors.detector import APART
from extproc.detectors.ends import matches_behind
from extproc.detectors.fold import fold
from extproc.detectors.vocabulary.hints import Hints
from extproc.detectors.vocabulary.names import (
    LETTER,
    NAME_LONGEST,
    NAMES_CACHED,
    normal_name,
    normal_text,
    without_accents,
)

PLURAL_FROM = 3
"""Fewest letters of a word that may have an s behind it."""
SHORT = 4
"""Most letters of a word that has to stand alone in a hint, since it is a part of many other words."""
PARTS_MOST = 6
"""Most parts of a name behind a word; more of them are a random id."""
PARTS_BEHIND_SHORT_MOST = 3
"""The same, behind a word of three letters at most: Base64 has one in every tenth line."""
PARTS_BEFORE_MOST = 12
"""Most parts of a name before a word: ``spring.cloud.config.server.git.password``. Base64 has more of them."""
COMMON = frozenset({
    "number", "numero", "número", "numéro", "nummer", "numer", "codigo", "código", "codice", "token", "first",
    "middle", "access", "account", "beneficiary", "billing", "contact", "customer", "delivery", "employee",
    "guest", "holder", "house", "passenger", "patient", "person", "preferred", "recovery", "service",
    "session", "shared", "shipping", "storage", "string", "subscription", "verification", "address", "backup",
    "client", "security", "master", "personal", "device", "server", "mailing", "residential", "license",
    "given", "family", "login", "register",
})  # fmt: skip
"""Parts of many words that say little."""
WORDS_IN_A_HINT = 100
"""Hyperscan limits the length of an expression."""
OTHER_NAMES = re.compile(r"[\n,;&|{}]")
"""Stands between a name with its value and the next one."""
_ASCII_WORD = re.compile(r"[a-z0-9_*]+")
_WORD = re.compile(r"\*?[^\W_]+(?:_[^\W_]+)*\*?|[\u0e00-\u0e7f]+")
_THAI = re.compile("[\u0e00-\u0e7f]")
"""Thai writes some vowels as marks, which are no letters to ``re``."""
_PART = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]+")
_STEM = re.compile(r"[^\W\d_]+|[0-9]+")
_OF_DIGEST = re.compile("[a-f]{2,4}")
"""Words that stand beside digits in every tenth digest, and tell nothing there."""
_RANDOM = re.compile(
    r"(?<![A-Za-z0-9+/])(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[A-Za-z+/]*[0-9][A-Za-z+/]*[0-9])[A-Za-z0-9+/]{20,}"
)
"""A line of Base64, or its end, in which short words stand by chance."""
_FIELD = re.compile(
    r"(?<![^\[\]])(?P<above>[^\[\]]{1,128})\]?(?:\[[0-9]{0,4}\]){0,2}\[(?P<name>[^\[\]]{1,128})\]\Z"
)
"""The end of the name of a form's field: ``address[line1]``, ``accounts[0][number]``."""
_IN_A_WORD = re.compile(r"\w")


class Words:
    """The compiled words of one kind.

    A word is written as the parts of a name, ``api_key``; ``*`` stands for any letters. Words in scripts without
    blanks between words are found anywhere.
    """

    def __init__(
        self,
        words: Iterable[str],
        *,
        about: Iterable[str] = (),
        before: Iterable[str] = (),
        switches: Iterable[str] = (),
        exceptions: Iterable[str] = (),
        below: Iterable[str] = (),
        searched: Hints | None = None,
    ) -> None:
        """Compile words.

        Args:
            words: the words, with or without accents.
            about: parts behind a word which say that a value is about the thing: ``phone_verified_at``.
            before: first parts of a name that say the same: ``has_phone``.
            switches: those of ``before`` that begin the names of switches: ``enable_password``.
            exceptions: longer names that end in a word and mean something else: ``boarding_pass``.
            below: names that tell only together with the key above them: ``number`` below ``account``.
            searched: takes the hints of these words; None: they are searched for alone.

        Raises:
            ValueError: a word is not written as above.
        """
        self._told: dict[str, bool] = {}
        self.words = tuple(dict.fromkeys(words))
        self._parts_about, self._parts_before = tuple(about), tuple(before)
        self._switches = frozenset(switches)
        self._exceptions = tuple(f"_{each}" for each in exceptions)
        parts_below = [each.split("_") for each in below]
        self._below = frozenset(sign.join(parts) for parts in parts_below for sign in ("", "_", "-"))
        for word in (*self.words, *self._parts_about, *self._parts_before):
            if not _WORD.fullmatch(word) or word != word.lower() or not LETTER.search(word):
                raise ValueError(
                    f"{word!r} is not a word: write the parts of a name in small letters, as in api_key"
                )
        self._searched = searched or Hints()
        self.hints_below = tuple(rb"[^A-Za-z_ -]%s[^A-Za-z_ -]" % _caseless(each) for each in sorted(self._below))
        """Expressions of which one matches in every text that has a name for ``may_tell_below``."""
        self.numbers = self._searched.add(self.hints)
        """The numbers of the hints in what is searched."""

    @cached_property
    def _word(self) -> re.Pattern[str]:
        bare = {each for word in self.words for each in spellings(word)}
        apart = sorted(filter(_ASCII_WORD.fullmatch, bare), key=_longest_first)
        joined = sorted((word for word in bare if not _ASCII_WORD.fullmatch(word)), key=_longest_first)
        patterns = [rf"(?<![^_ |])(?:{'|'.join(map(_pattern, apart))})(?![^_ |])"] if apart else []
        return re.compile("|".join([*patterns, *map(re.escape, joined)]) or r"(?!)")

    @cached_property
    def _about(self) -> re.Pattern[str]:
        return _any_part(self._parts_about)

    @cached_property
    def _before(self) -> re.Pattern[str]:
        return re.compile(
            rf"_?(?:{'|'.join(map(re.escape, self._parts_before))})_" if self._parts_before else r"(?!)"
        )

    @cached_property
    def hints(self) -> tuple[bytes, ...]:
        """Expressions for ``Detector.hints``: one of them matches in every text that has one of the words.

        One character stands before and behind a short word; there is always one in front of a value.
        """
        spelled = [each for word in self.words for each in (word, *spellings(word))]
        anchors: list[str] = []
        for anchor in sorted({_anchor(each) for each in spelled} - {""}, key=len):
            if not any(shorter in anchor for shorter in anchors):
                anchors.append(anchor)
        found = sorted(
            {_caseless(each) for each in anchors} | {_hint(each) for each in spelled if not _anchor(each)}
        )
        parts = range(0, len(found), WORDS_IN_A_HINT)
        return tuple(b"|".join(found[at : at + WORDS_IN_A_HINT]) for at in parts)

    def ends(self, text: str) -> list[int]:
        """Return the offsets in a text at which hints end, in ascending order.

        Every name that tells has one of them, inside of it or one character behind it.
        """
        return list(dict.fromkeys(end.at for end in self._searched.ends(text) if end.number in self.numbers))

    def matches(self, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
        """Return the matches of a pattern in a text that begin so near behind a word that it could tell them.

        Args:
            pattern: does not match across a word's end.
            text: the text.
        """
        return matches_behind(self.ends(text), NAME_REACH + 8, pattern, text)

    def tell(self, name: str) -> bool:
        """Return whether a name says that its value is of this kind: ``user_phone`` does, ``phone_id`` not.

        A name without a hint does not tell, so that a prescan misses no name: ``pássword``.
        """
        told = self._told.get(name)
        if told is None:
            if len(self._told) >= NAMES_CACHED:
                self._told.clear()
            told = self._told[name] = bool(name) and self._tells(normal_name(name)) and bool(self.ends(name))
        return told

    def is_switch(self, name: str) -> bool:
        """Return whether a name would tell but for its first part, that of a switch: ``enable_password``."""
        first, _, rest = normal_name(name).strip("_").partition("_")
        return first in self._switches and self.tell(rest)

    def may_tell_below(self, name: str) -> bool:
        """Return whether a name may tell together with the key above it: ``number``."""
        return bool(self._below) and _last_two(name)[1].lower() in self._below

    def tell_below(self, keys: str) -> bool:
        """Return whether the last key tells together with the key above it: ``number`` below ``account``.

        Args:
            keys: those above a value, one per line.
        """
        if not self.may_tell_below(last_name(keys)):
            return False
        above, name = _last_two(keys)
        return bool(above) and (self.tell(above) or self.tell(f"{above}_{name}"))

    def beside(self, text: str, at: int, keys: str) -> bool:
        """Return whether a value's name, the text shortly before it, or a key above it has one of the words.

        A name that says that its value is about something else counts against all others.

        Args:
            text: the text.
            at: where the value begins.
            keys: the keys above it.
        """
        name = name_before(text, at)
        if name and self.tell(name):
            return True
        if name and self._is_about(normal_name(name)):
            return self._ends_in_word(normal_text(text[max(0, at - REACH) : at]))
        first = max(0, at - REACH)
        if name:  # in front of this name, other names and their values may stand
            first = behind_other_names(text, first, at - len(name))
        while 0 < first < at and _IN_A_WORD.match(text, first - 1) and _IN_A_WORD.match(text, first):
            first += 1
        before = text[first:at]
        if before and LETTER.search(before) and self._tells(normal_text(before)):
            without = _without_random(text[max(0, first - REACH) : at])[first - at :]
            return without == before or self._tells(normal_text(without))
        own = last_name(keys)
        if not name and self._is_about(normal_name(own)):
            return self.tell(own)
        return any(map(self.tell, keys.split("\n")))

    def _tells(self, normal: str) -> bool:
        for match in self._word.finditer(normal):
            rest = normal[match.end() :]
            end = min((at for at in (rest.find(" "), rest.find("|")) if at >= 0), default=len(rest))
            most = PARTS_MOST if match.end() - match.start() >= SHORT else PARTS_BEHIND_SHORT_MOST
            if rest.count("_", 0, end) > most:
                continue  # acct_1PgafTB7WZ01zgkW
            first = max(normal.rfind(" ", 0, match.start()), normal.rfind("|", 0, match.start())) + 1
            if normal.count("_", first, match.start()) > PARTS_BEFORE_MOST:
                continue
            if self._exceptions and normal[: match.end()].endswith(self._exceptions):
                continue
            if not self._about.search(rest, 0, end) and not self._before.match(normal, first, match.start()):
                return True
        return False

    def _ends_in_word(self, normal: str) -> bool:
        """Return whether a text ends in one of the words as a whole: ``tax id: ``, and not ``phone id: ``."""
        end = len(normal.rstrip("_| "))
        return any(match.end() >= end for match in self._word.finditer(normal))

    def _is_about(self, name: str) -> bool:
        """Return whether the last part of a name says that the value is about something."""
        last = name.rstrip("_").rpartition("_")[2]
        return bool(last) and self._about.fullmatch(f"_{last}") is not None


def _last_two(keys: str) -> tuple[str, str]:
    """Return the key above the last one, which may be empty, and the last. A form's field may have both."""
    above, _, name = keys.rpartition("\n")
    if name.endswith("]") and (field := _FIELD.search(name[-NAME_LONGEST:])):
        return field["above"], field["name"]
    return last_name(above), name


def _without_random(text: str) -> str:
    """Return a text with blanks in the place of random letters and digits."""
    return _RANDOM.sub(lambda match: " " * len(match[0]), text)


def behind_other_names(text: str, first: int, end: int) -> int:
    """Return where in a part of a text the last name with its value begins."""
    other = OTHER_NAMES.search(text[first:end][::-1])
    return end - other.start() - 1 if other else first


def _longest_first(word: str) -> tuple[int, str]:
    return -len(word), word


@cache
def _any_part(parts: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a pattern of parts behind a word. Most kinds of words share them."""
    return re.compile(rf"_(?:{'|'.join(map(_pattern, parts))})(?=_|\Z)" if parts else r"(?!)")


def spellings(word: str) -> Iterator[str]:
    """Yield the ways to write a word without accents: ``schlüssel`` becomes ``schlussel`` and ``schluessel``."""
    yield without_accents(word)
    if (with_e := word.translate(_UMLAUTS)) != word:
        yield without_accents(with_e)
    if _THAI.match(word):  # text is searched without marks
        yield fold(word).text


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def _pattern(word: str) -> str:
    """Return the pattern of a word in normal form; digits are parts of their own."""
    parts = [part for each in word.strip("*").split("_") for part in _PART.findall(each)]
    core = "[_ ]?".join(map(re.escape, parts))
    plural = "s?" if len(word.strip("*")) >= PLURAL_FROM and not word.endswith("*") else ""
    before = "[a-z]*" if word.startswith("*") else ""
    pattern = f"{before}{core}{plural}{'[a-z]*' if word.endswith('*') else ''}"
    return f"(?:(?<![0-9]_){pattern}|{pattern}(?!_[0-9]))" if _OF_DIGEST.fullmatch(word) else pattern


def _anchor(word: str) -> str:
    """Return a long part of a word that few other words have: it is hint enough. Empty if there is none."""
    parts = [part for each in word.strip("*").split("_") for part in _PART.findall(each)]
    return max((part for part in parts if len(part) > SHORT and part not in COMMON), key=len, default="")


def _hint(word: str) -> bytes:
    """Return an expression for Hyperscan that matches a word in any letter case, its parts joined or apart."""
    parts = [part for each in word.strip("*").split("_") for part in _PART.findall(each)]
    core = b"[ _./-]{0,3}".join(map(_caseless, parts))
    if "*" in word or not word.isascii():
        return core
    if len(word) > SHORT:
        return core if len(parts[0]) >= SHORT else b"(?-i:%s)" % _begins(parts[0], core)
    begins = _begins(parts[0], core)
    if _OF_DIGEST.fullmatch(word):
        return b"(?-i:%s[sS]?[^0-9a-z])" % begins.replace(_APART, APART)
    return b"(?-i:%s[sS]?[^a-z])" % begins


_APART = rb"(?:[^A-Za-z]|\\[bfnrt])"
"""Before a word that begins there. In a document that may be the letter of an escape."""


def _begins(part: str, core: bytes) -> bytes:
    """Return an expression for a word whose short first part stands behind other characters, or is a hump."""
    head, rest = _caseless(part), core[len(_caseless(part)) :]
    upper, second, tail = part[0].upper(), part[1:2], part[2:]
    humps = (
        b"[a-z]" + re.escape(upper).encode() + _caseless(part[1:]),
        b"[A-Z]" + re.escape(upper + second).encode() + _caseless(tail),
    )
    return b"(?:%s%s|%s|%s)%s" % (_APART, head, *humps, rest)


def _caseless(part: str) -> bytes:
    """Return an expression that matches a part of a word in any letter case; Hyperscan does so for ASCII."""
    if not part:
        return b""
    if part.isascii():
        return f"(?i:{re.escape(part)})".encode()
    return "".join(
        re.escape(each) if each == each.upper() else f"(?:{each}|{each.upper()})" for each in part
    ).encode()
