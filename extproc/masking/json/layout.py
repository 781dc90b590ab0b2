"""Names that the layout of a document gives to values: pairs of name and value, tables, wrappers.

A value's name is usually its key. In ``{"name": "DB_PASSWORD", "value": "…"}``, in a row of a table, and in
``{"password": {"value": "…"}}`` another part of the document names it. ``names_by_layout`` reads a document once
and returns these names. It knows the layouts of common APIs, and no API by itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice

from extproc.codecs.json_units import OPENS, UNIT, Unit, unquote
from extproc.detectors.vocabulary import maps
from extproc.detectors.vocabulary.key_roles import NAME_LONGEST, NAMING, is_named, is_wrapper, joined

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
_PEOPLE = frozenset({"Patient", "Practitioner", "RelatedPerson"})
"""Resources of FHIR about people: their ``name`` may be a text, and what refers to them may show it."""
TELLING_MEMBERS = frozenset({"usuario", "kty", "auth", "family", "postalCode", _SECRET_LIST}) | _PEOPLE
"""Members of these objects, and kinds of objects, that their detectors look for."""
SECRET = "secret"  # noqa: S105 - a name
"""The name of values that are secret because of the object that they are in."""


Tells = Callable[[str], bool]
"""Returns whether a name tells what its value is."""


def names_by_layout(text: str, shape: str, name: str, tells: Tells) -> dict[int, str]:
    """Return the names of scalars that are not named by their own key, by the offset of the scalar.

    Elements that are names themselves, of secrets, have an empty name.

    Args:
        text: a document that ``check_text`` accepts.
        shape: its shape, see ``extproc.codecs.json_units.shape``.
        name: that of the value that the document is in another one; may be empty.
        tells: knows the names that tell.
    """
    named: dict[int, str] = {}
    root = _parse(text, shape)
    if root is not None:
        _Names(text, tells, named).add(root, name)
    return named


@dataclass(slots=True)
class _Node:
    """A value of the document."""

    start: int
    end: int
    is_string: bool = False
    elements: "list[_Node] | None" = None
    members: "dict[str, _Node] | None" = None

    @property
    def is_scalar(self) -> bool:
        return self.elements is None and self.members is None

    @property
    def children(self) -> "Sequence[_Node]":
        return self.elements or list((self.members or {}).values())


@dataclass(slots=True)
class _Table:
    """Lists that may be the columns' names and the rows of a table."""

    headers: list[list[str]] = field(default_factory=list)
    """Names of objects in a list, which may describe columns."""
    columns: list[list[str]] = field(default_factory=list)
    """Lists of names under a key that says that they are columns."""
    rows: list[_Node] = field(default_factory=list)
    """Lists of rows."""
    lists: list[_Node] = field(default_factory=list)
    """Lists of scalars, each perhaps the only row."""


def _parse(text: str, shape: str) -> _Node | None:
    root: _Node | None = None
    opened: list[_Node] = []
    for unit in UNIT.finditer(shape):
        kind = unit.lastindex
        if kind == Unit.CLOSE:
            opened.pop()
            continue
        start, end = unit.span(kind or 0)
        node = _Node(start, end, is_string=kind in (Unit.STRING, Unit.MEMBER_STRING))
        if kind in OPENS:
            node.elements, node.members = ([], None) if shape[start] == "[" else (None, {})
        if not opened:
            root = node
        elif opened[-1].members is not None:
            opened[-1].members[unquote(text, *unit.span(1))] = node
        elif opened[-1].elements is not None:
            opened[-1].elements.append(node)
        if kind in OPENS:
            opened.append(node)
    return root


_Item = tuple[_Node, str, bool]
"""A node, its name, and whether the name is not the node's own key."""


class _Names:
    """Names the values of one document. Its generators yield nodes to name next: documents may be deep."""

    def __init__(self, text: str, tells: Tells, named: dict[int, str]) -> None:
        self._text = text
        self._tells = tells
        self._named = named

    def add(self, root: _Node, name: str) -> None:
        """Name everything in a document with this name."""
        opened: list[Iterator[_Item]] = [iter([(root, name, True)])]
        while opened:
            item = next(opened[-1], None)
            if item is None:
                opened.pop()
                continue
            node, name, by_layout = item
            if node.members is not None:
                opened.append(self._members(node, node.members, name))
            elif node.elements is not None:
                opened.append(self._elements(node, node.elements, name))
            elif by_layout and name:
                header = self._named.get(node.start)
                self._named[node.start] = f"{name}|{header}" if header else name

    def _elements(self, node: _Node, elements: list[_Node], name: str) -> Iterator[_Item]:
        pairs, has_header = self._pairs(elements, name)
        for said, value in pairs:
            yield from self._cell(value, said)
        if has_header:
            yield from self._table(_rows_with_header(self._text, node, name))
        telling = self._telling_part(name)
        alternates = joined(name) == _ALTERNATING
        option = ""
        for number, element in enumerate(elements):
            if telling and not option and self._is_name_of_secret(element, telling):
                self._named[element.start] = ""
            else:
                yield element, _both(name, option), True
            if alternates:
                option = "" if number % 2 else _text_of(self._text, element)
            else:
                option = _option(self._text, element)

    def _pairs(self, elements: list[_Node], name: str) -> tuple[list[tuple[str, _Node]], bool]:
        """Read rows of two cells as names and values: ``[["x-api-key", "…"], ["accept", "*/*"]]``.

        Returns:
            The names that tell, with their values. Whether the first row may be a header all the same.
        """
        rows = [_cells(each) or [] for each in elements]
        if not rows or any(len(row) != len(("name", "value")) for row in rows):
            return [], True
        names = [_scalar_text(self._text, row[0]) for row in rows]
        if not any(map(self._tells, names)):
            return [], True
        head = _scalar_text(self._text, rows[0][1])
        has_header = joined(name) not in _PAIRS and len(rows) > 1 and _IS_HEAD.fullmatch(head) is not None
        if has_header and joined(head) in maps.PROPERTIES and not is_named(head):
            return [], True
        first = 1 if has_header else 0
        found = [
            (said, row[1]) for said, row in zip(names[first:], rows[first:], strict=True) if self._tells(said)
        ]
        return found, has_header

    def _members(self, node: _Node, members: dict[str, _Node], name: str) -> Iterator[_Item]:
        yield from self._tables(node)
        yield from _data_of_secrets(self._text, members)
        known = _known_names(self._text, members)
        pair = _pair_name(self._text, members)
        dated = self._dates(name, members)
        in_map = dated or ({} if known or pair else self._names_in_map(name, members))
        default = self._name_of_default(name, members)
        for key, member in members.items():
            if default and key == _DEFAULT:
                yield member, default, True
            elif key in known:
                for inner in member.children if member.members is not None else [member]:
                    yield inner, known[key], True
            elif pair and is_named(key):
                yield member, f"{name}|{pair}" if name and is_wrapper(key) else pair, True
            elif is_wrapper(key):
                yield member, name, True
            else:
                yield member, in_map.get(key, key), key in in_map

    def _dates(self, name: str, members: dict[str, _Node]) -> dict[str, str]:
        """Return the names of the parts of a date, or of a date in parts, in an object whose name tells."""
        is_date = maps.is_date(members)
        dates = [
            key for key, each in members.items() if joined(key) == maps.DATE and maps.is_date(each.members or {})
        ]
        if not (is_date or dates) or not (telling := self._telling_part(name)):
            return {}
        return {key: _both(telling, key) for key in members} if is_date else dict.fromkeys(dates, telling)

    def _name_of_default(self, name: str, members: dict[str, _Node]) -> str:
        """Return the name of the secret of which an object describes the default; empty if it describes none.

        A schema, a variable or an option: ``{"type": "string", "default": "…"}`` under its name, or beside it.
        """
        if _DEFAULT not in members or _DESCRIBES.isdisjoint(members):
            return ""
        said = _naming_names(self._text, members, frozenset({_DEFAULT}))
        telling = self._telling_part(_both(name, said))
        return telling if telling and maps.is_of_secrets(telling) else ""

    def _names_in_map(self, name: str, members: dict[str, _Node]) -> dict[str, str]:
        """Return the names that a map under a name that tells gives to its members."""
        telling = self._telling_part(name)
        if not telling or not maps.is_map(telling, members):
            return {}
        scalars = {key: _scalar_in_map(self._text, each) for key, each in members.items() if each.is_scalar}
        return maps.names_in_map(telling, members, scalars)

    def _telling_part(self, name: str) -> str:
        """Return that of the joined names which tells; empty if none does."""
        return next((each for each in reversed(name.split("|")) if each and self._tells(each)), "")

    def _is_name_of_secret(self, element: _Node, name: str) -> bool:
        return element.is_string and maps.is_name_of_secret(name, _text_of(self._text, element))

    def _tables(self, node: _Node) -> Iterator[_Item]:
        """Name the cells of tables whose columns are listed in one member of an object and its rows in another."""
        table = _Table()
        for key, member in (node.members or {}).items():
            _collect(self._text, key, member, table)
            for inner_key, inner in (member.members or {}).items():
                _collect(self._text, inner_key, inner, table)
        for header in (*table.columns, *table.headers):
            for rows in table.rows:
                yield from self._table((header, iter(rows.elements or ())))
        for header in table.columns:
            yield from self._table((header, iter(table.lists)))

    def _table(self, table: tuple[list[str], Iterator[_Node]]) -> Iterator[_Item]:
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
            for name, cell in zip(header, cells, strict=True):
                yield from self._cell(cell, name)

    def _cell(self, cell: _Node, name: str) -> Iterator[_Item]:
        if cell.is_scalar:
            if name:
                self._named.setdefault(cell.start, name)
            return
        if cell.members is not None and len(cell.members) == 1:
            key, inner = next(iter(cell.members.items()))
            yield inner, _both(name, "" if is_wrapper(key) else key), True
        else:
            yield cell, name, True


def _option(text: str, element: _Node) -> str:
    """Return the name of an option in a list of arguments, of which the next argument is the value."""
    said = _text_of(text, element) if element.is_string else ""
    return said if said.startswith("--") and "=" not in said else ""


def _scalar_in_map(text: str, scalar: _Node) -> maps.Scalar:
    if scalar.is_string:
        return maps.Scalar(unquote(text, scalar.start, scalar.end), is_string=True)
    return maps.Scalar(text[scalar.start : scalar.end], is_string=False)


def _data_of_secrets(text: str, members: dict[str, _Node]) -> Iterator[_Item]:
    """Yield the data of Kubernetes' secrets in a list, which do not repeat their kind."""
    if _LIST_ITEMS in members and _kind_of(text, members) == _SECRET_LIST:
        for item in members[_LIST_ITEMS].elements or ():
            for key in _SECRET_DATA & (item.members or {}).keys():
                yield from ((each, SECRET, True) for each in (item.members or {})[key].children)


def _kind_of(text: str, members: dict[str, _Node], key: str = "kind") -> str:
    """Return the kind that an object of Kubernetes or FHIR says it is; empty if it says none."""
    return _text_of(text, members[key]) if key in members and members[key].is_string else ""


def _known_names(text: str, members: dict[str, _Node]) -> dict[str, str]:
    """Return the names of members by the standard that describes their object."""
    if _kind_of(text, members) == _SECRET_KIND:
        return dict.fromkeys(_SECRET_DATA, SECRET)
    if "reference" in members and _kind_of(text, members, "reference").partition("/")[0] in _PEOPLE:
        return {"display": "full_name"}
    if _kind_of(text, members, "resourceType") in _PEOPLE:
        return {"name": "full_name"}
    if _LOGIN in members and members.keys() <= _LOGIN_MEMBERS:
        return {_LOGIN: SECRET}
    return next((names for required, names in _KNOWN_OBJECTS if required <= members.keys()), {})


def _pair_name(text: str, members: dict[str, _Node]) -> str:
    """Return the names that members of an object give to the value beside them, the most telling one last."""
    named = {joined(key) for key in members if is_named(key)}
    return _naming_names(text, members, named) if named else ""


def _naming_names(text: str, members: dict[str, _Node], named: AbstractSet[str]) -> str:
    """Return the names that members of an object give to others of these keys, the most telling one last."""
    pairs = {f"{each.removesuffix('value')}{end}" for each in named for end in ("key", "name")}
    found: dict[str, str] = {}
    for key, node in members.items():
        name = joined(key)
        if name not in named and (name in NAMING or name in pairs):
            found["name" if name in pairs else name] = _said(text, node)
    return "|".join(filter(None, (found.get(key, "") for key in reversed(NAMING))))


def _said(text: str, node: _Node) -> str:
    """Return the name that a member gives: a string, or the strings of a coded concept (FHIR)."""
    if node.is_string:
        return _text_of(text, node)
    inner = node.members or {}
    codings = [each.members or {} for each in (inner["coding"].elements or ())] if "coding" in inner else []
    said = [each[key] for each in (*codings, inner) for key in ("code", "display", "text") if key in each]
    return "|".join(_text_of(text, each) for each in said if each.is_string)


def _text_of(text: str, node: _Node) -> str:
    """Return a string that may be a name; empty if it is too long for one."""
    return unquote(text, node.start, node.end) if node.end - node.start <= NAME_LONGEST + 2 else ""


def _collect(text: str, key: str, node: _Node, table: _Table) -> None:
    """Take a list as the names of columns, as rows, or as one row."""
    if not node.elements:
        return
    first, is_columns = node.elements[0], joined(key) in _HEADERS
    if _cells(first) is not None:
        table.rows.append(node)
    elif first.members is not None or is_columns:
        if header := _header(text, node.elements):
            (table.columns if is_columns and first.is_scalar else table.headers).append(header)
    elif joined(key) in _ROWS and all(each.is_scalar for each in node.elements):
        table.lists.append(node)


def _header(text: str, elements: list[_Node]) -> list[str]:
    """Return the names in a list of strings, or of objects that have a name; empty if it is no such list."""
    names: list[str] = []
    for element in elements:
        if element.is_string:
            names.append(_text_of(text, element))
            continue
        by_key = {joined(key): each for key, each in (element.members or {}).items() if each.is_string}
        found = next((by_key[key] for key in NAMING if key in by_key), None)
        if found is None:
            return []
        names.append(_text_of(text, found))
    return names


def _rows_with_header(text: str, node: _Node, name: str) -> tuple[list[str], Iterator[_Node]]:
    """Return the first row of a list of rows as their header, and the other rows.

    The first row may as well be data. So the name of the list says what is in it, too.
    """
    rows = node.elements or []
    first = _cells(rows[0]) if rows else None
    header = [_scalar_text(text, cell) for cell in first] if first else []
    if not all(map(_may_head, header)):
        return [], iter(())
    return [_both(name, each) for each in header], islice(rows, 1, None)


def _both(name: str, more: str) -> str:
    """Return the name of a value that has two: each of them may tell."""
    return f"{name}|{more}" if name and more else name or more


def _may_head(name: str) -> bool:
    return name[:1].isalpha()


def _scalar_text(text: str, cell: _Node) -> str:
    """Return the string in a cell, which may be wrapped; empty if there is none."""
    while cell.members is not None and len(cell.members) == 1:
        cell = next(iter(cell.members.values()))
    return _text_of(text, cell) if cell.is_string else ""


def _cells(row: _Node) -> list[_Node] | None:
    """Return the cells of a row: a list, or an object that has nothing but a list."""
    if row.elements is not None:
        return row.elements
    if row.members is not None and len(row.members) == 1:
        return next(iter(row.members.values())).elements
    return None
