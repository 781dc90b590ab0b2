"""Certificates for tests: an authority, Envoy's own, and callers' with different kinds of names."""

import datetime as dt
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SERVER = "crm.example.com"


def subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "acme, inc"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True)
class Authority:
    """Certifies, and writes files into a folder."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, folder: Path, name: str = "authority") -> "Authority":
        made = cls(folder, name, ec.generate_private_key(ec.SECP256R1()))
        made.sign(name, made.key, (), ca=True)
        return made

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def certify(self, name: str, alternatives: Sequence[x509.GeneralName] = ()) -> tuple[Path, Path]:
        """Make a certificate for this common name. Returns the files of certificate and key."""
        return self.sign(name, ec.generate_private_key(ec.SECP256R1()), alternatives, ca=False)

    def client(self, name: str, alternatives: Sequence[x509.GeneralName] = ()) -> ssl.SSLContext:
        """Return the TLS context of a caller with a certificate of its own."""
        context = self.anonymous()
        context.load_cert_chain(*self.certify(name, alternatives))
        return context

    def anonymous(self) -> ssl.SSLContext:
        """Return the TLS context of a caller without a certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], *, ca: bool
    ) -> tuple[Path, Path]:
        """Sign a certificate for this key, and write both."""
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(
            subject(self.name),
            subject(name),
            key.public_key(),
            x509.random_serial_number(),
            now - dt.timedelta(hours=1),
            now + dt.timedelta(hours=1),
        ).add_extension(x509.BasicConstraints(ca, None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files


def serve_tls(
    rendered: dict[str, Any], authority: Authority, *, inspector: bool = True, check: bool = True
) -> None:
    """Have a rendered Envoy serve TLS, and ask callers for certificates, without requiring one.

    Args:
        rendered: the bootstrap; changed in place.
        authority: certifies Envoy and the callers.
        inspector: whether the listener has the TLS inspector.
        check: whether the callers' certificates are verified.
    """
    certificate, key = authority.certify("envoy", [x509.DNSName(SERVER), x509.DNSName("second.example.com")])
    common = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [
            {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
        ],
        "validation_context": {
            "trusted_ca": {"filename": str(authority.certificate)},
            "trust_chain_verification": "VERIFY_TRUST_CHAIN" if check else "ACCEPT_UNTRUSTED",
        },
    }
    types = "type.googleapis.com/envoy.extensions"
    listener = rendered["static_resources"]["listeners"][0]
    listener["filter_chains"][0]["transport_socket"] = {
        "name": "tls",
        "typed_config": {
            "@type": f"{types}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
        },
    }
    if inspector:
        found = {"@type": f"{types}.filters.listener.tls_inspector.v3.TlsInspector"}
        listener["listener_filters"] = [{"name": "tls_inspector", "typed_config": found}]
