"""Build the input document: a call as policy sees it. It has opa-envoy-plugin's keys, and more."""

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from extproc.model.call import Call, Headers, Json, RequestHead
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.masking import Finding
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.pinning.pins import PinFact
from extproc.policy.contract.call_usage import Usage
from extproc.policy.contract.input_headers import HIDDEN_REQUEST_HEADERS, shown_headers
from extproc.policy.contract.parsed_body import parse_body, parse_form, shows_form, unescape
from extproc.policy.contract.readings import Reading, plugin_parses

VERSION = {"ext_authz": "v3", "encoding": "protojson"}
CUT = frozenset({Uninspectable.TRUNCATED, Uninspectable.TOO_LARGE})
"""The reasons for which ``truncated_body`` is true, as in opa-envoy-plugin."""


def build_document(
    *,
    head: RequestHead,
    call: Call,
    identity: Identity,
    findings: Iterable[Finding],
    body: bytes,
    body_sha256: str,
    uninspectable: Uninspectable | None,
    now_ns: int,
    max_depth: int,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    usage: Usage | None = None,
    definition: PinFact | None = None,
    input_keys: frozenset[str] | None = None,
    response: dict[str, Any] | None = None,
    show_headers: frozenset[str] = frozenset(),
    reading: Reading = Reading.GUARD,
) -> bytes:
    """Build the input that policy decides on.

    Args:
        head: the request's head, as Envoy will forward it.
        call: the call; its ``document`` becomes ``parsed_body``.
        identity: the caller.
        findings: the detectors' findings: place and kind, never a value.
        body: the decoded body (content-encoding undone).
        body_sha256: the digest of the bytes as the caller sent them, lower-case hex.
        uninspectable: why the body could not be read; None if it could. It becomes a fact in the input, so that a
            rule about the body is not skipped silently.
        now_ns: wall-clock nanoseconds since the epoch.
        max_depth: nesting beyond which JSON in a form's part is not read.
        metadata: dynamic metadata by filter namespace; includes the claims of a verified token.
        usage: the counts of the caller's calls; None if they are not counted.
        definition: what is known of the called function's definition; None where definitions are not pinned.
        input_keys: the keys that policy can look at; the others are left out. None: all.
        response: the response to decide about, as ``response_part`` builds it; None for the decision about the
            request.
        show_headers: header fields of the request to show although they carry a secret.
        reading: whose reading of the path and the body: see ``extproc.policy.contract.readings``.

    Returns:
        JSON, UTF-8.

    Raises:
        Refused: with ``uninspectable``, if the path, the query or a value has no form in the input
            (opa-envoy-plugin also answers 400 then).
    """
    document: dict[str, Any] = {
        "version": VERSION,
        "parsed_path": _parsed_path(head.path_only, reading),
        "parsed_query": parse_form(head.query),
        "parsed_body": _parsed_body(head.headers, call, body, uninspectable, max_depth)
        if reading is Reading.GUARD or (body and plugin_parses(head.headers.get("content-type"), body))
        else None,
        "truncated_body": uninspectable in CUT,
        "identity": _identity(identity),
        "connection": {"name": call.connection, "protocol": call.protocol},
        "call": _call(call, definition),
        "findings": [{"entity": f.entity, "path": f.path, "count": f.count} for f in findings],
        "body": {"size": len(body), "sha256": body_sha256},
        "direction": "response" if response is not None else call.direction,
        "time": rfc3339(now_ns),
    }
    if head.attributes.source_principal:
        document["source_principal"] = head.attributes.source_principal
    if uninspectable is not None:
        document["body"]["uninspectable"] = uninspectable.value
    if usage is not None:
        document["usage"] = {"caller": usage.caller, "function": usage.function}
    if response is not None:
        document["response"] = response
    if input_keys is None or "attributes" in input_keys:
        document["attributes"] = _attributes(head, body, now_ns, metadata, show_headers)
    if input_keys is not None:
        document = {key: value for key, value in document.items() if key in input_keys}
    return _dump(document)


def rfc3339(now_ns: int) -> str:
    """A wall-clock time in UTC with nine decimals (RFC 3339)."""
    seconds, nanos = divmod(now_ns, NANOSECONDS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{nanos:09d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _attributes(
    head: RequestHead,
    body: bytes,
    now_ns: int,
    metadata: Mapping[str, Mapping[str, Any]] | None,
    show_headers: frozenset[str],
) -> dict[str, Any]:
    seconds, nanos = divmod(now_ns, NANOSECONDS_PER_SECOND)
    request = {"time": {"seconds": seconds, "nanos": nanos}, "http": _http(head, body, show_headers)}
    facts = head.attributes
    route = facts.route_metadata
    parts = {
        "request": request,
        "source": _peer(head.source, facts.source_principal, facts.source_certificate),
        "destination": _peer(facts.destination, facts.destination_principal),
        "contextExtensions": facts.context_extensions,
        "metadataContext": {"filterMetadata": metadata} if metadata else None,
        "routeMetadataContext": {"filterMetadata": route} if route else None,
    }
    attributes = {name: part for name, part in parts.items() if part}
    if facts.sni is not None:  # an empty object without a server name, as ext_authz has it
        attributes["tlsSession"] = {"sni": facts.sni} if facts.sni else {}
    return attributes


def _peer(address: str, principal: str, certificate: str = "") -> dict[str, Any]:
    """``attributes.source`` or ``attributes.destination``, without empty parts."""
    peer = {"address": _address(address) if address else None, "principal": principal, "certificate": certificate}
    return {name: part for name, part in peer.items() if part}


def _http(head: RequestHead, body: bytes, show_headers: frozenset[str]) -> dict[str, Any]:
    """``attributes.request.http``, without empty fields. Envoy leaves ``query`` and ``fragment`` empty.

    opa-envoy-plugin has ``body`` or ``rawBody``, as Envoy's ``pack_as_bytes`` says. A policy reads the one that it
    was written with, so the input has both.
    """
    http: dict[str, Any] = {
        "id": head.request_id,
        "method": head.method,
        "headers": _headers(head, show_headers),
        "path": head.path,
        "host": head.authority,
        "scheme": head.scheme,
        "size": len(body),
        "protocol": head.attributes.protocol,
    }
    http = {name: value for name, value in http.items() if value}
    if body:
        http["rawBody"] = base64.b64encode(body).decode()
        with contextlib.suppress(UnicodeDecodeError):
            http["body"] = body.decode()
    return http


def _headers(head: RequestHead, show_headers: frozenset[str]) -> dict[str, str]:
    pseudo = {":authority": head.authority, ":method": head.method, ":path": head.path, ":scheme": head.scheme}
    return {name: value for name, value in pseudo.items() if value} | shown_headers(
        head.headers, without=HIDDEN_REQUEST_HEADERS - show_headers
    )


def _address(text: str) -> dict[str, Any]:
    """An address of Envoy's: of a socket, or of a unix socket (a path, or ``@`` and a name)."""
    if text[0] in "/@":
        return {"pipe": {"path": text}}
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit():
        return {"socketAddress": {"address": text}}
    return {"socketAddress": {"address": host.strip("[]"), "portValue": int(port)}}


def _parsed_path(path: str, reading: Reading) -> list[str]:
    """Segments of the path, which is percent-decoded before it is split, as in opa-envoy-plugin.

    Unlike there, a final slash makes no last, empty segment: a rule about ``["admin"]`` holds for ``/admin/`` too.
    """
    decoded = unescape(path).lstrip("/")
    return (decoded if reading is Reading.PLUGIN else decoded.rstrip("/")).split("/")


def _parsed_body(
    headers: Headers, call: Call, body: bytes, uninspectable: Uninspectable | None, max_depth: int
) -> Json:
    """opa-envoy-plugin's ``parsed_body``. Null does not mean that there is no body: see ``body.uninspectable``.

    Unlike opa-envoy-plugin, the input has every body that was read as JSON, in whatever case its content-type is
    written: a backend takes ``APPLICATION/JSON`` for JSON, so a policy that denies by the body must not see null.
    The input has a form although the guard does not inspect it; ``body.uninspectable`` says so.
    """
    if uninspectable not in (None, Uninspectable.CONTENT_TYPE) or not body:
        return None
    content_type = headers.get("content-type")
    if not shows_form(content_type, call):
        return call.document
    return parse_body(body, content_type, max_depth=max_depth)


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "groups": identity.groups,
        "actor": identity.actor,
    }


def _call(call: Call, definition: PinFact | None) -> dict[str, Any]:
    known = {"definition": {"state": definition.state, "digest": definition.digest}} if definition else {}
    return known | {
        "id": call.call_id,
        "protocol": call.protocol,
        "function": call.function,
        "name": call.name,
        "method": call.method,
        "arguments": call.arguments,
        "session": call.session,
    }


def _dump(document: dict[str, Any]) -> bytes:
    """Write JSON. Integers of any size stay exact; NaN, infinities and lone surrogates are refused.

    Raises:
        Refused: with ``uninspectable``.
    """
    try:
        return orjson.dumps(document)
    except TypeError:
        pass  # an integer beyond 64 bits, a lone surrogate, or nesting beyond orjson's
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError):
        raise Refused(Reason.UNINSPECTABLE, rule="document", detail="a value has no JSON form") from None
