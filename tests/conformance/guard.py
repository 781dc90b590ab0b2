"""The whole guard before one MCP server: workers, the real Envoy, the starter policies, and a caller who may do all."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.demo.install import free_ports
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.supervise.children import worker_endpoint
from tests.integration.guard.stack import REPOSITORY, WORKER, Worker
from tests.integration.support.envoy_process import run_envoy, short_folder
from tests.integration.support.tokens import AUDIENCE, Issuer

TOKEN_S = 3_600
MUTATION = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
HOSTS = {"/mcp": "localhost", "/": "127.0.0.1"}
"""The host of the connection with this path: servers of the suite have one or the other."""
EVERYTHING = {"tools": ["*"], "prompts": ["*"], "resources": ["**"], "methods": ["*"]}


@dataclass(frozen=True)
class Guard:
    """A running guard."""

    port: int
    folder: Path
    settings: Settings

    def url(self, path: str = "/mcp") -> str:
        """Return where clients find the server behind it."""
        return f"http://{HOSTS[path]}:{self.port}{path}"


@contextlib.asynccontextmanager
async def run_guard(
    upstream: str, workers: int = 2, change: Callable[[dict[str, Any], dict[str, Any]], None] = lambda *_: None
) -> AsyncIterator[Guard]:
    """Start a guard before the server at this address, ``host:port``.

    Args:
        upstream: the server's address.
        workers: worker processes.
        change: changes the configuration and the policy's ``data.guard`` in place.
    """
    async with contextlib.AsyncExitStack() as ending:
        folder, port = ending.enter_context(short_folder()), free_ports(1)[0]
        issuer = Issuer(folder)
        config = folder / "extproc.yaml"
        configured, data = document(folder, issuer, upstream, port, workers), guard_data()
        change(configured, data)
        config.write_text(json.dumps(configured))
        (folder / "rego" / "data.json").write_text(json.dumps({"guard": data}))
        settings = load_settings(config)
        settings.state.mkdir(mode=0o700)
        endpoints = [worker_endpoint(settings, index) for index in range(workers)]
        for index, endpoint in enumerate(endpoints):
            serve = ["serve", "--config", str(config), "--index", str(index), "--listen", endpoint]
            worker = Worker([sys.executable, "-m", WORKER, *serve], endpoint, folder / f"worker-{index}.log")
            await worker.start()
            ending.push_async_callback(worker.kill)
        bootstrap = render_bootstrap(settings, guard_endpoints=endpoints)
        sign_in(bootstrap, issuer)
        envoy = await ending.enter_async_context(run_envoy(bootstrap, port=port))
        yield Guard(envoy.port, folder, settings)


def document(folder: Path, issuer: Issuer, upstream: str, port: int, workers: int) -> dict[str, Any]:
    """Return the configuration."""
    connections = {connection(host): (host, path) for path, host in HOSTS.items()}
    provider = {"issuer": issuer.name, "audiences": [AUDIENCE], "jwks_file": str(issuer.jwks_file)}
    return {
        "version": 1,
        "state": "state",
        "workers": workers,
        "identity": {"providers": {"corp": provider}},
        "connections": {
            name: {
                "protocol": "mcp",
                "path": path,
                "hosts": [f"{host}:{port}"],
                "upstream": {"address": upstream, "host": upstream.replace("127.0.0.1", "localhost")},
                "cors": {"origins": [f"http://{host}:{port}"]},
                **EVERYTHING,
            }
            for name, (host, path) in connections.items()
        },
        "policy": {"paths": [str(policy(folder))]},
    }


def connection(host: str) -> str:
    """Return the name of the connection with this host."""
    return f"at_{host.replace('.', '_')}"


def guard_data() -> dict[str, Any]:
    """Return the policy's data: a role for everybody who has an identity."""
    return {"roles": {"*": {"functions": [f"{connection(host)}.*" for host in HOSTS.values()]}}}


def policy(folder: Path) -> Path:
    """Write the starter policies."""
    rego = folder / "rego"
    shutil.copytree(REPOSITORY / "policy" / "rego", rego, ignore=shutil.ignore_patterns("*_test.rego", "*.yaml"))
    return rego


def sign_in(bootstrap: dict[str, Any], issuer: Issuer) -> None:
    """Have Envoy put a token into each request before anything reads it: the clients of the suite have none."""
    token = issuer.headers(exp=int(time.time()) + TOKEN_S)["authorization"]
    header = {"key": "authorization", "value": token}
    mutation = {"append": {"header": header, "append_action": "ADD_IF_ABSENT"}}
    (chain,) = bootstrap["static_resources"]["listeners"][0]["filter_chains"]
    chain["filters"][0]["typed_config"]["early_header_mutation_extensions"] = [
        {
            "name": "envoy.http.early_header_mutation.header_mutation",
            "typed_config": {"@type": MUTATION, "mutations": [mutation]},
        }
    ]
