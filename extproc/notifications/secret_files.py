"""Secrets of targets, read when they are needed. No error, log line or repr holds one."""

import base64
import binascii
import os
from pathlib import Path

from extproc.model.errors import DeliveryFailed

MAX_BYTES = 8 << 10
WEBHOOK_PREFIX = "whsec_"
WEBHOOK_LEAST, WEBHOOK_MOST = 24, 64
"""Bytes of a webhook's secret (Standard Webhooks, "Signature scheme")."""


def read_secret(file: Path) -> str:
    """Return a file's text without the white space around it.

    Raises:
        DeliveryFailed: it cannot be read, is empty, too long, or not ASCII text of one line.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise DeliveryFailed(f"{file} cannot be read: {error.strerror}") from None
    return _one_line(raw, str(file))


def read_variable(name: str) -> str:
    """Return an environment variable's text, as ``read_secret`` does with a file."""
    if name not in os.environ:
        raise DeliveryFailed(f"the variable {name} is not set")
    return _one_line(os.environ[name].encode("utf-8", "surrogateescape"), f"the variable {name}")


def webhook_key(file: Path) -> bytes:
    """Return the key of a webhook's secret.

    Raises:
        DeliveryFailed: as ``read_secret``, or it is not ``whsec_`` and 24 to 64 bytes in Base64.
    """
    text = read_secret(file)
    if not text.startswith(WEBHOOK_PREFIX):
        raise DeliveryFailed(f"{file} does not begin with {WEBHOOK_PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(WEBHOOK_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise DeliveryFailed(f"{file} is not {WEBHOOK_PREFIX} and Base64") from None
    if not WEBHOOK_LEAST <= len(key) <= WEBHOOK_MOST:
        raise DeliveryFailed(
            f"{file} has a key of {len(key)} bytes; it must have {WEBHOOK_LEAST} to {WEBHOOK_MOST}"
        )
    return key


def _one_line(raw: bytes, source: str) -> str:
    if len(raw) > MAX_BYTES:
        raise DeliveryFailed(f"{source} is longer than {MAX_BYTES} bytes")
    text = raw.strip()
    if not text:
        raise DeliveryFailed(f"{source} is empty")
    if not text.isascii() or not text.decode("ascii").isprintable():
        raise DeliveryFailed(f"{source} has more than one line, or characters that are not ASCII")
    return text.decode("ascii")
