"""Secrets that follow from a cookie. The store keeps none of them: without the cookie, it opens nothing."""

import base64
import hashlib
import json
import os
import re
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from extproc.model.ids import Entropy

SECRET_BYTES = 32
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes as URL-safe Base64 without padding (RFC 4648 section 5)."""
NONCE_BYTES = 12
"""Of AES-GCM (NIST SP 800-38D section 8.2)."""


def new_secret(entropy: Entropy = os.urandom) -> str:
    """Make the value of a cookie or of a link: 256 random bits."""
    return _text(entropy(SECRET_BYTES))


def may_be_secret(value: str) -> bool:
    """Return whether the text has the form of ``new_secret``."""
    return SECRET.fullmatch(value) is not None


def fingerprint(secret: str) -> str:
    """Return what the store keeps of a secret: SHA-256, in hexadecimal. 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def derived(secret: str, purpose: str) -> str:
    """Return another secret that follows from this one (RFC 5869), as URL-safe text of 43 characters."""
    return _text(_key(secret, purpose))


def seal(secret: str, document: dict[str, Any], entropy: Entropy = os.urandom) -> bytes:
    """Encrypt what only the bearer of the secret may open (AES-256-GCM)."""
    nonce = entropy(NONCE_BYTES)
    return nonce + AESGCM(_key(secret, "sealed")).encrypt(nonce, json.dumps(document).encode(), None)


def unseal(secret: str, sealed: bytes) -> dict[str, Any]:
    """Decrypt a sealed document; an empty one if it was not sealed by this secret."""
    try:
        plain = AESGCM(_key(secret, "sealed")).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        found: dict[str, Any] = json.loads(plain)
    except (InvalidTag, ValueError):
        return {}
    return found


def _key(secret: str, purpose: str) -> bytes:
    info = f"extproc console {purpose}".encode()
    return HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret.encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
