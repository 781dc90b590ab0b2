"""Entries of acts on approvals. Pure: they hold masked texts, which their maker got masked."""

from dataclasses import dataclass
from enum import StrEnum

from extproc.approvals.approval import ApprovalRequest
from extproc.console.visitor import Visitor
from extproc.model.entries import Entry, EntryKind
from extproc.model.identity import ANONYMOUS

CONTROL = "control"
"""The writer of these entries, and the source of those that nobody caused."""


class Act(StrEnum):
    """What a person can do about a request."""

    APPROVE = "approve"
    DENY = "deny"
    BREAK_GLASS = "break-glass"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"


KINDS = {
    Act.APPROVE: EntryKind.APPROVAL_VOTED,
    Act.DENY: EntryKind.APPROVAL_VOTED,
    Act.BREAK_GLASS: EntryKind.APPROVAL_BREAK_GLASS,
    Act.WITHDRAW: EntryKind.APPROVAL_WITHDRAWN,
    Act.CANCEL: EntryKind.APPROVAL_CANCELLED,
}
"""The kind of the entry that is durable before an act can count."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Somebody, a request, and a time: makes the entries of what happens then."""

    request: ApprovalRequest
    by: Visitor
    at_ns: int
    """Wall-clock nanoseconds."""

    def intended(self, act: Act, note: str = "", preview: str = "") -> Entry:
        """Return the entry of an act that is about to be counted.

        Args:
            act: what the person does.
            note: the person's reason, masked.
            preview: the digest of the preview that the person saw; empty if none was named.
        """
        entry = self._entry(KINDS[act], Act.APPROVE if act is Act.BREAK_GLASS else act)
        entry.approval_note, entry.preview_digest = note, preview
        return entry

    def counted(self, act: Act, state: str) -> Entry:
        """Return the entry of an act that the store has taken; ``state`` is the approval's state after it."""
        return self._entry(EntryKind.APPROVAL_COUNTED, state, act)

    def refused(self, act: Act, why: str, unrecorded: int) -> Entry:
        """Return the entry of an attempt that changed nothing.

        Args:
            act: what the person attempted.
            why: a reason of the API.
            unrecorded: the number of attempts like it since its last entry.
        """
        more = f", and {unrecorded} more before" if unrecorded else ""
        return self._entry(EntryKind.APPROVAL_REFUSED, why, f"{act}{more}")

    def looked(self) -> Entry:
        """Return the entry of a request that a person was shown."""
        entry = self._entry(EntryKind.APPROVAL_LOOKED)
        entry.preview_digest = self.request.preview_digest
        return entry

    def expired(self) -> Entry:
        """Return the entry of a request that nobody decided in time."""
        return self._entry(EntryKind.APPROVAL_EXPIRED)

    def _entry(self, kind: EntryKind, reason: str = "", detail: str = "") -> Entry:
        request, person = self.request, self.by.identity
        return Entry(
            kind=kind,
            call_id=request.call_id,
            time_ns=self.at_ns,
            source=self.by.source,
            connection=request.connection,
            function=request.function,
            issuer=person.issuer,
            subject=person.subject,
            groups=person.groups,
            actor=person.actor,
            reason=str(reason),
            detail=str(detail),
            policy_revision=request.policy_revision,
            request_sha256=request.digest,
            approval_id=request.approval_id,
            worker=CONTROL,
        )


NOBODY = Visitor(ANONYMOUS, frozenset(), CONTROL)
"""Causes what happens by itself."""
