"""The composition root: settings in, explicit lists of parts out. The only place that knows every part."""

import contextlib
import gc
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from extproc.approvals.sqlite import SqliteApprovals
from extproc.approvals.waiter import ApprovalWaiter
from extproc.config.schema import (
    ConnectionSettings,
    CustomDetector,
    GrpcConnection,
    HttpJsonConnection,
    LimitSettings,
    MaskingSettings,
    MaskRuleSettings,
    PresidioSettings,
    Settings,
)
from extproc.config.state_folder import keep_private
from extproc.config.summary import notes
from extproc.credentials.credential import make_credential
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.custom import make_custom
from extproc.detectors.detector import Detector
from extproc.detectors.presidio import make_presidio
from extproc.evidence.spool.crash_file import LastWords
from extproc.evidence.spool.queue_journal import recover_pending
from extproc.evidence.spool.spool import Spool, SpoolLimits
from extproc.flow.record.crash_record import tell_last_words
from extproc.flow.services import Connection, Services
from extproc.identity.session_ids import Sessions
from extproc.masking.masker import Masker
from extproc.masking.plan.operators import REDACTED
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import ConfigError, MaskingError
from extproc.model.masking import Listed, MaskOperator, MaskPlan, MaskRule
from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, write_status
from extproc.policy.bundle.reload import PolicyFiles, ReloadingEngine
from extproc.policy.call_counters import UsageStore
from extproc.policy.contract.engine import PolicyEngine
from extproc.policy.opa.opa_engine import OpaEngine, OpaServer
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.protocols.grpc.protocol import GrpcProtocol
from extproc.protocols.grpc.registered_methods import registered
from extproc.protocols.http_json.protocol import HttpJsonProtocol
from extproc.protocols.mcp.protocol import McpProtocol
from extproc.server.health import OK, http_health
from extproc.server.log import set_up_log
from extproc.server.metrics import Metrics, policy_changed
from extproc.server.watchdog import Watchdog, too_long
from extproc.server.worker import serving, until_stopped

USAGE = "usage.db"
PSEUDONYM_KEY = "pseudonym.key"
SESSION_KEY = "session.key"
KEY_BYTES = 32
OPAS_SHARE = 0.9
"""Of ``limits.decision_timeout``."""
COLLECT_AFTER = 50_000
"""Allocations between two looks at the youngest objects (the default, 700, is one or two calls)."""


def make_connection(name: str, settings: ConnectionSettings, limits: LimitSettings) -> Connection:
    """Put one registered connection together."""
    approvals = settings.approvals
    return Connection(
        name=name,
        settings=settings,
        protocol=make_protocol(name, settings, limits),
        mask=masking_plan(settings.masking),
        terms=ApprovalTerms(tuple(approvals.groups), approvals.minimum, approvals.expires_in),
        credential=make_credential(settings.credential) if settings.credential else None,
    )


def check_plan(connection: Connection, masker: Masker) -> None:
    """Refuse a plan that could not mask what it promises.

    Raises:
        ConfigError: a path that is none, or an entity that nothing detects.
    """
    for direction, rules in (("request", connection.mask.request), ("response", connection.mask.response)):
        try:
            masker.check(rules, connection.protocol.kinds(response=direction == "response"))
        except MaskingError as error:
            key = ("connections", connection.name, "masking", direction)
            raise ConfigError(f"{'.'.join(key)}: {error}", key=key) from error


def check_parts(settings: Settings) -> str:
    """Put the parts together that can be wrong, and keep nothing: for ``extproc config check``.

    Returns:
        The policy's revision.

    Raises:
        ConfigError, PolicyInvalid: a masking plan or a policy that must not be used.
    """
    check_plans(settings)
    return make_engine(settings).revision if settings.policy.engine == "embedded" else ""


def check_plans(settings: Settings) -> None:
    """Put every connection's masking plan together, and keep nothing.

    Raises:
        ConfigError: a plan that must not be used.
    """
    masker = _text_masker(settings, bytes(KEY_BYTES), "k0", {})
    for name, connection in settings.connections.items():
        check_plan(make_connection(name, connection, settings.limits), masker)


def make_protocol(name: str, settings: ConnectionSettings, limits: LimitSettings) -> FunctionProtocol:
    """The connection's protocol. A new one is a module in ``extproc.protocols`` and a line here."""
    if isinstance(settings, HttpJsonConnection):
        return HttpJsonProtocol(name, settings, max_depth=limits.json_depth)
    if isinstance(settings, GrpcConnection):
        return GrpcProtocol(name, settings, registered(settings), limits=limits)
    return McpProtocol(name, settings, max_depth=limits.json_depth)


def masking_plan(masking: MaskingSettings) -> MaskPlan:
    """What a connection always masks."""
    return MaskPlan(
        _rules(masking.request) + _declared(masking.declared.request),
        _rules(masking.response) + _declared(masking.declared.response),
    )


def _declared(paths: list[str] | None) -> tuple[MaskRule, ...]:
    """The rules of allow-list mode; none where it is off."""
    if paths is None:
        return ()
    passing = (MaskRule(MaskOperator.REDACT, path=path, listed=Listed.DECLARED) for path in paths)
    return (MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST), *passing)


def _rules(rules: list[MaskRuleSettings]) -> tuple[MaskRule, ...]:
    return tuple(MaskRule(rule.how, path=rule.path or "", entity=rule.entity or "") for rule in rules)


def make_engine(settings: Settings, process: str = "") -> PolicyEngine:
    """The configured engine of policy.

    Args:
        settings: the whole configuration.
        process: whose status and policy are kept in the state folder; empty: nobody's.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    policy = settings.policy

    told: list[PolicyStatus] = []

    def tell(status: PolicyStatus) -> None:
        if process:
            write_status(settings.state / STATUS_FOLDER, status)
            policy_changed(status, told[-1] if told else None)
            told[:] = [status]

    if policy.engine == "opa":
        return _ask_opa(settings, process, tell)
    files = PolicyFiles(tuple(policy.paths), tuple(policy.data), policy.query)
    return ReloadingEngine(
        files,
        process=process,
        every_s=policy.reload,
        clock_ns=time.time_ns,
        tell=tell,
        kept=LastGoodPolicy(settings.state / STATUS_FOLDER, process) if process else None,
        limit_s=settings.limits.decision_timeout,
    )


def _ask_opa(settings: Settings, process: str, tell: Callable[[PolicyStatus], None]) -> OpaEngine:
    """An OPA server's own limit of time ends before the decision's, so that its silence counts as its own."""
    policy, opa = settings.policy, settings.policy.opa
    timeout_s = min(opa.timeout, OPAS_SHARE * settings.limits.decision_timeout)
    server = OpaServer(opa.address, timeout_s, opa.tls, opa.ca_file, opa.failures, opa.pause, opa.responses)

    def changed(revision: str, trouble: str) -> None:
        tell(PolicyStatus(process, "opa", revision, policy.query, time.time_ns(), trouble=trouble))

    changed("", "")
    return OpaEngine(server, policy.query, look_every_s=policy.reload, tell=changed)


def make_masker(settings: Settings) -> Masker:
    """The masker, with the installation's pseudonym key."""
    masking = settings.masking
    named = masking.pseudonym_key_file
    key = _read_key(named) if named else _own_key(settings.state / PSEUDONYM_KEY)
    old = {key_id: _read_key(path) for key_id, path in masking.old_pseudonym_keys.items()}
    return _text_masker(settings, key, masking.pseudonym_key_id, old)


def _text_masker(settings: Settings, key: bytes, key_id: str, old: dict[str, bytes]) -> Masker:
    return Masker(
        make_detectors(settings.masking.detectors, settings.masking.presidio),
        pseudonym_key=key,
        pseudonym_key_id=key_id,
        old_pseudonym_keys=old,
        max_depth=settings.limits.json_depth,
        event_limit=settings.limits.event,
        text_limit=settings.limits.response_body,
    )


def make_detectors(custom: dict[str, CustomDetector], presidio: PresidioSettings | None = None) -> Analyzer:
    """The built-in detectors, those of the installation, and Presidio's.

    Raises:
        ConfigError: a pattern that cannot be used, a name that is taken or not known, or an extra that is missing.
    """
    built_in = {detector.entity for detector in CATALOGUE}
    made = []
    for name, each in custom.items():
        key = ("masking", "detectors", name)
        if name in built_in:
            raise ConfigError(f"{'.'.join(key)}: a built-in detector has this name", key=key)
        try:
            made.append(
                make_custom(
                    name,
                    each.pattern,
                    words=each.context if each.needs_context else (),
                    whole=each.whole,
                    ignore_case=each.ignore_case,
                )
            )
        except ValueError as error:
            raise ConfigError(f"{'.'.join(key)}: {error}", key=(*key, "pattern")) from error
    return Analyzer((*CATALOGUE, *made, *(_presidio(presidio, {*built_in, *custom}) if presidio else ())))


def _presidio(settings: PresidioSettings, others: set[str]) -> tuple[Detector, ...]:
    try:
        return make_presidio(
            settings.entities,
            score=settings.score,
            language=settings.language,
            model=settings.model,
            longest=settings.longest,
            others=(*others, REDACTED.strip("[]")),
        )
    except ImportError as error:
        raise ConfigError(
            "masking.presidio: Presidio is not installed",
            hint="pip install 'extproc[presidio]'",
            key=("masking", "presidio"),
        ) from error
    except ValueError as error:
        raise ConfigError(f"masking.presidio: {error}", key=("masking", "presidio")) from error


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"masking: cannot read the key {path}: {error.strerror}") from error
    if len(key) < KEY_BYTES:
        raise ConfigError(f"masking: the key {path} has fewer than {KEY_BYTES} bytes")
    return key


def _own_key(path: Path) -> bytes:
    """Read the key, or make it once. Processes that start together agree: only one link succeeds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_bytes()


def make_spool(settings: Settings, worker: str) -> Spool:
    """This process's spool."""
    limits = SpoolLimits(settings.evidence.relaxed_window, settings.evidence.max_spool)
    return Spool(settings.evidence.spool, worker, limits, survives=True)


@contextlib.contextmanager
def guarding(settings: Settings, worker: str) -> Iterator[Services]:
    """A guard for one worker; closes its spool and its store when the block ends.

    Raises:
        ExtprocError: a part cannot be made; its message says which file, and what to do.
    """
    keep_private(settings.state)
    approvals = SqliteApprovals(settings.approvals.store)
    spool = make_spool(settings, worker)
    connections = [make_connection(name, each, settings.limits) for name, each in settings.connections.items()]
    masker = make_masker(settings)
    for each in connections:
        check_plan(each, masker)
    engine = make_engine(settings, worker)
    last_words = None if engine.waits else LastWords(settings.evidence.spool, worker)
    try:
        yield Services(
            hosts={host: each for each in connections for host in each.settings.hosts},
            providers=settings.identity.providers,
            engine=engine,
            masker=masker,
            approvals=approvals,
            waiter=ApprovalWaiter(approvals, settings.approvals.poll, time.time_ns),
            recorder=spool,
            limits=settings.limits,
            sessions=Sessions(_own_key(settings.state / SESSION_KEY)),
            clock=time.time_ns,
            entropy=os.urandom,
            worker=worker,
            observer=Metrics(),
            dry_run=settings.policy.dry_run,
            usage=UsageStore(settings.state / USAGE) if settings.policy.usage else None,
            last_words=last_words,
        )
    finally:
        if last_words:
            last_words.close()
        spool.close()
        approvals.close()


def _settle_memory() -> None:
    """Keep the collector off what lives as long as the process, and from looking after every few calls."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


async def _tell_what_was_left(guard: Services, spools: Path) -> None:
    """Record what workers that were killed could not."""
    for found in await recover_pending(spools, guard.recorder):
        structlog.get_logger().warning("entries recovered", of=found.worker, entries=found.entries)
        for _ in range(found.torn):
            guard.observer.words_unreadable(found.worker)
    await tell_last_words(guard, spools)


async def run_worker(settings: Settings, *, listen: str, index: int, health: str = "none") -> None:
    """Run one worker until SIGTERM or SIGINT, then drain.

    Args:
        settings: the whole configuration.
        listen: where Envoy reaches it, ``host:port`` or ``unix:/path``.
        index: its number; names its spool.
        health: ``host:port`` for HTTP health and metrics, or ``none``.
    """
    name = f"worker-{index}"
    set_up_log(name, settings.log_level)
    for note in notes(settings):
        structlog.get_logger().warning(str(note))
    with guarding(settings, name) as guard:

        async def checks() -> dict[str, str]:
            evidence = OK if guard.recorder.healthy else "cannot store entries"
            return {"evidence": evidence, "policy": guard.engine.trouble or OK}

        await _tell_what_was_left(guard, settings.evidence.spool)
        _settle_memory()
        life = Watchdog(too_long(settings.limits))
        async with (
            life.watched(),
            serving(guard, listen, settings.guard_tls, alive=life.kick),
            http_health(health, checks),
            guard.engine.watching(),
        ):
            await until_stopped()
        await guard.waiter.finish()
