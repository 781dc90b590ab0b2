"""The names that a configuration knows: connections, functions, entities, issuers."""

import difflib
import re
import string
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from extproc.model.json_shape import CallShape
from extproc.model.name_patterns import ANY, is_open, matches, overlap

SHOWN = re.compile(r"[A-Za-z0-9_.*/:$ -]{1,100}")
"""Names that an error may repeat. Anything else could be something that does not belong there."""
SIMILAR = 0.75
"""The least similarity of a name that is suggested: ``difflib``'s ratio."""
SHORTEST_MISSPELLED = 4
"""Characters of a name that may be misspelled: two short names that differ by a letter are both meant."""
MAX_COMPARED = 20_000
"""The most names that are compared to find a similar one."""


def _no_shapes() -> Mapping[str, CallShape]:
    return {}


@dataclass(frozen=True)
class KnownConnection:
    """One registered connection."""

    name: str
    functions: tuple[str, ...]
    """Without the connection's name."""
    methods: tuple[str, ...] = ()
    """Names of the protocol's own messages."""
    patterns: tuple[str, ...] = ()
    """Patterns of more functions, without the connection's name: each is a beginning, with ``*`` at its end."""
    describe: Callable[[], Mapping[str, CallShape]] = field(default=_no_shapes, compare=False)
    """Returns what is known of the functions' arguments and results. May read files, and raise ``ConfigError``."""
    anonymous: frozenset[str] = frozenset()
    """The functions that may be called without an identity, without the connection's name."""

    @cached_property
    def names(self) -> frozenset[str]:
        """All that a call on this connection may be named, with the connection's name."""
        return frozenset(f"{self.name}.{each}" for each in (*self.functions, *self.methods))

    def has(self, name: str) -> bool:
        """True if a call on this connection may have this name, given without the connection's."""
        return name in self.functions or name in self.methods or self._has_open(name)

    def _has_open(self, name: str) -> bool:
        return ANY not in name and any(matches(each, name) for each in self.patterns)

    def has_match(self, pattern: str) -> bool:
        """True if a pattern, which is given without the connection's name, may match a call on this connection."""
        if pattern == ANY:
            return True
        if not is_open(pattern):
            return self.has(pattern)
        whole = any(matches(pattern, name) for name in (*self.functions, *self.methods))
        return whole or any(overlap(pattern, each) for each in self.patterns)

    def has_beginning(self, beginning: str) -> bool:
        """True if the name of a call on this connection may begin so, given without the connection's name."""
        whole = any(name.startswith(beginning) for name in (*self.functions, *self.methods))
        begun = [each[:-1] for each in self.patterns]
        return whole or not beginning or any(_begin_alike(each, beginning) for each in begun)

    @cached_property
    def shapes(self) -> Mapping[str, CallShape]:
        """What is known of the functions' arguments and results, by function."""
        return self.describe()


@dataclass(frozen=True)
class KnownNames:
    """All names that calls, findings and callers of one configuration can have."""

    connections: Mapping[str, KnownConnection]
    entities: frozenset[str]
    """Those that a detector finds."""
    issuers: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    """Connections of other installations with this policy: their functions may be named, and are not checked."""

    @cached_property
    def functions(self) -> frozenset[str]:
        """All functions, and the protocols' own messages, with their connections' names."""
        return frozenset(name for each in self.connections.values() for name in each.names)

    @cached_property
    def anonymous(self) -> frozenset[str]:
        """The functions that may be called without an identity, with their connections' names."""
        return frozenset(f"{each.name}.{name}" for each in self.connections.values() for name in each.anonymous)

    @cached_property
    def registered(self) -> tuple[str, ...]:
        """The registered functions, in the order of the configuration."""
        return tuple(f"{each.name}.{name}" for each in self.connections.values() for name in each.functions)

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The registered functions that a pattern matches, as in ``data.extproc.names``."""
        if pattern.endswith(ANY):
            return tuple(name for name in self.registered if _matches_function(pattern, name))
        return (pattern,) if pattern in self.functions else ()

    def is_elsewhere(self, name: str) -> bool:
        """True for a function, or the beginning of one, on a connection of another installation."""
        return name.partition(".")[0] in self.elsewhere

    def has(self, function: str) -> bool:
        """True if a call may be of this function, given with its connection's name."""
        connection, _, name = function.partition(".")
        return connection in self.connections and self.connections[connection].has(name)

    def wrong_pattern(self, pattern: str) -> str:
        """Why no call matches a function pattern, with the name that was probably meant; empty if one may."""
        if pattern == ANY or self.is_elsewhere(pattern) or self.has(pattern):
            return ""
        connection, _, rest = pattern.partition(".")
        if not is_open(rest or pattern):
            return self.wrong_function(pattern)
        known = self.connections.get(connection)
        return "" if known is not None and known.has_match(rest) else self._no_match(pattern)

    def wrong_beginning(self, text: str) -> str:
        """Why the name of no call begins with a text that has a dot; empty if one may."""
        if self.is_elsewhere(text):
            return ""
        connection, _, beginning = text.partition(".")
        known = self.connections.get(connection)
        begins = known is not None and known.has_beginning(beginning)
        return "" if begins else self._no_match(f"{text}*")

    def _no_match(self, pattern: str) -> str:
        connection, _, rest = pattern.partition(".")
        if connection not in self.connections:
            return self.wrong_connection(connection)
        beginnings = {f"{name[: len(pattern) - 1]}*" for name in self.connections[connection].names}
        return f"no function matches {quoted(pattern)}{suggestion(pattern, beginnings) if rest != '*' else ''}"

    def wrong_function(self, name: str) -> str:
        """Why there is no such function, with the one that was probably meant; empty if there is."""
        if self.has(name) or self.is_elsewhere(name):
            return ""
        connection = name.partition(".")[0]
        of_connection = self.connections[connection].names if connection in self.connections else ()
        hint = suggestion(name, of_connection) or suggestion(name, self.functions)
        if not hint and connection not in self.connections:
            return self.wrong_connection(connection)
        return f"no function {quoted(name)}{hint}"

    def wrong_connection(self, name: str) -> str:
        """Why there is no such connection, with the one that was probably meant; empty if there is."""
        if name in self.connections or name in self.elsewhere:
            return ""
        hint = suggestion(name, self.connections)
        return f"no connection {quoted(name)}{hint or listed(self.connections)}"

    def wrong_entity(self, name: str) -> str:
        """Why no detector finds an entity, with the one that was probably meant; empty if one does."""
        if name in self.entities:
            return ""
        return f"no detector finds {quoted(name)}{suggestion(name, self.entities)}"


def _begin_alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _matches_function(pattern: str, function: str) -> bool:
    if pattern == ANY:
        return True
    connection, _, rest = pattern.partition(".")
    own, _, name = function.partition(".")
    return connection == own and (rest == ANY or matches(rest, name))


def quoted(name: str) -> str:
    """A name as an error may show it."""
    return f'"{name}"' if SHOWN.fullmatch(name) else "(not shown: not a plain name)"


def listed(names: Collection[str], most: int = 10) -> str:
    """A list of the names that there are, as the end of an error; empty if there are too many."""
    return f"; there are: {', '.join(sorted(names))}" if 0 < len(names) <= most else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The name that was probably meant, as the end of an error; empty if none is similar."""
    found = similar(name, known)
    return f'; did you mean "{found}"?' if found else ""


def similar(name: str, known: Iterable[str]) -> str:
    """The known name that is most similar; empty if none is. Other separators and missing words count least."""
    names = sorted(known)[:MAX_COMPARED]
    spelled = _folded(name)
    alike = [each for each in names if _folded(each) == spelled and each != name]
    alike += [each for each in names if each.startswith(f"{name}_")]
    return next(iter(alike or difflib.get_close_matches(name, names, n=1, cutoff=SIMILAR)), "")


def misspelled(name: str, known: Iterable[str]) -> str:
    """The known name that this one differs from by case, separators or one letter; empty if there is none.

    For names of which there may be others: ``team-1`` is not ``team-2``, nor is ``dev-a`` ``dev-b``.
    """
    return next(
        (each for each in sorted(known) if each != name and _is_slip(name.casefold(), each.casefold())), ""
    )


def _is_slip(given: str, meant: str) -> bool:
    """One letter left out, added, changed (but not the last), or exchanged with the next."""
    if _folded(given) == _folded(meant):
        return True
    pairs = enumerate(zip(given, meant, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(given), len(meant)))
    one, other = given[same:], meant[same:]
    if min(len(given), len(meant)) < SHORTEST_MISSPELLED or f"{one[:1]}{other[:1]}".strip(string.ascii_letters):
        return False
    changed = len(one) > 1 and one[1:] == other[1:]
    exchanged = len(one) > 1 and one[1::-1] + one[2:] == other
    return changed or exchanged or one[1:] == other or one == other[1:]


def _folded(name: str) -> str:
    """A name without letter case and separators: ``CREDITCARD`` is ``credit_card``."""
    return re.sub(r"[_\s-]", "", name).casefold()
