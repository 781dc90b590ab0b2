"""Costs of masking, against the same patterns in ``re``. ``benchmarks.quality`` measures the findings.

``python -m benchmarks.masking`` prints tables; ``--json FILE`` keeps the figures. One process, one core, CPU time.
``--against FOLDER`` compares the speeds with those of another checkout instead, in turns; also on the documents of
the installed packages.
Presidio's pattern recognizers join the comparison where ``presidio_analyzer`` can be imported.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import re
import string
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.proto_builder import MakeSimpleProtoClass

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import HEAD, Frame, FrameReader
from extproc.codecs.protobuf_messages import read_message
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.masking.masker import Masker
from extproc.masking.protobuf.frames import Framing
from extproc.model.masking import MASK_EVERYTHING
from extproc.server.reloading import COLLECT_AFTER

JSON, SSE, LINES, PLAIN = "application/json", "text/event-stream", "application/x-ndjson", "text/plain"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TURNS = 5
SMALLEST, LARGEST = 500, 1 << 17
"""Bytes of files of packages that are masked."""
PIECE = 1 << 14
"""Bytes of a stream that arrive together."""
Visit = Callable[[object], object]
"""Searches all strings in a value, and returns the value to send."""
EVERYTHING = MASK_EVERYTHING
WORDS = ("order", "shipped", "customer", "and", "paid", "by", "card", "please", "call", "back", "today")


def masker() -> Masker:
    return Masker(Analyzer(), pseudonym_key=b"k" * 32, pseudonym_key_id="k1", max_depth=64, event_limit=1 << 20)


def luhn(prefix: str, length: int, chance: random.Random) -> str:
    digits = prefix + "".join(chance.choices(string.digits, k=length - len(prefix) - 1))
    total = sum(map(int, digits[::-1][1::2])) + sum(sum(divmod(2 * int(d), 10)) for d in digits[::-1][::2])
    return digits + str(-total % 10)


def words(chance: random.Random, n: int = 8) -> str:
    return " ".join(chance.choices(WORDS, k=n))


def record(chance: random.Random, *, dense: bool) -> dict[str, object]:
    made: dict[str, object] = {
        "id": chance.randrange(10**9),
        "uuid": f"{chance.getrandbits(128):032x}",
        "at": f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T12:00:00Z",
        "score": chance.random(),
        "active": chance.random() < 0.5,
        "note": words(chance, 12),
    }
    if dense:
        made["email"] = f"user{chance.randrange(10**6)}@example.com"
        made["card"] = luhn("4", 16, chance)
        made["ssn"] = f"{chance.randint(100, 600)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}"
    return made


def document(size: int, *, dense: bool) -> bytes:
    chance, items, length = random.Random(1), [], 0
    while length < size:
        items.append(record(chance, dense=dense))
        length += len(json.dumps(items[-1])) + 2
    return json.dumps(items).encode()


def events(size: int, *, dense: bool) -> bytes:
    chance, made, length = random.Random(1), [], 0
    while length < size:
        made.append(f"data: {json.dumps(record(chance, dense=dense))}\n\n".encode())
        length += len(made[-1])
    return b"".join(made)


def lines(size: int, *, dense: bool) -> bytes:
    return events(size, dense=dense).replace(b"data: ", b"").replace(b"\n\n", b"\n")


TEXT, NUMBER = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_DOUBLE
WHOLE, YES = FieldDescriptorProto.TYPE_INT64, FieldDescriptorProto.TYPE_BOOL
Record = MakeSimpleProtoClass(
    {
        **dict.fromkeys(("uuid", "at", "note", "email", "card", "ssn"), TEXT),
        "id": WHOLE,
        "score": NUMBER,
        "active": YES,
    },
    full_name="extproc.bench.Record",
    pool=DescriptorPool(),
)


def records(size: int, *, dense: bool) -> list[bytes]:
    """Make messages of a fixed type."""
    chance, made, length = random.Random(1), [], 0
    while length < size:
        made.append(Record(**record(chance, dense=dense)).SerializeToString())
        length += len(made[-1]) + HEAD
    return made


def structs(size: int) -> list[bytes]:
    """Make messages of the type that may have any fields."""
    chance, made, length = random.Random(1), [], 0
    while length < size:
        message = struct_pb2.Struct()
        message.update(record(chance, dense=False))
        made.append(message.SerializeToString())
        length += len(made[-1]) + HEAD
    return made


def grpc_speeds(size: int, mask: Masker, visits: dict[str, Visit]) -> dict[str, float]:
    """Return MB/s of masking gRPC bodies, and of reading messages as the JSON that policy sees."""
    made: dict[str, float] = {}
    for name, made_by, messages in (
        ("clean gRPC", Record, records(size, dense=False)),
        ("dense gRPC", Record, records(size, dense=True)),
        ("Struct over gRPC", struct_pb2.Struct, structs(size)),
    ):
        kind = made_by.DESCRIPTOR
        body = b"".join(Frame(False, each).raw for each in messages)
        framing = Framing(Messages(kind), 1 << 20, 20)
        spent = cpu_s(lambda f=framing, b=body: mask.frames(f, EVERYTHING).feed(b))
        made[f"extproc, {name}"] = len(body) / spent / 1e6
        spent = cpu_s(lambda k=kind, m=messages: [read_message(each, k, max_depth=64) for each in m])
        made[f"extproc, {name} as arguments"] = len(body) / spent / 1e6
        made |= beside(name, body, {rival: typed(made_by, visit) for rival, visit in visits.items()})
    return made


def cpu_s(work: Callable[[], object], least: float = 0.2) -> float:
    """Return the CPU seconds of the fastest run."""
    work()
    best, spent = float("inf"), 0.0
    while spent < least:
        began = time.process_time()
        work()
        took = time.process_time() - began
        best, spent = min(best, took), spent + took
    return best


def walk_with_re(patterns: list[re.Pattern[str]]) -> Visit:
    """Apply each pattern to each string of a document: the usual way to mask."""

    def visit(value: object) -> object:
        if isinstance(value, dict):
            return {visit(key): visit(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [visit(inner) for inner in value]
        if isinstance(value, str):
            for pattern in patterns:
                value = pattern.sub("[MASKED]", value)
        return value

    return visit


def presidio() -> Visit | None:
    """Run Presidio's pattern recognizers, of the entities that both know, on every string; no language model."""
    try:
        from presidio_analyzer import predefined_recognizers as known

        from benchmarks.quality.finders import KNOWN
    except ImportError:
        return None
    recognizers = [getattr(known, name)() for name in KNOWN.values()]

    def visit(value: object) -> int:
        if isinstance(value, dict):
            return sum(visit(inner) for inner in value.values())
        if isinstance(value, list):
            return sum(map(visit, value))
        if not isinstance(value, str):
            return 0
        return sum(
            len(each.analyze(value, each.supported_entities, nlp_artifacts=None) or ()) for each in recognizers
        )

    return visit


def documents(kind: str, visit: Visit) -> Callable[[bytes], object]:
    """Parse a body, visit it, and write it again: other tools have to."""

    def whole(body: bytes) -> object:
        return json.dumps(visit(json.loads(body)))

    def each(body: bytes) -> object:
        return [whole(line.removeprefix(b"data: ")) for line in body.splitlines() if line]

    return {JSON: whole, PLAIN: lambda body: visit(body.decode())}.get(kind, each)


def typed(kind: type[Message], visit: Visit) -> Callable[[bytes], object]:
    """Do the same for gRPC."""

    def one(payload: bytes) -> object:
        visited = visit(json_format.MessageToDict(kind.FromString(payload)))
        if not isinstance(visited, dict):
            return visited
        return json_format.ParseDict(visited, kind(), ignore_unknown_fields=True).SerializeToString()

    return lambda body: [one(frame.payload) for frame in FrameReader(limit=1 << 20).feed(body)]


def streamed(mask: Masker, body: bytes) -> None:
    """Mask a text in the pieces that a network delivers."""
    stream = mask.stream(PLAIN, EVERYTHING)
    for at in range(0, len(body), PIECE):
        stream.feed(body[at : at + PIECE])
    stream.finish()


def beside(name: str, body: bytes, rivals: dict[str, Callable[[bytes], object]]) -> dict[str, float]:
    """Return MB/s of the other tools on one body."""
    return {
        f"{rival}, {name}": len(body) / cpu_s(partial(work, body), 0.2 if rival == "re" else 1e-9) / 1e6
        for rival, work in rivals.items()
    }


def speeds() -> dict[str, float]:
    """Return MB/s on 256 kB."""
    size, mask = 1 << 18, masker()
    patterns = [re.compile(one.decode("latin-1")) for each in CATALOGUE for one in each.prefilter]
    by_presidio = presidio()
    visits = {"re": walk_with_re(patterns)} | ({"Presidio": by_presidio} if by_presidio else {})
    made: dict[str, float] = {}
    for name, body, kind in (
        ("clean JSON", document(size, dense=False), JSON),
        ("dense JSON", document(size, dense=True), JSON),
        ("clean text in JSON", json.dumps({"text": words(random.Random(1), size // 6)}).encode(), JSON),
        ("clean SSE", events(size, dense=False), SSE),
        ("dense SSE", events(size, dense=True), SSE),
        ("clean JSON Lines", lines(size, dense=False), LINES),
        ("clean text", lines(size, dense=False), PLAIN),
        ("dense text", lines(size, dense=True), PLAIN),
    ):
        made[f"extproc, {name}"] = len(body) / cpu_s(lambda b=body, k=kind: mask.mask(b, k, EVERYTHING)) / 1e6
        if kind == PLAIN:
            spent = cpu_s(lambda b=body: streamed(mask, b))
            made[f"extproc, {name} in pieces"] = len(body) / spent / 1e6
        made |= beside(name, body, {rival: documents(kind, visit) for rival, visit in visits.items()})
    return made | grpc_speeds(size, mask, visits)


def per_call() -> dict[str, dict[str, float]]:
    """Return microseconds per call by size."""
    mask = masker()
    ways: dict[str, Callable[[int], Callable[[], object]]] = {
        f"{kind} {name}": partial(way, kind == "dense")
        for kind in ("clean", "dense")
        for name, way in {
            "JSON": lambda dense, size: partial(mask.mask, document(size, dense=dense), JSON, EVERYTHING),
            "SSE": lambda dense, size: partial(mask.mask, events(size, dense=dense), SSE, EVERYTHING),
            "gRPC": lambda dense, size: partial(framed, mask, records(size, dense=dense)),
            "text": lambda dense, size: partial(streamed, mask, lines(size, dense=dense)),
        }.items()
    }
    return {name: {f"{size // 1000} kB": 1e6 * cpu_s(way(size)) for size in SIZES} for name, way in ways.items()}


def framed(mask: Masker, messages: list[bytes]) -> None:
    mask.frames(Framing(Messages(Record.DESCRIPTOR), 1 << 20, 20), EVERYTHING).feed(
        b"".join(Frame(False, each).raw for each in messages)
    )


def bodies(size: int) -> dict[str, tuple[str, bytes]]:
    """Return bodies that every version of masking can read, with their types, by name."""
    made = {"clean text in JSON": (JSON, json.dumps({"text": words(random.Random(1), size // 6)}).encode())}
    for kind in ("clean", "dense"):
        dense = kind == "dense"
        made[f"{kind} JSON"] = JSON, document(size, dense=dense)
        made[f"{kind} SSE"] = SSE, events(size, dense=dense)
        made[f"{kind} JSON Lines"] = LINES, lines(size, dense=dense)
        made[f"{kind} text"] = PLAIN, lines(size, dense=dense)
        made[f"{kind} text in pieces"] = "", lines(size, dense=dense)
    return made


def of_packages(pattern: str, size: int) -> list[bytes]:
    """Return documents that others wrote: files of the installed packages, chosen by chance."""
    files = sorted(each for each in Path(sysconfig.get_path("purelib")).rglob(pattern) if each.is_file())
    random.Random(1).shuffle(files)
    chosen: list[bytes] = []
    for file in files:
        body = file.read_bytes()
        if SMALLEST < len(body) < LARGEST and b"\0" not in body:
            chosen.append(body)
            size -= len(body)
        if size < 0:
            break
    return chosen


def turn() -> dict[str, float]:
    """Return microseconds per kilobyte of each body."""
    mask = masker()
    made = {
        name: cpu_s(partial(mask.mask, body, kind, EVERYTHING) if kind else partial(streamed, mask, body))
        / len(body)
        * 1e9
        for name, (kind, body) in bodies(1 << 17).items()
    }
    for name, kind, pattern in (("JSON", JSON, "*.json"), ("text", PLAIN, "METADATA"), ("code", PLAIN, "*.py")):
        found = of_packages(pattern, 1 << 19)
        spent = sum(cpu_s(partial(mask.mask, body, kind, EVERYTHING), least=1e-9) for body in found)
        made[f"{name} of packages"] = spent / sum(map(len, found)) * 1e9
    return made


def of_checkout(folder: Path) -> dict[str, float]:
    """Run ``turn`` of this file with the package of a checkout."""
    here = Path(__file__).resolve()
    code = (
        "import importlib.util, json, sys; sys.path.insert(0, sys.argv[1]); "
        "spec = importlib.util.spec_from_file_location('bench', sys.argv[2]); "
        "bench = importlib.util.module_from_spec(spec); spec.loader.exec_module(bench); "
        "print(json.dumps(bench.turn()))"
    )
    command = [sys.executable, "-c", code, str(folder.resolve()), str(here)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def compare(folder: Path) -> None:
    """Print the best of several turns of both checkouts."""
    both = {"before": folder, "now": Path(__file__).parents[1]}
    best: dict[str, dict[str, float]] = {"before": {}, "now": {}}
    for _ in range(TURNS):
        for name, where in both.items():
            for case, figure in of_checkout(where).items():
                best[name][case] = min(figure, best[name].get(case, figure))
    for case, now in best["now"].items():
        before = best["before"][case]
        print(f"{case:24s} before {before:8.1f}   now {now:8.1f} us/kB   {(now / before - 1) * 100:+6.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--against", type=Path, help="the folder of another checkout")
    chosen = parser.parse_args()
    if chosen.against:
        compare(chosen.against)
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)  # as a worker does
    results = {"python": sys.version.split()[0], "MB/s": speeds(), "us per call": per_call()}
    for name, value in results["MB/s"].items():
        print(f"{name:45s} {value:10.2f} MB/s")
    for kind, sizes in results["us per call"].items():
        growth = sizes["1000 kB"] / sizes["100 kB"]
        figures = (f"{size} {value:.0f} us" for size, value in sizes.items())
        print(f"{kind:12s}", *figures, f"ten times as much: x{growth:.1f}", sep="  ")
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
