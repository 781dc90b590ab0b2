"""The services of a worker, put together once by ``extproc.assembly`` and shared by all its calls."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from extproc.approvals.port import ApprovalStore
from extproc.approvals.waiter import ApprovalWaiter
from extproc.credentials.credential import Credential
from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.evidence.recorder import Recorder
from extproc.evidence.spool.crash_file import CrashFile
from extproc.flow.hold_limiter import HoldLimiter
from extproc.flow.observer import Observer
from extproc.identity.approval_state import ApprovalStates
from extproc.identity.event_ids import EventIds
from extproc.identity.session_ids import Sessions
from extproc.masking.formats import as_text
from extproc.masking.masker import Masker
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import CredentialError
from extproc.model.ids import Clock, Entropy
from extproc.model.masking import PASSED_UNMASKED, MaskPlan, MaskRule
from extproc.pinning.pins import PinStore
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.engine import PolicyEngine
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.settings.connection import ConnectionSettings
from extproc.settings.identity import Provider
from extproc.settings.limits import LimitSettings
from extproc.settings.mtls import MtlsSettings
from extproc.settings.upstream_cluster import is_upstream_cluster, upstream_cluster

NO_RULES = MaskPlan()


@dataclass(frozen=True)
class Connection:
    """One registered connection, ready for use."""

    name: str
    settings: ConnectionSettings
    protocol: FunctionProtocol
    mask: MaskPlan
    decide_only_mask: MaskPlan
    """The same for calls over ext_authz, which cannot be masked: a call that this plan masks is refused."""
    terms: ApprovalTerms
    """Approval terms where policy does not give any."""
    credential: Credential | None = None
    exemptions: Mapping[str, MaskPlan] = field(default_factory=dict)
    """Values that pass although ``mask`` masks them, by function; of all other functions by the empty name."""

    def mask_for(self, function: str) -> MaskPlan:
        """Return the masking of calls of one function, with the exemptions that hold there."""
        mask, exempt = self.mask, self._exempt_for(function)
        return MaskPlan(
            mask.request and mask.request + exempt.request, mask.response and mask.response + exempt.response
        )

    def kept_for(self, function: str) -> MaskPlan:
        """Return the exemptions of one function that hold for what is stored or shown, too."""
        plan = self._exempt_for(function)
        return MaskPlan(_recorded(plan.request), _recorded(plan.response))

    def _exempt_for(self, function: str) -> MaskPlan:
        return self.exemptions.get(function) or self.exemptions.get("", NO_RULES)

    @cached_property
    def cluster(self) -> str:
        """The name of the backend's cluster in Envoy's rendered configuration."""
        return upstream_cluster(self.name, self.settings)

    def is_behind(self, cluster: str) -> bool:
        """Return whether Envoy's route leads to this connection's backend, as far as its name tells."""
        return cluster == self.cluster or not is_upstream_cluster(cluster)

    @property
    def strict(self) -> bool:
        """True if an entry must be durable before anything is forwarded."""
        return self.settings.recording.durability == "strict"

    def masked_as(self, content_type: str) -> str:
        """Return the content-type by which a body is masked: some are text because the operator says so."""
        return as_text(content_type, self.settings.masking.text_types)

    def passes_unmasked(self, function: str) -> bool:
        """Return whether a body of this function's calls that cannot be searched may pass."""
        masking = self.settings.masking
        own = masking.functions.get(function)
        return ((own and own.undecodable) or masking.undecodable) == PASSED_UNMASKED.how

    def passes_binary_parts(self, function: str) -> bool:
        """Return whether parts of a form that are not text may pass in this function's calls."""
        masking = self.settings.masking
        own = masking.functions.get(function)
        return ((own and own.binary_parts) or masking.binary_parts) == PASSED_UNMASKED.how

    def known_credential(self) -> CredentialRedactor:
        """Return what takes the credential out of text that is kept; it takes out nothing while it cannot be read.

        A caller may know the backend's credential too, and write it into a call. Other connections' credentials
        are not taken out.
        """
        if self.credential is not None:
            with contextlib.suppress(CredentialError):
                return self.credential.present().redact_credential
        return NO_CREDENTIAL

    def without_credential(self, text: str) -> str:
        """Return text that is kept of a call, without the connection's credential."""
        redact = self.known_credential()
        return redact(text.encode("utf-8", "replace")).decode("utf-8", "replace") if redact else text


def _recorded(rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
    return tuple(rule for rule in rules if rule.exempt and rule.exempt.record)


@dataclass(frozen=True)
class Services:
    """Everything one call needs. Holds no state of a call but how many calls are held, and withdrawn just now."""

    hosts: Mapping[str, Connection]
    """Host, exact or with a wildcard → connection; looked up by ``find_host``."""
    providers: Mapping[str, Provider]
    mtls: MtlsSettings | None
    """Callers by client certificate; None if all need a token."""
    engine: PolicyEngine
    masker: Masker
    approvals: ApprovalStore
    waiter: ApprovalWaiter
    recorder: Recorder
    pins: PinStore
    """The definitions of functions that backends listed."""
    limits: LimitSettings
    sessions: Sessions
    event_ids: EventIds
    approval_states: ApprovalStates
    clock: Clock
    entropy: Entropy
    worker: str = "worker"
    hold_limiter: HoldLimiter = field(default_factory=HoldLimiter)
    withdrawal_limiter: HoldLimiter = field(default_factory=HoldLimiter)
    """Limits the withdrawals under way: each occupies a thread that votes and releases need, too."""
    observer: Observer = field(default_factory=Observer)
    stopwatch: Callable[[], float] = time.perf_counter
    """Seconds, of which only differences mean something."""
    ends_streams: bool = True
    """An event stream ends when its caller's token does."""
    dry_run: bool = False
    """Calls that policy would deny or hold go on; the record names the rule."""
    show_headers: frozenset[str] = frozenset()
    """Header fields that policy sees although they carry secrets."""
    crash_file: CrashFile | None = None
    """Holds a crash record during each evaluation that may kill this process; None if evaluations time out."""
    usage: UsageStore | None = None
    """Counts calls for policies with rules about rates; None where calls are not counted."""
    approval_wait_s: float = 45.0
    """Seconds for which a held caller waits in Envoy before it gets a ticket, in mode ``auto``."""
    approval_pages: str = ""
    """URL of the pages on which approvers decide, without the request's id; empty where there are none."""
    latest: Callable[[], "Services"] | None = None
    """Returns the services of the configuration in force; None where the configuration cannot change."""

    def in_force(self) -> "Services":
        """Return the services of the configuration in force now: a held call is released under these."""
        return self.latest() if self.latest else self
