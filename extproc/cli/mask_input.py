"""Read the body for ``extproc mask``, and find its content-type by the file's name."""

import sys
from pathlib import Path

from extproc.codecs.content_encoding import decode
from extproc.model.errors import ConfigError

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
CODINGS = {".gz": "gzip", ".br": "br", ".zst": "zstd"}
"""Content-encodings by the end of a file's name."""
LARGEST, RATIO = 1 << 30, 10_000
"""Bytes that a decoded file may have, and how many times as long as the encoded one it may be."""


def read_body(file: Path, content_type: str, encoding: str) -> tuple[bytes, str]:
    """Return the body, its content-encoding undone, and its content-type.

    Args:
        file: the file; ``-`` is standard input.
        content_type: empty: find it by the file's name.
        encoding: empty: find it by the file's name.

    Raises:
        ConfigError: the file cannot be read.
        Unreadable: the body cannot be decoded.
    """
    try:
        body = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    coding = CODINGS.get(file.suffix.lower(), "")
    name = file.with_suffix("") if coding else file
    content_type = content_type or TYPES.get(name.suffix.lower(), "application/json")
    return decode(body, encoding or coding, limit=LARGEST, ratio=RATIO), content_type
