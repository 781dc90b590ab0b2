"""What goes upstream instead of what came: masked, without the caller's token, with the backend's credential."""

import re

from extproc.flow.case import Case
from extproc.flow.headers.binary_headers import mask_all_fields
from extproc.flow.headers.text_headers import PATH
from extproc.flow.request.bodies import mask_body
from extproc.flow.request.identify import dump
from extproc.flow.request.query import change_query
from extproc.flow.request.sessions import SESSION_ID
from extproc.flow.services import Services
from extproc.model.call import Headers, Json
from extproc.model.errors import CredentialError, MaskingError, Refused, Undecodable
from extproc.model.masking import PASSED_UNMASKED, MaskRule
from extproc.model.reasons import Reason
from extproc.wire.encode import HeaderEdits, Rewrite, as_headers

HOST_CLAIMS = (
    *("forwarded", "x-forwarded-host", "x-forwarded-server", "x-forwarded-port", "x-forwarded-prefix"),
    *("x-forwarded-path", "x-forwarded-uri", "x-forwarded-method"),
    *("x-host", "x-original-host", "x-http-host-override"),
)
"""Fields that make some frameworks take another host or path than the one that was decided about."""
NEVER_FORWARDED = (
    "authorization",
    "proxy-authorization",
    "accept-encoding",  # so that bodies come back readable
    "grpc-accept-encoding",
    "range",  # a part of a document cannot be masked
    "if-range",
    *HOST_CLAIMS,
)
CALL_ID = "x-extproc-call-id"
BODY_HEADERS = ("content-encoding",)


ENVOYS_OWN = {
    "x-request-id": re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "traceparent": re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
    "x-envoy-external-address": re.compile(rb"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}"),
}
"""Fields that Envoy writes, and how. A value of another form is the caller's text."""


def mask_request(case: Case, services: Services) -> Rewrite:
    """Mask what goes upstream of the request as it came: its body, its fields, and the query as policy wants it.

    Raises:
        Refused: with ``masking-failed``; with ``policy-error`` where a query that policy changed would make it
            another call.
    """
    changed = change_query(case)
    rules = request_rules(case)
    body = _masked_body(case, services, rules)
    edits = _masked_fields(case, services, rules) if rules else HeaderEdits()
    path = ((PATH, case.head.path.encode("latin-1")),) if changed else ()
    return Rewrite(HeaderEdits(edits.set + path, edits.remove, edits.add), body)


def rewrite_request(case: Case, masked: Rewrite) -> Rewrite:
    """Make the request that the backend gets.

    Args:
        case: decided, and released where it was held.
        masked: as ``mask_request`` made it.

    Raises:
        Refused: with ``credential-unavailable``.
    """
    assert case.decision is not None  # noqa: S101 - decided before
    decoded = case.body and not case.undecoded
    removed = _removed(case) + masked.edits.remove + (BODY_HEADERS if decoded else ())
    added = ((CALL_ID, case.call_id.encode()), *as_headers(case.decision.headers.set))
    if case.backend_session:
        added += ((SESSION_ID, case.backend_session),)
    added += _credential(case)
    names = {name for name, _ in added}
    removed = tuple(name for name in removed if name not in names)
    edits = HeaderEdits(masked.edits.set + added, removed, masked.edits.add)
    return Rewrite(edits, masked.body, case.decision.metadata)


def _removed(case: Case) -> tuple[str, ...]:
    assert case.decision is not None  # noqa: S101 - decided before
    return NEVER_FORWARDED + case.decision.headers.remove


def _masked_fields(case: Case, services: Services, rules: tuple[MaskRule, ...]) -> HeaderEdits:
    try:
        edits, found = mask_all_fields(case, services, _fields_that_go_on(case), rules)
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.request", detail=str(error)) from error
    if found:
        case.recorded.findings = (case.recorded.findings or case.findings) + found
    return edits


def _fields_that_go_on(case: Case) -> Headers:
    """The path and the fields that reach the backend as the caller wrote them."""
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.decision is not None  # noqa: S101 - decided before
    ours = {CALL_ID, *_removed(case), *(name for name, _ in case.decision.headers.set)}
    if case.backend_session:
        ours.add(SESSION_ID)
    if case.connection.credential:
        ours.add(case.connection.credential.header)
    fields = [(PATH, case.head.path.encode("latin-1"))]
    for name, value in case.head.headers:
        own = ENVOYS_OWN.get(name)
        if name not in ours and not (own and own.fullmatch(value)):
            fields.append((name, value))
    return Headers(tuple(fields))


def _masked_body(case: Case, services: Services, rules: tuple[MaskRule, ...]) -> bytes | None:
    """The body to forward; None when it is what the caller sent."""
    plain = case.plain
    if case.undecoded:
        _pass_unmasked(case, services, rules, "content-encoding cannot be undone")
        return None
    if not rules:
        return None if plain == case.body else plain
    assert case.connection is not None  # noqa: S101 - identified before
    try:
        masked = mask_body(case, services, case.connection.protocol.request_rules(rules))
        _refuse_unmaskable_url(case, services, rules, body_is_masked=True)
    except Undecodable as error:
        _pass_unmasked(case, services, rules, str(error))
        return None if plain == case.body else plain
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.request", detail=str(error)) from error
    case.recorded.findings = masked.findings or case.findings
    return None if masked.body == case.body else masked.body


def _pass_unmasked(case: Case, services: Services, rules: tuple[MaskRule, ...], why: str) -> None:
    """Let the body go as it came, where the connection says so. Policy has allowed the call by then.

    Raises:
        Refused: with ``masking-failed``.
    """
    if not case.passes_unmasked:
        raise Refused(Reason.MASKING_FAILED, rule="masking.request", detail=why)
    try:
        _refuse_unmaskable_url(case, services, rules, body_is_masked=False)
    except MaskingError as error:
        raise Refused(Reason.MASKING_FAILED, rule="masking.request", detail=str(error)) from error
    case.recorded.findings = (*case.findings, PASSED_UNMASKED)


def request_rules(case: Case) -> tuple[MaskRule, ...]:
    """The connection's and the policy's request rules together."""
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.decision is not None  # noqa: S101 - decided before
    return case.connection.mask.request + case.decision.mask.request


def _refuse_unmaskable_url(
    case: Case, services: Services, rules: tuple[MaskRule, ...], *, body_is_masked: bool
) -> None:
    """A field to be masked that sits in the path or query cannot be rewritten there: refuse the call.

    Args:
        case: decided.
        services: masks.
        rules: of the request.
        body_is_masked: as they say, so that its members need no look.

    Raises:
        MaskingError: an argument that the rules mask did not come from the body.
    """
    call = case.call
    assert call is not None  # noqa: S101 - identified before
    if call.protocol != "http-json" or not rules:
        return
    if call.uninspectable:
        # The arguments are not known one by one: no path can be followed into the URL.
        if any(rule.path for rule in rules):
            raise MaskingError("a field to be masked may be part of the URL")
        return
    left = _without_members(call.arguments, call.document if body_is_masked else None)
    if left and any(each.how for each in services.masker.mask(dump(left), "application/json", rules).findings):
        raise MaskingError("a field to be masked is part of the URL")


def _without_members(arguments: Json, document: Json) -> Json:
    """The arguments that are no member of a document; nothing where they are the document."""
    if arguments == document:
        return None
    if isinstance(arguments, dict) and isinstance(document, dict):
        return {name: value for name, value in arguments.items() if name not in document}
    return arguments


def _credential(case: Case) -> tuple[tuple[str, bytes], ...]:
    """The backend's credential, read when it is needed and at no other time."""
    connection = case.connection
    assert connection is not None  # noqa: S101 - identified before
    if connection.credential is None:
        return ()
    try:
        presented = connection.credential.present()
    except CredentialError as error:
        raise Refused(Reason.CREDENTIAL_UNAVAILABLE, rule="credential", detail=str(error)) from error
    case.redact_credential = presented.redact_credential
    return ((connection.credential.header, presented.value),)
