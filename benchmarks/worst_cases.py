"""Time of the worst texts that a backend or a caller can write (``python -m benchmarks.worst_cases``).

Each case runs at two sizes, the second four times the first. Time in proportion to the size gives a growth of 4,
and quadratic time gives 16. The command prints the slowest cases, and exits with 1 if any grows more than
tenfold or takes longer than its limit. It also prints what a byte costs in texts that take long, as a multiple of
dense JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from google.protobuf.wrappers_pb2 import BytesValue
from rich.console import Console
from rich.table import Table

from benchmarks.masking import document
from benchmarks.masking_cases import masking_cases, texts
from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.codecs.sse import Reader
from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.request.search_url import search_url
from extproc.masking.masker import Masker
from extproc.masking.protobuf.frames import Framing, Readable
from extproc.model.call import Call, Headers, RequestHead
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

FACTOR = 4
MAX_GROWTH = 10.0
NOISE_S = 0.05
"""Seconds that a measurement may be off on a busy machine."""
MAX_S = 0.2
"""Processor seconds of the smaller size."""
MAX_COST = 5.0
"""Highest cost of a byte, as a multiple of the cost of one of dense JSON (``benchmarks.masking``)."""
PER_BYTE = 100_000
"""Bytes of the texts whose cost is measured."""
REPEATS = 3
SHOWN = 15

SECRETS = (
    b"DOM\\user:pass-word",
    b"\\\\server\\share\\pass",
    b"a\\b\\c\\d\\e\\f\\g\\h\\i\\j",
    b"\\" * 20 + b"abc",
    b"ends in\\\\",
    b'""//\'\'\\"\\/',
    b"pa%ss%w%rd%1",
    b"a&b&c&d&lt&",
    b"<<>>  ++uuxx",
    b"%25%25%25%25%25%25abcd",
    b"pa&amp;&amp;ss&#92;",
    b"\\u005c\\u0075\\x5c\\x78",
    b"\\%5c\\%5c\\%5cab",
    b"u0075u0075x78",
    b"\\" * 16,
    b"a" * 16,
    b"0123456789abcdef" * 64,
)
"""Secrets with runs of the characters that escapes begin with, with escapes, and very regular ones."""
LINES = (
    b"\\",
    b"%25",
    b"&#000",
    b"\\u005c",
    b"\\" * 15 + b"c",
    b"a" + b"\\" * 17 + b"b" + b"\\" * 17 + b"c",
    b"%",
    b"&amp;",
    b"a\\",
    b"0123456789abcdef\\u0030",
)
"""Texts that are repeated, each between beginnings of the secret."""

Work = Callable[[], object]
"""The measured work."""
Case = Callable[[int], Work]
"""Prepares the work for a size."""


def redacting(secret: bytes, line: bytes) -> Case:
    """Search a text of repeated lines, with the beginning of the secret in it, for the secret."""
    redact = CredentialRedactor(secret, secret)

    def prepare(size: int) -> Work:
        text = (line * (4_000 * size // len(line)) + secret[:-1]) * 2
        return lambda: redact(text)

    return prepare


def replacing_data(size: int) -> Work:
    """Replace the data of an event that has very many lines."""
    lines = 20_000 * size
    [event] = Reader(limit=1 << 24).feed(b"data:\n" * lines + b"\n")
    return lambda: event.with_data(b"\n" * (lines - 2))


def searching_url(size: int) -> Work:
    """Search a long URL of a call that has many arguments: each is looked up, not searched for."""
    masker = make_masker()
    head = RequestHead("POST", "http", "crm.example.com", "/people?q=" + "a" * 12_500 * size, Headers())
    arguments = {f"k{each}": "ab" for each in range(2_500 * size)}
    call = Call("id", "crm", "crm.find", "http-json", arguments=arguments)
    return lambda: search_url(head, call, masker)


def unsearchable_fields(size: int) -> Work:
    """Search gRPC messages whose bytes are not text, and show them: each becomes a finding."""
    masker = make_masker()
    messages = Messages(BytesValue.DESCRIPTOR, listed=True)
    framing = Framing(messages, limit=1 << 20, ratio=100, binary=True)
    body = Frame(False, BytesValue(value=b"\xff").SerializeToString()).raw * (1_500 * size)

    def work() -> None:
        masker.frames(framing, (), finds=True).feed(body)
        Readable(framing, masker.hidden)(body)

    return work


def cases() -> Iterator[tuple[str, Case]]:
    """Yield all cases by name."""
    for secret in SECRETS:
        for line in LINES:
            yield f"redactor: {secret[:20]!r} in {line[:24]!r}…", redacting(secret, line)
    yield "event stream: replace data", replacing_data
    yield "URL: many arguments", searching_url
    yield "gRPC: fields that are not text", unsearchable_fields
    yield from masking_cases()


def seconds(case: Case, size: int) -> float:
    """Return the processor time of the fastest of several runs."""
    return min(_timed(case(size)) for _ in range(REPEATS))


def _timed(work: Work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def costs_per_byte() -> dict[str, float]:
    """Return what masking a byte of each text costs, as a multiple of a byte of dense JSON."""
    masker = make_masker(event_limit=1 << 24)
    body = document(PER_BYTE, dense=True)
    dense = _mask_s(masker, body, "application/json") / len(body)
    costs: dict[str, float] = {}
    for name, text in texts(PER_BYTE):
        in_json = json.dumps({"v": text}, ensure_ascii=False).encode()
        values = json.dumps(text.split("\n"), ensure_ascii=False).encode()
        for where, masked, kind in (
            ("JSON", in_json, "application/json"),
            ("list", values, "application/json"),
            ("text", text.encode(), "text/plain"),
        ):
            costs[f"{name} ({where})"] = _mask_s(masker, masked, kind) / len(masked) / dense
    return costs


def _mask_s(masker: Masker, body: bytes, content_type: str) -> float:
    """Return the processor seconds of masking a body. A body that is refused costs as well."""

    def work() -> None:
        with suppress(MaskingError):
            masker.mask(body, content_type, MASK_EVERYTHING)

    return min(_timed(work) for _ in range(REPEATS))


def main() -> int:
    """Measure all cases; return the exit status."""
    costs = costs_per_byte()
    dear = Table("text", "cost of a byte, times that of dense JSON")
    for name, cost in sorted(costs.items(), key=lambda each: -each[1])[:SHOWN]:
        dear.add_row(name.replace("[", r"\["), f"{cost:.1f}")
    Console().print(dear)
    table = Table("case", "ms", f"{FACTOR} times the size, ms", "growth")
    measured = [(name, seconds(case, 1), seconds(case, FACTOR)) for name, case in cases()]
    wrong = [name for name, small, large in measured if large > MAX_GROWTH * small + NOISE_S or small > MAX_S]
    for name, small, large in sorted(measured, key=lambda each: -each[2])[:SHOWN]:
        growth = f"{large / small:.1f}" if small else ""
        table.add_row(name.replace("[", r"\["), f"{small * 1000:.1f}", f"{large * 1000:.1f}", growth)
    Console().print(table)
    for name in wrong:
        print(f"grows too fast, or takes too long: {name}", file=sys.stderr)
    too_dear = [name for name, cost in costs.items() if cost > MAX_COST]
    for name in too_dear:
        print(f"a byte costs more than {MAX_COST} times as much as one of dense JSON: {name}", file=sys.stderr)
    return 1 if wrong or too_dear else 0


if __name__ == "__main__":
    sys.exit(main())
