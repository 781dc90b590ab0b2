"""Values that differ from run to run, replaced by names.

Ids become ordinals by first appearance in a test, so that an id still joins messages and entries, however often the
guard asks for the time or for random bytes.
"""

import base64
import binascii
import hashlib
import re
import time
from pathlib import Path

UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
SHOWN = 2_000
"""Characters of a text that a recording holds; a longer one ends with its hash."""
BASETEMP = "/tmp/xp-record-{:07d}"
"""Where a recorded run has its temporary folders: of one length, since tables are as wide as the paths in them."""
FIRST_PORT = 20_000
"""Ports that a run chose for itself begin here."""
DAY = r"20\d\d-\d\d-\d\d"
STARTED = time.time()
NEAR_S = 86_400
"""Numbers as near to the run's own time are times."""
NOW = "|".join(time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400)) for days in (-1, 0, 1))
RULES = (
    (re.compile(r"/tmp/xp-record-\d{7}(/popen-gw\d+)?(/[^/\s\"',:)]+)?"), "<tmp>"),
    (re.compile(r"/tmp/[\w.-]*[a-z0-9_]{8}\b"), "<tmp>"),
    (re.compile(re.escape(str(Path(__file__).resolve().parents[2]))), "<repository>"),
    (re.compile(r"(?<=127\.0\.0\.1:)[2-6]\d{4}\b"), "<port>"),
    (re.compile(r"(?<=localhost:)[2-6]\d{4}\b"), "<port>"),
    (re.compile(r"\b1[78]\d{17}\b"), "<ns>"),
    (re.compile(rf"\b({NOW})[T ]\d\d:\d\d:\d\d(\.\d+)?"), "<now>"),
    (re.compile(rf"({DAY}[T ]\d\d:\d\d:\d\d)\.\d+"), r"\1"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{1,11}\b"), "<beginning of an id>"),
    (re.compile(r"\b[\d.]+ [KMGT]iB are free"), "<room> are free"),
    (re.compile(r"\b\d+ min \d+ s\b"), "<time left>"),
    (re.compile(r"policy revision [0-9a-f]{12}\b"), "policy revision <revision>"),
    (re.compile(r"\btook [\d.]+ ms"), "took <ms>"),
    (re.compile(r" +$", re.MULTILINE), ""),
)
"""What a run chose for itself; and the blanks that fill a table's rows."""


class Normal:
    """Normalises one test's values."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._hashes: dict[str, str] = {}

    def text(self, text: str) -> str:
        """A text without values that differ from run to run."""
        for pattern, name in RULES:
            text = pattern.sub(name, text)
        return shorten(self.ids(text))

    def ids(self, text: str) -> str:
        """A text whose ids are ordinals, as long as they were."""
        return UUID.sub(self._ordinal, text)

    def _ordinal(self, found: re.Match) -> str:
        return self._ids.setdefault(found[0].lower(), f"<id>{len(self._ids) + 1:032d}")

    def sha256(self, digest: str) -> str:
        """The hash that a body would have if its ids were ordinals."""
        return self._hashes.get(digest, digest)

    def raw(self, data: bytes) -> str:
        """A message's hash, whatever its ids are."""
        return hashlib.sha256(self.ids(data.decode("latin-1")).encode("latin-1")).hexdigest()

    def value(self, value: object, key: str = "") -> object:
        """Anything that JSON can hold, and bytes."""
        match value:
            case dict():
                result = self._fields(value)
            case list() | tuple():
                result = [self.value(each) for each in value]
            case bytes():
                result = self._bytes(value)
            case str():
                result = self.sha256(str(value)) if key.endswith("_sha256") else self.text(str(value))
            case bool() | None:
                result = value
            case int() | float():
                result = _number(value, key)
            case _:
                result = type(value).__name__
        return result

    def _fields(self, fields: dict) -> dict:
        is_binary = str(fields.get("key", "")).endswith("-bin")
        return {
            str(name): self.value(_decoded(each) if is_binary and name != "key" else each, str(name))
            for name, each in fields.items()
        }

    def _bytes(self, data: bytes) -> str:
        renamed = self.ids(data.decode("latin-1")).encode("latin-1")
        if renamed != data:
            self._hashes[hashlib.sha256(data).hexdigest()] = hashlib.sha256(renamed).hexdigest()
        try:
            return self.text(data.decode())
        except UnicodeDecodeError:
            return "latin-1:" + shorten(renamed.decode("latin-1"))


def _number(value: float, key: str) -> object:
    if abs(value - STARTED) < NEAR_S:
        return "<now>"
    if key == "time_ns":
        return "<ns>"
    if key == "nanos" or (key == "portValue" and value >= FIRST_PORT):
        return f"<{key}>"
    if key in ("held_ms", "duration_ms"):
        return "<ms>" if value > 0 else value
    return value


def _decoded(value: object) -> object:
    """The bytes of a binary header field, which Envoy gets as base64."""
    if not isinstance(value, bytes | str):
        return value
    text = value.encode() if isinstance(value, str) else value
    try:
        return b"base64:" + base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return value


def shorten(text: str) -> str:
    """The beginning of a long text, and the hash of all of it."""
    if len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]} [{len(text)} characters, sha256 {hashlib.sha256(text.encode(errors='replace')).hexdigest()}]"


def digest(data: bytes | str) -> str:
    """A hash of a masker's input or output, whatever ids and folders are in it."""
    text = data if isinstance(data, str) else data.decode("latin-1")
    text = RULES[0][0].sub("<tmp>", UUID.sub("<id>", text))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
