"""``extproc up``: check what can be checked early, start all child processes, and drain when told to stop."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from extproc.assembly.names_of_settings import known_names
from extproc.assembly.try_policy import try_policy
from extproc.config.owner_lock import CONTROL, UP, owned, owner_of
from extproc.config.schema import Settings
from extproc.config.snapshot import SnapshotInForce, Snapshots
from extproc.config.state_folder import keep_private
from extproc.model.errors import ConfigError
from extproc.policy.bundle.last_good import discard_all
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.policy_status import STATUS_FOLDER
from extproc.server.log import set_up_log
from extproc.supervise.supervisor import KILL_AFTER_S

LOCK_POLL_S = 0.1


def check_policy(settings: Settings) -> None:
    """Refuse a policy that the workers would refuse: once and early, not in each of them.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    policy = settings.policy
    if policy.engine == "embedded":
        try_policy(read_sources(policy.paths, policy.data, policy.query), known_names(settings))


async def run_up(settings: Settings, config: Path, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run everything until SIGTERM or SIGINT, then drain. Does not check the policy: see ``check_policy``.

    Args:
        settings: the whole configuration.
        config: its file. The children are started with a snapshot of it.
        on_ready: called once every child answers.

    Raises:
        ConfigError: another process owns the state folder, a port is taken, there is no Envoy, or the
            configuration cannot be stored.
        StartFailedError: a child did not become ready.
    """
    set_up_log("supervisor", settings.log_level)
    keep_private(settings.state)
    with owned(settings.state, UP):
        check_ports(settings)
        await until_free(settings)
        await _run_all(Snapshots(settings.state), config, on_ready)


async def until_free(settings: Settings) -> None:
    """Wait for workers and control of a run that was killed: they drain, and own their parts until they end.

    Raises:
        ConfigError: a part still has an owner after the longest drain.
    """
    for part in (CONTROL, *(f"worker-{index}" for index in range(settings.workers))):
        await _until_free(settings, part, settings.limits.drain + KILL_AFTER_S)


async def _until_free(settings: Settings, part: str, within_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            if (pid := owner_of(settings.state, part)) is not None:
                structlog.get_logger().warning("waiting for a part of another run to end", part=part, pid=pid)
            while owner_of(settings.state, part) is not None:  # noqa: ASYNC110 - another process's lock has no event
                await asyncio.sleep(LOCK_POLL_S)
            return
    with owned(settings.state, part):  # raises: somebody runs this part alone
        return


async def _run_all(snapshots: Snapshots, config: Path, on_ready: Callable[[], None]) -> None:
    from extproc.supervise import children as parts  # noqa: PLC0415 - slow; the policy is checked before
    from extproc.supervise.installation import Installation  # noqa: PLC0415 - the same

    configuration = snapshots.take(config)
    settings = configuration.settings
    discard_all(settings.state / STATUS_FOLDER)
    children = parts.make_children(configuration)
    discovery = parts.make_discovery(settings)
    with storing(settings.state):
        snapshots.put_in_force(SnapshotInForce(configuration.digest, str(config), time.time_ns()))
        parts.make_metrics_folder(settings.state)
        parts.write_envoy_config(discovery, settings.state)
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    installation = Installation(configuration, config, children, discovery)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.state / "metrics")
    await installation.run(on_ready)


@contextlib.contextmanager
def storing(state: Path) -> Iterator[None]:
    """Turn a failure to write into an error for people."""
    try:
        yield
    except OSError as error:
        hint = "let the user that runs extproc write there; the disk may be full"
        raise ConfigError(f"state: cannot write to {state}: {error.strerror}", hint=hint) from error


def check_ports(settings: Settings) -> None:
    """Refuse to start where a port is taken.

    Raises:
        ConfigError: names the port's key, and the remedy.
    """
    for key, address in (("envoy.listen", settings.envoy.listen), ("health", settings.health)):
        if address.startswith("unix:"):
            continue
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), int(port)))
            except OSError as error:
                raise ConfigError(
                    f"{key}: cannot listen on {address}: {error.strerror}",
                    hint=f"stop the process that uses it, or set another address at {key!r}",
                ) from error
