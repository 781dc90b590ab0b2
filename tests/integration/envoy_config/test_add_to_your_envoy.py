"""docs/how-to/add-to-your-envoy.md, followed to the letter with a bootstrap that the guard did not render."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.integration.guard.stack import CRM, Stack, rows, run_stack
from tests.integration.support.envoy_process import EnvoyProcess, run_envoy
from tests.integration.support.tokens import AUDIENCE, ISSUER
from tests.integration.support.upstream import Answer, Scripted, run_upstream

PAGE = (Path(__file__).parents[3] / "docs/how-to/add-to-your-envoy.md").read_text(encoding="utf-8")
TYPE = "type.googleapis.com/envoy.extensions"
OURS: dict[str, Any] = yaml.safe_load(f"""
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
static_resources:
  listeners:
    - name: ingress
      address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": {TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress_http
                access_log:
                  - name: envoy.access_loggers.stdout
                    typed_config: {{"@type": {TYPE}.access_loggers.stream.v3.StdoutAccessLog}}
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: {{"@type": {TYPE}.filters.http.router.v3.Router}}
                route_config:
                  name: local_route
                  virtual_hosts:
                    - name: customers
                      domains: [{CRM}]
                      routes: [{{match: {{prefix: /}}, route: {{cluster: customers_service}}}}]
                    - name: assets
                      domains: [assets.example.com]
                      routes: [{{match: {{prefix: /}}, route: {{cluster: assets_service}}}}]
  clusters:
    - name: customers_service
      type: STATIC
      load_assignment: {{cluster_name: customers_service, endpoints: []}}
    - name: assets_service
      type: STATIC
      load_assignment: {{cluster_name: assets_service, endpoints: []}}
""")
"""A bootstrap as an operator has it before the guard: its own names, one guarded host, and one that stays unguarded."""


def bootstrap(guarded: int, assets: int = 9) -> dict[str, Any]:
    """Their bootstrap, with the ports of the guarded backend and of the other one."""
    document = json.loads(json.dumps(OURS))
    for cluster, port in zip(document["static_resources"]["clusters"], (guarded, assets), strict=True):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return document


def follow(document: dict[str, Any], parts: dict[str, Any], *, leave_out: str = "") -> dict[str, Any]:
    """Copy each part to its place, as the table of the page says."""
    copied = {name: part for name, part in parts.items() if name != leave_out}
    listener = document["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = copied.get("http_filters", manager["http_filters"])
    manager |= copied.get("connection_manager", {})
    manager["access_log"] += copied.get("access_log", [])
    document["static_resources"]["clusters"] += copied.get("clusters", [])
    listener |= copied.get("listener", {})
    guarded, assets = manager["route_config"]["virtual_hosts"]
    guarded["routes"][0]["route"] |= copied.get("route", {})
    (metadata,) = [block for block in yaml_blocks() if "metadata" in block]
    assets |= metadata
    assets["typed_per_filter_config"] = {
        name: {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
        for name in (each["name"] for each in copied.get("http_filters", [])[:-1])
    }
    return document


def yaml_blocks() -> list[dict[str, Any]]:
    return [yaml.safe_load(block.partition("```")[0]) for block in PAGE.split("```yaml\n")[1:]]


def extproc(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the page."""
    command = [sys.executable, "-m", "extproc", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def parts_of(stack: Stack) -> dict[str, Any]:
    """What the page's first command prints."""
    file = stack.folder / "parts.yaml"
    done = extproc("envoy", "render", "--parts", "--config", str(stack.config), "--output", str(file))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def check(stack: Stack, document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """What the page's check prints."""
    file = stack.folder / "their-envoy.yaml"
    file.write_text(yaml.safe_dump(document))
    return extproc("envoy", "check", str(file), "--config", str(stack.config), "--json")


async def call(stack: Stack, envoy: EnvoyProcess, host: str = CRM, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        return await client.get(f"{envoy.url}/customers/1", headers={"host": host, **headers})


def keys_by_url(port: int) -> dict[str, Any]:
    """A provider whose keys are at a URL, so that Envoy needs a cluster for them."""
    url = f"http://127.0.0.1:{port}/keys"
    return {"providers": {"corp": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_url": url}}}


class Keys:
    """The issuer's key set, once there is an issuer."""

    def __init__(self) -> None:
        self.body = b""

    def __call__(self, _request: object) -> Scripted:
        return Scripted(200, [("content-type", "application/json")], [self.body]) if self.body else Scripted(503)


ANSWER: Answer = Scripted(200, [("content-type", "application/json")], [b'{"name":"Ada"}'])
ONLY_CRM = {"plain": None, "masked": None, "docs": None}


@pytest.fixture
def keys() -> Keys:
    return Keys()


async def test_the_page_leads_to_a_guarded_envoy(keys: Keys) -> None:
    """Every step, then the page's own calls: 401 without a token, 200 with one, a record when no worker is there."""
    async with (
        run_upstream(keys) as issuer,
        run_upstream(ANSWER) as assets,
        run_stack(workers=1, answer=ANSWER, identity=keys_by_url(issuer.port), connections=ONLY_CRM) as stack,
    ):
        keys.body = stack.issuer.jwks_file.read_bytes()
        document = follow(bootstrap(stack.upstream.port, assets.port), parts_of(stack))
        checked = check(stack, document)
        assert [each["danger"] for each in json.loads(checked.stdout)] == ["declared-unguarded"]
        assert checked.returncode == 0
        async with run_envoy(document) as envoy:
            assert (await call(stack, envoy)).status_code == 401
            token = stack.issuer.headers()
            answered = await call(stack, envoy, **token)
            assert (answered.status_code, answered.json()) == (200, {"name": "Ada"}), envoy.log()
            assert (await call(stack, envoy, "assets.example.com")).status_code == 200
            await _without_workers(stack, envoy, token)


async def _without_workers(stack: Stack, envoy: EnvoyProcess, token: dict[str, str]) -> None:
    """Fail closed, and record the call once a worker is back."""
    (worker,) = stack.workers
    reached = len(stack.upstream.requests)
    await worker.kill()
    assert (await call(stack, envoy, **token)).status_code >= 500
    assert len(stack.upstream.requests) == reached
    began = time.time_ns()
    await worker.start()
    await stack.until(lambda _: any(_reported(stack)), within_s=90)
    assert all(each["time_ns"] < began + 60_000_000_000 for each in _reported(stack))


def _reported(stack: Stack) -> list[dict[str, Any]]:
    found = [entry for file in stack.spools() for _, entry in rows(file, 0)]
    return [each for each in found if each["kind"] == "call.reported" and each["status"] >= 500]


@pytest.mark.parametrize(
    ("part", "danger"),
    [
        ("http_filters", "no-guard"),
        ("connection_manager", "normalize-path"),
        ("access_log", "no-access-log"),
        ("clusters", "unknown-cluster"),
        ("route", "route-timeout"),
    ],
)
async def test_a_part_that_was_not_copied_is_found(keys: Keys, part: str, danger: str) -> None:
    async with (
        run_upstream(keys) as issuer,
        run_stack(serve=False, identity=keys_by_url(issuer.port), connections=ONLY_CRM) as stack,
    ):
        document = follow(bootstrap(stack.upstream.port), parts_of(stack), leave_out=part)
        checked = check(stack, document)
        found = {each["danger"]: each["severity"] for each in json.loads(checked.stdout)}
        assert danger in found
        assert checked.returncode == ("error" in found.values())
