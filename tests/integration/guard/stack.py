"""The whole product, as a person runs it: a configuration file, worker processes, the real Envoy, a backend that
remembers what reached it. Tokens are signed with a key made for the test; approvals are given in the store.
"""

import asyncio
import contextlib
import json
import shutil
import signal
import sqlite3
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from extproc.approvals.approval import Approval, Vote
from extproc.approvals.port import ApprovalStore
from extproc.approvals.postgresql import PostgresApprovals
from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import GuardFilter, render_bootstrap
from extproc.supervise.children import worker_endpoint
from extproc.supervise.probes import answers_grpc
from tests.integration.guard.raw import Connection, speak
from tests.integration.support.envoy_process import EnvoyProcess, run_envoy, short_folder
from tests.integration.support.tokens import AUDIENCE, Issuer
from tests.integration.support.upstream import Answer, RunningUpstream, run_upstream

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
POLICY = HERE / "policy.rego"
WORKER, FAULTY = "tests.integration.guard.worker", "tests.integration.guard.faulty_worker"
CRM, PLAIN, DOCS = "crm.example.com", "plain.example.com", "docs.example.com"
MASKED = "masked.example.com"
"""Where requests are masked, too."""
CREDENTIAL = "canary-credential-5Zx81q"
CARD, SSN, KEY = "4111 1111 1111 1111", "536-22-1847", "AKIAQ3EGT7XW2LPNV5RC"
TERMINAL = {"call.completed", "call.denied", "call.failed"}
READY_S, WITHIN_S, POLL_S = 60.0, 30.0, 0.02
"""Deadlines of what must happen soon; generous, since they are waited for only when a test fails."""
IN_POLICY = frozenset({"crm", "plain", "masked", "docs", "shop"})
"""Connections that ``policy.rego`` names. A stack has some of them."""
RUNNING: list["Worker"] = []
"""Every worker process under way; their logs are shown when a test fails."""


def document(issuer: Issuer, upstream: str, **changes: Any) -> dict[str, Any]:
    """The configuration file.

    ``changes`` are merged into its top-level objects; a function of issuer and upstream makes the whole object. A
    connection that is None is left out.
    """
    functions = {
        "get_customer": {"method": "GET", "path": "/customers/{id}"},
        "head_customer": {"method": "HEAD", "path": "/customers/{id}"},
        "remove_customer": {"method": "DELETE", "path": "/customers/{id}"},
        "update_customer": {"method": "POST", "path": "/customers"},
        "annotate": {"method": "POST", "path": "/notes"},
        "lookup": {"method": "GET", "path": "/lookup"},
        "events": {"method": "GET", "path": "/events"},
        "deploy": {"method": "POST", "path": "/deploys"},
    }
    common = {"upstream": {"address": upstream}, "approvals": {"groups": ["sre"], "expires_in": 60}}
    http = {"protocol": "http-json", "functions": functions, **common}
    made: dict[str, Any] = {
        "version": 1,
        "state": "state",
        "workers": 2,
        "log_level": "debug",
        "identity": {
            "providers": {
                "corp": {"issuer": issuer.name, "audiences": [AUDIENCE], "jwks_file": str(issuer.jwks_file)}
            }
        },
        "connections": {
            "crm": {**http, "hosts": [CRM], "credential": {"file": "credential"}},
            "plain": {**http, "hosts": [PLAIN], "credential": {"file": "credential"}, "masking": {"response": []}},
            "masked": {**http, "hosts": [MASKED], "masking": {"request": [{"entity": "*", "how": "remove"}]}},
            "docs": {"protocol": "mcp", "hosts": [DOCS], "tools": ["search", "publish"], **common},
        },
        "policy": {"paths": [str(POLICY)]},
        "limits": {
            "request_body": 64 << 10,
            "response_body": 128 << 10,
            "event": 4096,
            "message_timeout": 3.0,
            "hold": 60.0,
            "drain": 5.0,
        },
    }
    for key, value in changes.items():
        if callable(value):
            made[key] = value(issuer, upstream)
        else:
            made[key] = {**made.get(key, {}), **value} if isinstance(value, dict) else value
    made["connections"] = {name: each for name, each in made["connections"].items() if each}
    made["policy"]["other_connections"] = sorted(IN_POLICY - made["connections"].keys())
    return made


def tolerant_policy(folder: Path) -> Path:
    """The stacks' policy, which may name functions that are gone: it puts names together, which nobody checks."""
    text = POLICY.read_text().replace("input.call.function", "called")
    file = folder / "tolerant.rego"
    file.write_text(f'{text}\ncalled := concat(".", [input.connection.name, input.call.name])\n')
    return file


def write_config(folder: Path, issuer: Issuer, upstream: str, **changes: Any) -> Path:
    """The configuration file and what it names, in this folder."""
    (folder / "credential").write_text(CREDENTIAL + "\n")
    path = folder / "extproc.yaml"
    path.write_text(json.dumps(document(issuer, upstream, **changes), indent=1))
    return path


def dying_with_us() -> list[str]:
    """Prefix of a command that ends with its parent: a killed test run leaves no process behind. Needs util-linux."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


@dataclass
class Worker:
    """One worker process."""

    argv: list[str]
    endpoint: str
    log_file: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it serves."""
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *dying_with_us(),
                *self.argv,
                cwd=REPOSITORY,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        RUNNING.append(self)
        async with asyncio.timeout(READY_S):
            while not await answers_grpc(self.endpoint):
                assert self.process.returncode is None, f"the worker ended:\n{self.log()}"
                await asyncio.sleep(POLL_S)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, and wait until it is gone."""
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
        await self.gone()

    async def gone(self) -> None:
        """Wait until it has ended."""
        assert self.process
        async with asyncio.timeout(READY_S):
            await self.process.wait()
        if self in RUNNING:
            RUNNING.remove(self)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


@dataclass
class Stack:
    """All that runs."""

    folder: Path
    config: Path
    settings: Settings
    issuer: Issuer
    upstream: RunningUpstream
    workers: list[Worker] = field(default_factory=list)
    envoy: EnvoyProcess = None  # type: ignore[assignment]
    client: httpx.AsyncClient = None  # type: ignore[assignment]
    _seen: dict[str, int] = field(default_factory=dict)
    _stores: list[PostgresApprovals] = field(default_factory=list)
    _callers: set[str] = field(default_factory=set)
    """Addresses that have called since ``fresh``: each call has its own connection, and every entry names its
    caller's address. So no test sees another's entries, however late they come."""

    @property
    def port(self) -> int:
        return self.envoy.port

    @property
    def reached(self) -> list[Any]:
        """Requests that reached the backend since ``fresh``."""
        return self.upstream.requests

    async def call(self, method: str = "GET", path: str = "/customers/1", **options: Any) -> httpx.Response:
        """Call through Envoy with a valid token; ``headers`` given here are added."""
        headers = self.headers(options.pop("host", CRM), **options.pop("headers", {}))
        if "json" not in options and "content" in options:
            headers.setdefault("content-type", "application/json")
        return await self.client.request(method, self.envoy.url + path, headers=headers, **options)

    def headers(self, host: str = CRM, **more: str) -> dict[str, str]:
        """Host and token; names may be written with underscores."""
        given = {name.replace("_", "-"): value for name, value in more.items()}
        return {"host": host, **self.issuer.headers(), **given}

    async def connect(self) -> Connection:
        """A connection to Envoy, for one call that ``client`` would not make."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._calls_from(writer.get_extra_info("sockname"))
        return reader, writer

    def new_client(self, verify: ssl.SSLContext | bool = False) -> httpx.AsyncClient:
        """Makes each call over a new connection; with TLS, in this context."""

        async def traced(name: str, info: dict[str, Any]) -> None:
            if name == "connection.connect_tcp.complete":
                self._calls_from(info["return_value"].get_extra_info("client_addr"))

        async def trace(request: httpx.Request) -> None:
            request.extensions["trace"] = traced

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        return httpx.AsyncClient(
            timeout=60.0, limits=limits, trust_env=False, verify=verify, event_hooks={"request": [trace]}
        )

    def _calls_from(self, address: tuple[Any, ...]) -> None:
        self._callers.add(f"{address[0]}:{address[1]}")

    # Evidence

    def no_end_expected(self) -> None:
        """Calls until now may lack one: Envoy's account of what a killed worker did not end may fall due in the moment
        of the kill, and then it goes into a stream that ends with the worker (docs/adr/0006)."""
        self._callers.clear()

    def fresh(self) -> None:
        """Begin anew: forget what the backend saw, what was recorded until now, and who called."""
        self._callers.clear()
        self.upstream.requests.clear()
        for file in self.spools():
            self._seen[file.name] = max((seq for seq, _ in rows(file, 0)), default=0)

    async def settled(self, *, killed: bool = False) -> None:
        """Wait until the end of each call that was begun is recorded. There is none without a record.

        Args:
            killed: a worker was, and took ends along (docs/adr/0007): then the record of the call itself is enough.
        """
        deadline = time.monotonic() + WITHIN_S
        while missing := self._callers - {
            each["source"] for each in self.entries() if killed or tells_the_end(each)
        }:
            assert time.monotonic() < deadline, f"no record of the calls from {missing}: {kinds(self.entries())}"
            await asyncio.sleep(POLL_S)

    def spools(self) -> list[Path]:
        return sorted(self.settings.evidence.spool.glob("*.spool"))

    def entries(self) -> list[dict[str, Any]]:
        """Entries of the calls that were made since ``fresh``, and of no others, in order of time."""
        found = [entry for file in self.spools() for _, entry in rows(file, self._seen.get(file.name, 0))]
        return sorted(
            (each for each in found if each["source"] in self._callers), key=lambda each: each["time_ns"]
        )

    async def until(
        self, enough: Callable[[list[dict[str, Any]]], Any], within_s: float = WITHIN_S
    ) -> list[dict[str, Any]]:
        """The entries, once there are enough."""
        deadline = time.monotonic() + within_s
        while not enough(found := self.entries()):
            assert time.monotonic() < deadline, f"not recorded; recorded were {kinds(found)}"
            await asyncio.sleep(POLL_S)
        return found

    async def ended(self, calls: int = 1) -> dict[str, Any]:
        """The newest terminal entry, once that many calls have ended."""
        found = await self.until(lambda entries: len(terminals(entries)) >= calls)
        assert len(terminals(found)) == calls, kinds(found)
        return terminals(found)[-1]

    async def ended_of(self, answer: httpx.Response) -> dict[str, Any]:
        """The terminal entry of the call that was answered so."""
        call_id = answer.headers.get("x-extproc-call-id") or call_id_in(answer.json())
        found = await self.until(lambda entries: any(each["call_id"] == call_id for each in terminals(entries)))
        return next(each for each in terminals(found) if each["call_id"] == call_id)

    async def end_of(self, call_id: str) -> dict[str, Any]:
        """The terminal entry of a call, whoever made it."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                found = [each for file in self.spools() for _, each in rows(file, self._seen.get(file.name, 0))]
                for each in terminals(found):
                    if each["call_id"] == call_id:
                        return each
                await asyncio.sleep(POLL_S)

    async def answered(self) -> int:
        """How many messages Envoy has got from the guard until now."""
        return await self.envoy.stat("http.guarded.ext_proc.guard.stream_msgs_received")

    async def reported(self, within_s: float = WITHIN_S) -> dict[str, Any]:
        """Envoy's account of the call that no guard ended."""
        found = await self.until(lambda entries: "call.reported" in kinds(entries), within_s)
        return next(entry for entry in found if entry["kind"] == "call.reported")

    async def assert_unreported(self) -> None:
        """Envoy tells the guard of none of the calls made until now.

        It tells in order: it is made to tell of one more, and had it told of another, that would be here by then.
        """
        before = set(self._callers)
        await speak(await self.connect(), b"GET / HTTP/1.0\r\n\r\n")  # which no guard ever sees
        (last,) = self._callers - before
        found = await self.until(lambda entries: any(each["source"] == last for each in entries))
        assert "call.reported" not in kinds([each for each in found if each["source"] != last])

    # Approvals

    @property
    def approvals(self) -> ApprovalStore:
        """The store; a file is opened anew each time."""
        place = self.settings.approvals.store
        return SqliteApprovals(place) if isinstance(place, Path) else self._database(place)

    def _database(self, url: str) -> PostgresApprovals:
        self._stores = self._stores or [PostgresApprovals(url)]
        return self._stores[0]

    async def pending(self, count: int = 1) -> list[Approval]:
        """Approvals that wait, once there are that many; oldest first."""
        async with asyncio.timeout(WITHIN_S):
            while len(found := self.approvals.recent(pending_only=True, limit=100)) < count:
                await asyncio.sleep(POLL_S)
        return found[::-1]

    def vote(self, approval: Approval, *, approve: bool = True, voter: str = "bob") -> Approval:
        """One of the sre group has a word."""
        note = "looked at the change"
        vote = Vote(f"https://login.example.com|{voter}", approve, note, time.time_ns())
        return self.approvals.vote(approval.request.approval_id, vote, ("sre",))

    async def state_of(self, approval: Approval, *, unlike: str = "pending") -> str:
        """How it stands, once it stands otherwise."""
        async with asyncio.timeout(WITHIN_S):
            while (now := self.approvals.get(approval.request.approval_id)).state.value == unlike:
                await asyncio.sleep(POLL_S)
        return now.state.value

    # Workers

    def logs(self) -> str:
        """Everything the workers wrote."""
        return "".join(worker.log() for worker in self.workers)

    async def _lives(self, worker: Worker) -> bool:
        """A killed process may still count as running, and a busy one may not answer in time."""
        async with asyncio.timeout(READY_S):
            while worker.running:
                if await answers_grpc(worker.endpoint):
                    return True
                await asyncio.sleep(POLL_S)
        return False

    async def revive(self) -> None:
        """Start those workers again that have ended, and wait until Envoy has noticed."""
        ended = [worker for worker in self.workers if not await self._lives(worker)]
        for worker in ended:
            await worker.gone()
            await worker.start()
        good = 0
        async with asyncio.timeout(WITHIN_S):
            while ended and good < len(self.workers):
                good = good + 1 if (await self.call()).status_code == 200 else 0


async def received(
    stack: Stack, seen: Callable[[bytes], None] = lambda _: None, **headers: str
) -> tuple[bytes, bool]:
    """The whole stream as the caller got it, and whether it was broken off; ``seen`` hears what there is so far."""
    got = b""
    try:
        async with stack.client.stream(
            "GET", stack.envoy.url + "/events", headers=stack.headers(**headers)
        ) as stream:
            async for piece in stream.aiter_raw():
                got += piece
                seen(got)
    except httpx.HTTPError:
        return got, True
    return got, False


def call_id_in(refusal: dict[str, Any]) -> str:
    """The call's id in a problem document, or in the error of a JSON-RPC message."""
    told: str = refusal.get("error", {}).get("data", refusal)["call_id"]
    return told


def rows(file: Path, after: int) -> list[tuple[int, dict[str, Any]]]:
    """A spool's entries behind this sequence number."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
        found = database.execute("SELECT seq, document FROM entries WHERE seq > ? ORDER BY seq", (after,))
        return [(seq, json.loads(line)) for seq, line in found]


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["kind"] for entry in entries]


def tells_the_end(entry: dict[str, Any]) -> bool:
    return entry["kind"] in TERMINAL or entry["kind"] == "call.reported"


def terminals(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["kind"] in TERMINAL]


@contextlib.asynccontextmanager
async def run_stack(
    *,
    workers: int = 2,
    faulty: bool = False,
    door: GuardFilter = "ext_proc",
    answer: Answer | None = None,
    serve: bool = True,
    prepare: Callable[[Settings], None] = lambda _: None,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    **changes: Any,
) -> AsyncIterator[Stack]:
    """Start everything.

    Args:
        workers: worker processes.
        faulty: workers that break where a header says.
        door: which filters Envoy has.
        answer: what the backend answers at first.
        serve: False starts no worker, though Envoy knows of them.
        prepare: does something to the state before anything starts.
        change: changes the rendered configuration in place before Envoy gets it.
        changes: of the configuration file.
    """
    async with contextlib.AsyncExitStack() as ending:
        folder = ending.enter_context(short_folder())
        upstream = await ending.enter_async_context(run_upstream(answer))
        issuer = Issuer(folder)
        config = write_config(folder, issuer, upstream.address, workers=workers, **changes)
        settings = load_settings(config)
        settings.state.mkdir(mode=0o700)
        prepare(settings)
        stack = Stack(folder, config, settings, issuer, upstream)
        endpoints = [worker_endpoint(settings, index) for index in range(workers)]
        for index, endpoint in enumerate(endpoints):
            command = ["serve", "--config", str(config), "--index", str(index), "--listen", endpoint]
            argv = [FAULTY, str(config), str(index), endpoint] if faulty else [WORKER, *command]
            stack.workers.append(Worker([sys.executable, "-m", *argv], endpoint, folder / f"worker-{index}.log"))
        if serve:
            await asyncio.gather(*(worker.start() for worker in stack.workers))
        try:
            bootstrap = render_bootstrap(settings, guard_endpoints=endpoints, guard_filter=door)
            change(bootstrap)
            stack.envoy = await ending.enter_async_context(run_envoy(bootstrap))
            stack.client = await ending.enter_async_context(stack.new_client())
            stack.fresh()
            yield stack
        finally:
            await asyncio.gather(*(each.kill() for each in stack.workers if each.process))
