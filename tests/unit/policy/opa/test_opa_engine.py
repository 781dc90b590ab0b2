"""A real OPA server is asked; whatever goes wrong is a PolicyError without OPA's words."""

import asyncio
import gc
import json
import random
import re
import socket
import subprocess
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from extproc.demo.install import free_ports
from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.opa.opa_engine import CONNECTIONS, HEALTH_TASK, OpaEngine, OpaReport
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.evaluator import EmbeddedEngine

pytestmark = pytest.mark.slow

CANARY = "CANARY-4111111111111111"
EXAMPLE = starter_folder() / "data.example.yaml"
SOON_S, NEVER_S = 30.0, 60.0
"""A deadline that only a failing test sees, and longer than that."""
TRYOUT = """package tryout
same := input
nothing := null
undefined := 1 if input.never
fails if not to_number(input.s) == 1
"""


@pytest.fixture(scope="module")
def opa_address(opa_binary, tmp_path_factory):
    """A running OPA with the starter policies, on a unix socket."""
    folder = tmp_path_factory.mktemp("opa")
    (folder / "tryout.rego").write_text(TRYOUT)
    files = [path for path in starter_folder().glob("*.rego") if not path.name.endswith("_test.rego")]
    command = [opa_binary, "run", "--server", "--addr", f"unix://{folder}/s", "--log-level", "error"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*command, *files, EXAMPLE, folder / "tryout.rego"], stdout=log, stderr=log)
    try:
        wait_until_healthy(folder / "s", folder / "log")
        yield f"unix:{folder}/s"
    finally:
        server.terminate()
        server.wait(SOON_S)


def wait_until_healthy(uds: Path, log: Path) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(uds))) as client:
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            try:
                if client.get("http://opa/health").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    pytest.fail(f"opa did not start:\n{log.read_text()}")


@asynccontextmanager
async def engine(address: str, query: str = "data.tryout.same", timeout_s: float = SOON_S, **more):
    opened = OpaEngine(OpaServer(address, timeout_s, **more), query)
    try:
        yield opened
    finally:
        await opened.close()


async def test_values_come_back_exactly(opa_address):
    document = b'{"n":123456789012345678901234567890,"s":"\\u00e9","none":null,"l":[1.5,true]}'
    async with engine(opa_address) as opa:
        answer = await opa.evaluate(document)
    assert answer["s"] == "é"
    assert answer["none"] is None
    assert answer["l"] == [1.5, True]


async def test_null_is_a_value_and_undefined_is_not(opa_address):
    async with engine(opa_address, "data.tryout.nothing") as opa:
        assert await opa.evaluate(b"{}") is None
    for query in ("data.tryout.undefined", "data.nowhere.at_all"):
        async with engine(opa_address, query) as opa:
            with pytest.raises(PolicyError, match="undefined"):
                await opa.evaluate(b"{}")


async def test_a_built_ins_error_denies_and_tells_nothing(opa_address):
    async with engine(opa_address, "data.tryout.fails") as opa:
        with pytest.raises(PolicyError) as caught:
            await opa.evaluate(json.dumps({"s": CANARY}).encode())
    assert str(caught.value) == "OPA answered with status 500"


async def test_input_that_is_no_json_denies(opa_address):
    async with engine(opa_address) as opa:
        with pytest.raises(PolicyError, match="status 400"):
            await opa.evaluate(b'{"a":')


async def test_the_revision_is_known_with_the_answer(opa_address):
    async with engine(opa_address) as opa:
        assert opa.revision == ""
        await opa.evaluate(b"{}")
        assert len(opa.revision) == 64
        assert await opa.refresh() == opa.revision


async def test_health(opa_address):
    async with engine(opa_address) as opa:
        assert await opa.healthy()
    async with engine("127.0.0.1:1") as opa:
        assert not await opa.healthy()


async def test_both_engines_decide_alike(opa_address):
    embedded = EmbeddedEngine.from_sources(read_sources([], [EXAMPLE], "data.extproc.decision"))
    async with engine(opa_address, "data.extproc.decision") as opa:
        for call in CALLS:
            document = json.dumps(call).encode()
            assert await opa.evaluate(document) == await embedded.evaluate(document)


def generated(number: int) -> dict[str, object]:
    """One of many inputs, mostly plausible, some with the wrong types."""
    pick = random.Random(number).choice
    function = pick(
        ["crm.get_customer", "crm.export_all", "warehouse.query", "deploy.run", "payments.request", "docs.search"]
    )
    findings = [{"entity": pick(["CREDIT_CARD", "US_SSN"]), "path": "$.a", "count": pick([1, 3, 4])}]
    call = a_call(
        function,
        pick([[], ["support"], ["fraud", "support"], ["engineers"], ["analysts", "engineers"], ["nobody"]]),
        pick(
            [
                {},
                None,
                [],
                "x",
                {"sql": pick(["select 1", "drop table x", 1])},
                {"environment": pick(["staging", "moon", None])},
            ]
        ),
        direction=pick(["request", "request", "response", "list"]),
        findings=pick([[], findings]),
        time=pick(
            [
                "2026-11-20T10:00:00.000000001Z",
                "2026-11-21T10:00:00.000000001Z",
                "2026-07-03T04:30:00.000000000Z",
                "noon",
            ]
        ),
        body=pick([{"size": 0}, {"size": 0}, {"size": 1, "uninspectable": "batch"}]),
        usage=pick(
            [
                None,
                {
                    "caller": {"minute": 1, "hour": 1, "day": 1},
                    "function": {"minute": 1, "hour": 1, "day": pick([20, 21])},
                },
            ]
        ),
    )
    call["connection"]["protocol"] = call["call"]["protocol"] = pick(["mcp", "http-json"])
    call["call"]["method"] = pick(["tools/call", "tools/list", ""])
    call["call"]["name"] = pick([call["call"]["name"], call["call"]["method"]])
    response = {
        "status": 200,
        "body": pick([{"status": pick(["open", "closed"])}, None, []]),
        "findings": pick([[], findings]),
    }
    call["response"] = pick([response, response, {"status": 200, "body": None, "uninspectable": "streamed"}])
    for _ in range(pick([0, 0, 0, 1, 2])):
        call.pop(pick(list(call)))
    return call


async def test_both_engines_decide_alike_on_many_generated_inputs(opa_address):
    """What the embedded engine decides is what OPA does; an error of either denies."""
    embedded = EmbeddedEngine.from_sources(read_sources([], [EXAMPLE], "data.extproc.decision"))
    decided = Counter()
    async with engine(opa_address, "data.extproc.decision") as opa:
        for number in range(400):
            document = json.dumps(generated(number)).encode()
            answers = [await answer(each, document) for each in (embedded, opa)]
            assert answers[0] == answers[1], (number, document)
            decided[answers[0]["rule"] if answers[0] else ""] += 1
    assert len(decided) >= 10, decided


async def answer(asked: EmbeddedEngine | OpaEngine, document: bytes) -> object:
    try:
        return await asked.evaluate(document)
    except PolicyError:
        return None


async def test_an_opa_says_itself_whether_it_decides_responses(opa_address):
    """The example's data has rules about responses; ``policy.opa.responses`` has the last word."""
    async with engine(opa_address, "data.extproc.decision") as opa:
        assert opa.response_interest is ResponseInterest.UNKNOWN
        await opa.poll()
        assert opa.response_interest is ResponseInterest.ALWAYS
    async with engine(opa_address, "data.extproc.decision", response_interest=ResponseInterest.NEVER) as opa:
        await opa.poll()
        assert opa.response_interest is ResponseInterest.NEVER
    async with engine("127.0.0.1:1", "data.extproc.decision") as opa:
        await opa.poll()
        assert opa.response_interest is ResponseInterest.UNKNOWN


def a_call(function: str, groups: list[str], arguments: object = None, **more: object) -> dict[str, object]:
    connection, _, name = function.partition(".")
    return {
        "identity": {"issuer": "i", "subject": "s", "groups": groups, "actor": ""},
        "connection": {"name": connection, "protocol": "http-json"},
        "call": {
            "protocol": "http-json",
            "function": function,
            "name": name,
            "method": "",
            "arguments": arguments,
        },
        "body": {"size": 0},
        "findings": [],
        "direction": "request",
        **more,
    }


CALLS = [
    a_call("crm.get_customer", ["support"], {"id": 1}),
    a_call("crm.get_customer", ["support", "fraud"], {"id": 1}),
    a_call("crm.delete_customer", ["support"], {"id": 1}),
    a_call("crm.get_customer", [], {"id": 1}),
    a_call("warehouse.query", ["analysts"], {"sql": "select 1"}),
    a_call("warehouse.query", ["analysts"], {"sql": "with x as (delete from y) select 1"}),
    a_call("warehouse.query", ["analysts"], {"sql": 1}),
    a_call("warehouse.query", ["analysts"], None),
    a_call("deploy.run", ["engineers"], {"environment": "staging"}),
    a_call("deploy.run", ["engineers"], {"environment": "moon"}),
    a_call("crm.get_customer", ["support"], None, body={"size": 1, "uninspectable": "not-json"}),
    {},
]


async def answering(raw: bytes):
    """A server that says the same to everybody."""

    async def handle(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            await writer.drain()
            if raw:
                writer.close()
            else:
                await asyncio.sleep(NEVER_S)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        http("200 OK", b"not json"),
        http("200 OK", b"[]"),
        http("200 OK", b'"allow"'),
        http("200 OK", b'{"result":NaN}'),
        http("200 OK", b"{}"),
        http("204 No Content", b""),
        http("302 Found", b"", "location: http://127.0.0.1:1/"),
        http("500 Oops", b'{"message":"CANARY"}'),
        http("200 OK", b'{"result":true}')[:-3],
        http("200 OK", b'{"result":"' + b"x" * (5 << 20) + b'"}'),
    ],
)
async def test_an_answer_that_cannot_be_read_denies(raw):
    server, address = await answering(raw)
    async with server, engine(address) as opa:
        with pytest.raises(PolicyError) as caught:
            await opa.evaluate(b"{}")
    assert "CANARY" not in str(caught.value)


async def test_a_server_that_does_not_answer_denies_in_time():
    server, address = await answering(b"")
    begun = time.monotonic()
    async with engine(address, timeout_s=0.2) as opa:
        with pytest.raises(PolicyError, match=r"within 0\.2 s"):
            await opa.evaluate(b"{}")
    assert time.monotonic() - begun < NEVER_S
    server.close()


async def test_nobody_there_denies():
    with socket.socket() as bound:  # and does not listen: nobody else can, either
        bound.bind(("127.0.0.1", 0))
        async with engine(f"127.0.0.1:{bound.getsockname()[1]}") as opa:
            with pytest.raises(PolicyError, match="ConnectionRefusedError"):
                await opa.evaluate(b"{}")


async def test_a_server_that_is_gone_is_not_asked_until_the_pause_is_over(opa_address, tmp_path):
    now, told = 0.0, []
    server = OpaServer(f"unix:{tmp_path}/opa", 1.0, failures=2, pause_s=5.0)
    opa = OpaEngine(server, "data.tryout.same", clock_s=lambda: now, on_change=told.append)
    for _ in range(2):
        with pytest.raises(PolicyError, match="FileNotFoundError"):
            await opa.evaluate(b"{}")
    assert told == [OpaReport(problem="OPA does not answer: its breaker is open")]
    with pytest.raises(PolicyError, match="OPA is not asked"):
        await opa.evaluate(b"{}")
    now = 5.0
    with pytest.raises(PolicyError, match="FileNotFoundError"):
        await opa.evaluate(b"{}")
    now = 10.0
    async with relay(tmp_path / "opa", opa_address):
        assert await opa.evaluate(b"{}") == {}
    assert opa.problem == ""
    assert told[-1].problem == ""
    await opa.close()


async def test_polling_tells_of_health_and_of_policies_that_changed(opa_address, tmp_path):
    told = []
    opa = OpaEngine(
        OpaServer(f"unix:{tmp_path}/opa"),
        "data.tryout.same",
        poll_every_s=0.01,
        on_change=told.append,
    )
    transport = httpx.AsyncHTTPTransport(uds=opa_address.removeprefix("unix:"))
    async with opa.watching(), httpx.AsyncClient(transport=transport, base_url="http://opa") as client:
        async with relay(tmp_path / "opa", opa_address):
            await opa.evaluate(b"{}")
            first = opa.revision
            await client.put("/v1/policies/more", content=b"package more\nx := 1")
            async with asyncio.timeout(SOON_S):
                while opa.revision == first:
                    await asyncio.sleep(0.01)
            await client.delete("/v1/policies/more")
        async with asyncio.timeout(SOON_S):
            while not opa.problem:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(SOON_S):
            while told[-1] != OpaReport(opa.revision, (), "OPA is not healthy, or cannot be reached"):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def relay(path: Path, address: str):
    """Passes bytes between a socket and OPA's, until the block ends: then OPA cannot be reached there any more."""
    opened = []

    async def pump(reader, writer):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
        writer.close()

    async def handle(reader, writer):
        opa_reader, opa_writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        opened.extend((writer, opa_writer))
        await asyncio.gather(pump(reader, opa_writer), pump(opa_reader, writer), return_exceptions=True)

    server = await asyncio.start_unix_server(handle, path)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
        for writer in opened:
            writer.transport.abort()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate authority, a certificate of it for localhost, and another authority."""
    folder = tmp_path_factory.mktemp("tls")
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    for name in ("ca", "other"):
        subprocess.run(
            [*new, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        [*new, "-subj", "/CN=opa", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE",
         "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
         "-keyout", folder / "opa.key", "-out", folder / "opa.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def tls_port(opa_binary, certificates):
    """A running OPA that speaks TLS."""
    (port,) = free_ports(1)
    (certificates / "tryout.rego").write_text(TRYOUT)
    server = subprocess.Popen(
        [opa_binary, "run", "--server", "--addr", f"https://127.0.0.1:{port}", "--log-level", "error",
         "--tls-cert-file", certificates / "opa.pem", "--tls-private-key-file", certificates / "opa.key",
         certificates / "tryout.rego"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(SOON_S)


async def test_over_tls_the_certificate_and_its_name_are_checked(tls_port, certificates):
    own = {"tls": True, "ca_file": certificates / "ca.pem"}
    async with engine(f"localhost:{tls_port}", **own) as opa:
        assert await opa.evaluate(b'{"a":1}') == {"a": 1}
        assert await opa.healthy()
    for address, more in (
        (f"127.0.0.1:{tls_port}", own),
        (f"localhost:{tls_port}", {"tls": True, "ca_file": certificates / "other.pem"}),
        (f"localhost:{tls_port}", {"tls": True}),
        (f"localhost:{tls_port}", {}),
    ):
        async with engine(address, **more) as opa:
            with pytest.raises(PolicyError):
                await opa.evaluate(b"{}")
            assert not await opa.healthy()


@asynccontextmanager
async def slow_opa():
    """Says nothing to a question that has ``slow`` in it, nor, once it hangs, to any. Counts questions of health."""
    state = {"hangs": False, "health": 0}

    async def handle(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                state["health"] += head.startswith(b"GET /health")
                if state["hangs"] or b"slow" in body:
                    await asyncio.sleep(NEVER_S)
                writer.write(http("200 OK", b'{"result":true,"provenance":{"bundles":{"b":{"revision":"1"}}}}'))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield state, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def ask_slowly(opa: OpaEngine, times: int = 1, within_s: float = 0.2) -> list[str]:
    """What is said of questions that have no answer; no other question has so little time."""

    async def one():
        with pytest.raises(PolicyError) as caught:
            await opa.evaluate(b'"slow"')
        return str(caught.value)

    patience, opa.timeout_s = opa.timeout_s, within_s
    try:
        return await asyncio.gather(*(one() for _ in range(times)))
    finally:
        opa.timeout_s = patience


async def test_one_callers_slow_questions_deny_nobody_else():
    """More of them at once than there are connections, and again and again."""
    async with slow_opa() as (state, address), engine(address, failures=3) as opa:
        for _ in range(3):
            found = await ask_slowly(opa, 2 * CONNECTIONS)
            assert set(found) == {"OPA gave no answer within 0.2 s"}
            await opa.doubts_settled()
            assert await opa.evaluate(b"{}") is True
        assert opa.problem == ""
        assert 3 <= state["health"] < 3 * CONNECTIONS  # one at a time, each for all that came meanwhile


async def test_a_callers_questions_wait_for_each_other_and_nobody_elses_do():
    async with slow_opa() as (_, address), engine(address) as opa:
        assert await opa.evaluate(b"{}", "a") is True
        gc.collect()
        semaphores = count_semaphores()
        flood = [asyncio.create_task(opa.evaluate(b'"slow"', "a")) for _ in range(2 * CONNECTIONS)]
        await asyncio.sleep(0.1)
        assert await asyncio.gather(*(opa.evaluate(b"{}", "b") for _ in range(2 * CONNECTIONS))) == [True] * 128
        for one in flood:
            one.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        assert await opa.evaluate(b"{}", "a") is True
        del flood, one
        gc.collect()
        assert count_semaphores() <= semaphores  # of callers who are gone nothing is kept


def count_semaphores() -> int:
    return sum(isinstance(each, asyncio.Semaphore) for each in gc.get_objects())


async def test_an_opa_that_hangs_opens_the_breaker():
    """It does not answer about its health either; once it does, the breaker closes with the next question."""
    now = 0.0
    async with slow_opa() as (state, address):
        opa = OpaEngine(OpaServer(address, SOON_S, failures=3, pause_s=5.0), "data.x", clock_s=lambda: now)
        assert await opa.evaluate(b"{}") is True
        state["hangs"], opa.timeout_s = True, 0.1
        for _ in range(3):
            await ask_slowly(opa)
            await opa.doubts_settled()
        assert opa.problem == "OPA does not answer: its breaker is open"
        assert (await ask_slowly(opa))[0].startswith("OPA is not asked")
        state["hangs"], opa.timeout_s, now = False, SOON_S, 5.0
        assert await opa.evaluate(b"{}") is True
        assert opa.problem == ""
        await opa.close()


async def test_a_closed_engine_asks_nothing_more():
    async with slow_opa() as (state, address):
        opa = OpaEngine(OpaServer(address, NEVER_S), "data.x")
        state["hangs"] = True
        await ask_slowly(opa)
        assert health_tasks() == 1
        async with asyncio.timeout(SOON_S):
            await opa.close()
        assert health_tasks() == 0


def health_tasks() -> int:
    return sum(task.get_name() == HEALTH_TASK for task in asyncio.all_tasks())


def test_a_ca_file_without_certificates_is_refused(tmp_path):
    for name in ("none.pem", "missing.pem"):
        (tmp_path / "none.pem").write_text("nothing")
        with pytest.raises(ConfigError, match="ca_file"):
            OpaEngine(OpaServer("localhost:1", tls=True, ca_file=tmp_path / name), "data.x")


async def test_cancelling_goes_through():
    server, address = await answering(b"")
    async with engine(address, timeout_s=30) as opa:
        asking = asyncio.create_task(opa.evaluate(b"{}"))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    server.close()
