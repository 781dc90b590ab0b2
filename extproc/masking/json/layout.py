"""Names that the layout of a document gives to values: pairs of name and value, tables, wrappers.

A value's name is usually its key. In ``{"name": "DB_PASSWORD", "value": "…"}``, in a row of a table, and in
``{"password": {"value": "…"}}`` another part of the document names it. ``names_by_layout`` reads a document once
and returns these names. It knows the layouts of common APIs, and no API by itself.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from extproc.detectors.vocabulary import maps
from extproc.detectors.vocabulary.key_roles import NAME_LONGEST, NAMING, is_named, is_wrapper, joined
from extproc.model.call import Json

_HEADERS = frozenset(
    [
        "columns",
        "header",
        "headers",
        "fields",
        "names",
        "keys",
        "columnnames",
        "fieldnames",
        "columnmetadata",
        "schema",
        "rowtype",
        "meta",
        "cols",
    ]
)
"""Keys of the list of a table's columns."""
_PAIRS = frozenset({
    "headers", "header", "params", "parameters", "query", "querystring", "cookies", "env", "environment", "form",
    "formdata", "metadata", "settings", "options", "entries", "pairs", "variables",
})  # fmt: skip
"""Keys of lists of pairs of name and value, as ``key_roles.joined`` returns them."""
_ALTERNATING = "rawheaders"
"""The key of a list of names, each with its value behind it (Node.js)."""
_IS_HEAD = re.compile(r"[^\W\d_][^\W\d]*(?:[ -][^\W\d]+){0,3}")
"""The name of a column: words without digits."""
_ROWS = frozenset({"row", "values", "data", "record", "cells", "fieldvalues"})
"""Keys of a list that may be the only row of a table."""
_KNOWN_OBJECTS: tuple[tuple[frozenset[str], dict[str, str]], ...] = (
    (frozenset({"kty"}), dict.fromkeys(("d", "p", "q", "dp", "dq", "qi", "k", "oth"), "secret")),
    (frozenset({"usuario", "clave"}), {"clave": "clave_acceso"}),
    (frozenset({"family", "given"}), {"family": "family_name", "given": "given_name", "text": "full_name"}),
    (frozenset({"line", "city"}), {"line": "address_line"}),
    (frozenset({"line", "postalCode"}), {"line": "address_line", "text": "address_line"}),
)
"""Members that an object has, and the names of others in it: JWK (RFC 7518 section 6), the names and addresses of
FHIR, and Spanish logins, where ``clave`` is no code but a password."""
_LOGIN, _LOGIN_MEMBERS = (
    "auth",
    frozenset({"auth", "email", "identitytoken", "registrytoken", "username", "password"}),
)
"""A login in Docker's ``config.json``, and all members of its object."""
_DEFAULT, _DESCRIBES = "default", frozenset({"type", "description", "required", "sensitive", "format", "secret"})
"""The value that something has if nobody gives one, and members of objects that describe something."""
_SECRET_KIND, _SECRET_DATA = "Secret", frozenset({"data", "stringData"})
"""The kind of Kubernetes' objects of which all data is secret, and the keys of the data."""
_SECRET_LIST, _LIST_ITEMS = "SecretList", "items"
"""The kind of a list of such objects, which do not repeat their kind, and the key of the list."""
_KIND = "kind"
_KINDS = frozenset({_KIND, "reference", "resourceType"})
"""Members that say of what kind an object is."""
_PEOPLE = frozenset({"Patient", "Practitioner", "RelatedPerson"})
"""Resources of FHIR about people: their ``name`` may be a text, and what refers to them may show it."""
TELLING_MEMBERS = frozenset({"usuario", "kty", "auth", "family", "postalCode", _SECRET_LIST}) | _PEOPLE
"""Members of these objects, and kinds of objects, that their detectors look for."""
SECRET = "secret"  # noqa: S105 - a name
"""The name of values that are secret because of the object that they are in."""


Tells = Callable[[str], bool]
"""Returns whether a name tells what its value is."""
Object = dict[str, Json]
Holder = Object | list[Json]
Position = str | int
"""A key of an object, or an index of an array."""
Said = tuple[Holder, Position, str, bool]
"""The place of a value and its name. True if the name is not that of a key above it."""
CONTAINERS = frozenset({dict, list})
OBJECTS_KEPT = 1_024
"""Objects whose keys are remembered: a document has many with the same keys."""
EMPTY: Object = {}


def names_by_layout(document: Json, name: str, tells: Tells) -> dict[int, str]:
    """Return the names of scalars that are not named by their own key, by the number of the scalar.

    Elements that are names themselves, of secrets, have an empty name.

    Args:
        document: as ``parse_text`` returns it.
        name: that of the value that the document is in another one; may be empty.
        tells: knows the names that tell.
    """
    root = [document]
    names = _Names(tells)
    names.add(root, name)
    return dict(_numbered(root, names.named)) if names.named else {}


def _numbered(root: Holder, named: dict[tuple[int, Position], str]) -> Iterator[tuple[int, str]]:
    """Yield the numbers of the named scalars, in the order of the document, with their names."""
    holders, number = {holder for holder, _ in named}, 0
    opened: list[tuple[int, Iterator[tuple[Position, Json]]]] = [(id(root), _children(root))]
    while opened:
        holder, children = opened[-1]
        for position, value in children:
            if isinstance(value, dict | list):
                opened.append((id(value), _children(value)))
                break
            if holder in holders and (name := named.get((holder, position))) is not None:
                yield number, name
            number += 1
        else:
            opened.pop()


def _children(holder: Holder) -> Iterator[tuple[Position, Json]]:
    return iter(holder.items()) if isinstance(holder, dict) else enumerate(holder)


class _Keys:
    """The roles of an object's keys, as far as the keys tell them without the values."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.wrappers = frozenset(filter(is_wrapper, keys))
        """Those that say nothing about their value."""
        self.named = frozenset(filter(is_named, keys))
        """Those whose value another member may name."""
        self.naming = naming_keys(keys, frozenset(map(joined, self.named))) if self.named else ()
        """Those whose value names it, the most telling one last."""
        self.is_date = maps.is_date(keys)
        self.dates = tuple(key for key in keys if joined(key) == maps.DATE)
        """Those whose value may be a date in parts."""
        self.describes = _DEFAULT in keys and not _DESCRIBES.isdisjoint(keys)
        """Members describe something, with a default."""
        self.describing = naming_keys(keys, frozenset({_DEFAULT})) if self.describes else ()
        self.says_kind = not _KINDS.isdisjoint(keys)
        self.known = next((names for required, names in _KNOWN_OBJECTS if required.issubset(keys)), {})
        if _LOGIN in keys and _LOGIN_MEMBERS.issuperset(keys):
            self.known = {_LOGIN: SECRET}


@lru_cache(OBJECTS_KEPT)
def _keys(keys: tuple[str, ...]) -> _Keys:
    return _Keys(keys)


def naming_keys(keys: Iterable[str], named: Collection[str]) -> tuple[str, ...]:
    """Return the keys of members that name others, the most telling one last.

    Args:
        keys: those of an object.
        named: keys of the others, as ``key_roles.joined`` returns them.
    """
    pairs = {f"{each.removesuffix('value')}{end}" for each in named for end in ("key", "name")}
    found: dict[str, str] = {}
    for key in keys:
        small = joined(key)
        if small not in named and (small in NAMING or small in pairs):
            found["name" if small in pairs else small] = key
    return tuple(found[each] for each in reversed(NAMING) if each in found)


@dataclass(slots=True)
class _Table:
    """Lists that may be the columns' names and the rows of a table."""

    headers: list[list[str]] = field(default_factory=list)
    """Names of objects in a list, which may describe columns."""
    columns: list[list[str]] = field(default_factory=list)
    """Lists of names under a key that says that they are columns."""
    rows: list[list[Json]] = field(default_factory=list)
    """Lists of rows."""
    lists: list[list[Json]] = field(default_factory=list)
    """Lists of scalars, each perhaps the only row."""


class _Names:
    """Names the values of one document."""

    def __init__(self, tells: Tells) -> None:
        self._tells = tells
        self._telling: dict[str, str] = {}
        self.named: dict[tuple[int, Position], str] = {}
        """The names of scalars, by the identity of what holds them and their position in it."""

    def add(self, root: list[Json], name: str) -> None:
        """Name everything in a document with this name. Documents may be deep: this does not recurse."""
        named = self.named
        waiting: list[Said] = [(root, 0, name, False)]
        while waiting:
            holder, position, name, by_layout = waiting.pop()
            value = holder[position]  # type: ignore[index]
            if isinstance(value, dict):
                waiting += reversed(list(self._members(value, name, by_layout=by_layout)))
            elif isinstance(value, list):
                waiting += reversed(list(self._elements(value, name, by_layout=by_layout)))
            elif name:
                place = id(holder), position
                header = named.get(place)
                if header or by_layout or self._tells(name):
                    named[place] = f"{name}|{header}" if header else name

    def _elements(self, elements: list[Json], name: str, *, by_layout: bool) -> Iterator[Said]:
        first = elements[0] if elements else None
        if isinstance(first, dict | list):
            pairs, has_header = self._pairs(elements, name)
            for holder, said in pairs:
                yield from self._cell(holder, 1, said)
            if has_header:
                yield from self._table(_rows_with_header(elements, name))
        telling = self._telling_part(name)
        alternates = joined(name) == _ALTERNATING
        option = ""
        for number, element in enumerate(elements):
            is_string = isinstance(element, str)
            if telling and not option and is_string and maps.is_name_of_secret(telling, _text_of(element)):
                self.named[id(elements), number] = ""
            elif name or option or type(element) in CONTAINERS:
                yield elements, number, _both(name, option), by_layout or option != ""
            option = _text_of(element)
            if number % 2 if alternates else not _is_option(option):
                option = ""

    def _pairs(self, elements: list[Json], name: str) -> tuple[list[tuple[list[Json], str]], bool]:
        """Read rows of two cells as names and values: ``[["x-api-key", "…"], ["accept", "*/*"]]``.

        Returns:
            The rows with a name that tells, and that name. Whether the first row may be a header all the same.
        """
        rows: list[list[Json]] = []
        for element in elements:
            cells = _cells(element)
            if cells is None or len(cells) != len(("name", "value")):
                return [], True
            rows.append(cells)
        names = [_scalar_text(row[0]) for row in rows]
        if not any(map(self._tells, names)):
            return [], True
        head = _scalar_text(rows[0][1])
        has_header = joined(name) not in _PAIRS and len(rows) > 1 and _IS_HEAD.fullmatch(head) is not None
        if has_header and joined(head) in maps.PROPERTIES and not is_named(head):
            return [], True
        first = 1 if has_header else 0
        found = [(row, said) for said, row in zip(names[first:], rows[first:], strict=True) if self._tells(said)]
        return found, has_header

    def _members(self, members: Object, name: str, *, by_layout: bool) -> Iterator[Said]:
        yield from self._tables(members)
        keys = _keys(tuple(members))
        known, pair = keys.known, _said_by(members, keys.naming) if keys.naming else ""
        if keys.says_kind:
            yield from _data_of_secrets(members)
            known = _known_by_kind(members) or known
        telling = self._telling_part(name)
        in_map = (telling and self._dates(keys, members, telling)) or (
            {} if known or pair or not telling else _names_in_map(members, telling)
        )
        default = self._name_of_default(members, keys, name) if keys.describes else ""
        for key, member in members.items():
            if default and key == _DEFAULT:
                yield members, key, default, True
            elif key in known:
                if isinstance(member, dict):
                    yield from ((member, inner, known[key], True) for inner in member)
                else:
                    yield members, key, known[key], True
            elif pair and key in keys.named:
                yield members, key, f"{name}|{pair}" if name and key in keys.wrappers else pair, True
            elif key in keys.wrappers:
                yield members, key, name, by_layout
            elif key in in_map:
                yield members, key, in_map[key], True
            elif type(member) in CONTAINERS:
                yield members, key, key, False

    def _dates(self, keys: _Keys, members: Object, telling: str) -> dict[str, str]:
        """Return the names of the parts of a date, or of a date in parts, in an object whose name tells."""
        if keys.is_date:
            return {key: _both(telling, key) for key in members}
        return {key: telling for key in keys.dates if maps.is_date(_object(members[key]))}

    def _name_of_default(self, members: Object, keys: _Keys, name: str) -> str:
        """Return the name of the secret of which an object describes the default; empty if it describes none.

        A schema, a variable or an option: ``{"type": "string", "default": "…"}`` under its name, or beside it.
        """
        telling = self._telling_part(_both(name, _said_by(members, keys.describing)))
        return telling if telling and maps.is_of_secrets(telling) else ""

    def _telling_part(self, name: str) -> str:
        """Return that of the joined names which tells; empty if none does."""
        if not name:
            return ""
        known = self._telling.get(name)
        if known is None:
            parts = (each for each in reversed(name.split("|")) if each and self._tells(each))
            known = self._telling[name] = next(parts, "")
        return known

    def _tables(self, members: Object) -> Iterator[Said]:
        """Name the cells of tables whose columns are listed in one member of an object and its rows in another."""
        lists = _lists_near(members)
        if not lists:
            return
        table = _Table()
        for key, elements in lists:
            if _cells(elements[0]) is not None:
                table.rows.append(elements)
            elif joined(key) in _ROWS and not any(isinstance(each, dict | list) for each in elements):
                table.lists.append(elements)
        if not (table.rows or table.lists):
            return
        for key, elements in lists:
            _collect(key, elements, table)
        for header in (*table.columns, *table.headers):
            for rows in table.rows:
                yield from self._table((header, iter(rows)))
        for header in table.columns:
            yield from self._table((header, iter(table.lists)))

    def _table(self, table: tuple[list[str], Iterator[Json]]) -> Iterator[Said]:
        """Name the cells of all rows that are as wide as the header.

        A cell that already has a name keeps it: listed columns say more than the first row, which may be data.
        """
        header, rows = table
        if not header:
            return
        for row in rows:
            cells = _cells(row)
            if cells is None or len(cells) != len(header):
                continue
            for position, name in enumerate(header):
                yield from self._cell(cells, position, name)

    def _cell(self, cells: list[Json], position: int, name: str) -> Iterator[Said]:
        cell = cells[position]
        if isinstance(cell, dict) and len(cell) == 1:
            key = next(iter(cell))
            yield cell, key, _both(name, "" if is_wrapper(key) else key), True
        elif isinstance(cell, dict | list):
            yield cells, position, name, True
        elif name:
            self.named.setdefault((id(cells), position), name)


def _is_option(argument: str) -> bool:
    """Return whether an argument is an option's name, of which the next argument is the value."""
    return argument.startswith("--") and "=" not in argument


def _names_in_map(members: Object, telling: str) -> dict[str, str]:
    """Return the names that a map under a name that tells gives to its members."""
    if not maps.is_map(telling, members):
        return {}
    scalars = {
        key: maps.Scalar(each if isinstance(each, str) else json.dumps(each), is_string=isinstance(each, str))
        for key, each in members.items()
        if not isinstance(each, dict | list)
    }
    return maps.names_in_map(telling, members, scalars)


def _data_of_secrets(members: Object) -> Iterator[Said]:
    """Yield the data of Kubernetes' secrets in a list, which do not repeat their kind."""
    items = members.get(_LIST_ITEMS)
    if isinstance(items, list) and members.get(_KIND) == _SECRET_LIST:
        for item in map(_object, items):
            for key in _SECRET_DATA & item.keys():
                data = item[key]
                if isinstance(data, dict | list):
                    yield from ((data, position, SECRET, True) for position, _ in _children(data))


def _known_by_kind(members: Object) -> dict[str, str]:
    """Return the names of members by the kind that an object of Kubernetes or FHIR says it is."""
    if members.get(_KIND) == _SECRET_KIND:
        return dict.fromkeys(_SECRET_DATA, SECRET)
    if _text_of(members.get("reference")).partition("/")[0] in _PEOPLE:
        return {"display": "full_name"}
    if _text_of(members.get("resourceType")) in _PEOPLE:
        return {"name": "full_name"}
    return {}


def _said_by(members: Object, keys: Sequence[str]) -> str:
    """Return the names that members give to others."""
    return "|".join(filter(None, (_said(members[key]) for key in keys)))


def _said(value: Json) -> str:
    """Return the name that a member gives: a string, or the strings of a coded concept (FHIR)."""
    if not isinstance(value, dict):
        return _text_of(value)
    coding = value.get("coding")
    codings = map(_object, coding if isinstance(coding, list) else ())
    said = (each[key] for each in (*codings, value) for key in ("code", "display", "text") if key in each)
    return "|".join(_text_of(each) for each in said if isinstance(each, str))


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else EMPTY


def _text_of(value: Json) -> str:
    """Return a string that may be a name; empty if it is too long for one, or no string."""
    return value if isinstance(value, str) and len(value) <= NAME_LONGEST else ""


def _lists_near(members: Object) -> list[tuple[str, list[Json]]]:
    """Return the lists in an object that are not empty, and those in the objects in it, with their keys."""
    found: list[tuple[str, list[Json]]] = []
    for key, member in members.items():
        if isinstance(member, dict):
            found += [(inner, each) for inner, each in member.items() if isinstance(each, list) and each]
        elif isinstance(member, list) and member:
            found.append((key, member))
    return found


def _collect(key: str, elements: list[Json], table: _Table) -> None:
    """Take a list that is neither rows nor a row as the names of columns."""
    first, is_columns = elements[0], joined(key) in _HEADERS
    if (isinstance(first, dict) or is_columns) and _cells(first) is None and (header := _header(elements)):
        (table.headers if isinstance(first, dict) or not is_columns else table.columns).append(header)


def _header(elements: list[Json]) -> list[str]:
    """Return the names in a list of strings, or of objects that have a name; empty if it is no such list."""
    names: list[str] = []
    for element in elements:
        if isinstance(element, str):
            names.append(_text_of(element))
            continue
        by_key = {joined(key): each for key, each in _object(element).items() if isinstance(each, str)}
        found = next((by_key[key] for key in NAMING if key in by_key), None)
        if found is None:
            return []
        names.append(_text_of(found))
    return names


def _rows_with_header(rows: list[Json], name: str) -> tuple[list[str], Iterator[Json]]:
    """Return the first row of a list of rows as their header, and the other rows.

    The first row may as well be data. So the name of the list says what is in it, too.
    """
    first = _cells(rows[0]) if rows else None
    header = [_scalar_text(cell) for cell in first] if first else []
    if not all(map(_may_head, header)):
        return [], iter(())
    return [_both(name, each) for each in header], islice(rows, 1, None)


def _both(name: str, more: str) -> str:
    """Return the name of a value that has two: each of them may tell."""
    return f"{name}|{more}" if name and more else name or more


def _may_head(name: str) -> bool:
    return name[:1].isalpha()


def _scalar_text(cell: Json) -> str:
    """Return the string in a cell, which may be wrapped; empty if there is none."""
    while isinstance(cell, dict) and len(cell) == 1:
        cell = next(iter(cell.values()))
    return _text_of(cell)


def _cells(row: Json) -> list[Json] | None:
    """Return the cells of a row: a list, or an object that has nothing but a list."""
    if isinstance(row, dict) and len(row) == 1:
        row = next(iter(row.values()))
        return row if isinstance(row, list) else None
    return row if isinstance(row, list) else None
