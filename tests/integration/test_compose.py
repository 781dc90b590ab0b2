"""The wiring of docker-compose.yml, started without containers: the same commands, with other addresses.

Two workers on TCP, OPA's own server, the evidence over HTTP, secrets in files, Envoy as rendered. Only ClickHouse is
not the server of the compose file but its engine behind a door of the tests (``support/clickhouse_http.py``).
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import grpc
import httpx
import pytest
import yaml
from clickhouse_connect.driver.exceptions import DatabaseError
from grpc_health.v1 import health_pb2, health_pb2_grpc

from extproc.cli.main import app  # noqa: F401 - a broken command line fails here, not in a log
from extproc.config.load import load_settings
from extproc.demo.install import free_ports
from extproc.demo.processes import Processes, ProcessFailed
from extproc.demo.sample_data import CUSTOMERS
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.evidence.shipping.clickhouse import Target, connect
from tests.integration.support.envoy_process import envoy_binary, short_folder

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SUPPORT = Path(__file__).parent / "support"
PORTS = [
    *(("envoy", 10000), ("envoy", 9901), ("opa", 8181), ("clickhouse", 8123)),
    *(("issuer", 8080), ("crm", 8080), ("docs", 8080)),
    *(("guard-0", 50051), ("guard-0", 10080), ("guard-1", 50051), ("guard-1", 10080), ("control", 10080)),
]
WITHIN_S = 60.0
SHIPPED_WITHIN_S = 60.0

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.skipif(shutil.which("opa") is None, reason="needs opa: make tools"),
    pytest.mark.skipif(envoy_binary() is None, reason="needs envoy"),
]


class Wiring:
    """The compose file's services on this machine's loopback."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.config = folder / "extproc.yaml"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        subprocess.run([ROOT / "deploy/make-secrets", self.secrets], check=True, capture_output=True)
        text = (ROOT / "deploy/extproc.yaml").read_text()
        text = text.replace("/run/secrets", str(self.secrets)).replace("/etc/envoy", str(self.secrets))
        text = text.replace("/var/lib/extproc", str(folder / "state"))
        for (service, inner), port in self.ports.items():
            text = text.replace(f"{service}:{inner}", f"127.0.0.1:{port}")
        text = text.replace("0.0.0.0:10000", self.address("envoy", 10000)).replace(
            "127.0.0.1:9901", self.address("envoy", 9901)
        )
        self.config.write_text(text)

    def address(self, service, inner):
        return f"127.0.0.1:{self.ports[service, inner]}"

    def command(self, service):
        """The compose file's command, with addresses and paths of this machine."""
        mounts = dict(reversed(each.split(":")[:2]) for each in SERVICES[service].get("volumes", []))
        local = {inside: str(ROOT / outside) for inside, outside in mounts.items()}
        return [
            re.sub(
                r"0\.0\.0\.0:(\d+)", lambda port: self.address(service, int(port[1])), local.get(each, each)
            ).replace("/run/secrets", str(self.secrets))
            for each in SERVICES[service]["command"]
        ]

    def start(self, processes):
        extproc = {"EXTPROC_CONFIG": str(self.config)}
        python = sys.executable
        for name, path in (("issuer", "/jwks.json"), ("crm", "/_health"), ("docs", "/_health")):
            argv = [python, *self.command(name)[1:]]
            processes.start(name, argv, f"http://{self.address(name, 8080)}{path}", within_s=WITHIN_S)
        processes.start(
            "opa", ["opa", *self.command("opa")], f"http://{self.address('opa', 8181)}/health", within_s=WITHIN_S
        )
        clickhouse = [
            python,
            SUPPORT / "clickhouse_http.py",
            self.folder / "evidence",
            str(self.ports["clickhouse", 8123]),
        ]
        clickhouse += ["extproc", self.secrets / "clickhouse"]
        processes.start(
            "clickhouse", clickhouse, f"http://{self.address('clickhouse', 8123)}/ping", within_s=WITHIN_S
        )
        for name in ("guard-0", "guard-1", "control"):
            argv = [python, "-m", "extproc", *self.command(name)]
            health = f"http://{self.address(name, 10080)}/healthz"
            processes.start(name, argv, health, within_s=WITHIN_S, env=extproc)
        settings = load_settings(self.config)
        rendered = render_bootstrap(settings, guard_endpoints=list(settings.envoy.guard_endpoints))
        (self.folder / "envoy.yaml").write_text(yaml.safe_dump(rendered))
        argv = [
            envoy_binary(),
            "-c",
            str(self.folder / "envoy.yaml"),
            *SERVICES["envoy"]["command"][3:],
            "--disable-hot-restart",
        ]
        processes.start("envoy", argv, f"http://{self.address('envoy', 9901)}/ready", within_s=WITHIN_S)

    def call(self, who, method, path, **how):
        token = httpx.post(f"http://{self.address('issuer', 8080)}/token", json={"name": who}).json()[
            "access_token"
        ]
        headers = {"host": "crm.demo", "authorization": f"Bearer {token}", "x-session-id": "compose"}
        return httpx.request(
            method, f"http://{self.address('envoy', 10000)}{path}", headers=headers, timeout=30, **how
        )

    def command_line(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "extproc", *arguments],
            env={**os.environ, "EXTPROC_CONFIG": str(self.config)},
            capture_output=True,
            text=True,
            check=False,
        )

    def rows(self, sql):
        """Ask ClickHouse itself, with the password from its file."""
        evidence = load_settings(self.config).evidence
        target = Target(evidence.clickhouse, evidence.database, password_file=evidence.clickhouse_password_file)
        with contextlib.closing(connect(target)) as client:
            return client.query(sql).result_rows


@pytest.fixture(scope="module")
def wiring():
    with short_folder() as folder, Processes(folder / "logs") as processes:
        made = Wiring(folder)
        try:
            made.start(processes)
        except ProcessFailed as error:
            pytest.fail(
                "\n".join([str(error), *(f"--- {each.name}\n{each.tail()}" for each in processes.running)])
            )
        yield made
        for each in processes.running:  # all at once: nothing is left that one of them would lose
            each.process.terminate()


def test_a_call_goes_through_envoy_a_worker_and_opa_to_the_backend_and_comes_back_masked(wiring):
    response = wiring.call("maya", "GET", "/customers/1001")
    assert response.status_code == 200, response.text
    assert response.json()["name"] == CUSTOMERS["1001"]["name"]
    assert CUSTOMERS["1001"]["ssn"] not in response.text
    assert wiring.call("maya", "GET", "/whoami").json()["caller_token_seen"] is False


def test_a_worker_answers_nobody_but_envoy(wiring):
    """A program that could speak to a worker could name any caller: it needs TLS and a certificate."""
    address = wiring.address("guard-0", 50051)
    authority = grpc.ssl_channel_credentials((wiring.secrets / "guard-ca.crt").read_bytes())
    named = (("grpc.ssl_target_name_override", "extproc-guard"),)
    for channel in (grpc.insecure_channel(address), grpc.secure_channel(address, authority, named)):
        with channel, pytest.raises(grpc.RpcError) as caught:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_opa_denies_what_the_policy_denies(wiring):
    assert wiring.call("maya", "DELETE", "/customers/1001").json()["reason"] == "not-in-scope"
    blocked = wiring.call("maya", "POST", "/query", json={"statement": "DROP TABLE customers"})
    assert blocked.json()["reason"] == "forbidden-argument"


SQL = "SELECT function, reason, status FROM extproc.calls WHERE finished AND session = 'compose'"


def test_the_control_process_ships_what_the_workers_recorded(wiring):
    wiring.call("maya", "GET", "/customers/1002")
    deadline = time.monotonic() + SHIPPED_WITHIN_S
    while ("crm.get_customer", "policy-allowed", 200) not in shipped(wiring):
        assert time.monotonic() < deadline, "nothing was shipped"
        time.sleep(0.2)


def shipped(wiring):
    """The rows in ClickHouse; none before the first shipment has made the tables."""
    try:
        return wiring.rows(SQL)
    except DatabaseError as error:
        if "UNKNOWN_DATABASE" in str(error) or "UNKNOWN_TABLE" in str(error):
            return []
        raise


def test_the_command_line_reads_the_record_through_the_control_process(wiring):
    test_the_control_process_ships_what_the_workers_recorded(wiring)
    done = wiring.command_line("query", SQL.replace("extproc.", ""), "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {"function": "crm.get_customer", "reason": "policy-allowed", "status": 200} in json.loads(done.stdout)
