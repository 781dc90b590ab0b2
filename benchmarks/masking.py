"""What masking costs, against the same patterns in ``re``, and what it finds on a labelled corpus.

``python benchmarks/masking.py`` prints tables; ``--json FILE`` keeps the figures. One process, one core, CPU time.
Presidio's pattern recognisers join the comparison where ``presidio_analyzer`` can be imported.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import string
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.engine import Detectors
from extproc.detectors.numbers import weighted
from extproc.masking.rewrite import TextMasker
from extproc.model.masking import How, MaskRule

JSON, SSE = "application/json", "text/event-stream"
EVERYTHING = (MaskRule(How.REDACT, entity="*"),)
WORDS = ("order", "shipped", "customer", "and", "paid", "by", "card", "please", "call", "back", "today")


def masker() -> TextMasker:
    return TextMasker(
        Detectors(), pseudonym_key=b"k" * 32, pseudonym_key_id="k1", max_depth=64, event_limit=1 << 20
    )


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


def events(size: int) -> bytes:
    chance, made, length = random.Random(1), [], 0
    while length < size:
        made.append(f"data: {json.dumps(record(chance, dense=False))}\n\n".encode())
        length += len(made[-1])
    return b"".join(made)


def cpu_s(work: Callable[[], object], least: float = 0.2) -> float:
    """Best CPU seconds of one run."""
    work()
    best, spent = float("inf"), 0.0
    while spent < least:
        began = time.process_time()
        work()
        took = time.process_time() - began
        best, spent = min(best, took), spent + took
    return best


def walk_with_re(patterns: list[re.Pattern[str]]) -> Callable[[bytes], str]:
    """Parse, walk, apply each pattern to each string, dump: how masking is mostly written."""

    def visit(value: object) -> object:
        if isinstance(value, dict):
            return {visit(key): visit(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [visit(inner) for inner in value]
        if isinstance(value, str):
            for pattern in patterns:
                value = pattern.sub("[MASKED]", value)
        return value

    return lambda body: json.dumps(visit(json.loads(body)))


def presidio() -> Callable[[bytes], object] | None:
    """Presidio's own pattern recognisers on every string; no language model is asked."""
    try:
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        return None
    names = ("CreditCardRecognizer", "UsSsnRecognizer", "EmailRecognizer", "IbanRecognizer", "IpRecognizer")
    recognisers = [getattr(known, name)() for name in names]

    def visit(value: object) -> int:
        if isinstance(value, dict):
            return sum(visit(inner) for inner in value.values())
        if isinstance(value, list):
            return sum(map(visit, value))
        if not isinstance(value, str):
            return 0
        return sum(
            len(each.analyze(value, each.supported_entities, nlp_artifacts=None) or ()) for each in recognisers
        )

    return lambda body: visit(json.loads(body))


def speeds() -> dict[str, float]:
    """MB/s on 256 kB."""
    size, mask = 1 << 18, masker()
    patterns = [re.compile(one.decode("latin-1")) for each in CATALOGUE for one in each.prefilter]
    by_re, by_presidio = walk_with_re(patterns), presidio()
    made: dict[str, float] = {}
    for name, body, kind in (
        ("clean JSON", document(size, dense=False), JSON),
        ("dense JSON", document(size, dense=True), JSON),
        ("clean text in JSON", json.dumps({"text": words(random.Random(1), size // 6)}).encode(), JSON),
        ("SSE", events(size), SSE),
    ):
        made[f"extproc, {name}"] = len(body) / cpu_s(lambda b=body, k=kind: mask.mask(b, k, EVERYTHING)) / 1e6
        if kind == JSON:
            made[f"re, {name}"] = len(body) / cpu_s(lambda b=body: by_re(b)) / 1e6
        if kind == JSON and by_presidio is not None:
            spent = cpu_s(lambda b=body: by_presidio(b), 1e-9)
            made[f"Presidio (5 recognisers), {name}"] = len(body) / spent / 1e6
    return made


def per_call() -> dict[str, dict[str, float]]:
    """Microseconds by size."""
    mask = masker()
    return {
        kind: {
            f"{size // 1000} kB": 1e6
            * cpu_s(partial(mask.mask, document(size, dense=kind == "dense"), JSON, EVERYTHING))
            for size in (1_000, 10_000, 100_000, 1_000_000)
        }
        for kind in ("clean", "dense")
    }


def labelled(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """A key, a text, and the entity in it; empty where there is none."""
    digits = lambda n: "".join(chance.choices(string.digits, k=n))  # noqa: E731
    while True:
        yield "card", f"{words(chance, 3)} {luhn(chance.choice(['4', '51', '37']), 16, chance)}", "CREDIT_CARD"
        yield "note", f"{chance.randint(100, 600)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}", "US_SSN"
        yield "contact", f"{words(chance, 2)} u{digits(4)}@mail.example.org {words(chance, 2)}", "EMAIL_ADDRESS"
        yield "phone", digits(10), "PHONE_NUMBER"
        yield "note", f"call +44 20 {digits(4)} {digits(4)}", "PHONE_NUMBER"
        yield (
            "host",
            f"10.{chance.randint(1, 254)}.{chance.randint(0, 254)}.{chance.randint(1, 254)}",
            "IP_ADDRESS",
        )
        account = f"DE00{digits(18)}"
        number = int("".join(str(int(char, 36)) for char in account[4:] + account[:4]))
        yield "iban", f"DE{98 - number % 97:02}{account[4:]}", "IBAN_CODE"
        nhs = digits(9)
        check = -weighted(nhs, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10:
            yield "nhs_number", f"{nhs}{check}", "UK_NHS"
        yield "api_key", f"{chance.getrandbits(160):040x}", "SECRET"
        yield "token", f"ghp_{''.join(chance.choices(string.ascii_letters + string.digits, k=36))}", "GITHUB_TOKEN"
        yield "order_id", digits(chance.choice([9, 10, 12])), ""
        yield "at_ms", f"17{digits(11)}", ""
        yield "uuid", str(uuid.UUID(int=chance.getrandbits(128), version=4)), ""
        yield "sha256", f"{chance.getrandbits(256):064x}", ""
        yield "version", f"{chance.randint(0, 20)}.{chance.randint(0, 20)}.{chance.randint(0, 99)}.{digits(2)}", ""
        yield "amount", f"{digits(4)}.{digits(2)}", ""
        yield "score", repr(chance.random()), ""
        yield "note", words(chance, 12), ""


def quality(n: int = 20_000) -> dict[str, dict[str, float]]:
    """Precision and recall by entity."""
    detectors, corpus = Detectors(), labelled(random.Random(7))
    hit: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for _ in range(n):
        key, text, entity = next(corpus)
        found = {span.entity for span in detectors.scan(text, lambda key=key: key)}
        hit[entity] += entity in found
        missed[entity] += bool(entity) and entity not in found
        wrong.update(found - {entity})
    names = sorted({*hit, *missed, *wrong} - {""})
    return {
        name: {
            "precision": hit[name] / ((hit[name] + wrong[name]) or 1),
            "recall": hit[name] / ((hit[name] + missed[name]) or 1),
            "n": hit[name] + missed[name],
        }
        for name in names
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results = {"python": sys.version.split()[0], "MB/s": speeds(), "us per call": per_call(), "quality": quality()}
    for name, value in results["MB/s"].items():
        print(f"{name:45s} {value:10.2f} MB/s")
    for kind, sizes in results["us per call"].items():
        print(f"{kind:8s}", *(f"{size} {value:.0f} us" for size, value in sizes.items()), sep="  ")
    for name, value in results["quality"].items():
        print(f"{name:22s} precision {value['precision']:.3f}  recall {value['recall']:.3f}  n {value['n']}")
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
