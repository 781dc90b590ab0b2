"""Parse forms as opa-envoy-plugin shows them to policy: each field's values as a list, in their order.

The input then also has ``content-type`` as ``input.body.uninspectable``: arguments are not read from a form, and
detectors do not scan it. A form that a backend could read differently is refused.

Sources: WHATWG URL section 5.1, RFC 7578; opa-envoy-plugin's shapes.
"""

import re
from urllib.parse import unquote_to_bytes

from extproc.codecs.multipart import boundary_of, read_parts
from extproc.codecs.strict_json import parse
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Json
from extproc.model.errors import Refused
from extproc.model.reasons import Reason, Uninspectable

BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"


def shows_form(content_type: str, call: Call) -> bool:
    """True if the input has the body of this call as a form, unless there is no body.

    Args:
        content_type: the header field's value.
        call: the call; nothing but its content-type may keep it from being read.
    """
    kind = content_type.lower()
    readable = call.uninspectable in (None, Uninspectable.CONTENT_TYPE)
    if not readable or call.document is not None or JSON in kind:
        return False
    return URLENCODED in kind or (MULTIPART in kind and "boundary" in kind)


def parse_body(body: bytes, content_type: str, *, max_depth: int) -> Json:
    """The fields of a form; None for a content-type that ``shows_form`` does not know.

    Args:
        body: the decoded body (content-encoding undone).
        content_type: the header field's value.
        max_depth: nesting beyond which the JSON of a part is not read.

    Raises:
        Refused: with ``uninspectable``, for a form that has two readings.
    """
    kind = content_type.lower()
    if URLENCODED in kind:
        return {name: list(values) for name, values in parse_form(body.decode("utf-8", "replace")).items()}
    if MULTIPART in kind:
        return _multipart(body, content_type, max_depth)
    return None


def _refused(detail: str) -> Refused:
    return Refused(Reason.UNINSPECTABLE, rule="document", detail=detail)


def unescape(text: str) -> str:
    """Undo percent-encoding.

    Raises:
        Refused: with ``uninspectable``, for a ``%`` without two hex digits after it.
    """
    if "%" not in text:
        return text
    if BAD_ESCAPE.search(text):
        raise _refused("malformed percent-encoding")
    return unquote_to_bytes(text).decode("utf-8", "replace")


def parse_form(text: str) -> dict[str, list[str]]:
    """Parse a query, or an ``application/x-www-form-urlencoded`` body: every value is a list.

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


def _multipart(body: bytes, content_type: str, max_depth: int) -> Json:
    """The values of each named part, as a list. Parts without a name are left out; JSON parts are parsed."""
    if "boundary" not in content_type.lower():
        return None
    found: dict[str, list[Json]] = {}
    try:
        for part in read_parts(body, boundary_of(content_type)):
            if part.name:
                value = _value(body[slice(*part.content)], part.content_type, max_depth)
                found.setdefault(part.name, []).append(value)
    except Unreadable as error:
        raise _refused(f"multipart: {error.kind.value}") from error
    return {name: list(values) for name, values in found.items()}


def _value(value: bytes, content_type: str, max_depth: int) -> Json:
    if JSON not in content_type.lower():
        return value.decode("utf-8", "replace")
    return parse(value, max_depth=max_depth)
