"""The stages of one call: what each step of ``guard_call`` knows when it is done.

::

    Request ─ identify ─▶ IdentifiedCall ─ decide ─▶ DecidedCall ─ rewrite ─▶ OutboundRequest
            ─ release (at once, or by approvers) ─▶ ReleasedRequest ─ grant ─▶ PermittedCall

Each stage is frozen and holds the one before it. Nothing in a stage is optional that a later step needs: a step
that cannot make its stage raises ``Refused``. Only ``CallRecord`` knows how far a call came.
"""

import hashlib
from dataclasses import dataclass, field

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.services import Connection, Services
from extproc.model.call import Call, RequestHead
from extproc.model.decision import Decision
from extproc.model.identity import Identity
from extproc.model.masking import Finding, MaskPlan
from extproc.model.permit import HeaderEdits, Permit
from extproc.model.reasons import Uninspectable
from extproc.pinning.pins import PinFact
from extproc.policy.contract.call_usage import Usage
from extproc.protocols.repeated_call import RepeatedCall
from extproc.wire.events import Metadata

SHA256_OF_NOTHING = hashlib.sha256().digest()


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read whole. Nothing of it is understood yet."""

    call_id: str
    """UUIDv7."""
    started_ns: int
    """Wall-clock nanoseconds of the first message."""
    head: RequestHead
    has_body: bool
    """True if Envoy waits for an answer to the body, False if to the head."""
    body: bytes = field(repr=False)
    """The bytes that the caller sent."""
    sha256: bytes
    """Of ``body``, 32 bytes."""
    plain: bytes = field(repr=False)
    """The body with its content-encoding undone: what is inspected. Empty where it could not be undone."""
    decoded: bool
    """False where the content-encoding could not be undone: then ``plain`` is empty."""
    unreadable: Uninspectable | None
    """Why the body cannot be read at all; None where it can be tried."""
    too_large: bool
    """True if it is longer than ``limits.request_body``. ``plain`` is then as it came, and the call is refused."""
    metadata: Metadata = field(repr=False)
    """Dynamic metadata of Envoy's filters, the verified claims among it."""
    decide_only: bool = False
    """True if Envoy asks over ext_authz: bodies cannot be changed, and the response is not seen."""


@dataclass(frozen=True, slots=True)
class NamedCall:
    """A request and the call that a protocol read from it. Enough to read the body again."""

    request: Request
    connection: Connection
    call: Call = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentifiedCall(NamedCall):
    """A call of a registered function, by a known caller, searched for sensitive data."""

    identity: Identity
    body_findings: tuple[Finding, ...] = ()
    """Entities in the body. Empty where the call could not be searched: see ``call.uninspectable``."""
    url_findings: tuple[Finding, ...] = ()
    """Entities in the URL. Empty where the call could not be searched."""
    masked_values: tuple[Finding, ...] = ()
    """Labels and pseudonyms that masking left and that come back in the arguments."""
    searched: bool = False
    """True if all of the request was searched, so that no findings means that there are none."""
    masked_path: str = ""
    """The path as entries keep it; empty where it could not be searched."""
    backend_session: bytes = field(default=b"", repr=False)
    """The backend's own id of the caller's session. Never recorded. Empty where there is none."""

    backend_event: bytes = field(default=b"", repr=False)
    """The backend's own id of the event behind which the caller resumes a stream. Empty where it resumes none."""

    given_back: RepeatedCall | None = field(default=None, repr=False)
    """What the client gave back of the guard's own answer to the call before; None where it gave nothing back."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Entities in the body and the URL, and masked values in the arguments."""
        return self.body_findings + self.url_findings + self.masked_values


@dataclass(frozen=True, slots=True)
class DecidedCall:
    """A call that policy allows or holds. A call that policy denies is ``Refused``."""

    identified: IdentifiedCall
    usage: Usage | None
    """The caller's calls so far; None where calls are not counted."""
    definition: PinFact | None
    """The facts about the function's definition; None where definitions are not pinned."""
    decision: Decision

    @property
    def request(self) -> Request:
        """The request; its path is the one that goes upstream."""
        return self.identified.request

    @property
    def connection(self) -> Connection:
        """The connection that the call is for."""
        return self.identified.connection

    @property
    def connection_mask(self) -> MaskPlan:
        """The masking that the connection always does, by the service that Envoy asks."""
        connection = self.connection
        return connection.decide_only_mask if self.request.decide_only else connection.mask_for(self.call.name)

    @property
    def passes_unmasked(self) -> bool:
        """True if a body of this call that cannot be searched may pass."""
        return self.connection.passes_unmasked(self.call.name)

    @property
    def passes_binary_parts(self) -> bool:
        """True if parts of a form that are not text may pass in this call."""
        return self.connection.passes_binary_parts(self.call.name)

    @property
    def call(self) -> Call:
        """The call; its arguments are those that go upstream."""
        return self.identified.call


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """The request as it may go upstream: masked, its query changed. Without the backend's credential."""

    decided: DecidedCall
    edits: HeaderEdits = field(repr=False)
    """Of the path and of the fields that the caller wrote."""
    body: bytes | None = field(repr=False)
    """The body that goes; None: the caller's bytes, untouched."""
    findings: tuple[Finding, ...]
    """Findings in the request, each with its operator where it was masked."""


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval of one held call by people."""

    approval_id: str
    approvers: tuple[str, ...]
    """``Identity.name`` of each; never empty."""


@dataclass(frozen=True, slots=True)
class ReleasedRequest:
    """A request that may go: policy allows it, or approvers released it under the policy in force by then."""

    outbound: OutboundRequest
    approval: Approval | None
    """None where nobody had to be asked."""
    services: Services = field(repr=False)
    """Those under which it is released. All later steps use them."""


@dataclass(frozen=True, slots=True)
class PermittedCall:
    """A call with the permit to forward it. Only ``extproc.flow.grant`` makes one."""

    permit: Permit
    released: ReleasedRequest
    redact_credential: CredentialRedactor = field(repr=False)
    """Takes the credential that the backend is given out of whatever comes back."""

    @property
    def decided(self) -> DecidedCall:
        """The call as it goes upstream, and the decision in force for it."""
        return self.released.outbound.decided
