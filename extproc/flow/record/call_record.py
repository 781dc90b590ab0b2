"""The record of one call: told of each stage as the call comes to it, it makes the call's entries.

Only the record copes with a call that ends anywhere. Each field says how far the call came; no stage reads one.
The record decides nothing and waits for nothing but the spool, and puts nothing into an entry that is not masked.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from extproc.approvals.approval import ApprovalRequest
from extproc.credentials.redactor import NO_CREDENTIAL
from extproc.flow.record.event_notes import EventNotes
from extproc.flow.record.masked_request import masked_arguments, masked_name, masked_path, recorded_session
from extproc.flow.services import Connection, Services
from extproc.flow.stages import SHA256_OF_NOTHING, IdentifiedCall, NamedCall, OutboundRequest, Request
from extproc.model.call import Call, RequestHead
from extproc.model.decision import Action, Decision
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import Answered, EvidenceError, MaskingError, Refused, ResponseBrokenOff
from extproc.model.identity import Identity
from extproc.model.ids import uuid7
from extproc.model.masking import Finding, MaskRule, Side, on_side
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_MILLISECOND
from extproc.pinning.pins import PinFact

PATH_MAX = 2_048
"""Characters of a masked path that entries keep."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a call."""

    kind: EntryKind
    reason: Reason
    rule: str = ""
    detail: str = ""
    status: int = 0
    """HTTP status sent to the caller; 0 when none was."""


@dataclass(frozen=True, slots=True)
class MaskedRequest:
    """The text of a request as entries keep it."""

    path: str = ""
    arguments: str = ""


class CallRecord:
    """Everything that is known of one call so far. Ended once, by ``end``."""

    def __init__(self, services: Services, head: RequestHead) -> None:
        """Begin the record: from here on the call is recorded, whatever happens."""
        self.started_ns = services.clock()
        self.call_id = uuid7(self.started_ns, services.entropy(10))
        self.head = head
        self.connection: Connection | None = None
        self.identity: Identity | None = None
        self.call: Call | None = None
        self.decision: Decision | None = None
        self._services = services
        self._body_bytes, self._body_sha256 = 0, SHA256_OF_NOTHING
        self._request: Request | None = None
        self._identified: IdentifiedCall | None = None
        self._masked: MaskedRequest | None = None
        self._definition: PinFact | None = None
        self._unknown_function = False
        self._session = ""
        self._failed_revision = ""
        self._request_findings: tuple[Finding, ...] = ()
        self._policy_rules: tuple[MaskRule, ...] = ()
        self.approval_id = ""
        self._approval_note, self._approval_use = "", ""
        self._approvers: tuple[str, ...] = ()
        self._denied_by: tuple[str, ...] = ()
        self._held_since_ns, self._held_ns = 0, 0
        self._forwarded = False
        self._response, self._response_bytes, self._response_sha256 = "", 0, ""
        self._response_findings: tuple[Finding, ...] = ()
        self._response_status = 0
        self._note = ""
        self._notes = EventNotes()
        self._broke_off = False
        self._end = End(EntryKind.FAILED, Reason.GUARD_ERROR)  # the worst, until something better is known

    # The request, step by step.

    def received(self, body: bytes, sha256: bytes) -> None:
        """Note the body as the caller sent it."""
        self._body_bytes, self._body_sha256 = len(body), sha256

    def read(self, request: Request) -> None:
        """Note the request, read whole."""
        self._request = request

    def located(self, connection: Connection) -> None:
        """Note the connection that the host names."""
        self.connection = connection

    def authenticated(self, identity: Identity) -> None:
        """Note who calls."""
        self.identity = identity

    def in_session(self, name: str) -> None:
        """Note the session by the name that stands for its id."""
        self._session = name

    def identified(self, identified: IdentifiedCall) -> None:
        """Note the call, and what was found in it."""
        self._identified = identified
        self.call = identified.call
        self._request_findings = identified.findings

    def policy_failed(self, revision: str) -> None:
        """Note the policy that was asked and gave no usable answer, where its revision is known."""
        self._failed_revision = revision

    def defined(self, definition: PinFact | None) -> None:
        """Note what is known of the function's definition; None where definitions are not pinned."""
        self._definition = definition

    def decided(self, decision: Decision) -> None:
        """Note the decision in force about the request. What an earlier one masked stays masked in entries."""
        self.decision = decision
        more = tuple(rule for rule in decision.mask.request if rule not in self._policy_rules)
        if more:
            self._policy_rules += more
            self._masked = None

    def decided_response(self, decision: Decision) -> None:
        """Note the decision in force once policy was asked about the response."""
        self.decision = decision

    def rewritten(self, outbound: OutboundRequest) -> None:
        """Note what was masked of the request."""
        self._request_findings = outbound.findings

    def continued(self, identified: IdentifiedCall, services: Services) -> None:
        """Note that the call goes on under other services: the configuration in force at its release."""
        self._services, self.connection, self._masked = services, identified.connection, None
        self.identified(identified)

    # Approvals.

    def asked_for_approval(self, request: ApprovalRequest) -> None:
        """Note the request by which people are asked. The call is held from the first one on."""
        self.approval_id = request.approval_id
        self._held_since_ns = self._held_since_ns or self._services.clock()

    def no_longer_held(self) -> None:
        """Note how long the call was held."""
        self._held_ns = self._services.clock() - self._held_since_ns

    def voted(self, note: str, denied_by: tuple[str, ...] = ()) -> None:
        """Note the voters' reasons, masked, and who refused the call."""
        self._approval_note, self._denied_by = note, denied_by

    def approved(
        self, approvers: tuple[str, ...], approval_id: str, *, broke_glass: bool = False, reused: bool = False
    ) -> None:
        """Note who approved the call, and how the approval is used."""
        self._approvers, self.approval_id = approvers, approval_id
        self._approval_use = "break-glass" if broke_glass else "reused" if reused else "single"

    # The response.

    def forwarded(self) -> None:
        """Note that the request is on its way to the backend."""
        self._forwarded = True

    def found_in_response(self, findings: tuple[Finding, ...]) -> None:
        """Note findings of the response, beside those noted before."""
        self._response_findings += findings

    def kept_of_response(self, text: str) -> None:
        """Note the masked text of the response, cut at the recording limit."""
        self._response = text

    def sent(self, length: int, sha256: str) -> None:
        """Note the bytes that went to the caller."""
        self._response_bytes, self._response_sha256 = length, sha256

    def sent_whole(self, body: bytes) -> None:
        """Note the body that goes to the caller."""
        self.sent(len(body), hashlib.sha256(body).hexdigest())

    def began_response(self, status: int) -> None:
        """Note that the response's head goes to the caller, with this HTTP status."""
        self._response_status = status

    def noted(self, note: str) -> None:
        """Note a remark for the entry of a completed call. An empty one keeps the remark before it."""
        self._note = note or self._note

    def decided_server_request(self, method: str, action: Action, rule: str, shadow: tuple[str, ...] = ()) -> None:
        """Note what policy decided about a server's request to the client. Its method is the server's text."""
        named = masked_name(method, self.connection, self._services)
        would = f", shadow {', '.join(shadow)}" if shadow else ""
        self._notes.add(f"server request {named}: {action.value} ({rule}{would})")

    def left_out(self, what: str) -> None:
        """Note what of a stream did not go to the caller."""
        self._notes.add(f"left out {what}")

    # The end.

    def refused(self, refusal: Refused) -> None:
        """End the call with a refusal, which answers the caller."""
        if self.call is None and refusal.call is not None:
            self.call = refusal.call
            if self.connection and not self._session:
                self._session = recorded_session(refusal.call.session, self.connection, self._services)
        self._unknown_function = refusal.reason is Reason.UNKNOWN_FUNCTION
        status, detail = refusal.reason.answer.status, refusal.detail
        if refusal.reason is Reason.UNINSPECTABLE and self.call and not detail:
            detail = self.call.remedy
        self._end = End(self._not_completed, refusal.reason, refusal.rule, detail, status)

    def answered(self, answered: Answered) -> None:
        """End a request that is no call with the guard's own answer."""
        self._end = End(EntryKind.COMPLETED, Reason.ANSWERED, answered.rule, "", answered.reply.status)

    def answered_by_envoy(self, reason: Reason, detail: str, status: int) -> None:
        """End the call with Envoy's own answer."""
        self._unknown_function = reason is Reason.UNKNOWN_FUNCTION
        kind = EntryKind.COMPLETED if reason is Reason.ANSWERED else self._not_completed
        self._end = End(kind, reason, "envoy", detail, status)

    def failed(self, reason: Reason, detail: str, rule: str = "") -> None:
        """End the call without an answer of the guard."""
        self._end = End(self._not_completed, reason, rule, detail, self._response_status)

    def broke_off(self, broken: ResponseBrokenOff) -> None:
        """End the call in the middle of its response. A caller who leaves now changes nothing."""
        self.failed(broken.reason, str(broken), broken.rule)
        self._broke_off = True

    def completed(self, status: int, note: str = "") -> None:
        """End the call: the whole response goes to the caller with the next message."""
        self.noted(note)
        reason = Reason.APPROVED if self._approvers else Reason.POLICY_ALLOWED
        rule = self.decision.rule if self.decision else ""
        self._end = End(EntryKind.COMPLETED, reason, rule, self._note, status)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Policy's metadata for Envoy's other filters and its access log."""
        return self.decision.metadata if self.decision else {}

    @property
    def session(self) -> str:
        """The caller's session as entries name it; empty where there is none."""
        return self._session or (self.call.session if self.call else "")

    @property
    def is_complete(self) -> bool:
        """True if all that the caller waits for is on its way: that it leaves now changes nothing."""
        return self._end.kind is EntryKind.COMPLETED or self._broke_off

    @property
    def was_forwarded(self) -> bool:
        """True if the request went to the backend."""
        return self._forwarded

    @property
    def _not_completed(self) -> EntryKind:
        return EntryKind.FAILED if self._forwarded else EntryKind.DENIED

    # The entries.

    async def intent(self) -> None:
        """Record that the call is about to be forwarded; durable on return where the connection is ``strict``.

        Raises:
            Refused: with ``evidence-unavailable``: a call that cannot be recorded is not forwarded.
        """
        entry = self._entry(EntryKind.DECIDED)
        try:
            if self.connection is None or self.connection.strict:
                await self._services.recorder.record(entry)
            else:
                self._services.recorder.record_relaxed(entry)
        except EvidenceError as error:
            raise Refused(Reason.EVIDENCE_UNAVAILABLE, rule="call.decided", detail=str(error)) from error

    async def held(self) -> None:
        """Record durably that the call waits for approval.

        Raises:
            Refused: with ``evidence-unavailable``.
        """
        entry = self._entry(EntryKind.HELD)
        try:
            await self._services.recorder.record(entry)
        except EvidenceError as error:
            raise Refused(Reason.EVIDENCE_UNAVAILABLE, rule="call.held", detail=str(error)) from error
        self._services.observer.call_held(entry)

    def end(self) -> None:
        """Record how the call ended. Runs on every exit, cancellation included; never raises."""
        entry = self._entry(self._end.kind)
        entry.reason, entry.rule = self._end.reason.value, self._end.rule
        entry.detail = self._notes.after(self._end.detail)
        entry.status = self._end.status
        entry.response = self._response
        entry.response_bytes, entry.response_sha256 = self._response_bytes, self._response_sha256
        services = self._services
        try:
            services.recorder.record_end(entry, partial(services.observer.evidence_lost, entry))
        except EvidenceError:
            services.observer.evidence_lost(entry)
        services.observer.call_ended(entry)

    def kept_findings(self) -> tuple[Finding, ...]:
        """Return the findings as entries keep them, with the side that each was on.

        A finding's path may hold names that the caller chose. No path is kept of a call that holds the backend's
        credential.
        """
        found = (
            *on_side(Side.REQUEST, self._request_findings),
            *on_side(Side.RESPONSE, self._response_findings),
        )
        redact = self.connection.known_credential() if found and self.connection else NO_CREDENTIAL
        if not redact:
            return found
        read = json.dumps(self.call.arguments) if self.call else ""  # compressed messages are not in ``plain``
        texts = "\n".join((self.head.path, read, *(each.path for each in found))).encode("utf-8", "replace")
        seen = b"\n".join((texts, self._request.plain if self._request else b""))
        return tuple(replace(each, path="$") for each in found) if redact(seen) != seen else found

    def _entry(self, kind: EntryKind) -> Entry:
        """Make an entry of what is known by now."""
        now_ns, head, masked = self._services.clock(), self.head, self._mask_request()
        entry = Entry(
            kind=kind,
            call_id=self.call_id,
            time_ns=now_ns,
            request_id=head.request_id,
            source=head.source,
            connection=self.connection.name if self.connection else "",
            method=head.method,
            path=masked.path[:PATH_MAX],
            request_bytes=self._body_bytes,
            request_sha256=self._body_sha256.hex(),
            arguments=masked.arguments,
            findings=self.kept_findings(),
            uninspectable=self._uninspectable(),
            approval_id=self.approval_id,
            approvers=self._approvers,
            approval_note=self._approval_note,
            approval_use=self._approval_use,
            denied_by=self._denied_by,
            held_ms=self._held_ns / NANOSECONDS_PER_MILLISECOND,
            duration_ms=(now_ns - self.started_ns) / NANOSECONDS_PER_MILLISECOND,
            worker=self._services.worker,
        )
        if self.identity:
            entry.issuer, entry.subject = self.identity.issuer, self.identity.recorded_subject
            entry.groups, entry.actor = self.identity.groups, self.identity.actor
        if self.call:
            self._add_call(entry, self.call)
        if self.decision:
            self._add_decision(entry, self.decision)
        if self._definition:
            entry.definition_state, entry.definition_digest = self._definition.state.value, self._definition.digest
            entry.definition_accepted_by = self._definition.accepted_by
            entry.definition_note = self._definition.note
        if self._failed_revision:  # asked last, at the latest when a held call was to be released
            entry.policy_revision = self._failed_revision
        return entry

    def _add_call(self, entry: Entry, call: Call) -> None:
        entry.function, entry.protocol = call.function, call.protocol
        entry.method = call.method or self.head.method
        entry.session = self._session or call.session
        if self._unknown_function:
            entry.function = f"{call.connection}.{masked_name(call.name, self.connection, self._services)}"
            entry.method = masked_name(call.method, self.connection, self._services) or self.head.method

    @staticmethod
    def _add_decision(entry: Entry, decision: Decision) -> None:
        entry.action, entry.reason, entry.rule = decision.action.value, decision.reason.value, decision.rule
        entry.risk, entry.shadow = decision.risk, decision.shadow
        entry.policy_revision, entry.policy_bundles = decision.revision, decision.bundles

    def _uninspectable(self) -> str:
        """The call's own word once it is identified; before that, whether the body could be decoded."""
        if self._identified is not None:
            kind = self._identified.call.uninspectable
        else:
            kind = self._request.unreadable if self._request else None
        return kind.value if kind else ""

    def _mask_request(self) -> MaskedRequest:
        """Mask the request for entries, once, by every rule that is known when the first entry is made.

        What cannot be masked is not kept.
        """
        if self._masked is None:
            self._masked = self._masked_request()
        return self._masked

    def _masked_request(self) -> MaskedRequest:
        path = ""
        try:
            known = self._identified.masked_path if self._identified else ""
            path = masked_path(self.head, self.connection, self._services, known)
            return MaskedRequest(path, self._masked_arguments())
        except MaskingError:
            return MaskedRequest(path)

    def _masked_arguments(self) -> str:
        if self.connection is None or self.call is None or self._request is None:
            return ""
        recording = self.connection.settings.recording
        if not recording.arguments:
            return ""
        named = self._identified or NamedCall(self._request, self.connection, self.call)
        return masked_arguments(named, self._services, self._policy_rules)[: recording.max_text]
