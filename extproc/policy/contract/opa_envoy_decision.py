"""Read the answer of a policy written for opa-envoy-plugin: an object with the boolean ``allowed``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from extproc.model.decision import Action, Decision, HeaderChanges, QueryChanges
from extproc.model.reasons import Reason
from extproc.policy.contract.json_checks import Malformed, flag, known_keys, mapping, sequence

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
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,8192}")
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
    """Read opa-envoy-plugin's object. Every key is checked, including those that this action does not use.

    Args:
        value: the object.
        credential_header: the header with the backend's credential, in lower case. Policy must not change it.

    Raises:
        Malformed: a wrong type, an unknown key, or a header that policy must not change.
    """
    answer = known_keys(value, KEYS)
    headers = _pairs(answer.get("headers", {}))
    to_add = _pairs(answer.get("response_headers_to_add", {}))
    to_remove = tuple(_removable(name, credential_header) for name in _names(answer, "request_headers_to_remove"))
    status, body = _status(answer["http_status"]) if "http_status" in answer else 0, _body(answer.get("body", ""))
    query = QueryChanges(
        tuple(_parameters(mapping(answer.get("query_parameters_to_set", {})))),
        tuple(_parameter(name) for name in _names(answer, "query_parameters_to_remove")),
    )
    metadata = _metadata(answer.get("dynamic_metadata", {}))
    if not flag(answer["allowed"]):
        changes = HeaderChanges(response=tuple(_settable(pair, "") for pair in headers))
        return Decision(
            Action.DENY, Reason.POLICY_DENIED, headers=changes, status=status, body=body, metadata=metadata
        )
    changes = HeaderChanges(
        set=tuple(_settable(pair, credential_header) for pair in headers),
        remove=tuple(name for name in to_remove if name not in CREDENTIALS),
        response=tuple(_settable(pair, "") for pair in to_add),
        query=query,
    )
    return Decision(Action.ALLOW, Reason.POLICY_ALLOWED, headers=changes, metadata=metadata)


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
