"""Read the answer of a policy written for opa-envoy-plugin: an object with the boolean ``allowed``."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from extproc.model.decision import Action, Decision, HeaderChanges, QueryChanges
from extproc.model.reasons import Reason
from extproc.policy.contract.json_checks import Malformed, flag, mapping, sequence

KEYS = frozenset(
    {
        "allowed",
        "headers",
        "request_headers_to_remove",
        "response_headers_to_add",
        "query_parameters_to_remove",
        "query_parameters_to_set",
        "body",
        "http_status",
        "dynamic_metadata",
    }
)
GUARDS_OWN = frozenset({"action", "approval", "mask", "shadow"})
"""Keys of the guard's own decision that change what happens. Beside ``allowed`` they would be without effect."""
ALIKE = 0.75
"""From this similarity on (``difflib``), an unknown key is taken for a misspelled one."""
STATUSES = frozenset(
    {*range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 418), 421, 422, 423, 424, 426, 428, 429, 431}
    | {*range(500, 509), 510, 511}
)
"""The statuses that Envoy knows (envoy.type.v3.StatusCode), without 100, which does not end a call."""
FRAMING = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that frame or route a message. Policy must not change them."""
CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
"""Policy must not set them. They are never forwarded, so a policy that removes them changes nothing."""
GUARD_PREFIX = "x-extproc-"
ENVOY_PREFIX = "x-envoy-"
HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")
"""RFC 9110 section 5.6.2, lower case."""
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]{0,8192}")
"""What Envoy sets: no control characters but the tab. Text beyond ASCII goes as UTF-8."""
MAX_HEADERS = 100
MAX_PARAMETER = 4_096
"""Characters of a query parameter's name or value."""
GUARD_METADATA = frozenset({"guard", "decision_id"})
"""Keys of dynamic metadata that are reserved for the guard."""
MAX_METADATA = 16_384
"""Bytes of dynamic metadata, as JSON."""
MAX_BODY = 65_536
"""Characters of the body that policy gives for a denial."""


def read_opa_envoy_decision(value: Mapping[str, Any], credential_header: str) -> Decision:
    """Read opa-envoy-plugin's object. As there, keys that this action does not use are not looked at.

    Args:
        value: the object. It may have further keys, as where the query is a whole package: they are ignored unless
            one looks like a misspelled key, or is one of the guard's own decision.
        credential_header: the header with the backend's credential, in lower case. Policy must not change it.

    Raises:
        Malformed: a wrong type, a misspelled key, or a header that policy must not change.
    """
    _check_keys(value)
    if flag(value["allowed"]):
        return _allowed(value, credential_header)
    return Decision(
        Action.DENY,
        Reason.POLICY_DENIED,
        headers=HeaderChanges(response=tuple(_settable(pair, "") for pair in _pairs(value.get("headers", {})))),
        status=_status(value["http_status"]) if "http_status" in value else 0,
        body=_body(value.get("body", "")),
        metadata=_metadata(value.get("dynamic_metadata", {})),
    )


def _allowed(answer: Mapping[str, Any], credential_header: str) -> Decision:
    """Read what goes to the backend. As Envoy applies it, the last of several values is set, and removal wins."""
    headers = dict(_settable(pair, credential_header) for pair in _pairs(answer.get("headers", {})))
    to_remove = tuple(_removable(name, credential_header) for name in _names(answer, "request_headers_to_remove"))
    to_add = _pairs(answer.get("response_headers_to_add", {}))
    changes = HeaderChanges(
        set=tuple(pair for pair in headers.items() if pair[0] not in to_remove),
        remove=tuple(name for name in to_remove if name not in CREDENTIALS),
        response=tuple(_settable(pair, "") for pair in to_add),
        query=_query(answer),
    )
    metadata = _metadata(answer.get("dynamic_metadata", {}))
    return Decision(Action.ALLOW, Reason.POLICY_ALLOWED, headers=changes, metadata=metadata)


def _query(answer: Mapping[str, Any]) -> QueryChanges:
    to_set = dict(_parameters(mapping(answer.get("query_parameters_to_set", {}))))
    to_remove = tuple(_parameter(name) for name in _names(answer, "query_parameters_to_remove"))
    return QueryChanges(tuple(pair for pair in to_set.items() if pair[0] not in to_remove), to_remove)


def _check_keys(answer: Mapping[str, Any]) -> None:
    """Refuse a key that its author may believe to have an effect here."""
    for key in answer.keys() - KEYS:
        if key in GUARDS_OWN:
            raise Malformed(f"{key} has no effect beside allowed")
        if meant := difflib.get_close_matches(key.lower(), KEYS - answer.keys(), n=1, cutoff=ALIKE):
            raise Malformed(f"a key like {meant[0]} that is not spelled so")


def _metadata(value: Any) -> Mapping[str, Any]:
    """Dynamic metadata, which must not have the guard's own keys."""
    found = mapping(value)
    if GUARD_METADATA & found.keys():
        raise Malformed("the guard's mark is not policy's to set")
    if len(orjson.dumps(found)) > MAX_METADATA:
        raise Malformed("too much metadata")
    return found


def _pairs(value: Any) -> list[tuple[str, str]]:
    """Header fields from an object, or an array of objects; a value is a string or an array of strings."""
    objects = sequence(value, MAX_HEADERS) if isinstance(value, list) else [value]
    pairs = [pair for item in objects for pair in _fields(mapping(item))]
    if len(pairs) > MAX_HEADERS:
        raise Malformed("too many header fields")
    return pairs


def _fields(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, values in fields.items():
        for value in sequence(values, MAX_HEADERS) if isinstance(values, list) else [values]:
            if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
                raise Malformed("not a header value")
            value.encode()
            yield name.lower(), value


def _names(answer: Mapping[str, Any], key: str) -> list[str]:
    names = sequence(answer.get(key, []), MAX_HEADERS)
    if not all(isinstance(name, str) for name in names):
        raise Malformed("not a name")
    return names


def _parameters(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Query parameters; a value is a string or an array of strings."""
    for name, values in parameters.items():
        for value in sequence(values, MAX_HEADERS) if isinstance(values, list) else [values]:
            if not isinstance(value, str) or len(value) > MAX_PARAMETER:
                raise Malformed("not a parameter's value")
            value.encode()
            yield _parameter(name), value


def _parameter(name: str) -> str:
    if not name or len(name) > MAX_PARAMETER:
        raise Malformed("not a parameter's name")
    name.encode()
    return name


def _settable(pair: tuple[str, str], credential_header: str) -> tuple[str, str]:
    name = pair[0]
    if name in CREDENTIALS or name == credential_header:
        raise Malformed("the credential is not policy's to set")
    _changeable(name)
    return pair


def _removable(name: str, credential_header: str) -> str:
    name = name.lower()
    if name == credential_header and name not in CREDENTIALS:
        raise Malformed("the credential is not policy's to remove")
    _changeable(name)
    return name


def _changeable(name: str) -> None:
    if not HEADER_NAME.fullmatch(name) or name in FRAMING or name.startswith((GUARD_PREFIX, ENVOY_PREFIX)):
        raise Malformed("a header that policy may not change")


def _status(value: Any) -> int:
    """An HTTP status that Envoy knows."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed("http_status is not a number")
    if value not in STATUSES:
        raise Malformed("not a status that Envoy knows")
    return int(value)


def _body(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_BODY:
        raise Malformed("body is not text, or too long")
    value.encode()
    return value
