"""The guard's lookup of hosts against the real Envoy's, for many hosts and sets of domains."""

import asyncio
import itertools
import random
from typing import Any

import pytest

from extproc.settings.hosts import find_host, host_problems
from tests.integration.guard.raw import request, speak
from tests.integration.support.envoy_process import run_envoy

pytestmark = pytest.mark.envoy
TYPE = "type.googleapis.com/envoy.extensions.filters"
NAMES = ["a.test", "b.a.test", "c.b.a.test", "x.test", "ab.test", "b.test"]
PORTS = ["", ":80", ":8443"]
DOMAINS = [
    *(name + port for name, port in itertools.product(NAMES, PORTS)),
    *(f"*.{name}{port}" for name, port in itertools.product([*NAMES, "test"], PORTS)),
    *(f"{name}:*" for name in NAMES),
]
ODD = [
    "a.test,b.test",
    "a.test:80:80",
    "a.test.",
    ".a.test",
    "*.a.test",
    "a.test:*",
    "u@a.test",
    "a.test:x",
    "z..a.test",
]
"""No plain host: the guard finds nothing, and Envoy may."""
HOSTS = [
    *(label + name + port for label, name, port in itertools.product(["", "z.", "y.z."], [*NAMES, "test"], PORTS)),
    *(name.upper() for name in NAMES),
    *(f"{name}:1" for name in NAMES),
    *ODD,
]


def bootstrap(owners: dict[str, str]) -> dict[str, Any]:
    """An Envoy that answers with the name of the virtual host that it found."""
    hosts = [
        {
            "name": name,
            "domains": [domain for domain, owner in owners.items() if owner == name] or ["*"],
            "routes": [
                {
                    "match": {"prefix": "/"},
                    "direct_response": {"status": 200, "body": {"inline_string": name}},
                }
            ],
        }
        for name in {*owners.values(), "none"}
    ]
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hosts",
        "delayed_close_timeout": "0s",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    listener = {"name": "hosts", "address": address, "filter_chains": [chain]}
    return {"admin": {"address": address}, "static_resources": {"listeners": [listener]}}


@pytest.mark.parametrize("seed", range(10))
async def test_the_guard_finds_what_envoy_routes_to_or_nothing(seed: int) -> None:
    """And finds it for each plain host with or without a port."""
    choose = random.Random(seed)
    sets = ({domain: choose.choice("pqrs") for domain in choose.sample(DOMAINS, 14)} for _ in itertools.count())
    owners = next(each for each in sets if not list(host_problems(each)))
    async with run_envoy(bootstrap(owners)) as envoy:
        for host in HOSTS:
            connection = await asyncio.open_connection("127.0.0.1", envoy.port)
            answer = await speak(connection, request("GET", "/", ("host", host)))
            routed = answer.body.decode() if answer.status == 200 else ""
            found = find_host(owners, host) or "none"
            if host not in ODD:
                assert found == routed, (host, owners)
            assert found in ("none", routed), (host, owners)
