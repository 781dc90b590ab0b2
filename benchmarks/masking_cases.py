"""Worst cases of masking and of its detectors, for ``benchmarks.worst_cases``."""

from __future__ import annotations

import base64
import gzip
import json
import random
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote_plus

from google.protobuf import json_format, struct_pb2

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.custom import make_custom
from extproc.masking.protobuf.frames import Framing
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from tests.support.maskers import DETECTORS, make_masker

Work = Callable[[], object]
Case = Callable[[int], Work]

HOSTILE = (
    "4 ",
    "41",
    "4111-",
    "eyJ",
    "eyJ.",
    "a@",
    "a@b.",
    "-----BEGIN PRIVATE KEY-----",
    "sk-",
    "123-45-",
    "4111\r\n",
    "4111\\n",
    "219\r\n09\r\n",
    "ssn 12345678 ",
    "password=",
    "password=aB3dE5fG7hJ9kL1m ",
    "password:\nab1c\n",
    "secrets:\n",
    "kind: Secret\napiVersion: v1\ndata:\n",
    "passwords = [",
    "<passwords>\n",
    "[passwords]\n",
    "passwords: |\n",
    'passwords: "',
    "passwords:\n  - a\n",
    "INSERT INTO t (password) VALUES ",
    "INSERT INTO t (password) VALUES ('x');\n",
    "CREATE TABLE t (\n",
    "INSERT INTO ",
    "token=",
    "&#x" + "0" * 39,
    "&#0000000",
    "%34",
    "&#52;",
    "TTTT",
    "MjE5LTA5LTk5OTkg",
    "%2541",
    "\\",
    "\\u",
    "\\/",
    r"\u0034",
    r"\ud835",
    r"\ud835" + "\\" * 300,
    "%25",
    "=34",
    "=\n",
    r"\x34",
    r"\u{34}",
    r"\064",
    "4<b>",
    "4<br>",
    "4.",
    "4,",
    "4\t",
    "4, ",
    "::",
    "3ff::1 ",
    "+1",
    "a@b.co ",
    "DE89 3704 0044 0532 0130 00 ",
    "123-45-6789 ",
    "10.1.2.3\n",
    "34",
    "34 ",
    "4\u200b",
    "\x1b[1m4",
    '"name":"password","value":"x",',
    "123 45 678 9012 3456 78 ",
)
"""Text that is repeated: beginnings of entities, and of spellings of text in text."""
ALONE = ("a", "@", "&#0", "\u200b")
"""Text that is repeated between two others: the whole is one run."""
STREAMED = (
    "clean words, and more of them\n",
    "1234\n",
    "1234\r\n",
    "1 2 3 4 ",
    "-----BEGIN PRIVATE KEY-----\n",
    "a%20b ",
    "\\",
    r"\u0034",
    "\\n \\u0034\n",
    "[[",
    "x",
)
"""Text of streams: parts of numbers, keys, spellings and JSON."""
NUMBERS = [str(2_000_000 + each) for each in range(300)]
JSON = "application/json"


def scanning(analyzer: Analyzer, text: Callable[[int], str]) -> Case:
    """Search one text."""

    def prepare(size: int) -> Work:
        hostile = text(12_500 * size)
        return lambda: analyzer.scan(hostile)

    return prepare


def repeated(unit: str, length: int) -> str:
    return unit * (length // len(unit))


def streaming(unit: str, piece: int) -> Case:
    """Mask a stream that is cut into pieces of some bytes."""

    def prepare(size: int) -> Work:
        text = repeated(unit, (4_000 if piece == 1 else 16_000) * size).encode()

        def work() -> None:
            stream = make_masker(text_limit=1 << 30).stream("text/plain", MASK_EVERYTHING)
            for at in range(0, len(text), piece):
                stream.feed(text[at : at + piece])
            stream.finish()

        return work

    return prepare


def holding_back(size: int) -> Work:
    """Hold back a stream that cannot be cut, and comes in many pieces."""

    def work() -> None:
        stream = make_masker(text_limit=1 << 30).stream("text/plain", MASK_EVERYTHING)
        for _ in range(1_000 * size):
            stream.feed(b"x" * 64)

    return work


def long_key(place: str, size: int) -> Work:
    """Mask many values below one key that gets longer: it must not be searched again for each of them."""
    key = 5_000 * size * "k" + " phone"
    masker = make_masker(event_limit=1 << 22)
    if place == "form":
        form = f"{quote_plus(key)}={'+is+'.join(NUMBERS)}".encode()
        return lambda: masker.find(form, "application/x-www-form-urlencoded")
    if place == "messages":
        message = json_format.ParseDict({key: NUMBERS}, struct_pb2.Struct()).SerializeToString()
        framing = Framing(Messages(struct_pb2.Struct.DESCRIPTOR), 1 << 22, 20)
        return lambda: masker.frames(framing, MASK_EVERYTHING).feed(Frame(False, message).raw)
    values = {"JSON": NUMBERS, "JSON in JSON": [json.dumps([each]) for each in NUMBERS]}[place]
    body = json.dumps({key: values}).encode()
    return lambda: masker.find(body, JSON)


def settling(size: int) -> Work:
    """Mask many entities whose removal leaves the beginning of a new one."""
    rules = (MaskRule(MaskOperator.REMOVE, entity="US_SSN"), MaskRule(MaskOperator.REDACT, entity="PRIVATE_KEY"))
    key = "-----BEGIN 219-09-9999PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
    text = "219-09-9999 " * 500 * size + key.format("aGk 219-09-9999 " * 500 * size)
    return lambda: make_masker().mask(text.encode(), "text/plain", rules)


def renaming_keys(size: int) -> Work:
    """Mask keys that all become equal: each of them gets a number."""
    body = json.dumps({f"user{each}@example.com": 1 for each in range(500 * size)}).encode()
    return lambda: make_masker().mask(body, JSON, MASK_EVERYTHING)


def far_candidates(size: int) -> Work:
    """Mask entities that lie far apart in one array: elements are counted once."""
    row: list[object] = [0] * 500
    body = json.dumps([*row, "a@b.co"] * (10 * size)).encode()
    return lambda: make_masker().mask(body, JSON, MASK_EVERYTHING)


ENCODED = base64.b64encode(b"the only run of the text").decode() + "\n"
CHANCE = random.Random(1)
WORDS = b"some ordinary words in 57 bytes, and then again the same."
RANDOM = {
    "numbers in a table": lambda: " ".join(str(CHANCE.randrange(1000)) for _ in range(12)) + "\n",
    "numbers in CSV": lambda: ",".join(str(CHANCE.randrange(10**6)) for _ in range(8)) + "\n",
    "addresses of machines": lambda: ".".join(str(CHANCE.randrange(1, 255)) for _ in range(4)) + "\n",
    "UUIDs": lambda: str(uuid.UUID(int=CHANCE.getrandbits(128))) + "\n",
    "digests": lambda: CHANCE.randbytes(32).hex() + "\n",
    "a hex dump": lambda: CHANCE.randbytes(16).hex(" ") + "\n",
    "Base64 of an image": lambda: base64.b64encode(CHANCE.randbytes(57)).decode(),
    "Base64 of an image in lines": lambda: base64.b64encode(CHANCE.randbytes(57)).decode() + "\n",
    "Base64 of words in lines": lambda: base64.b64encode(WORDS).decode() + "\n",
    "gzip in Base64": lambda: base64.b64encode(gzip.compress(CHANCE.randbytes(40).hex().encode())).decode() + "\n",
}
"""Lines of ordinary data, made at random."""


def filled(line: Callable[[], str], length: int) -> str:
    """Return lines up to a length."""
    made, size = [], 0
    while size < length:
        made.append(line())
        size += len(made[-1])
    return "".join(made)


def masking(text: Callable[[int], str]) -> Case:
    """Mask one text as a string of a document, and as plain text."""

    def prepare(size: int) -> Work:
        hostile = text(6_250 * size)
        masker, body = make_masker(), json.dumps({"v": hostile}, ensure_ascii=False).encode()

        def work() -> None:
            masker.mask(body, JSON, MASK_EVERYTHING)
            masker.mask(hostile.encode(), "text/plain", MASK_EVERYTHING)

        return work

    return prepare


def listed(line: Callable[[], str]) -> Case:
    """Mask a list of values."""

    def prepare(size: int) -> Work:
        body = json.dumps(filled(line, 12_500 * size).split("\n")).encode()
        return lambda: make_masker().mask(body, JSON, MASK_EVERYTHING)

    return prepare


def texts(length: int) -> Iterator[tuple[str, str]]:
    """Yield each text that is repeated, and each kind of ordinary data, with its name."""
    for unit in (*HOSTILE, *STREAMED):
        yield repr(unit[:24]), repeated(unit, length)
    for name, line in RANDOM.items():
        yield name, filled(line, length)


def masking_cases() -> Iterator[tuple[str, Case]]:
    """Yield all cases by name."""
    for unit in HOSTILE:
        yield f"search {unit[:16]!r}", scanning(DETECTORS, partial(repeated, unit))
        yield f"mask {unit[:16]!r}", masking(partial(repeated, unit))
    for name, line in RANDOM.items():
        yield f"mask {name}", masking(partial(filled, line))
        yield f"mask a list of {name}", listed(line)
    for unit in ALONE:
        yield f"search a run of {unit!r}", scanning(DETECTORS, lambda n, u=unit: "a@" + repeated(u, n) + "@b.co")
    yield "mask words behind Base64", masking(lambda n: ENCODED + repeated("words that go on ", n))
    custom = Analyzer([*CATALOGUE, make_custom("BADGE", "(?:a+)+b")])
    yield "search by a custom pattern", scanning(custom, partial(repeated, "a"))
    for unit in STREAMED:
        yield f"stream {unit[:16]!r} by bytes", streaming(unit, 1)
        yield f"stream {unit[:16]!r} by 1,000", streaming(unit, 1_000)
    yield "hold a stream back", holding_back
    for place in ("JSON", "JSON in JSON", "form", "messages"):
        yield f"a long key in {place}", partial(long_key, place)
    yield "new entities after masking", settling
    yield "keys that become equal", renaming_keys
    yield "entities far apart", far_candidates
