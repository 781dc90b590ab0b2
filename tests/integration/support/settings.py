"""A small configuration for tests that drive Envoy."""

from pathlib import Path
from typing import Any

from extproc.config.schema import Settings
from tests.integration.support.tokens import AUDIENCE, Issuer

HOST = "crm.example.com"


def small_settings(folder: Path, issuer: Issuer, upstream: str, **changes: Any) -> Settings:
    """One connection, ``crm``, at ``HOST``. Top-level keys may be replaced."""
    provider = {"issuer": issuer.name, "audiences": [AUDIENCE], "jwks_file": str(issuer.jwks_file)}
    functions = {"get_customer": {"method": "GET", "path": "/customers/{id}"}}
    crm = {"protocol": "http-json", "hosts": [HOST], "upstream": {"address": upstream}, "functions": functions}
    document = {
        "version": 1,
        "state": str(folder),
        "identity": {"providers": {"corp": provider}},
        "connections": {"crm": crm},
        "limits": {"message_timeout": 10.0, "hold": 30.0},
        **changes,
    }
    return Settings.model_validate(document)
