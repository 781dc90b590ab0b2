"""The grant: the only place that makes permits, and puts the backend's credential into a request."""

from extproc.credentials.credential import NOT_READ, Presented
from extproc.flow.request.rewrite import never_forwarded
from extproc.flow.services import Connection
from extproc.flow.stages import OutboundRequest, PermittedCall, ReleasedRequest
from extproc.model.decision import Action
from extproc.model.errors import CredentialError, Refused
from extproc.model.permit import Forwarding, HeaderEdits, Permit
from extproc.model.reasons import Reason
from extproc.model.reply import CALL_ID
from extproc.wire.encode import as_headers

PERMIT_LASTS_NS = 10_000_000_000
"""From the grant to the encode. Between them only the intent is recorded: a worker that stalls lets nothing go."""
BODY_HEADERS = ("content-encoding",)
"""Fields that describe a body which goes decoded."""


def grant(released: ReleasedRequest) -> PermittedCall:
    """Make the permit for exactly this request.

    Raises:
        Refused: with ``policy-denied`` where no decision allows it, whatever the caller of this believes; with
            ``credential-unavailable``.
    """
    decided = released.outbound.decided
    match decided.decision.action, released.approval:
        case Action.ALLOW, None:
            reason = Reason.POLICY_ALLOWED
        case ((Action.ALLOW | Action.HOLD), approval) if approval is not None and approval.approvers:
            reason = Reason.APPROVED
        case _:
            raise Refused(Reason.POLICY_DENIED, rule="grant", detail="no decision allows this")
    presented = _present(decided.connection)
    permit = Permit(
        decided.request.call_id,
        _forwarding(released.outbound, presented),
        reason,
        released.services.clock() + PERMIT_LASTS_NS,
    )
    return PermittedCall(permit, released, presented.redact_credential)


def _forwarding(outbound: OutboundRequest, presented: Presented) -> Forwarding:
    """Return all that goes upstream, and what policy adds to the response."""
    decided = outbound.decided
    request, decision, connection = decided.request, decided.decision, decided.connection
    added = ((CALL_ID, request.call_id.encode()), *as_headers(decision.headers.set))
    if decided.identified.backend_session:
        added += ((connection.protocol.session_field, decided.identified.backend_session),)
    if decided.identified.backend_event:
        added += ((connection.protocol.event_field, decided.identified.backend_event),)
    if connection.credential is not None:
        added += ((connection.credential.header, presented.value),)
    removed = never_forwarded(decided) + outbound.edits.remove
    if request.body and request.decoded:
        removed += BODY_HEADERS
    names = {name for name, _ in added}
    return Forwarding(
        HeaderEdits(
            outbound.edits.set + added, tuple(name for name in removed if name not in names), outbound.edits.add
        ),
        has_body=request.has_body,
        body=outbound.body,
        response_headers=as_headers(decision.headers.response),
        metadata=decision.metadata,
        if_cut_off=connection.protocol.if_cut_off(decided.call),
    )


def _present(connection: Connection) -> Presented:
    """Read the backend's credential: when it is needed, and at no other time.

    Raises:
        Refused: with ``credential-unavailable``.
    """
    if connection.credential is None:
        return NOT_READ
    try:
        return connection.credential.present()
    except CredentialError as error:
        raise Refused(Reason.CREDENTIAL_UNAVAILABLE, rule="credential", detail=str(error)) from error
