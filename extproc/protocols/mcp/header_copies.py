"""Header fields that copy parts of an MCP message. A server may go by them, so they must not say anything else.

A tool's definition says which argument an ``Mcp-Param`` field copies, and the guard does not have it. So such a
field must equal an argument of its name, or, where there is none, some argument: it then says nothing that policy
and masking have not seen. The server checks the rest: which argument is meant, and fields that are missing.

Source: MCP 2026-07-28, transports, "Request Metadata"; SEP-2663 for tasks.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from extproc.model.call import Headers, Json
from extproc.protocols.mcp.eras import VERSION, VERSION_IN_META
from extproc.protocols.mcp.methods import TOOLS_CALL

METHOD = "mcp-method"
NAME = "mcp-name"
PARAM = "mcp-param-"
NAMED_BY = {
    TOOLS_CALL: "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The member of ``params`` that ``Mcp-Name`` copies, by method."""
SENTINEL = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
"""The form of a value that is not plain ASCII."""
ENCODED = re.compile(r"=\?.*\?=", re.DOTALL)
"""Forms that lenient readers decode (RFC 2047 section 2), the sentinel among them."""
PLAIN = re.compile(r"(?:[\x21-\x7e](?:[\x09\x20-\x7e]*[\x21-\x7e])?)?")
"""Visible ASCII; no blank at an end, where HTTP would take it away."""
NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]{0,399}))(\.[0-9]{1,400})?")
NO_LETTER = re.compile(r"[^a-z0-9]")
Path: TypeAlias = tuple[str, ...]
"""Keys that lead from the message to a member."""
METHOD_PLACE = ("method",)
VERSION_PLACE = ("params", "_meta", VERSION_IN_META)
ARGUMENTS = ("params", "arguments")


class _Arguments:
    """The arguments of a call, found by their text and by their name. Those in lists are never copied."""

    def __init__(self, message: Json) -> None:
        self._texts: defaultdict[str, list[Path]] = defaultdict(list)
        self._numbers: defaultdict[str, list[Path]] = defaultdict(list)
        self._names: set[str] = set()
        if _at(message, METHOD_PLACE) == TOOLS_CALL:
            for path, value in _members(ARGUMENTS, _at(message, ARGUMENTS)):
                self._add(path, value)

    def _add(self, path: Path, value: Json) -> None:
        self._names.add(_folded(path[-1]))
        text = _text(value)
        if text is not None:
            by = self._numbers if isinstance(value, int | float) else self._texts
            by[_as_number(text) if by is self._numbers else text].append(path)

    def places(self, token: str, text: str) -> tuple[Path, ...]:
        """Return where the value of the field is that names this token."""
        found = [*self._texts.get(text, ()), *self._numbers.get(_as_number(text), ())]
        name = _folded(token)
        if name not in self._names:
            return tuple(found)
        return tuple(path for path in found if name in map(_folded, path[len(ARGUMENTS) :]))


def agree(headers: Headers, message: Json) -> bool:
    """Return whether every header field that copies the message agrees with it, and is there once.

    Args:
        headers: of the request.
        message: its body, one JSON-RPC message.
    """
    names = [name for name, _ in headers if _is_copy(name.replace("_", "-"))]  # some servers read both alike
    places, free = _places(headers, message), _free(message)
    return len(set(names)) == len(names) and all(places.get(name) or name in free for name in names)


def copies(headers: Headers, message: Json) -> bool:
    """Return whether any header field copies the message."""
    free = _free(message)
    return any(_is_copy(name) and name not in free for name, _ in headers)


def as_sent(headers: Headers, came: Json, sent: Json) -> dict[str, bytes]:
    """Return the header fields that copy the message, as they have to be beside a message that was masked.

    Args:
        headers: of the request; they ``agree`` with ``came``.
        came: the message that the caller sent.
        sent: the message that goes upstream.

    Returns:
        All of them by name. Empty: the field cannot go, because several arguments are masked in several ways, or
        the argument is gone.
    """
    return {
        name: _value_sent(headers.raw(name), came, sent, places)
        for name, places in _places(headers, came).items()
        if places
    }


def _value_sent(value: bytes, came: Json, sent: Json, places: tuple[Path, ...]) -> bytes:
    pairs = [(_text(_at(came, place)), _text(_at(sent, place))) for place in places]
    masked = {now for was, now in pairs if now != was}
    if not masked:
        return value
    text = masked.pop() if len(masked) == 1 else None
    return b"" if text is None else wrap(text).encode()


def _is_copy(name: str) -> bool:
    return name in {METHOD, NAME, VERSION} or name.startswith(PARAM)


def _free(message: Json) -> tuple[str, ...]:
    """Return the field that copies nothing: a message of the older protocols does not say its version."""
    meta = _at(message, VERSION_PLACE[:-1])
    return () if isinstance(meta, dict) and VERSION_IN_META in meta else (VERSION,)


def _places(headers: Headers, message: Json) -> dict[str, tuple[Path, ...]]:
    """Return the places that have each field's value; none for a field that says something else."""
    free, arguments = _free(message), None
    found: dict[str, tuple[Path, ...]] = {}
    for name in {name for name, _ in headers if _is_copy(name) and name not in free}:
        text = unwrap(headers.get(name)) if name.startswith((NAME, PARAM)) else headers.get(name)
        if name.startswith(PARAM):
            arguments = arguments or _Arguments(message)
            found[name] = () if text is None else arguments.places(name.removeprefix(PARAM), text)
        else:
            place = _place(name, message)
            value = _at(message, place)
            found[name] = (place,) if isinstance(value, str) and value == text else ()
    return found


def _place(name: str, message: Json) -> Path:
    """Return the place that a field with one place copies; the whole message where it copies none."""
    if name == METHOD:
        return METHOD_PLACE
    if name == VERSION:
        return VERSION_PLACE
    method = _at(message, METHOD_PLACE)
    member = NAMED_BY.get(method) if isinstance(method, str) else None
    return ("params", member) if member else ()


def _members(place: Path, value: Json) -> Iterator[tuple[Path, Json]]:
    """Yield all members of objects, but for those inside lists (``x-mcp-header``: reachable by ``properties``)."""
    for key, member in value.items() if isinstance(value, dict) else ():
        yield (*place, key), member
        yield from _members((*place, key), member)


def _at(value: Json, path: Path) -> Json:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Json) -> str | None:
    """Return a scalar as its text in a header field; None for anything else, and for null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else None


def _as_number(text: str) -> str:
    """Return one text for all ways to write a whole number: ``42`` and ``42.0`` are equal. Others stay."""
    number = NUMBER.fullmatch(text)
    return str(int(number[1])) if number and not (number[2] or "").strip(".0") else text


def _folded(name: str) -> str:
    return NO_LETTER.sub("", name.lower()) or name


def unwrap(value: str) -> str | None:
    """Return what a header value means.

    Returns:
        None for what two readers could take differently: Base64 that is not canonical or not of UTF-8, other
        encoded forms, blanks at an end, and characters outside ASCII.
    """
    wrapped = SENTINEL.fullmatch(value)
    if not wrapped:
        return value if PLAIN.fullmatch(value) and not ENCODED.fullmatch(value) else None
    try:
        raw = base64.b64decode(wrapped[1], validate=True)
        return raw.decode("utf-8") if base64.b64encode(raw).decode() == wrapped[1] else None
    except (binascii.Error, ValueError):
        return None


def wrap(text: str) -> str:
    """Return a header value that means this text; never an empty one, which Envoy would not set."""
    if text and PLAIN.fullmatch(text) and not ENCODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="
