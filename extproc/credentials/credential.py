"""Reads a backend's credential when a call needs it.

The value of a credential is never part of a message, a repr or a log line; these name its source only.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from extproc.credentials.redactor import MINIMUM, NO_CREDENTIAL, CredentialRedactor
from extproc.model.errors import CredentialError
from extproc.settings.connection import CredentialSettings

MAX_BYTES = 16 << 10
"""Bytes of one credential; Envoy refuses header sections over 60 KiB."""
PRINTABLE = re.compile(rb"[\x20-\x7e]+")
"""Visible ASCII and spaces: what every HTTP version carries unchanged (RFC 9110 section 5.5)."""
READABLE_BY_OTHERS = 0o077

_log = structlog.get_logger("extproc.credentials")


class CredentialSource(Protocol):
    """The source of a credential."""

    def read(self) -> bytes:
        """Return the current credential.

        Raises:
            CredentialError: the credential is missing, or is not a header value.
        """
        ...


@dataclass(slots=True)
class FileCredential:
    """A file that is read again when it changes, including by a rename or by a new target of a symbolic link."""

    path: Path
    _stamp: tuple[int, ...] = field(default=(), repr=False)
    _value: bytes = field(default=b"", repr=False)
    _warned: bool = field(default=False, repr=False)

    def read(self) -> bytes:
        """Return the file's content without its trailing newline. An unchanged file costs one ``stat``."""
        try:
            stamp = _stamp(self.path.stat())
            if stamp != self._stamp:
                self._stamp, self._value = (), b""
                self._stamp, self._value = self._load()
        except OSError as error:
            self._stamp, self._value = (), b""
            raise CredentialError(f"credential file {self.path}: {error.strerror}") from None
        return self._value

    def _load(self) -> tuple[tuple[int, ...], bytes]:
        """Return the stamp and the value of the same opened file, even if it is renamed meanwhile."""
        with self.path.open("rb") as opened:
            status = os.fstat(opened.fileno())
            raw = opened.read(MAX_BYTES + 3)
        self._warn(status.st_mode)
        return _stamp(status), header_value(raw, f"credential file {self.path}")

    def _warn(self, mode: int) -> None:
        if mode & READABLE_BY_OTHERS and not self._warned:
            self._warned = True
            _log.warning("credential file is open to others", path=str(self.path), mode=oct(mode & 0o777))


@dataclass(frozen=True, slots=True)
class EnvCredential:
    """An environment variable of this process."""

    name: str
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def read(self) -> bytes:
        """Return the variable's value."""
        source = f"credential variable {self.name}"
        if self.name not in self.environ:
            raise CredentialError(f"{source}: not set")
        return header_value(self.environ[self.name].encode("utf-8", "surrogateescape"), source)


def header_value(raw: bytes, source: str) -> bytes:
    """Return bytes as a header's value, without one trailing line end.

    Raises:
        CredentialError: the value is empty, too short or too long, or has bytes that a header value should not
            have.
    """
    value = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not value.strip():
        raise CredentialError(f"{source}: empty")
    if len(value) < MINIMUM:
        raise CredentialError(
            f"{source}: shorter than {MINIMUM} bytes, so that it could not be removed from responses"
        )
    if len(value) > MAX_BYTES:
        raise CredentialError(f"{source}: longer than {MAX_BYTES} bytes")
    if not PRINTABLE.fullmatch(value) or value != value.strip():
        raise CredentialError(f"{source}: has line ends, control characters, non-ASCII bytes or outer spaces")
    return value


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential as one call presents it to the backend."""

    value: bytes = field(repr=False)
    """The header field's whole value."""
    redact_credential: CredentialRedactor = field(repr=False)
    """Removes it from the backend's responses."""


NOT_READ = Presented(b"", NO_CREDENTIAL)


@dataclass(slots=True)
class Credential:
    """A connection's credential, in the form of a header field."""

    header: str
    """Name of the header field, in lower case."""
    prefix: bytes
    """The text before the secret, e.g. ``Bearer ``."""
    source: CredentialSource
    _presented: Presented = field(default=NOT_READ, repr=False)

    def present(self) -> Presented:
        """Return the current credential. Its redactor is built once for each value.

        Raises:
            CredentialError: the source has no credential.
        """
        secret = self.source.read()
        value = self.prefix + secret
        if value != self._presented.value:
            self._presented = Presented(value, CredentialRedactor(value, secret))
        return self._presented


def make_credential(settings: CredentialSettings) -> Credential:
    """Make a credential from its settings. Does not read it yet."""
    source = FileCredential(settings.file) if settings.file is not None else EnvCredential(settings.env or "")
    return Credential(settings.header, settings.prefix.encode("ascii"), source)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
