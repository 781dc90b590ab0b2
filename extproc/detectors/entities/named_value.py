"""NAMED_SECRET, PERSON, STREET_ADDRESS: values that only their own name tells.

Under a name that tells, the whole string is the value, whatever it looks like. In text, the value stands behind
the name and ``=`` or ``:``, in quotes, in a tag, or behind an option of a command.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

from extproc.detectors.accepted_values import (
    NO_PASSWORD,
    is_password_hash,
    is_person,
    is_pin,
    is_secret,
    is_street,
    is_token,
    is_under_switch,
)
from extproc.detectors.context import last_name
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.ends import parts_around
from extproc.detectors.naming import ANYTHING, Naming, Read
from extproc.detectors.shell_values import SHELL
from extproc.detectors.structures.named import Structure, may_have_structure, named_structures
from extproc.detectors.structures.tree import NamedValue
from extproc.detectors.text_values import BEHIND_NAMES, FOLLOWED, MARKED, TAGGED
from extproc.detectors.vocabulary.maps import is_name_of_secret, is_of_passwords, is_plural
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

OF_OBJECTS = {
    "password": (b"kty", b"usuario", b"[^A-Za-z]auth[^a-z]"),
    "last_name": (b"family", b"(?:Patient|Practitioner|RelatedPerson)[^A-Za-z]"),
    "street": (b"(?i:postal_?code)",),
}
"""Members of objects in which others tell nothing alone: a JWK, logins of Docker and in Spanish, names and
addresses of FHIR."""
ADDRESS = "://"
"""In the value of a name that tells, an address is none, and one of its parameters may be."""
LONGEST = 16_384
"""Most characters of a value that goes as a whole; a longer one is no password, and its parts are searched."""
ASSIGNED = re.compile(
    r"""(?P<name>[\w./$-](?<![\w./$-].)[\w./$-]{0,127}(?: \w[\w-]{0,31}){0,2})"""
    r"""(?:\\{0,3}["'`])?\]?(?:\*\*)?[ \t]{0,8}(?P<sign>:=|=>|==?|:)(?:\*\*)?[ \t]{0,8}"""
    r"""(?:(?P<open>\\{0,3}["'`])|(?P<bare>[^\s"'`\\,;&<>(){}\[\]|*\u3001\u3002][^\s"'`\\,;&<>(){}\[\]|\u3001\u3002]{0,511}))"""
)
"""A name, a sign, and the beginning of a quoted value or a bare value."""
STOPS = "\u3001\u3002"
"""The comma and the full stop of Chinese and Japanese that are not folded."""
NUMBER_BEHIND = re.compile(r" [0-9]\S*\Z")
"""Ends what is no name: ``password 10`` of ``changed password 10:00``."""
IN_COLONS = re.compile(r"[\w./$-]:")
"""Stands before a part of an ARN, which is no name of the next part: ``x:secret:y``."""
CODE = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)+|[A-Za-z_$][\w$.]*(?:\(|\[).*"
    r"|(?:str|string|text|bool|boolean|int|integer|number|bytes|any|object|optional|required|input|env|secret|password"
    r"|passwd|char|varchar|hidden|type|default|self|this|const|let|var|return|null|nil|none|undefined|unset|empty)\??",
    re.IGNORECASE,
)
"""Bare words behind a sign that are code, or say of which kind a value is."""
BEHIND_ASSIGNED = re.compile(
    r"""[\w./$-]{0,128}(?: [\w-]{1,32}){0,2}(?:\\{0,3}["'`])?\]?(?:\*\*)?[ \t]{0,8}[:=]"""
)
"""Matches where the last character of a word is, or the one behind it, if the word is in such a name."""
OF_NAME = re.compile(r"[\w./$-]*")
FOLLOWS_ASSIGNED = "\\\"'`]* \t:="
"""See ``Naming.follows``."""
NAME_BACKWARDS = re.compile(
    r"(.?[\w./$-]{0,128}(?![\w./$-]))(?:( [\w./$-]{1,128}(?![\w./$-]))( [\w./$-]{1,128}(?![\w./$-]))?)?", re.DOTALL
)
NAME_OF_WORDS = 200
"""Characters in which a name of three words begins, with the character behind its word."""
ALONE_ON_LINE = re.compile(
    r"(?:^|\n)[ \t]*(?:-[ \t]+|export[ \t]+|set[ \t]+|ENV[ \t]+|ARG[ \t]+)?\Z", re.IGNORECASE
)
BEFORE_WORD, BEHIND_WORD = 256, 1_024
"""Characters before and behind the end of a word between which a name, its mark and its value lie."""
OTHER_VALUE = re.compile(r"[\w-][:=]|[{}()\[\]<>|]| #")
"""Another name with a value, code, or a comment in the rest of a line."""
NEXT_FIELD = re.compile(r" [A-Z]\w{0,64}:[^\s:]|\}")
"""Stands behind a field as Go prints it: ``{User:bob Password:… Port:80}``."""
NO_SIGN = re.compile(r"://|\]:[ \t]{0,8}#")
"""The rest of a URL, and a reference of Markdown."""
TEXTS_REMEMBERED = 4
"""Texts for which it is remembered what is near words: several kinds search one text, one after the other."""
QUOTES = "\"'"
LINE_LONGEST = 512
LINE_NEAR = 64
"""Characters before a name in which its line may begin."""
Accepts = Callable[[str, str], bool]
"""Take a name and its value; return whether the value may be one."""


def find(words: Words, accepts: Accepts, text: str, keys: str) -> Ranges:
    """Yield the whole text if its own name tells, or the values in it that have such a name beside them."""
    name = last_name(keys)
    if words.tell(name) or words.tell_below(keys):
        if len(text) <= LONGEST and accepts(name, text):
            yield 0, len(text)
            return
        if ADDRESS not in text:
            return
    elif accepts is is_secret and words.is_switch(name) and len(text) <= LONGEST and is_under_switch(name, text):
        yield 0, len(text)
        return
    yield from _in_text(words, accepts, text)


def _in_text(words: Words, accepts: Accepts, text: str) -> Ranges:
    near = _near(text, tuple(words.ends(text)))
    assigned = _Assigned(near)
    for match in assigned.matches():
        name = match["name"]
        is_told = words.tell(name)
        is_switch = not is_told and accepts is is_secret and words.is_switch(name)
        if (is_told or is_switch) and not NUMBER_BEHIND.search(name):
            start, end = _quoted(text, match) if match["open"] else _bare(text, match, accepts)
            value = text[start:end]
            if is_switch and not is_under_switch(name, value):
                continue
            if accepts(name, value) and (match["open"] or _is_written(text, match, value)):
                assigned.read = max(assigned.read, end)
                yield start, end
    for name, value, span in _marked(near):
        if words.tell(name) and accepts(name, value):
            yield span
    yield from _behind_names(near, words, accepts)
    yield from _in_structures(near, words, accepts)


def _behind_names(near: "_Near", words: Words, accepts: Accepts) -> Ranges:
    """Yield values behind names without a sign of assignment: they have to look made."""
    for pattern in BEHIND_NAMES:
        for match in near.matches(pattern):
            if (
                _is_told(words, match["name"])
                and accepts(match["name"], match["value"])
                and _looks_made(match["value"])
            ):
                yield match.span("value")
    for match in near.matches(FOLLOWED) if accepts is is_secret else ():
        name, value = match["name"], match["value"]
        is_one = is_secret(name, value) and not NO_PASSWORD.fullmatch(value) and not CODE.fullmatch(value)
        if words.tell(name) and is_of_passwords(name) and is_one:
            yield match.span("value")


def _is_told(words: Words, name: str) -> bool:
    """Return whether words in front of a value tell: together, ``mot de passe``, or the last one."""
    return words.tell(name) or (" " in name and words.tell(name.rpartition(" ")[2]))


def _in_structures(near: "_Near", words: Words, accepts: Accepts) -> Ranges:
    """Yield the values of structures whose name tells."""
    for structure in named_structures(near, words) if may_have_structure(near.text) else ():
        for found in structure.values(words):
            if accepts(found.name, found.value.text) and _is_of_structure(structure, found):
                yield found.value.start, found.value.end


def _structures(words: Words, text: str) -> Ranges:
    """Yield the ranges of the structures in a text whose name tells."""
    if may_have_structure(text):
        near = _near(text, tuple(words.ends(text)))
        yield from ((each.start, each.end) for each in named_structures(near, words))


def _is_of_structure(structure: Structure, found: NamedValue) -> bool:
    """Return whether a value in a structure is one, and neither code nor prose."""
    value = found.value
    if value.is_quoted and not found.in_list:
        return True
    if is_name_of_secret(found.name, value.text):
        return False
    if value.is_quoted:
        return True
    is_made = _looks_made(value.text)
    if not structure.takes_bare or CODE.fullmatch(value.text):
        return False
    if found.in_list or _is_prose(structure.name):
        name = structure.name
        says_passwords = is_of_passwords(name) and is_plural(name) and not _is_prose(name)
        return " " not in value.text and (is_made or says_passwords)
    return True


def _is_prose(name: str) -> bool:
    """Return whether a name is written as in a sentence: ``Password: must be long``."""
    return name[0].isupper() and not name.isupper()


class _Near:
    """The parts of a text that are near a word: only there can a name tell.

    The words of several kinds often end at the same places: what is found there is remembered.
    """

    def __init__(self, text: str, ends: Sequence[int]) -> None:
        self.text = text
        self._ends = ends
        self._matched: dict[Naming, list[re.Match[str]]] = {}
        self._assigned: dict[int, re.Match[str] | None] = {}
        self._read: dict[Any, Any] = {}

    def matches(self, pattern: Naming) -> list[re.Match[str]]:
        """Return the matches of a pattern with a name in which, or right behind which, a word ends."""
        if pattern.needs not in self.text:
            return []
        found = self._matched.get(pattern)
        if found is None:
            found = self._matched[pattern] = list(self._matches(pattern))
        return found

    def once(self, read: Callable[[re.Match[str]], Read], match: re.Match[str]) -> Read:
        """Return what a function makes of one of the matches, and remember it."""
        key = read, match
        if key not in self._read:
            self._read[key] = read(match)
        found: Read = self._read[key]
        return found

    def _matches(self, pattern: Naming) -> Iterator[re.Match[str]]:
        text, behind, follows = self.text, pattern.behind, pattern.follows
        ends = [
            last + 1
            for last, char in self._behind
            if (not follows or char in follows) and behind.match(text, last)
        ]
        if pattern.front is not ANYTHING:
            ends = [end for end in ends if pattern.begins(text, end, BEFORE_WORD)]
        for first, last in parts_around(ends, BEFORE_WORD, BEHIND_WORD, len(text)):
            for match in pattern.whole.finditer(text, first, last):
                if self._has_word(match.span("name") if match["name"] else match.span("key")):
                    yield match

    @cached_property
    def _behind(self) -> list[tuple[int, str]]:
        """The last character of each word, or the one behind it, and the character behind the rest of its name."""
        text, lasts = self.text, [max(0, end - 1) for end in self._ends]
        rests = [rest.end() if (rest := OF_NAME.match(text, last)) else last for last in lasts]
        return [(last, text[at : at + 1]) for last, at in zip(lasts, rests, strict=True)]

    def _has_word(self, name: tuple[int, int]) -> bool:
        """Return whether a word ends in a name, or right behind it."""
        at = bisect_left(self._ends, name[0])
        return at < len(self._ends) and self._ends[at] <= name[1] + 1

    @cached_property
    def assigned_ends(self) -> list[int]:
        """The ends of words that may be in an assigned name."""
        text = self.text
        return [
            last + 1
            for last, char in self._behind
            if char in FOLLOWS_ASSIGNED and BEHIND_ASSIGNED.match(text, last)
        ]

    def assigned(self, end: int) -> re.Match[str] | None:
        """Return the match of ``ASSIGNED`` with a name in which, or right behind which, a word ends."""
        if end not in self._assigned:
            self._assigned[end] = next(self._assigned_at(end), None)
        return self._assigned[end]

    def _assigned_at(self, end: int) -> Iterator[re.Match[str]]:
        text = self.text
        for start in _starts_of_name(text, end):
            match = ASSIGNED.match(text, start)
            if match is None or end > match.end("name") + 1:
                continue
            if " " in match["name"] and IN_COLONS.match(text, max(0, start - 2)):
                continue  # User:bob Password:…
            yield match


@lru_cache(TEXTS_REMEMBERED)
def _near(text: str, ends: tuple[int, ...]) -> _Near:
    return _Near(text, ends)


class _Assigned:
    """Reads assigned names from the beginning of a text to its end."""

    def __init__(self, near: _Near) -> None:
        self._near = near
        self.read = 0
        """The offset to which they are read: no value is looked for within another one."""

    def matches(self) -> Iterator[re.Match[str]]:
        """Yield the matches of ``ASSIGNED``."""
        near = self._near
        for end in near.assigned_ends:
            match = near.assigned(end) if end >= self.read else None
            if match is None:
                continue
            self.read = match.end("name") + 2
            if not (match["sign"] == ":" and _is_no_sign(near.text, match.start())):
                yield match


def _is_no_sign(text: str, start: int) -> bool:
    """Return whether the colon behind a name that begins at an offset is none: ``${NAME:-x}``, ``x:secret:y``."""
    return text.startswith("${", max(0, start - 2)) or (
        start >= len("x:") and IN_COLONS.match(text, start - 2) is not None
    )


def _starts_of_name(text: str, end: int) -> Iterator[int]:
    """Yield where a name of up to three words may begin in which a word ends, the longest name first."""
    before = text[max(0, end - NAME_OF_WORDS) : end][::-1]
    words = NAME_BACKWARDS.match(before)
    ends = [at for at in range(1, 4) if words and words.start(at) >= 0]
    yield from (end - words.end(at) for at in reversed(ends) if words)


def _marked(near: _Near) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield names and values in markup, calls of functions and shells, each with the range of the value."""
    for pattern in (*SHELL, *MARKED):
        for match in near.matches(pattern):
            yield match["name"], match["value"], match.span("value")
    for match in near.matches(TAGGED):
        group = "value" if match["name"] else "string"
        yield match["name"] or match["key"], match[group], match.span(group)


def _quoted(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Return the range of a quoted value: up to the same quotation mark, or else the end of the line.

    Streamed text may end before the quotation mark.
    """
    start, longest = match.end(), match.end() + LONGEST
    line_end = text.find("\n", start, longest)
    last = line_end if line_end >= 0 else min(longest, len(text))
    end = text.find(match["open"], start, last)
    return start, end if end >= 0 else last


def _bare(text: str, match: re.Match[str], accepts: Accepts) -> tuple[int, int]:
    """Return the range of a bare value: a word, or the rest of a line that consists of a name and its value.

    ``Password: must be long`` is prose, and ``password: two words`` is not. In ``PASSWORD=value command`` a word
    is the value, as it is to a shell. Streamed text may end before the line.
    """
    start, end = match.span("bare")
    mark = text[match.start() - 1 : match.start()]
    if mark in QUOTES and mark and (close := _closing_mark(text, mark, end)) >= 0:
        return start, close
    is_word = match["sign"] == "=" and text[start - 1] == "="  # NAME=value command
    is_prose = accepts is is_secret and (is_word or _is_prose(match["name"]))
    if is_prose or " " in match["name"].strip() or not _begins_line(text, match) or CODE.fullmatch(match["bare"]):
        return start, end
    line_end = text.find("\n", end, end + LINE_LONGEST)
    last = line_end if line_end >= 0 else min(end + LINE_LONGEST, len(text))
    rest = text[end:last]
    if not rest[:1].isspace() or OTHER_VALUE.search(rest):
        return start, end
    stop = start + len(text[start:last].rstrip()) if line_end >= 0 else last
    is_all = accepts is is_secret or accepts(match["name"], text[start:stop])
    return start, stop if is_all else end


def _closing_mark(text: str, mark: str, at: int) -> int:
    """Return the offset of the mark that closes ``'NAME=two words'``; -1 if another value stands before it.

    Streamed text may end before the mark.
    """
    last = min(len(text), at + LINE_LONGEST)
    line_end = text.find("\n", at, last)
    close = text.find(mark, at, line_end if line_end >= 0 else last)
    if close < 0:
        close = last if line_end < 0 and last == len(text) else at
    return close if text[at : at + 1].isspace() and not OTHER_VALUE.search(text, at, close) else -1


def _begins_line(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - LINE_NEAR) : match.start()]
    return (match.start() < LINE_NEAR or "\n" in before) and ALONE_ON_LINE.search(before) is not None


def _is_written(text: str, match: re.Match[str], value: str) -> bool:
    """Return whether a bare value is a value and not code or prose.

    A line of its own, ``NAME=value``, is taken at its word, and so is a value that a mark or the end follows.
    Elsewhere the value must look made.
    """
    if NO_SIGN.match(text, match.end("name")):
        return False
    end = match.start("bare") + len(value)
    after = text[end : end + 1]
    if CODE.fullmatch(value) or after in ("(", "[", "{"):
        return False
    if _looks_made(value) or (_begins_line(text, match) and after in ("", "\n", "\r", *STOPS)):
        return True
    sign = text[match.end("name") : match.start("bare")]
    if sign == ":" and match["name"][0].isupper() and NEXT_FIELD.match(text, end):
        return True
    if "(" in text[max(0, match.start() - LINE_NEAR) : match.start()]:
        return False  # an argument of a call
    return sign == "=" or after in ("", "\n", "\r", ",", ";", "&", "|", *STOPS)


_MADE = re.compile(r"[0-9]|[a-z][A-Z]|[^\w.,:;!?)-].")


def _looks_made(value: str) -> bool:
    """Return whether a word is none of a language: it has a digit, or a mark or capital inside."""
    return CODE.fullmatch(value) is None and _MADE.search(value) is not None


def named_values(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Make the detectors of values that their own names tell."""
    secrets, pins = vocabulary.words("password", "secret"), vocabulary.words("pin")
    named = (
        Named(
            "NAMED_SECRET",
            secrets,
            is_secret,
            "a value whose name says secret, as a whole",
            "password",
            "two words!",
        ),
        Named(
            "PASSWORD_HASH",
            vocabulary.words("password_hash"),
            is_password_hash,
            "a digest of a password under its name",
            "password_hash",
            "0123456789abcdef" * 2,
        ),
        Named("NAMED_SECRET", pins, is_pin, "a short number whose name says that it is secret", "pin", "4931"),
        Named(
            "NAMED_SECRET",
            vocabulary.words("token"),
            partial(is_token, vocabulary.words("paging")),
            "a short value under a name for tokens, in which letters and digits take turns",
            "token",
            "x7Kq9mP2",
        ),
        Named(
            "PERSON",
            vocabulary.words("person"),
            is_person,
            "a person's name, as a whole",
            "last_name",
            "Example",
        ),
        Named(
            "STREET_ADDRESS",
            vocabulary.words("address"),
            is_street,
            "an address, as a whole",
            "street",
            "1 Elm St",
        ),
    )
    return tuple(map(named_detector, named))


class Named(NamedTuple):
    """One entity whose values only their names tell."""

    entity: str
    words: Words
    accepts: Accepts
    meaning: str
    key: str
    example: str


def named_detector(named: Named) -> Detector:
    """Make the detector of values that only their names tell."""
    return Detector(
        named.entity,
        (*named.words.hints, *named.words.hints_below, *OF_OBJECTS.get(named.key, ())),
        1,
        partial(find, named.words, named.accepts),
        prefilter_shortest=3,
        uses_context=True,
        names=_or_switch(named.words) if named.accepts is is_secret else named.words.tell,
        names_below=named.words.may_tell_below if named.words.hints_below else None,
        unbroken=partial(_structures, named.words),
        is_generic=True,
        meaning=named.meaning,
        proof="name",
        example=named.example,
        example_key=named.key,
    )


def _or_switch(words: Words) -> Callable[[str], bool]:
    return lambda name: words.tell(name) or words.is_switch(name)
