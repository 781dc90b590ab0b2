"""The parts of a guard, put together once by ``extproc.assembly`` and shared by all calls of a worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.approvals.port import ApprovalStore
from extproc.approvals.waiter import ApprovalWaiter
from extproc.credentials.credential import Credential
from extproc.evidence.recorder import Recorder
from extproc.evidence.spool.crash_file import CrashFile
from extproc.flow.hold_limiter import HoldLimiter
from extproc.flow.observer import Observer
from extproc.identity.session_ids import Sessions
from extproc.masking.masker import Masker
from extproc.model.decision import ApprovalTerms
from extproc.model.ids import Clock, Entropy
from extproc.model.masking import MaskPlan
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.engine import PolicyEngine
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.settings.connection import ConnectionSettings
from extproc.settings.identity import Provider
from extproc.settings.limits import LimitSettings


@dataclass(frozen=True)
class Connection:
    """One registered connection, ready for use."""

    name: str
    settings: ConnectionSettings
    protocol: FunctionProtocol
    mask: MaskPlan
    terms: ApprovalTerms
    """What a held call needs where policy does not say."""
    credential: Credential | None = None

    @property
    def strict(self) -> bool:
        """Whether an entry must be durable before anything is forwarded."""
        return self.settings.recording.durability == "strict"


@dataclass(frozen=True)
class Services:
    """Everything one call needs. Holds no state of any call but how many are held."""

    hosts: Mapping[str, Connection]
    """Exact Host header value, lower case → connection."""
    providers: Mapping[str, Provider]
    engine: PolicyEngine
    masker: Masker
    approvals: ApprovalStore
    waiter: ApprovalWaiter
    recorder: Recorder
    limits: LimitSettings
    sessions: Sessions
    clock: Clock
    entropy: Entropy
    worker: str = "worker"
    held: HoldLimiter = field(default_factory=HoldLimiter)
    observer: Observer = field(default_factory=Observer)
    dry_run: bool = False
    """What policy would deny or hold goes on, and is recorded as what it would have been."""
    crash_file: CrashFile | None = None
    """Holds a crash record during each evaluation that may kill this process; None if evaluations time out."""
    usage: UsageStore | None = None
    """Counts calls for policies that have rules about rates; None where nobody asked for it."""
