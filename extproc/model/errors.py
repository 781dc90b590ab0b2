"""Every error that the guard raises on purpose.

::

    ExtprocError
    ├── ConfigError            a file that a person wrote is wrong: names the place, and a hint
    ├── Refused                the call ends with a reason, before any byte went to the caller: it is answered
    ├── Answered               the request is no call: the guard answers it itself
    ├── CallerGone             Envoy closed its side before the response's end: there is nobody to answer
    ├── ResponseBrokenOff      the response ends after its first byte: the stream is broken off
    ├── MaskingError           text could not be masked: a request is denied, a response becomes 502
    │   └── Undecodable        it cannot be read: a connection may let it pass unmasked
    ├── PolicyError            no usable answer from policy: denies with ``policy-error``
    │   ├── PolicyInvalid      a policy that must not be loaded
    │   └── PolicyUnreachable  the engine gave no answer at all
    ├── EvidenceError          an entry cannot be stored durably: denies with ``evidence-unavailable``
    ├── QueryError             an analyst's query of the evidence cannot be answered: says why
    ├── ApprovalError          the approvals store cannot be used: denies with ``approval-unavailable``
    ├── DefinitionError        the store of definitions cannot be used: denies with ``policy-error``
    ├── VoteRefused            a person's vote on an approval does not count: says why
    ├── NotificationError      the outbox of notifications cannot be used: calls and votes go on
    ├── DeliveryFailed         a target did not take a notification: it is tried again
    ├── ControlError           the control process cannot be reached, or refused a command's request
    ├── CredentialError        a credential cannot be read: denies with ``credential-unavailable``
    └── ProtocolViolation      Envoy sent a message that the exchange cannot accept: the stream is aborted
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from extproc.model.call import Call
from extproc.model.odd_bodies import Odd
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason, Uninspectable
from extproc.model.reply import Reply


class ExtprocError(Exception):
    """Root of all errors raised on purpose."""


@dataclass(frozen=True)
class SourceLocation:
    """A location in a file that a person wrote."""

    file: Path | str
    """The file, by the name that the person gave."""
    line: int = 0
    """1-based line; 0 when unknown."""
    column: int = 0
    """1-based column; 0 when unknown."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


@dataclass
class ConfigError(ExtprocError):
    """A configuration, policy or data file is wrong."""

    message: str
    """The fault."""
    place: SourceLocation | None = None
    """Its location; None if unknown."""
    hint: str = ""
    """The correction."""
    key: tuple[str | int, ...] = ()
    """The wrong key of a configuration, if the place is not known."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


@dataclass
class Refused(ExtprocError):
    """The call ends here. Raised only while no byte has gone to the caller; answered and recorded in one place."""

    reason: Reason
    rule: str = ""
    """The policy rule or guard check that refused."""
    detail: str = ""
    """For the record only. Never holds a value of the call, and is never sent to the caller."""
    call: Call | None = None
    """The call as far as it was read, if no registered function matched: for the answer and the entry. Its name is
    the caller's text: mask it before it is recorded."""
    pending: PendingApproval | None = None
    """The ticket of a call that waits for approval; None in all other cases."""

    def __str__(self) -> str:
        return f"{self.reason} {self.rule} {self.detail}".rstrip()


@dataclass
class Answered(ExtprocError):
    """The request asks for what anybody may read. The guard answers it: no policy is asked, and no backend."""

    reply: Reply
    """The answer."""
    rule: str
    """The setting that makes it public."""

    def __str__(self) -> str:
        return self.rule


class CallerGone(ExtprocError):
    """Envoy closed its side before the response's end: nobody is left to answer. The record says ``caller-gone``.

    Envoy closes in the same way where the backend broke off, and then says so in its report (``call.reported``).
    """


class ResponseBrokenOff(ExtprocError):
    """The response ends after its first byte went to the caller, who cannot be answered any more.

    The stream is broken off, so that the caller sees an incomplete response. The message is for the record only,
    and never holds a value of the call.
    """

    def __init__(self, message: str, reason: Reason = Reason.RESPONSE_ABANDONED, rule: str = "") -> None:
        """Make an error.

        Args:
            message: for the record.
            reason: for the record, and for the caller where the protocol tells it.
            rule: the policy rule or guard check that ended it.
        """
        super().__init__(message)
        self.reason = reason
        self.rule = rule


class MaskingError(ExtprocError):
    """Text could not be masked. The message names the kind of failure, never the text."""


class Undecodable(MaskingError):
    """The text cannot be read as its type says, or the type is unknown."""

    def __init__(self, message: str, kind: Uninspectable | None = None, odd: Odd | None = None) -> None:
        """Make an error.

        Args:
            message: names the kind of failure, never the text.
            kind: the fact for policy; None if the caller of the masker knows it.
            odd: which odd but common body it is: the message says so, too.
        """
        super().__init__(f"{message}: {odd.value}" if odd else message)
        self.kind = kind
        self.odd = odd


class PolicyError(ExtprocError):
    """Policy gave no usable answer. The message holds nothing of the input."""


class PolicyInvalid(PolicyError):
    """A policy must not be loaded. The message names file, line and a hint."""

    def __init__(self, message: str, problems: "tuple[ConfigError, ...]" = ()) -> None:
        """Args: ``problems``: the single errors that the message is made of, if it is made of such."""
        super().__init__(message)
        self.problems = problems

    @classmethod
    def of(cls, problems: "tuple[ConfigError, ...]") -> "PolicyInvalid":
        """Make one error of all errors that were found in a policy. At least one is needed."""
        first = "" if len(problems) == 1 else f"{len(problems)} things are wrong:\n"
        return cls(first + "\n".join(str(each) for each in problems), problems)


class PolicyUnreachable(PolicyError):
    """The engine did not answer: it is gone, or too slow."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent
        """True if the engine could not be reached. Otherwise the input itself may be why it did not answer."""


class EvidenceError(ExtprocError):
    """An entry cannot be stored durably."""


class QueryError(ExtprocError):
    """An analyst's query cannot be answered. The message is for the analyst."""


class ApprovalError(ExtprocError):
    """The approvals store cannot be used."""


class DefinitionError(ExtprocError):
    """The store of definitions cannot be used, or a definition has no digest. Holds nothing of a definition."""


class WhyRefused(StrEnum):
    """The reason why a vote does not count."""

    UNKNOWN = "unknown"
    """The approval does not exist."""
    NOT_PENDING = "not-pending"
    """Decided, expired or cancelled before."""
    EXPIRED = "expired"
    """The vote came at or after the expiry."""
    OWN_CALL = "own-call"
    """The voter made the call, or acts for its caller."""
    ON_BEHALF = "on-behalf"
    """The voter's token is an agent's that acts for a person: people decide themselves."""
    WRONG_GROUP = "wrong-group"
    """The voter is in none of the approval's groups."""
    ALREADY_VOTED = "already-voted"
    NOTE_REQUIRED = "note-required"
    """The reason is missing, too short or too long."""
    WRONG_DIGEST = "wrong-digest"
    """The voter saw another call than this one."""
    WRONG_PREVIEW = "wrong-preview"
    """The voter saw the arguments otherwise than they are shown now."""
    NO_BREAK_GLASS = "no-break-glass"
    """Policy lets nobody, or not this voter, release the call alone."""
    PERSON_UNKNOWN = "person-unknown"
    """The voter's token lacks the claim that joins the accounts of one person."""
    NOTHING_TO_WITHDRAW = "nothing-to-withdraw"
    """The voter has no approval here, or it cannot be undone any more."""
    NOT_YOURS = "not-yours"
    """Only its own caller may cancel a request."""


@dataclass
class VoteRefused(ExtprocError):
    """A person's vote on an approval does not count; nothing was stored."""

    why: WhyRefused
    state: str = ""
    """The approval's state: a value of ``extproc.approvals.port.State``; empty if unknown."""

    def __str__(self) -> str:
        return f"{self.why} {self.state}".rstrip()


class TooManyTickets(ExtprocError):
    """A caller has as many tickets as it may; nothing was stored."""


class NotificationError(ExtprocError):
    """The outbox of notifications cannot be used. Calls and votes go on; what has to be told is found again."""


@dataclass
class DeliveryFailed(ExtprocError):
    """A target did not take a notification."""

    message: str
    """The fault. Holds no secret, and no text of the receiver's answer."""
    permanent: bool = False
    """True: another attempt cannot succeed."""
    retry_after_s: float = 0.0
    """Seconds that the receiver asked to wait; 0: it did not say."""

    def __str__(self) -> str:
        return self.message


@dataclass
class ControlError(ExtprocError):
    """The control process cannot be reached, or refused a command's request."""

    message: str
    """The fault. Holds no value of a call and no token."""
    hint: str = ""
    """The remedy."""
    reason: str = ""
    """The ``reason`` of the answer, if there was one: docs/reference/api.md has the list."""

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class CredentialError(ExtprocError):
    """A credential cannot be read. The message names its source, never its value."""


class ProtocolViolation(ExtprocError):
    """Envoy sent a message that the exchange cannot accept at this point."""
