"""Who calls, and what: the first questions, asked of both doors alike."""

import hashlib
import json
import re
from dataclasses import replace
from urllib.parse import unquote_to_bytes

import orjson

from extproc.codecs.content_encoding import decode as decode_content
from extproc.codecs.unreadable import Unreadable
from extproc.credentials.redactor import REDACTED_CREDENTIAL
from extproc.flow.case import Case
from extproc.flow.request.bodies import find_in_body, for_each_message, readable_arguments
from extproc.flow.services import Services
from extproc.identity.jwt_metadata import identify
from extproc.model.call import Call, Json, RequestHead
from extproc.model.errors import MaskingError, Refused, Undecodable
from extproc.model.masking import MASK_EVERYTHING, Finding
from extproc.model.reasons import Reason, Uninspectable
from extproc.wire.events import Metadata

EVERYTHING = MASK_EVERYTHING

_BETWEEN = re.compile(r"[/?&=]")
"""What stands between parts of a URL."""
UNKNOWN_NAME = 200
"""Characters kept of a name that nobody registered."""


def take_body(case: Case, services: Services, body: bytes) -> None:
    """Keep the caller's bytes, and undo their content-encoding.

    Raises:
        Refused: with ``body-too-large``. Other trouble becomes the named fact ``case.unreadable``.
    """
    case.body = body
    case.body_sha256 = hashlib.sha256(body).digest()
    if len(body) > services.limits.request_body:
        raise Refused(Reason.BODY_TOO_LARGE, rule="limits.request_body")
    try:
        case.plain = decode_content(
            body,
            case.head.headers.get("content-encoding"),
            limit=services.limits.request_body,
            ratio=services.limits.decoded_ratio,
        )
    except Unreadable as error:
        case.unreadable, case.undecoded = error.kind, True


def find_connection(case: Case, services: Services) -> None:
    """Look up the connection by the exact host. Two Host headers, merged by Envoy, match none.

    Raises:
        Refused: with ``unknown-function``.
    """
    case.connection = services.hosts.get(case.head.authority.lower())
    if case.connection is None:
        raise Refused(Reason.UNKNOWN_FUNCTION, rule="hosts", detail="no connection has this host")


def identify_caller(case: Case, services: Services, metadata: Metadata) -> None:
    """Read who calls from what Envoy has verified.

    Raises:
        Refused: with ``unauthenticated`` or ``token-rejected``.
    """
    case.metadata = metadata
    case.identity = identify(metadata, services.providers, now_s=services.clock() / 1e9)


def identify_call(case: Case, services: Services) -> None:
    """Read which function is called, with which arguments, and what sensitive data they carry.

    Raises:
        Refused: with ``unknown-function``.
    """
    connection = case.connection
    assert connection is not None  # noqa: S101 - find_connection came first
    case.call = connection.protocol.identify(
        case.head, case.plain, call_id=case.call_id, unreadable=case.unreadable
    )
    case.unreadable = case.call.uninspectable
    if case.call.session and not case.session:
        case.call = replace(case.call, session=_session_name(case, services, case.call.session))
    if case.unreadable is None:
        _find(case, services)


def _session_name(case: Case, services: Services, session: str) -> str:
    """The session's id, or where it is itself sensitive (an address, a key), a name that stands for it."""
    assert case.connection is not None  # noqa: S101 - find_connection came first
    try:
        telling = services.masker.mask_text(session, EVERYTHING)[1] or case.without_credential(session) != session
    except MaskingError:
        telling = True
    return services.sessions.name(session, case.connection.name) if telling else session


def _find(case: Case, services: Services) -> None:
    """Findings in the body and in the URL. A body that detectors cannot read is uninspectable."""
    assert case.call is not None  # noqa: S101 - identified before
    try:
        in_body = find_in_body(case, services) if case.plain else ()
        in_url, path = _look_through_url(case.head, case.call, services)
    except MaskingError as error:
        known = error.kind if isinstance(error, Undecodable) else None
        case.unreadable = known or Uninspectable.NOT_JSON
        return
    case.findings = in_body + in_url
    case.recorded.path = path
    case.searched = True


def _look_through_url(head: RequestHead, call: Call, services: Services) -> tuple[tuple[Finding, ...], str]:
    """Findings in the URL, and its path as entries keep it.

    A value may be telling only together with its name: arguments that are a part of the URL are looked through
    under their names, too, and what is found there is taken out of the path.

    Raises:
        MaskingError: it cannot be looked through.
    """
    readable = readable_url(head.path)
    url, findings = services.masker.mask_text(readable, EVERYTHING)
    path = url.partition("?")[0]
    arguments = call.arguments if isinstance(call.arguments, dict) else {}
    parts = _parts(head.path, readable) if arguments else frozenset[str]()
    carried: dict[str, str] = {
        name: value for name, value in arguments.items() if isinstance(value, str) and value in parts
    }
    if not carried:
        return findings, path
    masked = services.masker.mask(orjson.dumps(carried), "application/json", EVERYTHING)
    if not masked.findings:
        return findings, path
    pairs = zip(carried.values(), map(str, orjson.loads(masked.body).values()), strict=True)
    for value, shown in {(value, shown): None for value, shown in pairs if value != shown}:
        path = path.replace(value, shown)
    known = {finding.entity for finding in findings}
    return findings + tuple(each for each in masked.findings if each.entity not in known), path


def _parts(path: str, readable: str) -> frozenset[str]:
    """Segments and parameters of a URL, as protocols read them and as they stand in its readable form.

    A set: each argument is looked up, and not searched for in the whole URL.
    """
    raw = _BETWEEN.split(path)
    spelled = {*raw, *(parameter.partition("=")[2] for parameter in path.partition("?")[2].split("&"))}
    spelled |= {part.replace("+", " ") for part in spelled}
    return frozenset({*map(readable_url, spelled), *_BETWEEN.split(readable)} - {""})


def readable_url(path: str) -> str:
    """A path and query as a person reads them: percent-decoded, what is not UTF-8 replaced."""
    return unquote_to_bytes(path).decode("utf-8", "replace")


def dump(value: Json) -> bytes:
    """JSON bytes of a parsed value, big integers included."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def record_request(case: Case, services: Services) -> None:
    """Mask what entries keep of the request, by every rule that is known by now.

    Never raises: what cannot be masked is not kept.
    """
    try:
        path = readable_url(case.head.path_only)
        if case.without_credential(path) != path:
            case.recorded.path = REDACTED_CREDENTIAL.decode()
        elif not case.recorded.path:
            case.recorded.path = services.masker.mask_text(path, EVERYTHING)[0]
        if case.connection and case.call and case.connection.settings.recording.arguments:
            limit = case.connection.settings.recording.max_text
            case.recorded.arguments = masked_arguments(case, services)[:limit]
    except MaskingError:
        case.recorded.arguments = ""


def record_unknown(case: Case, services: Services) -> None:
    """Mask the name of what no registered function matched: it is whatever the caller wrote. Never raises."""
    if case.call is None:
        return
    try:
        for name in ("function", "method"):
            concealed = case.without_credential(getattr(case.call, name))
            setattr(case.recorded, name, services.masker.mask_text(concealed, EVERYTHING)[0][:UNKNOWN_NAME])
    except MaskingError:
        case.recorded.function = case.recorded.method = "?"


def masked_arguments(case: Case, services: Services) -> str:
    """The arguments as entries keep them, JSON text.

    Where detectors found nothing, only field rules can have work left.

    Raises:
        MaskingError: they cannot be masked.
    """
    rules = EVERYTHING
    if case.connection:
        rules += case.connection.mask.request
    if case.decision:
        rules += case.decision.mask.request
    if case.searched and not case.findings and not any(rule.path for rule in rules):
        return case.without_credential(dump(case.call.arguments if case.call else None).decode("utf-8", "replace"))
    rules = for_each_message(case, rules)
    shown = case.without_credential(dump(readable_arguments(case, services)).decode("utf-8", "replace"))
    return services.masker.mask(shown.encode(), "application/json", rules).body.decode()
