"""A worker listens only where Envoy alone can connect."""

import datetime as dt
import ipaddress

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc

from extproc.demo.install import free_ports
from extproc.model.errors import ConfigError
from extproc.server.worker import is_loopback, serving
from extproc.settings.envoy import GuardTls
from tests.support.unchanging import Unchanging
from tests.unit.flow.dialogue import make_services

BEGIN = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
END = BEGIN + dt.timedelta(days=30)


def certify(folder, name, issuer=None, *, begin=BEGIN, end=END):
    """Write a certificate and its key, signed by this issuer or self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer_name, signer = (issuer or (subject, key))[:2]
    made = (
        x509.CertificateBuilder(signer_name, subject, key.public_key(), x509.random_serial_number(), begin, end)
        .add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(signer, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / f"{name}.crt").write_bytes(made.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return subject, key


async def healthy(address, credentials):
    channel = grpc.aio.secure_channel(address, credentials) if credentials else grpc.aio.insecure_channel(address)
    async with channel:
        try:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        except grpc.RpcError:
            return False
    return True


@pytest.mark.parametrize("listen", ["0.0.0.0:50051", "[::]:50051", "10.0.0.1:50051", "guard-0:50051", "*:50051"])
async def test_an_address_that_others_can_reach_is_refused_without_tls(tmp_path, listen):
    with pytest.raises(ConfigError, match="without TLS"):
        async with serving(Unchanging(make_services(tmp_path)), listen):
            pytest.fail("it listens")


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_addresses_are_this_machines_own(listen):
    assert is_loopback(listen)


async def test_with_tls_only_who_has_a_certificate_of_the_authority_is_answered(tmp_path):
    authority = certify(tmp_path, "authority")
    certify(tmp_path, "worker", authority)
    certify(tmp_path, "envoy", authority)
    certify(tmp_path, "stranger", certify(tmp_path, "other"))
    read = {file.name: file.read_bytes() for file in tmp_path.glob("*.*")}
    tls = GuardTls(
        certificate=tmp_path / "worker.crt", key=tmp_path / "worker.key", client_ca=tmp_path / "authority.crt"
    )
    (port,) = free_ports(1)
    guard = Unchanging(make_services(tmp_path, changes={"limits.drain": 0.01}))
    async with serving(guard, f"127.0.0.1:{port}", tls):
        answers = {
            name: await healthy(
                f"127.0.0.1:{port}",
                grpc.ssl_channel_credentials(read["authority.crt"], read[f"{name}.key"], read[f"{name}.crt"]),
            )
            for name in ("envoy", "stranger")
        }
        answers["nobody"] = await healthy(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(read["authority.crt"]))
        answers["plain"] = await healthy(f"127.0.0.1:{port}", None)
    assert answers == {"envoy": True, "stranger": False, "nobody": False, "plain": False}


async def test_a_missing_certificate_is_told(tmp_path):
    tls = GuardTls(certificate=tmp_path / "no.crt", key=tmp_path / "no.key", client_ca=tmp_path / "no.ca")
    with pytest.raises(ConfigError, match=r"no\.key"):
        async with serving(Unchanging(make_services(tmp_path)), "127.0.0.1:0", tls):
            pytest.fail("it listens")
