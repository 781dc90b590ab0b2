"""Checks of running processes: workers over TLS, Envoy's counters, health, ClickHouse through control."""

import asyncio
import contextlib
import datetime as dt
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from extproc.config.configuration import configuration_digest
from extproc.config.configuration_status import write_status
from extproc.config.load import load_settings
from extproc.demo.install import free_ports
from extproc.doctor import check_configuration, check_in_force, check_processes, check_shipping
from extproc.evidence.spool.spool_file import SUFFIX
from extproc.server.worker import serving
from extproc.settings.envoy import GuardTls
from tests.support.unchanging import Unchanging
from tests.unit.doctor.installations import GOOD, installed, look, only
from tests.unit.flow.dialogue import make_services
from tests.unit.server.test_listen import certify

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)


class Server(ThreadingHTTPServer):
    """Serve a document for each path."""

    daemon_threads = True

    def __init__(self, unix=None, **documents):
        self.documents, self.unix = {f"/{name}": text for name, text in documents.items()}, unix
        if unix:
            self.address_family = socket.AF_UNIX
        super().__init__(str(unix) if unix else ("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.socket.bind(str(unix) if unix else ("127.0.0.1", 0))
        self.server_activate()
        self.server_address = self.socket.getsockname()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("content-length", 0))
        asked = self.rfile.read(length).decode()
        document = self.server.documents.get(self.path.partition("?")[0], "no json")
        if callable(document):
            document = document(asked)
        status, text = document if isinstance(document, tuple) else (200, document)
        body = (text if isinstance(text, str) else json.dumps(text)).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(unix=None, **documents):
    with Server(unix, **documents) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


async def test_workers_are_asked_over_mutual_tls_where_envoy_would_be(tmp_path):
    authority = certify(tmp_path, "authority")
    certify(tmp_path, "worker", authority)
    certify(tmp_path, "envoy", authority)
    tls = GuardTls(
        certificate=tmp_path / "worker.crt", key=tmp_path / "worker.key", client_ca=tmp_path / "authority.crt"
    )
    port, dead = free_ports(2)
    text = GOOD + (
        f"envoy: {{guard_endpoints: ['127.0.0.1:{port}', '127.0.0.1:{dead}'],"
        " guard_tls: {certificate: envoy.crt, key: envoy.key, ca: authority.crt, san: 127.0.0.1}}\n"
    )
    file = installed(tmp_path, text)
    guard = Unchanging(make_services(tmp_path, changes={"limits.drain": 0.01}))
    async with serving(guard, f"127.0.0.1:{port}", tls):
        found = await asyncio.to_thread(look, file, check_processes.parts, offline=False)
        (tmp_path / "envoy.key").unlink()
        blind = await asyncio.to_thread(look, file, check_processes.parts, offline=False)
    assert only(found, "worker-0", "ok")
    assert only(found, "worker-1", "problem")["what"] == f"does not answer on 127.0.0.1:{dead}"
    assert only(found, "Envoy", "skipped")
    assert only(found, "control", "problem")
    assert "cannot be read here" in only(blind, "worker-0", "skipped")["what"]


@pytest.mark.parametrize(
    ("begin", "end", "level", "words"),
    [
        (NOW - DAY, NOW + 30 * DAY, "ok", "valid for 30 days"),
        (NOW - DAY, NOW + 3 * DAY, "warning", "expires in 3 days"),
        (NOW - 2 * DAY, NOW - DAY, "problem", "has expired"),
        (NOW + DAY, NOW + 2 * DAY, "problem", "not valid yet"),
        (None, None, "problem", "contains no certificate"),
    ],
)
def test_certificates_are_held_against_the_clock(tmp_path, begin, end, level, words):
    if begin is None:
        (tmp_path / "backend.crt").write_text("canary: no certificate")
    else:
        certify(tmp_path, "backend", begin=begin, end=end)
    upstream = 'upstream: {address: "127.0.0.1:9000", tls: true, ca_file: backend.crt}'
    file = installed(tmp_path, GOOD.replace('upstream: {address: "127.0.0.1:9000"}', upstream))
    one = only(look(file, check_configuration.certificates), "certificate of crm's backend", level)
    assert words in one["what"]
    assert "canary" not in str(one)


INFO = {"version": "x/1.40.0/y", "state": "LIVE"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("info", "stats", "subject", "level", "words"),
    [
        (INFO, [{"name": "http.guarded.ext_proc.guard.server_half_closed", "value": 0}], "Envoy's counters", "ok", "every call"),
        (INFO, [{"name": "http.guarded.ext_proc.guard.server_half_closed", "value": 3}], "Envoy's counters", "warning", "half_closed is 3"),
        (INFO, [{"name": "http.guarded.rbac.marked-by-the-guard.denied", "value": 1}], "Envoy's counters", "warning", "denied is 1"),
        (INFO, [{"histograms": {}}, {"name": None}], "Envoy's counters", "ok", "every call"),
        ({**INFO, "state": "DRAINING"}, [], "Envoy's state", "warning", "DRAINING"),
    ],
)  # fmt: skip
def test_envoy_s_own_account_is_read(tmp_path, *, info, stats, subject, level, words):
    file = installed(tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    with answering(tmp_path / "state" / "admin.sock", server_info=info, stats={"stats": stats}):
        found = look(file, check_processes.envoy, offline=False)
    assert words in only(found, subject, level)["what"]


def test_what_health_says_is_not_well_is_passed_on(tmp_path):
    parts = {"control": "ok", "worker-0": "down", "shipping": "NETWORK_ERROR"}
    with answering(healthz=(503, {"parts": parts})) as server:
        text = GOOD + f"health: 127.0.0.1:{server.server_address[1]}\n"
        found = look(installed(tmp_path, text), check_processes.health, offline=False)
    assert {one["what"] for one in found["health"]} == {"worker-0: down", "shipping: NETWORK_ERROR"}


def answer(state=None, refused="", columns=""):
    """The control process answers the doctor's queries."""

    def ask(asked):
        wrong = columns if "leaf_hash" in asked else refused
        if wrong:
            return 400, {"title": "The query was not answered", "reason": "query-refused", "detail": wrong}
        return {"columns": [], "rows": [state() if callable(state) else state or []], "truncated": False}

    return ask


@pytest.mark.parametrize(
    ("answered", "level", "words"),
    [
        (
            answer(lambda: [time.time() * 1000, 7, (time.time() - 90) * 1000]),
            "ok",
            "7 entries, the last shipment 0:0",
        ),
        (answer(lambda: [time.time() * 1000, 0, 0]), "ok", "ClickHouse answers; 0 entries"),
        (
            answer(refused="Table extproc.entries does not exist. (UNKNOWN_TABLE)"),
            "ok",
            "the first shipment makes its tables",
        ),
        (
            answer([1, 1, 1], columns="Unknown expression identifier `damage`. In scope SELECT writer, se"),
            "problem",
            "another version",
        ),
        (answer([1, 1, 1], columns="Timeout (TIMEOUT_EXCEEDED)"), "problem", "TIMEOUT_EXCEEDED"),
        (answer(refused="Memory limit exceeded"), "problem", "cannot be read: "),
        (answer(["canary", 1, 1]), "problem", "the server that answers is not ClickHouse"),
        (lambda _: "canary: no json", "problem", "is not the control process"),
    ],
)
def test_clickhouse_is_asked_through_control(tmp_path, answered, level, words):
    file = installed(tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    with answering(tmp_path / "state" / "control.sock", **{"api/query": answered}):
        found = look(file, check_shipping.evidence, offline=False)
    assert words in only(found, "evidence", level)["what"]
    assert "canary" not in str(found)


def test_a_control_process_that_is_gone_leaves_clickhouse_unasked(tmp_path):
    file = installed(tmp_path)
    assert (
        "does not run" in only(look(file, check_shipping.evidence, offline=False), "evidence", "skipped")["what"]
    )
    (tmp_path / "state").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "state" / "control.sock"))
    assert (
        "does not answer"
        in only(look(file, check_shipping.evidence, offline=False), "evidence", "problem")["what"]
    )


async def test_a_backend_that_is_down_is_a_problem(tmp_path):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    file = installed(tmp_path, GOOD.replace("127.0.0.1:9000", f"127.0.0.1:{port}"))
    async with server:
        found = await asyncio.to_thread(look, file, check_processes.backends, offline=False)
    assert only(found, "backend of crm", "ok")
    new = await asyncio.to_thread(look, file, check_processes.backends, offline=False)
    assert only(new, "backend of crm", "warning"), "nothing was started yet"
    (tmp_path / "state" / "spool").mkdir(parents=True)
    (tmp_path / "state" / "spool" / f"worker-0{SUFFIX}").touch()
    gone = await asyncio.to_thread(look, file, check_processes.backends, offline=False)
    one = only(gone, "backend of crm", "problem")
    assert "every call fails with 503" in one["what"]
    assert one["key"] == "connections.crm.upstream.address"


def test_no_backend_is_contacted_offline(tmp_path):
    assert look(installed(tmp_path), check_processes.backends) == {}


def test_processes_with_different_configurations_are_a_problem(tmp_path):
    """Or with one that is not in the file any more."""
    file = installed(tmp_path)
    settings = load_settings(file)
    state, digest = settings.state, configuration_digest(settings)
    assert "configuration in force" not in look(file, check_in_force.in_force, offline=False)
    for name in ("worker-0", "worker-1"):
        write_status(state, name, digest, 0)
    assert (
        "2 processes"
        in only(look(file, check_in_force.in_force, offline=False), "configuration in force", "ok")["what"]
    )
    write_status(state, "worker-1", "f" * 64, 0)
    one = only(look(file, check_in_force.in_force, offline=False), "configuration in force", "problem")
    assert "worker-1 ffffffffffff" in one["what"]
    for name in ("worker-0", "worker-1"):
        write_status(state, name, "f" * 64, 0)
    one = only(look(file, check_in_force.in_force, offline=False), "configuration in force", "warning")
    assert "was edited since" in one["what"]
    assert "extproc reload" in one["hint"]
    assert look(file, check_in_force.in_force) == {}
