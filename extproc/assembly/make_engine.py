"""Make the policy engine: the embedded one, or the client of an OPA server."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from extproc.assembly.engine_reports import EngineReports, StatusListener, ignore_status
from extproc.assembly.names_of_settings import known_names
from extproc.assembly.try_policy import try_policy
from extproc.config.schema import Settings
from extproc.policy.bundle.configured_files import configured_files
from extproc.policy.bundle.policy_status import PolicyStatus
from extproc.policy.bundle.reload import ReloadingEngine
from extproc.policy.contract.engine import PolicyEngine
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import ALL_READ, NONE_READ, UninspectableReads
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.policy_check import PolicyCheck
from extproc.settings.policy import PolicySettings

PolicyTrial = Callable[[Sources], PolicyCheck]
"""Tries a policy before it decides. Raises ``PolicyInvalid``."""
OPA_TIMEOUT_SHARE = 0.9
"""Of ``limits.decision_timeout``: OPA's timeout is shorter, so that a silent OPA counts against OPA."""
OURS = "data.extproc."
"""The package of policies that were written for this guard."""


def make_engine(
    settings: Settings, reports: EngineReports | None = None, check: PolicyTrial | None = None
) -> PolicyEngine:
    """Make the configured policy engine, in the thread that will use it.

    Args:
        settings: the whole configuration.
        reports: takes the engine's status, and keeps its last good policy. None: nobody is told.
        check: tries a candidate; None: as the settings say, with their names.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    process = reports.process if reports else ""
    publish_status = reports.publish if reports else ignore_status
    if settings.policy.engine == "opa":
        return _make_opa(settings, process, publish_status)
    policy = settings.policy
    return ReloadingEngine(
        configured_files(policy),
        process=process,
        every_s=policy.reload,
        clock_ns=time.time_ns,
        on_change=publish_status,
        check=check or _trial(settings),
        last_good=reports.last_good if reports else None,
        limit_s=settings.limits.decision_timeout,
        uninspectable=policy.uninspectable,
    )


def _trial(settings: Settings) -> PolicyTrial:
    """A trial of policies against the names that the settings know."""
    return partial(try_policy, known=known_names(settings))


def try_beforehand(settings: Settings) -> PolicyTrial:
    """Try the policy in the files now, in any thread.

    Returns:
        What to give to ``make_engine``: it knows the result, and tries any other policy.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    trial = _trial(settings)
    known = configured_files(settings.policy).read()
    checked = trial(known)
    return lambda sources: checked if sources == known else trial(sources)


def opa_server(settings: Settings) -> OpaServer:
    """The configured OPA server, with a time limit that ends before the guard's own."""
    opa = settings.policy.opa
    timeout_s = min(opa.timeout, OPA_TIMEOUT_SHARE * settings.limits.decision_timeout)
    interest = configured_interest(settings.policy)
    return OpaServer(opa.address, timeout_s, opa.tls, opa.ca_file, opa.failures, opa.pause, interest)


def _make_opa(settings: Settings, process: str, publish_status: StatusListener) -> PolicyEngine:
    """Make the client of an OPA server. Its first status has no revision: OPA sends it with each answer."""
    from extproc.policy.opa.opa_engine import OpaEngine, OpaReport  # noqa: PLC0415 - only a guard that asks OPA loads it

    policy = settings.policy

    def changed(report: OpaReport) -> None:
        status = PolicyStatus(process, "opa", report.revision, policy.query, time.time_ns())
        publish_status(replace(status, bundles=report.bundles, trouble=report.problem))

    changed(OpaReport())
    return OpaEngine(
        opa_server(settings),
        policy.query,
        uninspectable_reads=presumed_reads(policy),
        poll_every_s=policy.reload,
        on_change=changed,
    )


def presumed_reads(policy: PolicySettings) -> UninspectableReads:
    """Return the facts that policies in an OPA server are taken to read, by the query's package.

    A query outside of ``data.extproc`` is taken for one that was written for opa-envoy-plugin, whose input has no
    ``input.body``.
    """
    ours = policy.query.startswith(OURS)
    return (ALL_READ if ours else NONE_READ).configured(policy.uninspectable)


def configured_interest(policy: PolicySettings) -> ResponseInterest:
    """Return what ``policy.opa.responses`` says: if OPA is asked about responses."""
    if policy.opa.responses is None:
        return ResponseInterest.UNKNOWN
    return ResponseInterest.ALWAYS if policy.opa.responses else ResponseInterest.NEVER
