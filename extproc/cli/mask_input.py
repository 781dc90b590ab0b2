"""What ``extproc mask`` is given: bytes, and what they are."""

import sys
from pathlib import Path

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
    ".xml": "text/xml",
    ".yaml": "text/yaml",
    ".yml": "text/yaml",
}
"""By the end of a file's name. Others are taken for JSON."""
CODINGS = {".gz": "gzip", ".br": "br", ".zst": "zstd"}
LARGEST, RATIO = 1 << 30, 10_000
"""Bytes of a decoded file, and how many times as long as the file it may be."""


def read_body(file: Path, content_type: str, encoding: str) -> tuple[bytes, str]:
    """A body without its content-encoding, and its content-type.

    Args:
        file: its name tells what is not said; ``-`` is standard input.
        content_type: empty: by the name.
        encoding: empty: by the name.

    Raises:
        ConfigError: the file cannot be read.
        Unreadable: it is not encoded as said.
    """
    from extproc.codecs.content_encoding import decode
    from extproc.model.errors import ConfigError

    try:
        body = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    coding = CODINGS.get(file.suffix.lower(), "")
    name = file.with_suffix("") if coding else file
    content_type = content_type or TYPES.get(name.suffix.lower(), "application/json")
    return decode(body, encoding or coding, limit=LARGEST, ratio=RATIO), content_type
