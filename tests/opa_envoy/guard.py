"""The guard's two services in this process, with the embedded engine or an OPA server."""

import asyncio
import contextlib
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from envoy.service.auth.v3 import external_auth_pb2 as auth
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from extproc.assembly.make_engine import make_engine
from extproc.assembly.make_services import make_parts, make_services, open_stores
from extproc.config.schema import Settings
from extproc.flow.check import check
from extproc.flow.exchange import exchange
from extproc.flow.observer import Observer
from extproc.flow.services import Services
from extproc.model.errors import ConfigError, ExtprocError
from extproc.wire import attribute_names as names
from extproc.wire.attributes import address_text
from extproc.wire.decode import ATTRIBUTES, FROM_UPSTREAM, decode
from extproc.wire.ext_authz import decode_check
from extproc.wire.struct import plain
from tests.integration.support.shop import settings as shop_settings
from tests.opa_envoy.corpus import AUDIENCE, ISSUER, NOW_S, Asked, Policy
from tests.opa_envoy.outcome import (
    ALLOW,
    BAD_REQUEST,
    DECISION_ID,
    DENY,
    ERROR,
    GRPC_CODES,
    OURS,
    REFUSED,
    UNKNOWN,
    Outcome,
    Pairs,
    allowance,
    denial,
    pairs_of,
    parameters,
)
from tests.unit.flow.dialogue import MemoryRecorder

HOSTS = ["shop.example.com", "api.cluster.local"]
REFUSALS = {"policy-error": ERROR, "uninspectable": BAD_REQUEST, "policy-denied": DENY}
PROBLEM = "application/problem+json"
DONE = "done"


def settings(folder: Path, **policy: Any) -> Settings:
    """A guard for a mesh that had opa-envoy-plugin: every path is one function, and nothing is masked."""
    anything = {"all": {"method": "*", "path": "/**", "identity": "none"}}
    upstream = {"address": "127.0.0.1:9"}
    unmasked = {"masking": {"response": []}}
    document = {
        "version": 1,
        "state": str(folder / "state"),
        "approvals": {"store": str(folder / "approvals.db")},
        "evidence": {"spool": str(folder / "spool")},
        "identity": {"providers": {"mesh": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_url": "http://j/"}}},
        "connections": {
            "web": {
                "protocol": "http-json",
                "hosts": HOSTS,
                "upstream": upstream,
                "functions": anything,
                **unmasked,
            },
            "shop": {**shop_settings(folder), "hosts": ["grpc.example.com"], **unmasked},
        },
        "policy": {"show_headers": ["authorization", "cookie"], **policy},
    }
    return Settings.model_validate(document)


class Guard:
    """The guard with one policy at a time."""

    def __init__(self, services: Services) -> None:
        self.services = services

    async def answer(self, asked: Asked, door: str) -> Outcome:
        """What its answer to this request does on Envoy.

        Args:
            asked: the request.
            door: ``ext_authz`` or ``ext_proc``.
        """
        services = replace(self.services, recorder=(recorder := MemoryRecorder()))
        found = await (_by_check if door == "ext_authz" else _by_exchange)(asked, services)
        reason = recorder.last.reason
        if found["decision"] == ALLOW:
            assert recorder.last.kind.value == "call.completed", recorder.kinds
            return found
        decision = REFUSALS.get(reason, f"{REFUSED}:{reason}")
        return found if decision == DENY else {"decision": decision}


async def _by_check(asked: Asked, services: Services) -> Outcome:
    answer = await check(decode_check(asked.check.SerializeToString()), services)
    response = auth.CheckResponse.FromString(answer)
    metadata = plain(response.dynamic_metadata)
    assert metadata.pop(DECISION_ID)
    marked = metadata.pop("guard", "")
    if response.status.code:
        denied = response.denied_response
        return _denied(asked, denied.status.code, pairs_of(denied.headers), denied.body.encode(), metadata)
    assert marked == DONE
    ok = response.ok_response
    added = pairs_of(ok.response_headers_to_add)
    return _allowed(asked, pairs_of(ok.headers), list(ok.headers_to_remove), added, metadata)


def _allowed(asked: Asked, headers: Pairs, removed: list[str], added: Pairs, metadata: dict[str, Any]) -> Outcome:
    path = dict(headers).get(":path")
    query = None if path is None else parameters(path)
    added = [each for each in added if each[0] not in OURS]
    return allowance(asked, headers=headers, removed=removed, added=added, query=query, metadata=metadata)


def _denied(asked: Asked, status: int, headers: Pairs, body: bytes, metadata: dict[str, Any]) -> Outcome:
    """A problem document stands for the plugin's denial without a body. Over gRPC a status stands for both."""
    told = dict(headers)
    if "grpc-status" in told and asked.speaks_grpc:
        code = int(told["grpc-status"])
        http = next((each for each, known in GRPC_CODES.items() if known == code), 0)
        return denial(asked, http, [], b"", metadata) | {"grpc_status": code or UNKNOWN}
    if told.get("content-type") == PROBLEM:
        return denial(asked, status, [], b"", metadata)
    return denial(asked, status, headers, body, metadata)


class _Envoy:
    """Envoy at the other end of one ext_proc stream: sends the request, and a response once it was let go."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.sent: list[Any] = []
        self.waiting = [_request_headers(asked)]
        if asked.body:
            self.waiting.append(pb.ProcessingRequest(request_body={"body": asked.body, "end_of_stream": True}))
        self.waiting += _response()

    async def receive(self) -> Any:
        await asyncio.sleep(0)
        return decode(self.waiting.pop(0).SerializeToString(), self._metadata) if self.waiting else None

    def _metadata(self) -> list[tuple[str, str | bytes]]:
        """The metadata of the stream, which the rendered configuration asks for."""
        attributes = self.asked.check.attributes
        extensions = dict(attributes.context_extensions)
        told = {
            names.ASKED: names.INITIAL_METADATA[names.ASKED],
            names.CONTEXT_EXTENSIONS: json.dumps(extensions) if extensions else "",
            names.CERTIFICATE: attributes.source.certificate,
        }
        return [(name, value) for name, value in told.items() if value]

    async def send(self, message: bytes) -> None:
        self.sent.append(pb.ProcessingResponse.FromString(message))

    async def keep_waiting(self, seconds: float) -> None:
        raise AssertionError("nothing is held here")

    def answers(self, phase: str) -> list[Any]:
        return [getattr(each, phase) for each in self.sent if each.WhichOneof("response") == phase]


def _request_headers(asked: Asked) -> Any:
    """The first message of the stream, with the attributes that the rendered configuration asks for."""
    http, attributes = asked.http, asked.check.attributes
    pseudo = {":method": http.method, ":scheme": http.scheme, ":authority": http.host, ":path": http.path}
    message = pb.ProcessingRequest()
    headers = message.request_headers
    headers.end_of_stream = not asked.body
    for name, value in (*pseudo.items(), *asked.fields):
        if name != "x-envoy-auth-partial-body":
            headers.headers.headers.add(key=name, raw_value=value.encode())
    message.metadata_context.CopyFrom(attributes.metadata_context)
    told = {
        names.SOURCE: address_text(attributes.source.address),
        names.DESTINATION: address_text(attributes.destination.address),
        names.PROTOCOL: http.protocol,
        names.PEER_NAMES[0]: attributes.source.principal,
        names.SNI: attributes.tls_session.sni,
        names.MTLS: bool(attributes.source.principal),
    }
    message.attributes[ATTRIBUTES].update(told)
    return message


def _response() -> list[Any]:
    head = pb.ProcessingRequest(response_headers={"end_of_stream": True})
    head.response_headers.headers.headers.add(key=":status", raw_value=b"204")
    head.attributes[ATTRIBUTES].update({"response.code_details": FROM_UPSTREAM})
    return [head]


async def _by_exchange(asked: Asked, services: Services) -> Outcome:
    envoy = _Envoy(asked)
    with contextlib.suppress(ExtprocError):
        await exchange(envoy, services)
    if refused := envoy.answers("immediate_response"):
        [reply] = refused
        fields = pairs_of(reply.headers.set_headers)
        return _denied(asked, reply.status.code, fields, reply.body, _policys_metadata(envoy.sent[-1]))
    forwarded = next(each for each in envoy.sent if "req" in _marks(each))
    mutation = getattr(forwarded, forwarded.WhichOneof("response")).response.header_mutation
    [response] = envoy.answers("response_headers")
    added = pairs_of(response.response.header_mutation.set_headers)
    metadata = _policys_metadata(forwarded)
    return _allowed(asked, pairs_of(mutation.set_headers), list(mutation.remove_headers), added, metadata)


def _marks(message: Any) -> dict[str, Any]:
    return plain(message.dynamic_metadata).get("guard", {})


def _policys_metadata(message: Any) -> dict[str, Any]:
    return _marks(message).get("policy", {})


@dataclass
class Guards:
    """Makes guards that have all but the policy in common."""

    services: Services
    folder: Path
    opa: "OpaServer | None"

    @property
    def engines(self) -> list[str]:
        return ["embedded", "opa"] if self.opa else ["embedded"]

    async def guard(self, policy: Policy, engine: str) -> Guard:
        """A guard with this policy.

        Raises:
            ExtprocError: the policy is refused.
        """
        made = make_engine(settings(self.folder, **await self._engine_settings(policy, engine)))
        return Guard(replace(self.services, engine=made))

    async def _engine_settings(self, policy: Policy, engine: str) -> dict[str, Any]:
        common = {"engine": engine, "query": policy.query, "reload": None}
        if engine == "embedded":
            file = self.folder / f"{policy.name}.rego"
            file.write_text(policy.text)
            return {**common, "paths": [str(file)]}
        assert self.opa
        await self.opa.load(policy)
        return {**common, "opa": {"address": self.opa.address, "timeout": 10.0, "responses": False}}


class OpaServer:
    """An OPA server with one policy at a time."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.client = httpx.AsyncClient(base_url=f"http://{self.address}", trust_env=False)

    async def load(self, policy: Policy) -> None:
        """Replace the policy.

        Raises:
            ConfigError: OPA does not take it.
        """
        answer = await self.client.put("/v1/policies/corpus", content=policy.text)
        if answer.status_code != 200:
            raise ConfigError(json.dumps(answer.json().get("errors", answer.text)))


@contextlib.asynccontextmanager
async def run_opa(binary: Path) -> AsyncIterator[OpaServer]:
    """Start OPA on a free port, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        binary,
        "run",
        "--server",
        "--addr",
        f"127.0.0.1:{port}",
        "--disable-telemetry",
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = OpaServer(port)
    try:
        deadline = time.monotonic() + 30.0
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await server.client.get("/health")).status_code == 200:
                    break
            assert time.monotonic() < deadline, "OPA does not start"
            await asyncio.sleep(0.05)
        yield server
    finally:
        await server.client.aclose()
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def run_guards(folder: Path, opa: Path | None) -> AsyncIterator[Guards]:
    """The guards, with an OPA server where there is a binary."""
    async with contextlib.AsyncExitStack() as ending:
        server = await ending.enter_async_context(run_opa(opa)) if opa else None
        services = ending.enter_context(_services(folder))
        yield Guards(services, folder, server)


@contextlib.contextmanager
def _services(folder: Path) -> Iterator[Services]:
    stub = folder / "stub.rego"
    stub.write_text("package stub\n\nallow := false\n")
    stubbed = settings(folder, paths=[str(stub)], query="data.stub.allow")
    with open_stores(stubbed, "0", Observer()) as stores:
        services = make_services(make_parts(stubbed), make_engine(stubbed), stores)
        now = NOW_S * 1_000_000_000
        yield replace(services, clock=lambda: now, crash_file=None, latest=None)
