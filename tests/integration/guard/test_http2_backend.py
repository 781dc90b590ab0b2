"""A backend over TLS and HTTP/2, whose responses may have trailers: those are masked as well, or dropped."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.guard.stack import CARD, CRM, SSN, Stack, run_stack, tolerant_policy
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.http2_client import Answer, call_http2

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

Fields = list[tuple[str, str]]
JSON: Fields = [("content-type", "application/json")]
SSE: Fields = [("content-type", "text/event-stream")]
BODY = f'{{"card":"{CARD}"}}'.encode()
TRAILERS: Fields = [("x-sum", f"ssn {SSN}"), ("x-plain", "as it is")]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backend")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "backend.pem", folder / "backend.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate_file, key_file


class Backend:
    """Answers every request with these header fields, pieces and trailers; None leaves a part out."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[dict[str, str]] = []
        self.answer: tuple[Fields, list[bytes], Fields | None] = (JSON, [b"{}"], None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        self.requests.append({str(name): str(value) for name, value in event.headers})
                    if isinstance(event, h2.events.StreamEnded):
                        self._respond(connection, event.stream_id)
                writer.write(connection.data_to_send())
        writer.close()

    def _respond(self, connection: h2.connection.H2Connection, stream: int) -> None:
        fields, pieces, trailers = self.answer
        connection.send_headers(stream, [(":status", "200"), *fields], end_stream=not pieces and trailers is None)
        for number, piece in enumerate(pieces, 1):
            connection.send_data(stream, piece, end_stream=trailers is None and number == len(pieces))
        if trailers is not None:
            connection.send_headers(stream, trailers, end_stream=True)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def pair() -> AsyncIterator[tuple[Stack, Backend]]:
    with short_folder() as folder:
        certificate_file, key_file = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file, key_file)
        context.set_alpn_protocols(["h2"])
        backend = Backend()
        server = await asyncio.start_server(backend.serve, "127.0.0.1", 0, ssl=context)
        backend.port = server.sockets[0].getsockname()[1]
        functions = {
            "get_customer": {"method": "GET", "path": "/customers/{id}"},
            "events": {"method": "GET", "path": "/events"},
        }
        upstream = {"address": f"127.0.0.1:{backend.port}", "tls": True, "ca_file": str(certificate_file)}
        crm = {"protocol": "http-json", "hosts": [CRM], "functions": functions, "upstream": upstream}
        policy = {"paths": [str(tolerant_policy(certificate_file.parent))]}
        async with run_stack(workers=1, connections={"crm": crm}, policy=policy) as stack:
            yield stack, backend
        server.close()


async def asked(pair: tuple[Stack, Backend], path: str, *answer: object) -> Answer:
    stack, backend = pair
    await stack.settled()
    stack.fresh()
    backend.requests.clear()
    backend.answer = answer  # type: ignore[assignment]
    headers = {**stack.headers(), "te": "trailers"}
    got = await call_http2(await stack.connect(), headers, method="GET", path=path)
    assert len(backend.requests) == 1
    shown = got.body.decode("latin-1") + str(got.headers) + str(got.trailers)
    assert CARD not in shown
    assert SSN not in shown
    return got


async def test_trailers_of_a_whole_response_are_masked(pair: tuple[Stack, Backend]) -> None:
    got = await asked(pair, "/customers/1", JSON, [BODY], TRAILERS)
    assert (got.status, got.body) == (200, b'{"card":"[CREDIT_CARD]"}')
    assert got.trailers == {"x-sum": "ssn [US_SSN]", "x-plain": "as it is"}
    assert (await pair[0].ended())["kind"] == "call.completed"


async def test_trailers_of_a_stream_are_masked(pair: tuple[Stack, Backend]) -> None:
    got = await asked(pair, "/events", SSE, [b"data: " + BODY + b"\n\n"] * 3, TRAILERS)
    assert got.body == b'data: {"card":"[CREDIT_CARD]"}\n\n' * 3
    assert got.trailers == {"x-sum": "ssn [US_SSN]", "x-plain": "as it is"}
    assert (await pair[0].ended())["kind"] == "call.completed"
    await pair[0].assert_unreported()


async def test_a_stream_cut_by_trailers_loses_only_what_was_unfinished(pair: tuple[Stack, Backend]) -> None:
    got = await asked(pair, "/events", SSE, [b"data: 1\n\n", b"data: " + BODY], TRAILERS)
    assert got.body == b"data: 1\n\n"
    await pair[0].ended()


async def test_trailers_without_a_body_do_not_pass_unmasked(pair: tuple[Stack, Backend]) -> None:
    got = await asked(pair, "/customers/1", JSON, [], TRAILERS)
    assert got.status in (200, 500, 502, 503)
    await pair[0].ended()


async def test_headers_alone_are_masked(pair: tuple[Stack, Backend]) -> None:
    got = await asked(pair, "/customers/1", [*JSON, ("x-note", CARD)], [], None)
    assert (got.status, got.headers["x-note"]) == (200, "[CREDIT_CARD]")
    assert (await pair[0].ended())["kind"] == "call.completed"
