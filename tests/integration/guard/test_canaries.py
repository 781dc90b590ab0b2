"""Values planted wherever a call, a vote or a question can carry one: none is found where anything is kept or shown.

One installation, one sweep. Then the same values are put into each kind of place on purpose, and the same sweep
finds them there: only so does finding nothing mean anything.
"""

import asyncio
import base64
import contextlib
import gzip
import json
import os
import re
import secrets
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import brotli
import httpx
import pytest
import pytest_asyncio
from click.testing import Result
from typer.testing import CliRunner

from extproc.approvals.sqlite import SqliteApprovals
from extproc.cli.main import app
from extproc.config.load import load_settings
from extproc.demo.canaries import Canary, Hit, Search, zstd
from extproc.demo.install import free_ports
from extproc.evidence.spool.spool import Spool
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import ExtprocError
from tests.integration.guard.raw import request, speak
from tests.integration.guard.stack import CREDENTIAL, CRM, DOCS, MASKED, PLAIN, Stack, document, write_config
from tests.integration.guard.test_up import Product, children, ports
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import ResponseFacts, Scripted, run_upstream
from tests.unit.approvals.samples import request as approval_request
from tests.unit.flow.test_planted import PLANTED, readable, shapes

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

API = (Path(__file__).parents[3] / "docs/reference/api.md").read_text(encoding="utf-8")
SECRET = "canary-variable-" + "".join(secrets.choice("abcdefgh") for _ in range(16))
"""A credential from the environment."""
ENCODINGS = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
AT_ONCE = 8
JSON = ("content-type", "application/json")


@dataclass
class Installation:
    """The running programs, the planted values, and all output so far."""

    product: Product
    said: list[tuple[str, str]] = field(default_factory=list)
    """Place and text: answers to callers, approvers and analysts."""
    packed: list[bytes] = field(default_factory=list)
    """Encoded bodies, which nobody may keep either."""
    tokens: list[str] = field(default_factory=list)
    moments: set[bytes] = field(default_factory=set)

    @property
    def stack(self) -> Stack:
        return self.product.stack

    async def call(self, method: str, path: str, **options) -> httpx.Response | None:
        """Call, and remember all of the answer. None: the connection was cut off."""
        place = f"answer to {method} {path.partition('?')[0][:40]}"
        headers = {"host": options.pop("host", CRM), **options.pop("headers", {})}
        if "authorization" not in headers:
            headers["authorization"] = f"Bearer {self.tokens[0]}"
        try:
            async with httpx.AsyncClient(timeout=30, trust_env=False, verify=False) as client:
                answer = await client.request(method, self.product.url + path, headers=headers, **options)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return None
        self.said.append((place, f"{answer.headers}\n{answer.text}"))
        return answer

    async def look_at_metrics(self) -> None:
        """While calls are under way, too."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            for path in ("/metrics", "/healthz"):
                answer = await client.get(f"http://{self.stack.settings.health}{path}")
                self.said.append((f"health {path}", answer.text))

    async def watch(self) -> None:
        """Remember what is in small files for a moment only: the words said before each evaluation."""
        seen: set[bytes] = set()
        while True:
            for file in self.stack.settings.evidence.spool.glob("*.words"):
                with contextlib.suppress(OSError):
                    seen.add(file.read_bytes().rstrip(b"\0"))
            self.moments = seen
            await asyncio.sleep(0.001)

    async def ask(self, method: str, path: str, token: str = "", **options) -> httpx.Response:
        """Ask the console's port, or without a token its socket."""
        settings = self.stack.settings
        unix = None if token else str(settings.control.socket)
        transport = httpx.AsyncHTTPTransport(uds=unix, trust_env=False, verify=False)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, timeout=30, trust_env=False) as client:
            url = "http://control" if unix else f"http://{settings.control.listen}"
            answer = await client.request(method, url + path, headers=headers, **options)
        self.said.append((f"api {method} {path.partition('?')[0]}"[:60], f"{answer.headers}\n{answer.text}"))
        return answer

    async def type(self, *words: str) -> Result:
        """A command, as a person types it."""
        argv = [*words, "--config", str(self.stack.config)]
        environment = {"EXTPROC_TOKEN": self.tokens[1], "COLUMNS": "240"}
        done = await asyncio.to_thread(CliRunner().invoke, app, argv, env=environment)
        assert isinstance(done.exception, ExtprocError | SystemExit | None), done.exception
        self.said.append((f"command {' '.join(words[:2])}", f"{done.output}\n{done.exception or ''}"))
        return done

    async def start(self, *words: str) -> None:
        """The same in a separate process: setting signals needs a main thread."""
        argv = [sys.executable, "-m", "extproc", *words, "--config", str(self.stack.config)]
        done = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        self.said.append((f"command {' '.join(words[:2])}", done.stdout + done.stderr))

    async def query(self, sql: str) -> list[dict]:
        done = await self.type("query", sql, "--format", "json", "--limit", "10000")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation() -> AsyncIterator[Installation]:
    os.environ["CANARY_CREDENTIAL"] = SECRET
    with short_folder() as folder:
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            (console,) = free_ports(1)
            common = document(issuer, upstream.address)["connections"]
            common["plain"] = {**common["plain"], "credential": {"env": "CANARY_CREDENTIAL"}}
            common["crm"] = {**common["crm"], "session_header": "x-session-id"}
            config = write_config(
                folder,
                issuer,
                upstream.address,
                connections=common,
                control={"listen": f"127.0.0.1:{console}", "analyst_groups": ["sre"]},
                evidence={"ship_every": 0.2},
                **ports(),
            )
            product = Product(Stack(folder, config, load_settings(config), issuer, upstream), folder / "up.log")
            made = Installation(product, tokens=[issuer.token("carol"), issuer.token("bob", groups=["sre"])])
            try:
                await product.start()
                yield made
            finally:
                os.environ.pop("CANARY_CREDENTIAL")
                if product.process and product.process.returncode is None:
                    product.process.kill()
                    await product.ended(20)


# Planting


def shaped() -> Iterator[tuple[str, str, bytes, str]]:
    """Every shape in every encoding; each time with another of the values."""
    for at, name in enumerate(ENCODINGS):
        for turn, value in enumerate(PLANTED):
            for number, (content_type, body) in enumerate(shapes(value)):
                if (number + at) % len(PLANTED) == turn:
                    yield value, content_type, body.encode(), name


async def plant_bodies(one: Installation) -> None:
    """Each shape as a response, and as a request; the same call has its value in path, query, fields and cookie."""
    answers: dict[str, Scripted] = {}

    def answer(seen: ResponseFacts) -> Scripted:
        return answers.get(seen.header("x-n") or "", Scripted(200, [JSON], [b"{}"]))

    one.stack.upstream.answer = answer
    gate = asyncio.Semaphore(AT_ONCE)

    async def play(number: int, value: str, content_type: str, body: bytes, encoding: str) -> None:
        packed = ENCODINGS[encoding](body)
        if encoding:
            one.packed.append(packed)
        fields = [("content-encoding", encoding)] if encoding else []
        carried = [("x-note", value), ("location", f"/a?b={quote(value)}"), ("set-cookie", f"s={quote(value)}")]
        trailers = [("x-sum", value)]
        answers[str(number)] = Scripted(
            200, [("content-type", content_type), *fields, *carried], [packed], "chunked", trailers
        )
        headers = {"x-n": str(number), "x-note": value, "cookie": f"s={quote(value)}", "user-agent": value}
        async with gate:
            host = (CRM, MASKED)[number % 2]
            in_url = f"/customers/{quote(value)}?q={quote(value)}" if host == CRM else "/customers/1"
            await one.call("GET", in_url, host=host, headers=headers)
            sent = {**headers, "content-type": content_type, **dict(fields)}
            await one.call("POST", "/customers", host=host, content=packed, headers={**sent, "x-n": ""})

    await asyncio.gather(*(play(number, *each) for number, each in enumerate(shaped())))
    told = [text for _, text in one.said]
    assert sum("[US_SSN]" in text or "[CREDIT_CARD]" in text for text in told) > len(told) / 8, "few were masked"
    assert not [text for text in told if "'content-encoding'" in text], "an answer that was not searched"
    one.stack.upstream.answer = Scripted(200, [JSON], [b'{"ok":true}'])


async def plant_refusals(one: Installation) -> None:
    """Calls that are refused: by Envoy, by the guard, by policy, by the backend's failure."""
    ssn, card, mail, key = PLANTED
    whole = json.dumps({"env": "forbidden", "card": card, "ssn": ssn, "mail": mail, "key": key})
    for path in (
        f"/nowhere/{key}/{ssn}",
        f"/customers/1/{quote(mail)}",
        f"/{quote(card)}?access_token={one.tokens[0]}",
    ):
        await one.call("GET", path)
    for body in (whole[:-1], "{" + whole, f'{{"{ssn}":1,"{ssn}":2}}', f'"{card}"', "\ufeff" + whole):
        await one.call("POST", "/customers", content=body.encode(), headers=dict([JSON]))
    await one.call("POST", "/deploys", content=whole.encode(), headers=dict([JSON]))
    await one.call("POST", "/customers", content=b"\xff" + whole.encode(), headers=dict([JSON]))
    await one.call("POST", "/customers", content=whole.encode() * 2_000, headers=dict([JSON]))
    await one.call(
        "POST", "/customers", content=whole.encode(), headers={**dict([JSON]), "content-encoding": f"x-{key}"}
    )
    await one.call("GET", "/customers/1", host=f"{ssn}.{key}.test".lower())
    for session in (ssn, mail, key, CREDENTIAL, f"{ssn} {mail}"):
        await one.call("GET", "/customers/1", headers={"x-session-id": session})
    known = json.dumps({"key": CREDENTIAL, CREDENTIAL: ssn, "deep": json.dumps({"x": f"it is {CREDENTIAL}"})})
    for path in ("/customers", f"/{CREDENTIAL}", f"/customers?k={CREDENTIAL}"):
        await one.call("POST", path, content=known.encode(), headers=dict([JSON]))
    await one.call("GET", "/customers/1", headers={"authorization": f"Bearer {one.tokens[0]}x"})
    await one.call(
        "GET", "/customers/1", headers={"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    )
    await one.call(
        "GET", "/customers/1", headers={"x-request-id": key, "traceparent": f"00-{ssn}", "forwarded": mail}
    )
    for status, content_type in ((500, "text/plain"), (200, f"text/{key}"), (0, "")):
        for host, told in (
            (CRM, f"no {ssn} {card} {mail} {key} Bearer {CREDENTIAL}"),
            (PLAIN, f"Bearer {SECRET}"),
        ):
            kind = content_type if host == CRM else "text/plain"
            one.stack.upstream.answer = Scripted(status, [("content-type", kind)], [told.encode()])
            await one.call("GET", "/customers/1", host=host)
            await one.call("POST", "/customers", host=host, content=b"{}", headers=dict([JSON]))
            one.stack.upstream.answer = Scripted(200, [JSON], [json.dumps({"echo": told}).encode()])
            await one.call("GET", "/customers/1", host=host)
    one.stack.upstream.answer = Scripted(200, [JSON], [b'{"ok":true}'])
    for raw in (
        request("TRACE", f"/{key}", ("host", CRM), ("x-note", ssn)),
        request("GET", f"/a%2f{key}", *one.stack.headers().items()),
        request("GET", "/customers/1", *one.stack.headers().items(), (f"x_{key}", ssn)),
        f"GET /{key} HTTP/1.1\r\nhost: {CRM}\r\nx: {ssn}\x01\r\n\r\n".encode(),
    ):
        host, _, port = one.stack.settings.envoy.listen.rpartition(":")
        told = await speak(await asyncio.open_connection(host, int(port)), raw, within_s=2.0)
        one.said.append(("answer to raw bytes", told.whole.decode("latin-1")))


async def plant_mcp(one: Installation) -> None:
    """Names, ids, arguments, client and protocol of MCP messages; results and errors of the server."""
    ssn, card, mail, key = PLANTED
    text = f"{ssn} {card} {mail} {key}"
    result = {"content": [{"type": "text", "text": text}], "structuredContent": {"a": text}}
    for answer in ({"result": result}, {"error": {"code": 1, "message": text, "data": {"x": text}}}):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, **answer}).encode()
        for content_type, content in (
            ("application/json", body),
            ("text/event-stream", b"data: " + body + b"\n\n"),
        ):
            fields = [("content-type", content_type), ("mcp-session-id", key)]
            one.stack.upstream.answer = Scripted(200, fields, [content])
            for method, params in (
                ("tools/call", {"name": "search", "arguments": {"q": text, ssn: 1}}),
                ("tools/call", {"name": key, "arguments": {"q": text}}),
                ("initialize", {"clientInfo": {"name": text, "version": key}, "protocolVersion": "2025-06-18"}),
                (key, {"x": text}),
                ("notifications/progress", {"message": text, "progressToken": ssn}),
            ):
                call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                accepts = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
                await one.call("POST", "/mcp", host=DOCS, json=call, headers={**accepts, "mcp-session-id": key})
    call = {"jsonrpc": "2.0", "id": ssn, "method": "tools/call", "params": {"name": key, "arguments": {}}}
    await one.call("POST", "/mcp", host=DOCS, json=call)
    one.said.pop()  # a caller gets its own id back, as JSON-RPC says
    batch = [{"jsonrpc": "2.0", "id": ssn, "method": "tools/call", "params": {"name": key}}]
    await one.call("POST", "/mcp", host=DOCS, json=batch)
    one.stack.upstream.answer = Scripted(200, [JSON], [b'{"ok":true}'])


async def plant_approvals(one: Installation) -> None:
    """Held calls with values everywhere; votes and questions about them with values in notes, ids and bodies."""
    ssn, card, mail, key = PLANTED
    text = f"{ssn} {card} {mail} {key}"
    sent = {
        "env": "live",
        "note": text,
        "key": CREDENTIAL,
        ssn: text,
        "deep": [{"inner": json.dumps({"a": text})}],
    }
    bearer = one.tokens[1]
    for word in ("approve", "deny"):
        path = f"/deploys?q={quote(text)}"
        held = asyncio.create_task(
            one.call("POST", path, json=sent, headers={"x-note": text, "cookie": f"a={key}"})
        )
        (approval,) = await one.stack.pending()
        approval_id = approval.request.approval_id
        for path in documented_gets(approval_id, "nowhere"):
            await one.ask("GET", path)
        await one.look_at_metrics()
        await one.type("approvals", "list")
        await one.type("approvals", "show", approval_id)
        await one.type("approvals", "show", approval_id, "--json")
        target = f"/api/approvals/{approval_id}/{word}"
        for junk in ({"note": 7, "digest": text}, {"note": "fine", text: text}, {"note": text * 1_000}, [text]):
            assert (await one.ask("POST", target, bearer, json=junk)).status_code == 422
        assert (await one.ask("POST", target, bearer, content=b"{" + text.encode())).status_code == 422
        assert (await one.ask("POST", target, bearer, json={"note": text, "digest": key})).status_code == 409
        assert (await one.ask("POST", target, one.tokens[0], json={"note": text})).status_code == 403
        assert (await one.ask("POST", target, bearer + key, json={"note": text})).status_code == 401
        await one.type("approvals", word, approval_id, "-m", f"seen: {text}")
        await held
    for junk in (key, quote(text), f"{ssn}/{key}", "../" + key):
        await one.ask("GET", f"/api/approvals/{junk}", bearer)
        await one.ask("GET", f"/api/sessions/{junk}", bearer)
        await one.ask("POST", f"/api/approvals/{junk}/approve", bearer, json={"note": text})
        await one.ask("GET", f"/{junk}", bearer)
    await one.ask("GET", f"/api/sessions?limit={key}&subject={quote(text)}", bearer)
    await one.ask("POST", "/api/query", bearer, json={"sql": 7, "limit": text})
    for sql in (f"SELECT '{text}'", f"SELECT '{text}", f"SELECT `{text}` FROM entries WHERE subject = '{key}'"):
        await one.ask("POST", "/api/query", bearer, json={"sql": sql})
        one.said.pop()  # analysts see their own questions; nobody keeps them
    await one.type("approvals", "show", key)
    await one.type("approvals", "approve", quote(ssn), "-m", text)


async def plant_previews(one: Installation) -> None:
    """Every shape as a request that is held: all that approvers are shown of it."""
    before = len(one.said)
    held = []
    for number, value in enumerate(PLANTED):
        for turn, (content_type, body) in enumerate(shapes(value)):
            if turn % len(PLANTED) == number:
                headers = {"content-type": content_type, "x-note": value}
                held.append(
                    asyncio.create_task(one.call("POST", "/deploys", content=body.encode(), headers=headers))
                )
    async with asyncio.timeout(60):
        while len(waiting := one.stack.approvals.recent(pending_only=True, limit=100)) + len(
            one.said
        ) - before < len(held):
            await asyncio.sleep(0.05)
    assert len(waiting) > len(held) / 3, "few were held"
    await one.ask("GET", "/api/approvals?pending=true")
    await one.type("approvals", "list", "--json")
    for each in waiting:
        await one.ask("GET", f"/api/approvals/{each.request.approval_id}", one.tokens[1])
        await one.type("approvals", "show", each.request.approval_id)
        one.stack.vote(each, approve=False)
    await asyncio.gather(*held)


def documented_gets(approval_id: str, session_id: str) -> list[str]:
    """Every GET of the API's reference."""
    found = re.findall(r"^\| `GET (/[^?`]*)", API, re.MULTILINE)
    assert len(found) >= 5
    return [path.format(approval_id=approval_id, session_id=session_id) for path in found]


async def shipped(one: Installation) -> list[dict]:
    """All rows, once everything is in ClickHouse."""
    count = "SELECT count() AS n FROM entries"
    async with asyncio.timeout(60):
        while True:
            behind = [line for line in await asyncio.to_thread(behind_in, one) if line]
            if not behind:
                break
            await asyncio.sleep(0.2)
    assert (await one.query(count))[0]["n"] > 300
    return await one.query("SELECT * FROM entries")


def behind_in(one: Installation) -> list[int]:
    """How many entries each spool has that are not shipped."""
    from extproc.evidence.spool.spool_reader import SpoolReader
    from extproc.evidence.spool.watermark import read_mark

    found = []
    for file in one.stack.spools():
        with contextlib.closing(SpoolReader(file)) as reader:
            found.append(reader.last() - read_mark(file, reader.writer))
    return found


# Looking


async def look_everywhere(one: Installation) -> None:
    """Have everything said that can be said: API, commands, metrics, Envoy's administration."""
    sessions = json.loads((await one.ask("GET", "/api/sessions?limit=500")).text)["sessions"]
    for each in sessions:
        await one.ask("GET", f"/api/sessions/{quote(each['session_id'], safe='')}", one.tokens[1])
    for path in documented_gets("0" * 36, sessions[0]["session_id"]):
        for token in ("", one.tokens[1]):
            await one.ask("GET", path, token)
    await one.type("sessions", "list", "--limit", "500")
    await one.type("sessions", "show", sessions[0]["session_id"])
    await one.type("sessions", "show", sessions[0]["session_id"], "--entries")
    for table in ("entries", "calls", "session_calls", "sessions"):
        await one.query(f"SELECT * FROM {table}")
    await one.type("doctor", "--json")
    await one.type("policy", "status")
    await one.look_at_metrics()
    assert "extproc_calls_total" in dict(one.said)["health /metrics"]
    transport = httpx.AsyncHTTPTransport(uds=str(one.stack.settings.state / "admin.sock"), verify=False)
    async with httpx.AsyncClient(transport=transport, timeout=10) as client:
        for path in ("/stats", "/stats/prometheus", "/config_dump", "/clusters", "/server_info", "/listeners"):
            one.said.append((f"Envoy's {path}", (await client.get(f"http://envoy{path}")).text))


def process_texts(pids: list[int]) -> Iterator[tuple[str, bytes]]:
    """The parts of a process that other programs can read: its title and, as the same user, its environment."""
    for pid in pids:
        with contextlib.suppress(OSError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            yield "title", title + Path(f"/proc/{pid}/comm").read_bytes()
            yield f"environment of {title.decode()[-200:]}", Path(f"/proc/{pid}/environ").read_bytes()


def sweep(one: Installation, canaries: list[Canary], processes: list[int]) -> set[Hit]:
    """Search all that was said and all that is kept."""
    search = Search(canaries)
    for place, text in one.said:
        search.text(text.encode(), place)
        search.text(readable(text).encode("utf-8", "replace"), place)
    for words in one.moments:
        search.text(words, "last words")
    search.folder(one.stack.settings.state)
    search.text(one.product.log_file.read_bytes(), "log")
    for place, text in process_texts(processes):
        search.text(text, place)
    return search.done.hits


def contents(folder: Path) -> Iterator[bytes]:
    """What is in each file. ClickHouse renames and removes parts meanwhile: what is gone by then is left out."""
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):
                if file.is_file():
                    yield file.read_bytes()


def encoded_and_kept(one: Installation) -> list[bytes]:
    """Bodies of which the encoded bytes are in a file."""
    kept = b"".join(contents(one.stack.settings.state))
    kept += one.product.log_file.read_bytes()
    return [packed for packed in one.packed if packed[:40] in kept]


def everything(one: Installation) -> list[Canary]:
    """All that must be found nowhere."""
    state = one.stack.settings.state
    values = [(f"value {number}", value) for number, value in enumerate(PLANTED)]
    tokens = [(f"token {number}", token.rpartition(".")[2]) for number, token in enumerate(one.tokens)]
    keys = [(name, (state / name).read_bytes()) for name in ("session.key", "pseudonym.key")]
    named = [*values, *tokens, ("credential", CREDENTIAL), ("variable", SECRET), *keys]
    return [Canary(*each) for each in named]


OWN = {("session.key", "state/session.key"), ("pseudonym.key", "state/pseudonym.key")}
"""Keys are in their own files."""


async def test_no_planted_value_is_kept_or_shown_anywhere(installation: Installation) -> None:
    one = installation
    watching = asyncio.create_task(one.watch())
    try:
        for plant in (plant_bodies, plant_refusals, plant_mcp, plant_approvals, plant_previews):
            await plant(one)
    finally:
        watching.cancel()
    assert len(one.moments) > 100
    rows = await shipped(one)
    for call_id in [row["call_id"] for row in rows if row["findings"]][:2]:
        await one.start("policy", "explain", call_id)
    await look_everywhere(one)
    assert one.product.process
    running = [one.product.process.pid, *children(one.product.process.pid)]
    hits = sweep(one, everything(one), running)
    # The supervisor was given the variable, and the workers need it: nobody else has it.
    holders = {hit for hit in hits if hit.canary == "variable" and " serve " in hit.place.replace("\0", " ")}
    holders |= {hit for hit in hits if hit.canary == "variable" and "extproc\0up" in hit.place}
    leaks = sorted({(hit.canary, hit.place) for hit in hits - holders} - OWN)
    assert not leaks, leaks
    assert {(hit.canary, hit.place) for hit in hits} >= OWN
    assert len(holders) == 3
    assert encoded_and_kept(one) == []
    found = {finding["entity"] for row in rows for finding in row["findings"]}
    assert found >= {"US_SSN", "CREDIT_CARD", "EMAIL_ADDRESS"}, "what was planted was seen"


async def test_the_same_sweep_finds_what_is_put_into_each_place(installation: Installation) -> None:
    """One value, in each kind of place."""
    one = installation
    value = "219-09-9999"
    state = one.stack.settings.state
    one.said.clear()
    with contextlib.closing(Spool(one.stack.settings.evidence.spool, "leak")) as spool:
        entry = Entry(
            EntryKind.COMPLETED, "leak", time.time_ns(), function="crm.leak", subject="eve", session="leak"
        )
        spool.record_relaxed(replace(entry, arguments=json.dumps({"a": value})))
    with contextlib.closing(SqliteApprovals(one.stack.settings.approvals.store)) as store:
        now = time.time_ns()
        held = approval_request(preview=json.dumps({"a": value}), groups=("sre",), created_ns=now)
        store.open(replace(held, expires_ns=now + 10**12))
    counter = f"from prometheus_client import Counter; Counter('leak', 'x', ['l']).labels('{value}').inc()"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(state / "metrics")}
    subprocess.run([sys.executable, "-c", counter], check=True, env=environment)
    with one.product.log_file.open("a") as log:
        log.write(json.dumps({"event": base64.b64encode(b"x" + value.encode()).decode()}) + "\n")
    one.moments = {json.dumps([value]).encode()}
    (state / "left.gz").write_bytes(gzip.compress(value.encode()))
    (state / "left.br").write_bytes(one.packed[-1])
    assert encoded_and_kept(one) == [one.packed[-1]]
    async with asyncio.timeout(60):
        while not await one.query("SELECT 1 FROM entries WHERE call_id = 'leak'"):
            await asyncio.sleep(0.2)
    await look_everywhere(one)
    await one.type("approvals", "list", "--json")
    with subprocess.Popen(["sleep", "60"], env={"LEAK": value}) as sleeper:
        hits = sweep(one, [Canary("leak", value)], [sleeper.pid])
        sleeper.kill()
    places = " | ".join(sorted({hit.place for hit in hits}))
    for place in (
        "state/spool/leak.spool",
        "leak.spool (its rows)",
        "state/approvals.db",
        "state/clickhouse",
        "state/metrics",
        "state/left.gz (unpacked)",
        "log",
        "health /metrics",
        "last words",
        "api GET /api/approvals",
        "api GET /api/sessions/",
        "command query SELECT * FROM entries",
        "command approvals list",
        "environment of sleep",
    ):
        assert place in places, f"{place} was not searched: {places}"
