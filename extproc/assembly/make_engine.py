"""Make the policy engine: the embedded one, or the client of an OPA server."""

import time
from collections.abc import Callable
from dataclasses import replace

from extproc.assembly.try_policy import try_policy
from extproc.config.schema import Settings
from extproc.policy.bundle.last_good import LastGoodPolicy
from extproc.policy.bundle.policy_files import configured_files
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, write_status
from extproc.policy.bundle.reload import ReloadingEngine
from extproc.policy.contract.engine import PolicyEngine
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import ALL_READ, NONE_READ, UninspectableReads
from extproc.policy.opa.opa_server import OpaServer
from extproc.settings.policy import PolicySettings

OPA_TIMEOUT_SHARE = 0.9
"""Of ``limits.decision_timeout``: OPA's timeout is shorter, so that a silent OPA counts against OPA."""
OURS = "data.extproc."
"""The package of policies that were written for this guard."""

StatusListener = Callable[[PolicyStatus], None]
"""Called with each new status of the policy engine: a policy loaded or refused, an engine failed or well."""


def ignore_status(_status: PolicyStatus) -> None:
    """Ignore the status."""


def make_engine(settings: Settings, process: str = "", on_status: StatusListener = ignore_status) -> PolicyEngine:
    """Make the configured policy engine.

    Args:
        settings: the whole configuration.
        process: the process whose status and last good policy are stored in the state folder. Empty: store
            nothing, and call nobody.
        on_status: called with each new status, after it has been stored.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    folder = settings.state / STATUS_FOLDER

    def publish(status: PolicyStatus) -> None:
        write_status(folder, status)
        on_status(status)

    publish_status = publish if process else ignore_status
    if settings.policy.engine == "opa":
        return _make_opa(settings, process, publish_status)
    policy = settings.policy
    return ReloadingEngine(
        configured_files(policy),
        process=process,
        every_s=policy.reload,
        clock_ns=time.time_ns,
        on_change=publish_status,
        check=try_policy,
        last_good=LastGoodPolicy(folder, process) if process else None,
        limit_s=settings.limits.decision_timeout,
        uninspectable=policy.uninspectable,
    )


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
    """What the policies in an OPA server read, by the query's package.

    A query outside of ``data.extproc`` is taken for one that was written for opa-envoy-plugin, whose input has no
    ``input.body``.
    """
    ours = policy.query.startswith(OURS)
    return (ALL_READ if ours else NONE_READ).configured(policy.uninspectable)


def configured_interest(policy: PolicySettings) -> ResponseInterest:
    """Whether ``policy.opa.responses`` says that OPA is asked about responses."""
    if policy.opa.responses is None:
        return ResponseInterest.UNKNOWN
    return ResponseInterest.ALWAYS if policy.opa.responses else ResponseInterest.NEVER
