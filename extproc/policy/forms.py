"""Forms as opa-envoy-plugin shows them to policy: every field's values as a list, in their order.

A form is not what the guard inspects (``input.body.uninspectable`` says ``content-type``): detectors and masks do
not look into it. It is parsed for policies alone, and strictly: what a backend could read otherwise is refused.

Sources: WHATWG URL section 5.1, RFC 7578, RFC 2046 section 5.1; opa-envoy-plugin's shapes.
"""

import re
from urllib.parse import unquote_to_bytes

from extproc.codecs.errors import Unreadable
from extproc.codecs.json import parse
from extproc.model.call import Json
from extproc.model.errors import Refused
from extproc.model.reasons import Reason

BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"
MAX_DEPTH = 64
MAX_PARTS = 1_000
TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110 section 5.6.2
PARAMETERS = re.compile(rf"(?:[ \t]*;[ \t]*{TOKEN}=(?:{TOKEN}|\"[^\"\\\r\n]*\"))*[ \t]*")
"""RFC 9110 section 5.6.6 without quoted pairs, which browsers, Go and Python read in different ways."""
PARAMETER = re.compile(rf";[ \t]*({TOKEN})=(?:({TOKEN})|\"([^\"\\\r\n]*)\")")
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 section 5.1.1."""
FIELD = re.compile(rf"({TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


def parse_body(body: bytes, content_type: str) -> Json:
    """A form's fields; None for a body that is announced as anything else, or as multipart without a boundary.

    Args:
        body: content-encoding undone.
        content_type: the field's value.

    Raises:
        Refused: with ``uninspectable``, for a form that has two readings.
    """
    kind = content_type.lower()
    if URLENCODED in kind:
        return {name: list(values) for name, values in parse_form(body.decode("utf-8", "replace")).items()}
    if MULTIPART in kind:
        return _multipart(body, content_type)
    return None


def _refused(detail: str) -> Refused:
    return Refused(Reason.UNINSPECTABLE, rule="document", detail=detail)


def unescape(text: str) -> str:
    """Undo percent-encoding.

    Raises:
        Refused: with ``uninspectable``, for a ``%`` that no two hex digits follow.
    """
    if "%" not in text:
        return text
    if BAD_ESCAPE.search(text):
        raise _refused("malformed percent-encoding")
    return unquote_to_bytes(text).decode("utf-8", "replace")


def parse_form(text: str) -> dict[str, list[str]]:
    """A query, or an ``application/x-www-form-urlencoded`` body: every value is a list.

    Raises:
        Refused: with ``uninspectable``, for a malformed escape or a ``;`` (which some backends split at).
    """
    parsed: dict[str, list[str]] = {}
    if ";" in text:
        raise _refused("semicolon in a query or form")
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.replace("+", " ").partition("=")
            parsed.setdefault(unescape(name), []).append(unescape(value))
    return parsed


def _multipart(body: bytes, content_type: str) -> dict[str, Json] | None:
    """A list of values for each name; parts without a name are left out, JSON parts are parsed."""
    _, parameters = _split(content_type)
    if "boundary" not in parameters:
        return None
    boundary = parameters["boundary"]
    if not BOUNDARY.fullmatch(boundary):
        raise _refused("multipart: not a boundary")
    found: dict[str, list[Json]] = {}
    for part in _parts(body, b"\r\n--" + boundary.encode()):
        name, value = _part(part)
        if name:
            found.setdefault(name, []).append(value)
    return {name: list(values) for name, values in found.items()}


def _parts(body: bytes, delimiter: bytes) -> list[bytes]:
    """What stands between the delimiters: nothing before the first, nothing after the last.

    Raises:
        Refused: anything else, a line that only begins like a delimiter among it.
    """
    first, *parts = (b"\r\n" + body).split(delimiter)
    if first or not parts or parts.pop() not in (b"--", b"--\r\n"):
        raise _refused("multipart: not between delimiters")
    if len(parts) > MAX_PARTS or not all(part.startswith(b"\r\n") for part in parts):
        raise _refused("multipart: a delimiter with something behind it, or too many parts")
    # A reader that ends lines at LF alone, or that trims blanks, sees delimiters where this one does not.
    loose = delimiter[2:]
    if any(loose in part for part in parts):
        raise _refused("multipart: a delimiter within a part")
    return [part[2:] for part in parts]


def _part(part: bytes) -> tuple[str, Json]:
    """Name and value; the name is empty where there is none.

    Raises:
        Refused: a header that is malformed, given twice or folded; an encoding; JSON that is none.
    """
    head, end, value = part.partition(b"\r\n\r\n")
    if not end and not part.startswith(b"\r\n"):
        raise _refused("multipart: a part without an end of its headers")
    headers = {} if part.startswith(b"\r\n") else _headers(head)
    if headers.get("content-transfer-encoding", "").strip().lower() not in PLAIN_ENCODINGS:
        raise _refused("multipart: an encoded part")
    kind, parameters = _split(headers.get("content-disposition", ""))
    name = parameters.get("name", "")
    if name and kind != "form-data":
        raise _refused("multipart: a name on a part that is no form's")
    return name, _value(value, headers.get("content-type", "")) if name else None


def _value(value: bytes, content_type: str) -> Json:
    if JSON not in content_type.lower():
        return value.decode("utf-8", "replace")
    try:
        return parse(value, max_depth=MAX_DEPTH)
    except Unreadable as error:
        raise _refused(f"multipart: a JSON part is {error.kind.value}") from error


def _headers(head: bytes) -> dict[str, str]:
    """A part's header fields by their lower-case name."""
    try:
        lines = [FIELD.fullmatch(line) for line in head.decode().split("\r\n")]
    except UnicodeDecodeError:
        raise _refused("multipart: a header that is not UTF-8") from None
    fields = {line[1].lower(): line[2] for line in lines if line}
    if len(fields) != len(lines):
        raise _refused("multipart: a header that is malformed or given twice")
    return fields


def _split(value: str) -> tuple[str, dict[str, str]]:
    """A field's value without its parameters, lower case, and the parameters.

    Raises:
        Refused: a parameter that is malformed, given twice, or extended (RFC 8187: ``name*``).
    """
    kind, semicolon, rest = value.partition(";")
    if not PARAMETERS.fullmatch(semicolon + rest):
        raise _refused("multipart: malformed parameters")
    found = [(name.lower(), token or quoted) for name, token, quoted in PARAMETER.findall(semicolon + rest)]
    if len(dict(found)) != len(found) or any("*" in name for name, _ in found):
        raise _refused("multipart: a parameter that has two readings")
    return kind.strip().lower(), dict(found)
