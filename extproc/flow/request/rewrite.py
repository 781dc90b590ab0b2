"""Rewrite the request for the backend: masked, and with the query that policy asks for."""

import re
from collections.abc import Mapping
from dataclasses import replace

from extproc.codecs.unreadable import Unreadable
from extproc.credentials.redactor import NO_CREDENTIAL
from extproc.flow.bodies import mask_body
from extproc.flow.headers.binary_headers import mask_all_fields
from extproc.flow.headers.text_headers import PATH
from extproc.flow.record.masked_request import dump
from extproc.flow.request.query import change_query
from extproc.flow.services import Services
from extproc.flow.stages import DecidedCall, OutboundRequest
from extproc.model.call import Headers
from extproc.model.errors import MaskingError, Refused, Undecodable
from extproc.model.masking import PASSED_UNMASKED, Finding, MaskRule
from extproc.model.permit import HeaderEdits
from extproc.model.reasons import Reason
from extproc.model.reply import CALL_ID

HOST_CLAIMS = (
    *("forwarded", "x-forwarded-host", "x-forwarded-server", "x-forwarded-port", "x-forwarded-prefix"),
    *("x-forwarded-path", "x-forwarded-uri", "x-forwarded-method"),
    *("x-host", "x-original-host", "x-http-host-override"),
)
"""Fields that make some frameworks take another host or path than the one that was decided about."""
NEVER_FORWARDED = ("authorization", "proxy-authorization", *HOST_CLAIMS)
UNREADABLE_RESPONSES = (
    "accept-encoding",  # so that bodies come back readable
    "grpc-accept-encoding",
    *("range", "if-range", "x-ms-range"),  # a part of a document cannot be masked
)
"""Fields that ask for a response which cannot be masked. They go on where the guard sees no response."""
WRITTEN_BY_ENVOY = {
    "x-request-id": re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "traceparent": re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
    "x-envoy-external-address": re.compile(rb"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}"),
}
"""Fields that Envoy writes, and how. A value of another form is the caller's text."""
Rules = tuple[MaskRule, ...]
Findings = tuple[Finding, ...]
Copies = Mapping[str, bytes]


def rewrite(decided: DecidedCall, services: Services) -> OutboundRequest:
    """Make the request that may go upstream, but for the backend's credential.

    Raises:
        Refused: with ``masking-failed``; with ``policy-error`` where the query that policy asks for would make the
            request another call.
    """
    path_before = decided.request.head.path
    decided = change_query(decided)
    rules = request_rules(decided)
    body, findings = _masked_body(decided, services, rules)
    _check_same_call(decided, body)
    copies = _header_copies(decided, body)
    edits, found = _masked_fields(decided, services, rules, copies)
    path = decided.request.head.path
    if path != path_before:
        edits = HeaderEdits((*edits.set, (PATH, path.encode("latin-1"))), edits.remove, edits.add)
    return OutboundRequest(decided, edits, body, findings + found)


def request_rules(decided: DecidedCall) -> Rules:
    """Return the connection's and the policy's rules for the request together."""
    return decided.connection_mask.request + decided.decision.mask.request


def never_forwarded(decided: DecidedCall) -> tuple[str, ...]:
    """Return the names of fields that do not go upstream as the caller wrote them."""
    own = decided.decision.headers.remove
    if decided.request.decide_only:
        return NEVER_FORWARDED + own
    event_field = decided.connection.protocol.event_field  # the caller's text is no id of the backend's
    return NEVER_FORWARDED + UNREADABLE_RESPONSES + ((event_field,) if event_field else ()) + own


def _check_same_call(decided: DecidedCall, body: bytes | None) -> None:
    """Refuse a body that masking has made a call of another function.

    Raises:
        Refused: with ``masking-failed``.
    """
    try:
        if body is None or decided.connection.protocol.calls_the_same(decided.call, body):
            return
    except Unreadable as error:
        raise _masking_failed("the masked body cannot be read again") from error
    raise _masking_failed("masking would make it a call of another function")


def _header_copies(decided: DecidedCall, body: bytes | None) -> Copies:
    """Return the fields that copy parts of the body, as the body has them by now.

    Raises:
        Refused: with ``masking-failed``.
    """
    try:
        return decided.connection.protocol.header_copies(decided.call, decided.request.head.headers, body)
    except Unreadable as error:
        raise _masking_failed("the masked body cannot be read again") from error


def _masked_fields(
    decided: DecidedCall, services: Services, rules: Rules, copies: Copies
) -> tuple[HeaderEdits, Findings]:
    if not rules:
        return HeaderEdits(), ()
    fields = _fields_that_go_on(decided, copies)
    kinds = decided.connection.protocol.binary_fields(decided.call, fields)
    try:
        edits, found = mask_all_fields(services.masker, fields, kinds, rules, NO_CREDENTIAL)
    except MaskingError as error:
        raise _masking_failed(str(error)) from error
    came = decided.request.head.headers
    changed = {name: value for name, value in copies.items() if value != came.raw(name)}
    gone = tuple(name for name, value in changed.items() if not value)
    kept = tuple((name, value) for name, value in changed.items() if value)
    return HeaderEdits((*edits.set, *kept), (*edits.remove, *gone), edits.add), found


def _fields_that_go_on(decided: DecidedCall, copies: Copies) -> Headers:
    """Return the path and the fields that reach the backend as the caller wrote them."""
    connection, head = decided.connection, decided.request.head
    ours = {CALL_ID, *copies, *never_forwarded(decided), *(name for name, _ in decided.decision.headers.set)}
    ours |= connection.protocol.opaque_fields
    if decided.identified.backend_session:
        ours.add(connection.protocol.session_field)
    if connection.credential:
        ours.add(connection.credential.header)
    fields = [(PATH, head.path.encode("latin-1"))]
    for name, value in head.headers:
        own = WRITTEN_BY_ENVOY.get(name)
        if name not in ours and not (own and own.fullmatch(value)):
            fields.append((name, value))
    return Headers(tuple(fields))


def _masked_body(decided: DecidedCall, services: Services, rules: Rules) -> tuple[bytes | None, Findings]:
    """Return the body to forward, None when it is what the caller sent, and its and the URL's findings."""
    request, found = decided.request, decided.identified.findings
    if not request.decoded:
        _check_may_pass(decided, services, rules, "content-encoding cannot be undone")
        return None, (*found, PASSED_UNMASKED)
    as_it_came = None if request.plain == request.body else request.plain
    if not rules:
        return as_it_came, found
    try:
        in_body = decided.connection.protocol.request_rules(rules, decided.call)
        masked = mask_body(decided.identified, services, in_body)
        _check_url(decided, services, rules, body_masked=True)
    except Undecodable as error:
        _check_may_pass(decided, services, rules, str(error))
        return as_it_came, (*found, PASSED_UNMASKED)
    except MaskingError as error:
        raise _masking_failed(str(error)) from error
    if masked.findings:
        found = masked.findings + decided.identified.url_findings + decided.identified.masked_values
    return None if masked.body == request.body else masked.body, found


def _check_may_pass(decided: DecidedCall, services: Services, rules: Rules, why: str) -> None:
    """Let the body go as it came only where the connection says so. Policy has allowed the call by then.

    Raises:
        Refused: with ``masking-failed``.
    """
    if not decided.passes_unmasked:
        raise _masking_failed(why)
    try:
        _check_url(decided, services, rules, body_masked=False)
    except MaskingError as error:
        raise _masking_failed(str(error)) from error


def _check_url(decided: DecidedCall, services: Services, rules: Rules, *, body_masked: bool) -> None:
    """Refuse a call whose URL holds a field that is to be masked: it cannot be rewritten there.

    Raises:
        MaskingError: the rules mask an argument that is a part of the URL.
    """
    if not rules:
        return
    try:
        left = decided.connection.protocol.unreached_arguments(decided.call, body_masked=body_masked)
    except Unreadable as error:
        # The arguments are not known one by one: no path can be followed into the URL.
        if any(rule.path and not rule.exempt for rule in rules):
            raise MaskingError("a field to be masked may be part of the URL") from error
        return
    rules = _in_url(rules)
    if left and any(
        each.is_masked for each in services.masker.mask(dump(left), "application/json", rules).findings
    ):
        raise MaskingError("a field to be masked is part of the URL")


def _in_url(rules: Rules) -> Rules:
    """Return the rules for arguments that are a part of the URL: exemptions for the URL hold for all of them."""
    return tuple(
        replace(rule, exempt=replace(rule.exempt, header=""))
        if rule.exempt and rule.exempt.header == PATH
        else rule
        for rule in rules
    )


def _masking_failed(detail: str) -> Refused:
    return Refused(Reason.MASKING_FAILED, rule="masking.request", detail=detail)
