"""``extproc up``: check what can be checked early, start all child processes, and drain when told to stop."""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import httpx

from extproc.assembly.try_policy import try_policy
from extproc.config.schema import Settings
from extproc.config.state_folder import keep_private
from extproc.model.errors import ConfigError
from extproc.policy.bundle.last_good import discard_all
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.policy_status import STATUS_FOLDER, read_statuses
from extproc.server.health import OK, health_app
from extproc.server.log import set_up_log
from extproc.server.web import web
from extproc.server.worker import until_stopped
from extproc.supervise.probes import ANSWER_WITHIN_S
from extproc.supervise.supervisor import Supervisor


def check_policy(settings: Settings) -> None:
    """Refuse a policy that the workers would refuse: once and early, not in each of them.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    policy = settings.policy
    if policy.engine == "embedded":
        try_policy(read_sources(policy.paths, policy.data, policy.query))


async def run_up(settings: Settings, config: Path, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run everything until SIGTERM or SIGINT, then drain. Does not check the policy: see ``check_policy``.

    Args:
        settings: the whole configuration.
        config: its file, passed on to the child processes.
        on_ready: called once every child answers.

    Raises:
        ConfigError: a port is taken, or there is no Envoy.
        StartFailedError: a child did not become ready.
    """
    from extproc.supervise.children import make_children  # noqa: PLC0415 - slow; the policy is checked before

    set_up_log("supervisor", settings.log_level)
    check_ports(settings)
    keep_private(settings.state)
    discard_all(settings.state / STATUS_FOLDER)
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    supervisor = Supervisor(make_children(settings, config))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.state / "metrics")

    async def states() -> dict[str, str]:
        return await supervisor.states() | {"policy": policy_state(settings)}

    async with web(health_app(states), settings.health):
        await supervisor.start()
        on_ready()
        await until_stopped()
        await _stop_accepting(settings.state / "admin.sock")
        await supervisor.stop(*(each.name for each in supervisor.children if each.name.startswith("worker-")))
        await supervisor.stop()


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


def policy_state(settings: Settings) -> str:
    """Return ``ok``, or the reason that a running worker last gave why its policy engine cannot decide."""
    found = read_statuses(settings.state / STATUS_FOLDER)
    return next((one.trouble for one, runs in found if runs and one.trouble), OK)


async def _stop_accepting(admin: Path) -> None:
    """Ask Envoy to close its listeners; running calls go on."""
    transport = httpx.AsyncHTTPTransport(uds=str(admin), verify=False)
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S) as client:
            await client.post("http://admin/drain_listeners")
