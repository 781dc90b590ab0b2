"""Read the body for ``extproc mask``, and find its content-type by the file's name."""

import sys
from pathlib import Path
from typing import NamedTuple

from extproc.codecs.content_encoding import decode
from extproc.masking.formats import media_of
from extproc.masking.masker import STREAMS
from extproc.model.errors import ConfigError, MaskingError

STANDARD_INPUT = Path("-")
TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".sse": "text/event-stream",
    ".txt": "text/plain",
}
"""Content-types by the end of a file's name. Any other file is taken for JSON, also one of
another format with fields (.yaml, .xml): as text, it would show fields that are named by paths."""
WITH_FIELDS = frozenset({".cfg", ".conf", ".env", ".ini", ".properties", ".sql", ".toml", ".xml", ".yaml", ".yml"})
"""Ends of names of such files."""
LIMIT_HINT = "the guard refuses it: raise limits.request_body or limits.response_body"
CODINGS = {".gz": "gzip", ".br": "br", ".zst": "zstd"}
"""Content-encodings by the end of a file's name."""


class Limits(NamedTuple):
    """Limits of the size of a body."""

    largest: int = 1 << 30
    """Bytes of a decoded body."""
    ratio: int = 10_000
    """The most bytes of a decoded body for each byte of the encoded one."""
    streams: bool = True
    """Bodies that the guard masks as they arrive may be longer, if they are not encoded."""

    def of(self, content_type: str, encoding: str) -> int:
        """Return the most bytes of a body."""
        return LARGEST if self.streams and not encoding and _is_streamed(content_type) else self.largest


LARGEST = Limits().largest
FOR_TRIALS = Limits()
"""Those without a configuration."""


def is_text_with_fields(file: Path) -> bool:
    """Return whether a file's name says that it is text with fields, but no JSON: ``a.yaml.gz``, ``.env``."""
    name = file.name.lower()
    for coding in CODINGS:
        name = name.removesuffix(coding)
    return name.endswith(tuple(WITH_FIELDS))


def _is_streamed(content_type: str) -> bool:
    try:
        return media_of(content_type, ascii_only=True) in STREAMS
    except MaskingError:
        return False  # nothing of it is masked


def read_body(file: Path, content_type: str, encoding: str, limits: Limits = FOR_TRIALS) -> tuple[bytes, str]:
    """Return the body, its content-encoding undone, and its content-type.

    Args:
        file: the file; ``-`` is standard input.
        content_type: empty: find it by the file's name.
        encoding: empty: find it by the file's name.
        limits: those of the configuration.

    Raises:
        ConfigError: the file cannot be read, or is too large.
        Unreadable: the body cannot be decoded.
    """
    try:
        body = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    coding = CODINGS.get(file.suffix.lower(), "")
    name = file.with_suffix("") if coding else file
    content_type = content_type or TYPES.get(name.suffix.lower(), "application/json")
    encoding = encoding or coding
    limit = limits.of(content_type, encoding)
    if not encoding and len(body) > limit:
        raise ConfigError(f"the body has {len(body)} bytes, and its limit is {limit}", hint=LIMIT_HINT)
    return decode(body, encoding, limit=limit, ratio=limits.ratio), content_type
