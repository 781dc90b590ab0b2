"""The request that approvers see: the masked arguments, and the digest of the exact call."""

import hashlib
from dataclasses import asdict

import orjson

from extproc.approvals.approval import ApprovalRequest
from extproc.approvals.digest import digest
from extproc.flow.record.call_record import CallRecord
from extproc.flow.record.masked_request import masked_arguments, open_host
from extproc.flow.services import Services
from extproc.flow.stages import DecidedCall
from extproc.model.call import RequestHead
from extproc.model.decision import ARGUMENTS, ApprovalTerms
from extproc.model.errors import ApprovalError, MaskingError, Refused
from extproc.model.ids import uuid7
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.protocols.request_checks import OVERRIDES

PREVIEW_MAX = 64 << 10
"""Characters of masked arguments that a person can be asked to read."""
SAYS_WHAT_IT_IS = ("content-type", "content-encoding", "grpc-encoding", *OVERRIDES)
"""Header fields that make the same body another call."""


def make_request(
    decided: DecidedCall, services: Services, record: CallRecord, terms: ApprovalTerms, seconds: float
) -> ApprovalRequest:
    """Make the request that approvers see.

    Args:
        decided: the call as it may go upstream.
        services: the worker's services.
        record: knows the findings.
        terms: who approves.
        seconds: until it expires.

    Raises:
        Refused: the call has no digest, or no preview that people can read.
    """
    identity, decision = decided.identified.identity, decided.decision
    now = services.clock()
    return ApprovalRequest(
        approval_id=uuid7(now, services.entropy(10)),
        call_id=decided.request.call_id,
        digest=exact_digest(decided, decision.revision),
        function=named_function(decided),
        requester=identity.name,
        requester_person=identity.person,
        actor=identity.actor_name,
        reason=decision.reason.value,
        rule=decision.rule,
        risk=decision.risk,
        quorum=terms.quorum,
        created_ns=now,
        expires_ns=now + int(seconds * NANOSECONDS_PER_SECOND),
        preview=_preview(decided, services),
        findings=record.kept_findings(),
        source=decided.request.head.source,
        definition=decided.definition.state if decided.definition else "",
        connection=decided.connection.name,
        session=record.session,
        policy_revision=decision.revision,
        mode=terms.mode,
        call_key=call_key(decided, terms),
        break_glass=terms.break_glass,
        reuse=terms.reuse,
        reuse_key=reuse_key(decided, terms),
    )


def named_function(decided: DecidedCall) -> str:
    """Name the function, with method and host where they are left open: approvers approve them too."""
    settings, head, call = decided.connection.settings, decided.request.head, decided.call
    method = [head.method] if call.name in settings.any_method_functions else []
    words = decided.connection.protocol.said_of(call)
    said = " ".join(filter(None, [*method, words, open_host(head, decided.connection)]))
    return f"{call.function} ({said})" if said else call.function


def exact_digest(decided: DecidedCall, revision: str) -> str:
    """Name the exact call under one revision of the policy.

    Raises:
        Refused: it has no canonical form.
    """
    try:
        return digest(
            identity=decided.identified.identity,
            function=named_function(decided),
            arguments=decided.call.arguments,
            connection=decided.connection.name,
            request=_request_line(decided.request.head),
            policy_revision=revision,
            message_sha256=_message_sha256(decided),
        )
    except ApprovalError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="digest", detail=str(error)) from error


def _request_line(head: RequestHead) -> dict[str, str]:
    fields = {name: head.headers.get(name) for name in SAYS_WHAT_IT_IS if name in head.headers}
    return {":method": head.method, ":authority": head.authority.lower(), ":path": head.path, **fields}


def _message_sha256(decided: DecidedCall) -> bytes:
    """Name what stays the same when the call is made again: the whole body, where it cannot be read."""
    request = decided.request
    if not request.decoded:
        return request.sha256
    return hashlib.sha256(decided.connection.protocol.same_call(decided.call, request.plain)).digest()


def call_key(decided: DecidedCall, terms: ApprovalTerms) -> str:
    """Name the same call of the same caller under the same terms, whichever revision of the policy holds it.

    A call whose function has another definition by now is another one, and so is one to another backend: nobody
    approved it. So is one of a caller of whom another person is known by now, who may have voted.
    """
    identity = decided.identified.identity
    same = [exact_digest(decided, ""), identity.person, identity.actor_name, decided.connection.cluster]
    return _sha256(["extproc-call-1", *same, _definition(decided), asdict(terms)])


def reuse_key(decided: DecidedCall, terms: ApprovalTerms) -> str:
    """Name the calls that one approval releases again; empty where policy lets it release one call only.

    Raises:
        Refused: the call has no canonical form.
    """
    if terms.reuse is None:
        return ""
    identity = asdict(decided.identified.identity) | {"groups": sorted(decided.identified.identity.groups)}
    connection = decided.connection
    same = [identity, connection.name, connection.cluster, named_function(decided), _definition(decided)]
    exact = exact_digest(decided, "") if ARGUMENTS in terms.reuse.same else ""
    return _sha256(["extproc-reuse-1", *same, exact])


def _sha256(values: list[object]) -> str:
    """Name these values: with sets in one order, which is another in each process."""
    return hashlib.sha256(orjson.dumps(values, default=sorted)).hexdigest()


def _definition(decided: DecidedCall) -> str:
    return repr(decided.definition)


def _preview(decided: DecidedCall, services: Services) -> str:
    """Return the masked arguments, whole: approvers cannot approve a call that they cannot read.

    Raises:
        Refused: the arguments cannot be masked, or are too long to be read.
    """
    try:
        preview = masked_arguments(decided.identified, services, decided.decision.mask.request)
    except MaskingError as error:
        raise _unreadable(str(error)) from error
    if len(preview) > PREVIEW_MAX:
        raise _unreadable("too long to be read")
    return preview


def _unreadable(detail: str) -> Refused:
    return Refused(Reason.APPROVAL_UNAVAILABLE, rule="approval.preview", detail=detail)
