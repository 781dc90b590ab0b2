"""The corpus: requests as Envoy's ext_authz filter reports them, and policies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from envoy.service.auth.v3 import external_auth_pb2 as auth
from google.protobuf import json_format

from tests.integration.support.shop import Item, descriptor_set, framed

HERE = Path(__file__).parent
NOW_S = 1_800_000_000
"""Seconds since the epoch at which each request arrives."""
ISSUER, AUDIENCE = "https://login.example.com", "corpus"
QUERY = "envoy/authz/allow"
PATH = re.compile(r"^# path: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Policy:
    """One policy, as opa-envoy-plugin gets it."""

    name: str
    text: str

    @property
    def path(self) -> str:
        """The document with the decision, as the plugin's configuration names it."""
        found = PATH.search(self.text)
        return found[1] if found else QUERY

    @property
    def query(self) -> str:
        """The same, as the guard's configuration names it."""
        return ".".join(("data", *self.path.split("/")))


@dataclass(frozen=True)
class Asked:
    """One request."""

    name: str
    check: Any
    """The ``CheckRequest``."""
    fields: tuple[tuple[str, str], ...]
    """Its header fields, one by one: ``CheckRequest`` has them joined."""

    @property
    def http(self) -> Any:
        return self.check.attributes.request.http

    @property
    def body(self) -> bytes:
        return self.http.raw_body or self.http.body.encode()

    @property
    def is_cut(self) -> bool:
        """True if Envoy says that it cut the body, which it does for ext_authz alone."""
        return self.http.headers["x-envoy-auth-partial-body"] == "true"

    @property
    def speaks_grpc(self) -> bool:
        return self.http.headers["content-type"].startswith("application/grpc")


def claims(groups: list[str]) -> dict[str, Any]:
    """The claims of a verified token."""
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": NOW_S + 600, "groups": groups}


@cache
def policies() -> tuple[Policy, ...]:
    """The policies of the corpus."""
    return tuple(read_policy(path) for path in sorted((HERE / "policies").glob("*.rego")))


def read_policy(path: Path) -> Policy:
    """A policy in a file."""
    return Policy(path.stem, path.read_text())


@cache
def requests() -> tuple[Asked, ...]:
    """The requests of the corpus."""
    written = yaml.safe_load((HERE / "requests.yaml").read_text())
    return tuple(_asked(name, written["defaults"] | each) for name, each in written["requests"].items())


def _asked(name: str, told: Mapping[str, Any]) -> Asked:
    check = auth.CheckRequest()
    attributes = check.attributes
    _address(attributes.source, "10.0.0.5", 51_234)
    _address(attributes.destination, "10.1.0.1", 8_080)
    attributes.source.principal = told.get("principal", "")
    attributes.context_extensions.update(told.get("context", {}))
    attributes.request.time.FromSeconds(NOW_S)
    if told["groups"] is not None:
        verified = attributes.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"]
        verified.update({"claims": claims(told["groups"])})
    fields = _fields(told, body := _body(told))
    _http(attributes.request.http, told, fields, body)
    return Asked(name, check, fields)


def _address(peer: Any, address: str, port: int) -> None:
    peer.address.socket_address.address, peer.address.socket_address.port_value = address, port


def _fields(told: Mapping[str, Any], body: bytes) -> tuple[tuple[str, str], ...]:
    written = {"x-request-id": "5f0c7f4e-4d2b-4f39-9a55-000000000001", "x-forwarded-proto": "http"} | told[
        "headers"
    ]
    if body and "content-length" not in written:
        written["content-length"] = str(len(body))
    written.setdefault("x-envoy-auth-partial-body", "false")
    pairs = ((name, value) for name, value in written.items())
    return tuple((name, each) for name, value in pairs for each in (value if isinstance(value, list) else [value]))


def _body(told: Mapping[str, Any]) -> bytes:
    if "grpc" in told:
        return framed(*(json_format.ParseDict(each, Item()) for each in told["grpc"]))
    return bytes.fromhex(told["bytes"]) if "bytes" in told else told.get("body", "").encode()


def _http(http: Any, told: Mapping[str, Any], fields: tuple[tuple[str, str], ...], body: bytes) -> None:
    http.id, http.method, http.path, http.host = "1", told.get("method", "GET"), told["path"], told["host"]
    http.scheme, http.protocol, http.size = "http", "HTTP/2" if "grpc" in told else "HTTP/1.1", len(body)
    pseudo = {":authority": http.host, ":method": http.method, ":path": http.path, ":scheme": http.scheme}
    http.headers.update(pseudo)
    for name, value in fields:
        http.headers[name] = f"{http.headers[name]},{value}" if name in http.headers else value
    if told.get("raw") or "grpc" in told:
        http.raw_body = body
    else:
        http.body = body.decode()


def from_json(name: str, document: str) -> Asked:
    """A request that is written as the JSON of a ``CheckRequest``."""
    check = json_format.Parse(document, auth.CheckRequest())
    fields = tuple((key, value) for key, value in check.attributes.request.http.headers.items() if key[:1] != ":")
    return Asked(name, check, fields)


def write_descriptors(folder: Path) -> Path:
    """The descriptor set of the corpus's gRPC service, as a file."""
    file = folder / "shop.pb"
    file.write_bytes(descriptor_set())
    return file
