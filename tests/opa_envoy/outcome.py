"""What an answer does on Envoy 1.40, in one form for the plugin and for both of the guard's services.

As ``tests/integration/policy/test_opa_envoy_answers.py`` measures it: of a request's header or query parameter the last
value is set, removal wins, and headers of responses go beside those that are there. An answer that Envoy refuses to
apply is an error, which lets nothing pass. Empty parts are left out.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote_plus

from extproc.flow.request.rewrite import NEVER_FORWARDED
from extproc.wire.struct import plain
from tests.opa_envoy.corpus import Asked

Outcome: TypeAlias = dict[str, Any]
Pairs: TypeAlias = list[tuple[str, str]]
ALLOW, DENY, ERROR, BAD_REQUEST, REFUSED = "allow", "deny", "error", "bad-request", "refused"
"""``error``: no usable answer. ``bad-request``: the request was not put to policy. ``refused``: by another rule of the
guard's. All but the first let nothing pass."""
CLOSED = frozenset({DENY, ERROR, BAD_REQUEST, REFUSED})
UNSETTABLE = frozenset({"host", ":authority", ":method", ":scheme"})
"""Envoy answers 500 to who sets them."""
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z:-]*")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OURS = frozenset({"x-extproc-call-id"})
"""Fields that the guard sets for itself."""
DECISION_ID = "decision_id"
GRPC_CODES = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
"""Envoy's, of a denial by its HTTP status."""
UNKNOWN = 2
WITHOUT_BODY = frozenset({204, 205, 304})


def outcome_of_check(asked: Asked, response: Any) -> Outcome:
    """Read the plugin's ``CheckResponse``."""
    metadata = plain(response.dynamic_metadata)
    denied = response.denied_response
    if response.status.code and DECISION_ID not in metadata:
        return {"decision": BAD_REQUEST}
    metadata.pop(DECISION_ID, None)
    if response.status.code:
        return denial(asked, denied.status.code or 403, pairs_of(denied.headers), denied.body.encode(), metadata)
    ok = response.ok_response
    to_set = [(each.key, each.value) for each in ok.query_parameters_to_set]
    return allowance(
        asked,
        headers=pairs_of(ok.headers),
        removed=list(ok.headers_to_remove),
        added=pairs_of(ok.response_headers_to_add),
        query=changed_query(asked, to_set, list(ok.query_parameters_to_remove)),
        metadata=metadata,
    )


def pairs_of(options: Iterable[Any]) -> Pairs:
    """Header fields of a message."""
    return [(each.header.key.lower(), each.header.value or each.header.raw_value.decode()) for each in options]


def allowance(
    asked: Asked,
    *,
    headers: Pairs,
    removed: list[str],
    added: Pairs,
    query: Pairs | None,
    metadata: Mapping[str, Any],
) -> Outcome:
    """What lets a request pass, as Envoy applies it.

    Args:
        asked: the request.
        headers: set on the request.
        removed: names removed from it.
        added: to the response.
        query: the query's parameters afterwards; None where they stay as they are.
        metadata: for Envoy's other filters.
    """
    if is_refused_by_envoy([*headers, *added]):
        return {"decision": ERROR}
    gone = {name.lower() for name in removed}
    kept = {name: value for name, value in headers if name not in gone | OURS and name != ":path"}
    path = dict(headers).get(":path")
    return _filled(
        decision=ALLOW,
        headers=kept,
        path=path if query is None else None,
        removed=sorted((gone & {name for name, _ in asked.fields}) - set(NEVER_FORWARDED)),
        response_headers=[list(each) for each in sorted(added, key=lambda pair: pair[0])],
        query=None if query is None else sorted(map(list, query)),
        metadata=dict(metadata),
    )


def denial(asked: Asked, status: int, headers: Pairs, body: bytes, metadata: Mapping[str, Any]) -> Outcome:
    """What denies a request, in policy's own words."""
    if is_refused_by_envoy(headers):
        return {"decision": ERROR}
    told = {"decision": DENY, "metadata": dict(metadata)}
    if asked.speaks_grpc:
        return _filled(**told, grpc_status=GRPC_CODES.get(status, UNKNOWN))
    left_over = status in WITHOUT_BODY and bool(body)
    return _filled(
        **told,
        status=status,
        body=body.decode(),
        response_headers=[list(each) for each in sorted(headers, key=lambda pair: pair[0])],
        left_over=left_over or None,
    )


def is_refused_by_envoy(pairs: Pairs) -> bool:
    """True if Envoy answers 500 to these."""
    return any(name in UNSETTABLE or not NAME.fullmatch(name) or CONTROL.search(value) for name, value in pairs)


def parameters(path: str) -> Pairs:
    """The query's parameters, decoded, in order."""
    query = path.partition("?")[2]
    split = (pair.partition("=") for pair in query.split("&") if pair)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in split]


def changed_query(asked: Asked, to_set: Pairs, to_remove: list[str]) -> Pairs | None:
    """The parameters that Envoy leaves; None where it changes none. It goes by names as written."""
    if not (to_set or to_remove):
        return None
    before = parameters(asked.http.path)
    names = {name for name, _ in to_set} | set(to_remove)
    new = {name: value for name, value in to_set if name not in to_remove}
    after = [pair for pair in before if pair[0] not in names] + list(new.items())
    return None if sorted(after) == sorted(before) else after


def _filled(**parts: Any) -> Outcome:
    return {name: value for name, value in parts.items() if value not in (None, "", [], {})}
