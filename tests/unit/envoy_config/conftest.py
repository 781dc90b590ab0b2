"""A configuration that uses every part of the renderer."""

import copy
from functools import cache
from typing import Any

import pytest

from extproc.config.schema import Settings
from extproc.envoy_config.render.bootstrap import GuardFilter, render_bootstrap
from extproc.settings.upstream_cluster import upstream_cluster

WORKERS = ["unix:/run/extproc/worker-0.sock", "unix:/run/extproc/worker-1.sock"]
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "state": "/run/extproc",
    "identity": {
        "providers": {
            "corp": {"issuer": "https://login.example.com", "audiences": ["tools"], "jwks_file": "/etc/jwks.json"},
            "cloud": {
                "issuer": "https://cloud.example.com",
                "audiences": ["tools", "more"],
                "jwks_url": "https://cloud.example.com:8443/keys",
            },
        }
    },
    "connections": {
        "crm": {
            "protocol": "http-json",
            "hosts": ["crm.example.com", "crm.example.com:8080"],
            "upstream": {"address": "10.0.0.7:9000"},
            "functions": {"get": {"method": "GET", "path": "/customers/{id}"}},
            "credential": {"env": "CRM_TOKEN"},
        },
        "docs": {
            "protocol": "mcp",
            "hosts": ["docs.example.com"],
            "upstream": {"address": "mcp.example.net:443", "tls": True, "ca_file": "/etc/ca.pem"},
            "tools": ["search"],
        },
    },
}


def backend(name: str) -> str:
    """The name of a connection's cluster."""
    return upstream_cluster(name, Settings.model_validate(DOCUMENT).connections[name])


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(DOCUMENT)


@pytest.fixture
def make_settings():
    def make(**changes: Any) -> Settings:
        return Settings.model_validate({**DOCUMENT, **changes})

    return make


@cache
def _rendered(guard_filter: GuardFilter) -> dict[str, Any]:
    return render_bootstrap(Settings.model_validate(DOCUMENT), guard_endpoints=WORKERS, guard_filter=guard_filter)


@pytest.fixture
def full() -> dict[str, Any]:
    """The full guard's bootstrap, to be changed at will."""
    return copy.deepcopy(_rendered("ext_proc"))


@pytest.fixture
def decide_only() -> dict[str, Any]:
    """The bootstrap with ext_authz alone, to be changed at will."""
    return copy.deepcopy(_rendered("ext_authz"))
