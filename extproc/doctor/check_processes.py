"""Check the running processes: workers, control process and Envoy, and the state that they report."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx

from extproc.config.addresses import is_local
from extproc.doctor.check_result import CheckResult, Installation
from extproc.evidence.spool.spool_file import SUFFIX
from extproc.server.health import OK
from extproc.supervise.children import worker_endpoint
from extproc.supervise.probes import ANSWER_WITHIN_S, accepts, answers_grpc, answers_http, guard_channel

ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - nothing listens here
REPORT_WITHIN_S = 3 * ANSWER_WITHIN_S
"""Seconds for a report on other processes: its sender probes them before it answers."""
START = "start it: `extproc up` (everything), or `extproc serve` and `extproc control`"
HALF_CLOSED = "server_half_closed"
"""Suffix of Envoy's counter of streams that the guard ended too early."""
UNMARKED = "marked-by-the-guard.denied"
"""Suffix of Envoy's counter of calls that it stopped because no guard had marked them."""


def parts(installation: Installation) -> Iterator[CheckResult]:
    """Check that each part answers. An installation that was never started has no fault."""
    if installation.offline:
        yield installation.skipped("running parts", "not contacted", "run without --offline")
        return
    answers = asyncio.run(_ask_all(installation))
    own_parts = [answered for name, answered in answers.items() if name not in ("Envoy", "console")]
    if any(own_parts) or installation.settings.envoy.guard_endpoints:
        yield from _each(installation, answers)
    elif _has_run(installation):
        what = "nothing runs: no worker answers, nor does the control process; they have run before"
        yield installation.problem("running parts", what, f"{START}; with --offline, only files are checked")
    else:
        yield installation.skipped("running parts", "nothing was started yet", START)


async def _ask_all(installation: Installation) -> dict[str, bool | None]:
    """Return for each part whether it answers; None where it cannot be probed from here."""
    settings = installation.settings
    probes: dict[str, Coroutine[Any, Any, bool | None]] = {
        "control": answers_http(settings.control.socket, "/healthz")
    }
    probes |= {name: _worker(installation, endpoint) for name, endpoint in endpoints(installation).items()}
    if settings.control.listen:
        probes["console"] = _serves(settings.control.listen)
    probes["Envoy"] = accepts(reachable(settings.envoy.listen))
    return dict(zip(probes, await asyncio.gather(*probes.values()), strict=True))


def endpoints(installation: Installation) -> dict[str, str]:
    """Return each worker's name and address."""
    settings = installation.settings
    own = [worker_endpoint(settings, index) for index in range(settings.workers)]
    found = list(settings.envoy.guard_endpoints) or own
    return {f"worker-{index}": endpoint for index, endpoint in enumerate(found)}


async def _worker(installation: Installation, endpoint: str) -> bool | None:
    tls = None if endpoint.startswith("unix:") else installation.settings.envoy.guard_tls
    try:
        channel = guard_channel(endpoint, tls)
    except OSError:
        return None
    return await answers_grpc(channel)


async def _serves(listen: str) -> bool:
    """Return whether the console itself answers on the console's port."""
    document = await _get_json(reachable(listen), "/healthz")
    return isinstance(document, dict) and document.get("status") == OK


def _each(installation: Installation, answers: dict[str, bool | None]) -> Iterator[CheckResult]:
    known = endpoints(installation)
    remote = bool(installation.settings.envoy.guard_endpoints)
    for name, answered in answers.items():
        at = known.get(name) or _address(installation, name)
        if answered:
            yield installation.ok(name, f"answers on {at}")
        elif answered is None:
            what = "requires TLS, but the files of envoy.guard_tls cannot be read here"
            yield installation.skipped(name, what, "run this on the machine of Envoy, as its user")
        elif name == "Envoy" and remote:
            yield installation.skipped(name, f"does not answer on {at} from here; it runs elsewhere")
        else:
            yield installation.problem(name, f"does not answer on {at}", _hint(name))


def backends(installation: Installation) -> Iterator[CheckResult]:
    """Check that each connection's backend accepts connections. Sends it nothing."""
    if installation.offline:
        return
    found = installation.settings.connections
    answers = asyncio.run(_ask_backends({each.upstream.address for each in found.values()}))
    live = bool(installation.settings.envoy.guard_endpoints) or _has_run(installation)
    report = installation.problem if live else installation.warning
    for name, connection in found.items():
        subject, address = f"backend of {name}", connection.upstream.address
        if answers[address]:
            yield installation.ok(f"backend of {name}", f"accepts connections on {address}")
        else:
            what = f"does not accept connections on {address} from here: every call fails with 503"
            path = ("connections", name, "upstream", "address")
            yield report(subject, what, "start the backend, or correct its address", path)


def _has_run(installation: Installation) -> bool:
    return any(installation.settings.evidence.spool.glob(f"*{SUFFIX}"))


async def _ask_backends(addresses: set[str]) -> dict[str, bool]:
    listed = sorted(addresses)
    return dict(zip(listed, await asyncio.gather(*map(accepts, listed)), strict=True))


def _address(installation: Installation, name: str) -> str:
    settings = installation.settings
    if name == "console":
        return str(settings.control.listen)
    return f"unix:{settings.control.socket}" if name == "control" else settings.envoy.listen


def _hint(name: str) -> str:
    effects = {
        "control": "no evidence is shipped, and nobody can approve",
        "console": "nobody can approve from other machines",
        "Envoy": "no call arrives",
    }
    effect = effects.get(name, "the other workers take its calls")
    return f"see its log; until it is back, {effect}. {START}"


def reachable(address: str) -> str:
    """Return an address to connect to: loopback for a server that listens on every address."""
    host, _, port = address.rpartition(":")
    return f"{ANYWHERE[host]}:{port}" if host in ANYWHERE else address


def health(installation: Installation) -> Iterator[CheckResult]:
    """Report the faults that ``/healthz`` lists. No result where it does not answer: ``parts`` reports that."""
    if installation.offline:
        return
    document = asyncio.run(_get_json(reachable(installation.settings.health), "/healthz"))
    states = document.get("parts") if isinstance(document, dict) else None
    if not isinstance(states, dict):
        return
    wrong = {str(name): str(state) for name, state in states.items() if state != OK}
    for name, state in wrong.items():
        yield installation.problem("health", f"{name}: {state}", "see that part's log")
    if not wrong:
        yield installation.ok("health", f"{installation.settings.health} reports every part as ok")


def envoy(installation: Installation) -> Iterator[CheckResult]:
    """Check Envoy through its admin interface: its state, and the two counters that must not grow."""
    if installation.offline:
        return
    address = installation.settings.envoy.admin or f"unix:{installation.settings.state / 'admin.sock'}"
    info = asyncio.run(_get_json(reachable(address), "/server_info"))
    if not isinstance(info, dict) or "version" not in info:
        yield from _silent(installation, address)
        return
    state = str(info.get("state"))
    if state != "LIVE":
        yield installation.warning("Envoy's state", f"{state}, not LIVE", "see Envoy's log")
    stats = asyncio.run(_get_json(reachable(address), "/stats?format=json"))
    for name, value in _counted(stats):
        what = f"{name} is {value}: that many calls were not finished by any guard, or broken off by it"
        hint = "see `kind = 'call.failed'` in evidence; others are 'call.reported', and in the workers' logs"
        yield installation.warning("Envoy's counters", what, hint)
    if not any(_counted(stats)):
        yield installation.ok("Envoy's counters", "every call since Envoy's start was finished by its guard")
    if not is_local(address):
        hint = "remove the key: the default is a socket that only its owner can open"
        what = f"the admin interface listens on {address}, open to other machines"
        yield installation.warning("Envoy's administration", what, hint, ("envoy", "admin"))


def _silent(installation: Installation, admin: str) -> Iterator[CheckResult]:
    """Report a silent admin interface. Of a process that hangs, the kernel still accepts connections."""
    if installation.settings.envoy.guard_endpoints:
        yield installation.skipped("Envoy's counters", f"the admin interface does not answer on {admin} from here")
    elif Path(admin.removeprefix("unix:")).exists() and asyncio.run(
        accepts(reachable(installation.settings.envoy.listen))
    ):
        what = "connections are accepted, but the admin interface does not answer: Envoy hangs"
        yield installation.problem("Envoy's state", what, "see Envoy's log, and restart it")


def _counted(stats: Any) -> list[tuple[str, int]]:
    entries = stats.get("stats", []) if isinstance(stats, dict) else []
    found = [(str(one.get("name")), one.get("value")) for one in entries if isinstance(one, dict)]
    return [
        (name, value)
        for name, value in found
        if name.endswith((HALF_CLOSED, UNMARKED)) and isinstance(value, int) and value
    ]


async def _get_json(address: str, path: str) -> Any:
    """GET a JSON document; None without an answer in time, or if the answer is not JSON."""
    unix = address.removeprefix("unix:") if address.startswith("unix:") else None
    transport = httpx.AsyncHTTPTransport(uds=unix, trust_env=False)
    base = "http://envoy" if unix else f"http://{address}"
    with contextlib.suppress(httpx.HTTPError, ValueError, TimeoutError):
        async with (
            asyncio.timeout(REPORT_WITHIN_S),
            httpx.AsyncClient(transport=transport, timeout=REPORT_WITHIN_S, trust_env=False) as client,
        ):
            return (await client.get(base + path)).json()
    return None
