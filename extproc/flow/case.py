"""Everything known of one call so far, and the entries made of it.

A case only gathers. It decides nothing, waits for nothing, and what it puts into an entry is masked.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass, field, replace

from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.flow.services import Connection, Services
from extproc.model.call import Call, RequestHead
from extproc.model.decision import Decision
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import CredentialError, Refused
from extproc.model.identity import Identity
from extproc.model.ids import uuid7
from extproc.model.masking import Finding
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract.call_usage import Usage
from extproc.wire.events import Metadata

NANOSECONDS_PER_MILLISECOND = 1e6
SHA256_OF_NOTHING = hashlib.sha256().digest()
PATH_MAX = 2_048
"""Characters of a masked path that entries keep."""


@dataclass(slots=True)
class Outcome:
    """How the call ended, as far as is known. Starts as the worst."""

    kind: EntryKind = EntryKind.FAILED
    reason: Reason = Reason.GUARD_ERROR
    rule: str = ""
    detail: str = ""
    status: int = 0


@dataclass(slots=True)
class Recorded:
    """Masked text for the record."""

    path: str = ""
    function: str = ""
    """Set where no registered function matched: the name is the caller's text then."""
    method: str = ""
    arguments: str = ""
    response: str = ""
    findings: tuple[Finding, ...] = ()
    response_bytes: int = 0
    response_sha256: str = ""
    note: str = ""
    """What the closing entry of a completed call says besides."""


@dataclass(slots=True)
class Released:
    """How an approval came about."""

    approval_id: str = ""
    approvers: tuple[str, ...] = ()
    note: str = ""
    held_ns: int = 0


@dataclass(slots=True)
class Case:
    """One call on its way."""

    call_id: str
    started_ns: int
    head: RequestHead
    worker: str
    body: bytes = b""
    """As the caller sent it."""
    plain: bytes = b""
    """Content-encoding undone: what was inspected, and all that may be forwarded."""
    body_sha256: bytes = SHA256_OF_NOTHING
    undecoded: bool = False
    """Its content-encoding could not be undone: there is nothing plain."""
    unreadable: Uninspectable | None = None
    connection: Connection | None = None
    metadata: Metadata = field(default_factory=dict)
    """What Envoy's filters learned, the verified claims among it."""
    identity: Identity | None = None
    call: Call | None = None
    findings: tuple[Finding, ...] = ()
    """Found in the request, before any decision."""
    searched: bool = False
    """All of the request was looked through, so that no findings means: nothing there."""
    usage: Usage | None = None
    """How often the caller has called, where that is counted."""
    decision: Decision | None = None
    failed_revision: str = ""
    """Of the policy that was asked and gave no usable answer, where that is known."""
    forwarded: bool = False
    session: str = ""
    """What the record calls an MCP session."""
    backend_session: bytes = b""
    """The MCP server's own id of it. Never recorded."""
    redact_credential: CredentialRedactor = NO_CREDENTIAL
    """Takes the credential that was given to the backend out of whatever comes back."""
    released: Released = field(default_factory=Released)
    recorded: Recorded = field(default_factory=Recorded)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def passes_unmasked(self) -> bool:
        """Whether the connection lets a body pass that nobody can search."""
        return self.connection is not None and self.connection.settings.masking.undecodable == "pass-unmasked"

    def refused(self, refusal: Refused) -> None:
        """The call ends with this refusal."""
        self.call = self.call or refusal.call
        kind = EntryKind.FAILED if self.forwarded else EntryKind.DENIED
        self.outcome = Outcome(kind, refusal.reason, refusal.rule, refusal.detail, refusal.reason.answer.status)

    def failed(self, reason: Reason, detail: str, status: int = 0) -> None:
        """The call ends without an answer of ours."""
        kind = EntryKind.FAILED if self.forwarded else EntryKind.DENIED
        self.outcome = Outcome(kind, reason, "", detail, status)

    @property
    def is_complete(self) -> bool:
        """The last message that releases the response is on its way: what is cancelled now is over anyway."""
        return self.outcome.kind is EntryKind.COMPLETED

    def completed(self, status: int) -> None:
        """The whole response goes to the caller."""
        decision = self.decision
        reason = Reason.APPROVED if self.released.approvers else Reason.POLICY_ALLOWED
        rule = decision.rule if decision else ""
        self.outcome = Outcome(EntryKind.COMPLETED, reason, rule, self.recorded.note, status)

    def closing_entry(self, now_ns: int) -> Entry:
        """The one terminal entry."""
        outcome = self.outcome
        entry = self.entry(outcome.kind, now_ns)
        entry.reason, entry.rule, entry.detail = outcome.reason.value, outcome.rule, outcome.detail
        entry.status = outcome.status
        entry.response = self.recorded.response
        entry.response_bytes = self.recorded.response_bytes
        entry.response_sha256 = self.recorded.response_sha256
        return entry

    def entry(self, kind: EntryKind, now_ns: int) -> Entry:
        """An entry of what is known by now."""
        head, identity, call, decision = self.head, self.identity, self.call, self.decision
        entry = Entry(
            kind=kind,
            call_id=self.call_id,
            time_ns=now_ns,
            request_id=head.request_id,
            source=head.source,
            connection=self.connection.name if self.connection else "",
            method=head.method,
            path=self.recorded.path[:PATH_MAX],
            request_bytes=len(self.body),
            request_sha256=self.body_sha256.hex(),
            arguments=self.recorded.arguments,
            findings=self.kept_findings(),
            uninspectable=self.unreadable.value if self.unreadable else "",
            approval_id=self.released.approval_id,
            approvers=self.released.approvers,
            approval_note=self.released.note,
            held_ms=self.released.held_ns / NANOSECONDS_PER_MILLISECOND,
            duration_ms=(now_ns - self.started_ns) / NANOSECONDS_PER_MILLISECOND,
            worker=self.worker,
        )
        if identity:
            entry.issuer, entry.subject = identity.issuer, identity.subject
            entry.groups, entry.actor = identity.groups, identity.actor
        if call:
            entry.function = self.recorded.function or call.function
            entry.protocol, entry.session = call.protocol, self.session or call.session
            entry.method = self.recorded.method or call.method or head.method
        if decision:
            entry.action, entry.reason, entry.rule = decision.action.value, decision.reason.value, decision.rule
            entry.risk, entry.shadow = decision.risk, decision.shadow
            entry.policy_revision = decision.revision
        else:
            entry.policy_revision = self.failed_revision
        return entry

    def kept_findings(self) -> tuple[Finding, ...]:
        """What was found, as it is kept.

        A path may hold names that the caller chose, with what was found in them masked: of a request that holds
        the credential none is kept.
        """
        found = self.recorded.findings or self.findings
        redact_credential = self.known_credential() if found else NO_CREDENTIAL
        if not redact_credential:
            return found
        read = json.dumps(self.call.arguments) if self.call else ""  # compressed messages are not in ``plain``
        texts = ("\n".join((self.head.path, read, *(each.path for each in found)))).encode("utf-8", "replace")
        came = b"\n".join((texts, self.plain))
        return tuple(replace(each, path="$") for each in found) if redact_credential(came) != came else found

    def without_credential(self, text: str) -> str:
        """Text that is kept of the call: a caller may know the connection's credential too, and write it there.

        Not taken out: other connections' credentials; and none while it cannot be read.
        """
        redact_credential = self.known_credential()
        return (
            redact_credential(text.encode("utf-8", "replace")).decode("utf-8", "replace")
            if redact_credential
            else text
        )

    def known_credential(self) -> CredentialRedactor:
        """Takes the connection's credential out of what is kept; nothing, while it cannot be read."""
        if self.connection is not None and self.connection.credential is not None:
            with contextlib.suppress(CredentialError):
                return self.connection.credential.present().redact_credential
        return NO_CREDENTIAL


def open_case(services: Services, head: RequestHead) -> Case:
    """Begin a case: from here on, the call is recorded whatever happens."""
    now = services.clock()
    return Case(uuid7(now, services.entropy(10)), now, head, services.worker)
