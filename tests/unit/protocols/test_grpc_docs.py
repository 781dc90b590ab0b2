"""The how-to on gRPC is run: its configuration, its policy, its commands."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extproc.assembly.make_connection import make_connection
from extproc.cli.main import app
from extproc.config.load import load_settings
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.protocols.grpc.status_reply import CODES
from tests.integration.support.shop import Item, descriptor_set, framed

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "guard-grpc.md").read_text()
BASE = """version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
policy: {paths: [policy.rego]}
"""
STATUSES = {
    1: "CANCELLED",
    3: "INVALID_ARGUMENT",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    item = Item(unit_price=2.5, notes=["219-09-9999"])
    (tmp_path / "shop.pb").write_bytes(descriptor_set())
    (tmp_path / "item.bin").write_bytes(item.SerializeToString())
    (tmp_path / "body.bin").write_bytes(framed(item))
    (tmp_path / "policy.rego").write_text(blocks("rego")[0])
    (tmp_path / "extproc.yaml").write_text(BASE + blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_connection_is_one(folder):
    settings = load_settings(folder / "extproc.yaml")
    assert make_connection("shop", settings.connections["shop"], settings.limits).mask.response


def test_the_policy_decides_as_it_is_said_to(folder):
    sources = Sources((Module("a.rego", (folder / "policy.rego").read_text()),), {}, "data.extproc.decision")
    engine = EmbeddedEngine.from_sources(sources)

    def decided(name, arguments, **body):
        call = {"function": f"shop.{name}", "name": name, "arguments": arguments}
        return engine.evaluate_now(json.dumps({"call": call, "body": body}).encode())["action"]

    assert decided("shop.v1.Inventory/GetItem", {"unitPrice": 1001}) == "hold"
    assert decided("shop.v1.Inventory/GetItem", {"unitPrice": 1}) == "allow"
    assert decided("shop.v1.Inventory/AddItems", [{}] * 101) == "deny"
    assert decided("shop.v1.Inventory/AddItems", [{}]) == "allow"
    assert decided("shop.v1.Inventory/GetItem", {}, uninspectable="unknown-fields") == "deny"


def test_the_commands_run(folder):
    commands = [line.removeprefix("$ extproc ") for block in blocks("console") for line in block.splitlines()]
    assert len(commands) == 3
    results = [CliRunner().invoke(app, shlex.split(command)) for command in commands]
    assert [result.exit_code for result in results] == [0, 0, 1]
    assert "connection shop: grpc" in results[0].stdout
    assert results[1].stdout.splitlines()[1] == "$.notes[0]  [-219-09-9999-]{+[US_SSN]+}  US_SSN"
    assert "US_SSN\t$.notes[0]" in results[2].stderr


def test_every_status_is_there():
    told = set(CODES.values()) - {1}  # nobody is left to read that a caller left
    assert {STATUSES[code] for code in told} == {name for name in STATUSES.values() if f"`{name}`" in GUIDE}
