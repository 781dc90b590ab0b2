"""``extproc doctor`` beside a running installation: one dependency after the other is stopped, and is named."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.config.load import load_settings
from extproc.demo.install import free_ports
from tests.integration.guard.stack import CREDENTIAL, HERE, Stack, write_config
from tests.integration.guard.test_up import Product, children, ports
from tests.integration.policy.test_bad_answers import opa
from tests.integration.support import clickhouse_http
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import run_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "canary-password-" + secrets.token_hex(8)
WITHIN_S, HANGING_S = 30.0, 8.0
"""Seconds for a report, and for one in which something has no answer."""
SLACK_S = 20.0
"""A report never takes longer than it was given, beside the start of Python and what else this machine does."""


@dataclass
class RunningInstallation:
    """An installation with its own OPA and ClickHouse."""

    product: Product
    opa: subprocess.Popen
    clickhouse: subprocess.Popen

    async def doctor(self, *words: str, within_s: float = WITHIN_S) -> dict[str, list[dict]]:
        """Findings by subject."""
        began = time.monotonic()
        argv = ["doctor", "--json", "--config", str(self.product.stack.config), "--within", str(within_s), *words]
        done = await asyncio.to_thread(CliRunner().invoke, app, argv)
        assert time.monotonic() - began < within_s + SLACK_S
        assert "Traceback" not in done.output
        for secret in (CREDENTIAL, PASSWORD, self.product.stack.issuer.token("carol")):
            assert secret not in done.output
        findings = json.loads(done.stdout)["findings"]
        worst = {one["level"] for one in findings}
        assert done.exit_code == (1 if "problem" in worst else 0), done.output
        found: dict[str, list[dict]] = {}
        for one in findings:
            found.setdefault(one["subject"], []).append(one)
        return found

    def pid(self, word: str) -> int:
        """The process id of one part of ``extproc up``."""
        found = children(self.product.process.pid)
        return next(pid for pid, line in found.items() if word in line)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation(opa_binary: Path) -> AsyncIterator[RunningInstallation]:
    with short_folder() as folder, opa(opa_binary, folder / "o", HERE / "policy.rego") as (process, address):
        port, console = free_ports(2)
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "password").chmod(0o600)
        serve = [sys.executable, clickhouse_http.__file__, str(folder / "ch"), str(port), "guard"]
        clickhouse = subprocess.Popen([*serve, str(folder / "password")])
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            config = write_config(
                folder,
                issuer,
                upstream.address,
                policy={"engine": "opa", "paths": [], "opa": {"address": address, "timeout": 4.0}},
                limits={"decision_timeout": 5.0, "message_timeout": 10.0},
                evidence={
                    "clickhouse": f"http://guard@127.0.0.1:{port}",
                    "clickhouse_password_file": "password",
                    "ship_every": 0.2,
                },
                control={"listen": f"127.0.0.1:{console}"},
                **ports(),
            )
            (folder / "credential").chmod(0o600)
            settings = load_settings(config)
            product = Product(Stack(folder, config, settings, issuer, upstream), folder / "up.log")
            try:
                await product.start()
                assert (await product.call()).status_code == 200
                yield RunningInstallation(product, process, clickhouse)
            finally:
                clickhouse.kill()
                clickhouse.wait()
                if product.process and product.process.returncode is None:
                    product.process.kill()
                    await product.ended(20)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that exists, and does nothing: whoever asks it waits."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def bad(found: dict[str, list[dict]]) -> set[str]:
    return {subject for subject, several in found.items() if any(one["level"] == "problem" for one in several)}


async def test_a_healthy_installation_has_no_problem(installation: RunningInstallation) -> None:
    """And every part of it was looked at."""
    async with asyncio.timeout(100):
        # A part that is busy may not answer in the second that it is given.
        while "shipment" not in (found := await installation.doctor())["evidence"][0]["what"] or bad(found):
            await asyncio.sleep(0.2)
    assert bad(found) == set()
    asked = (
        "control",
        "console",
        "worker-0",
        "worker-1",
        "Envoy",
        "health",
        "policy",
        "evidence",
        "approvals",
        "spool worker-0",
    )
    assert {subject: found[subject][0]["level"] for subject in asked} == dict.fromkeys(asked, "ok")
    assert found["Envoy's counters"][0]["level"] == "ok"
    assert "not masked" in found["connection plain"][0]["what"]


@pytest.mark.parametrize(
    ("part", "word", "named"),
    [
        ("worker-1", "--index 1", {"worker-1", "health"}),
        ("control", "extproc control", {"control", "console", "health"}),
        ("Envoy's state", "envoy.yaml", {"Envoy's state"}),
    ],
)
async def test_a_part_that_hangs_is_named(
    installation: RunningInstallation, part: str, word: str, named: set[str]
) -> None:
    """It is there, and does not answer. The kernel goes on accepting for Envoy."""
    with stopped(installation.pid(word)):
        found = await installation.doctor()
    assert named <= bad(found)
    told = [one["what"] for one in found["health"]]
    assert part.startswith("Envoy") or f"{part}: not ready" in told


async def test_opa_that_hangs_or_is_gone_is_named(installation: RunningInstallation) -> None:
    with stopped(installation.opa.pid):
        found = await installation.doctor("--only", "policy")
        assert "is not healthy, or cannot be reached" in found["policy"][0]["what"]
    installation.opa.kill()
    installation.opa.wait()
    found = await installation.doctor()
    assert "policy" in bad(found)
    assert "curl" in found["policy"][0]["hint"]


async def test_clickhouse_that_hangs_refuses_or_is_gone_is_named(installation: RunningInstallation) -> None:
    with stopped(installation.clickhouse.pid):
        found = await installation.doctor("--only", "evidence", within_s=HANGING_S)
        assert "evidence" in bad(found)
    password = installation.product.stack.folder / "password"
    password.write_text("another\n")
    found = await installation.doctor("--only", "evidence")
    assert found["evidence"][0]["what"] == "ClickHouse does not accept the user and password"
    password.write_text(PASSWORD + "\n")
    installation.clickhouse.kill()
    installation.clickhouse.wait()
    found = await installation.doctor("--only", "evidence")
    assert found["evidence"][0]["what"].startswith("cannot be read: ")


async def test_an_installation_that_does_not_run_is_one_finding(installation: RunningInstallation) -> None:
    installation.product.process.kill()
    await installation.product.ended(20)
    async with asyncio.timeout(60):
        while "running parts" not in (found := await installation.doctor("--only", "parts")):
            await asyncio.sleep(0.2)
    assert found["running parts"][0]["what"].startswith("nothing runs")
    found = await installation.doctor("--offline")
    assert bad(found) == set()


async def test_a_server_that_is_not_clickhouse_is_named(tmp_path: Path, installation: RunningInstallation) -> None:
    """Something takes the connection and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        config = installation.product.stack.config
        document = json.loads(config.read_text())
        document["evidence"]["clickhouse"] = f"http://guard@127.0.0.1:{silent.getsockname()[1]}"
        config.write_text(json.dumps(document))
        found = await installation.doctor("--only", "evidence", within_s=3)
    assert found["evidence"][0]["what"] == "no answer within 3 s"
