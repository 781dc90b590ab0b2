"""Precision and recall of masking on a labelled corpus of our own, beside Presidio and scanners for secrets.

``python -m benchmarks.quality`` makes the corpus, lets extproc and others search it, and prints tables:

  kinds       recall and precision by kind of leak (0 to 10) or of mangling (n)
  entities    the same by entity
  documents   wrong edits per 100 kB in whole documents, by API

A marked part counts as masked if no letter or digit of it is left. An edit is wrong if it takes a letter or digit
that is not marked. The corpus is made by rules of python-stdnum, phonenumbers and our own arithmetic, never by the
detectors. extproc masks each body with the default plan, as a proxy does.

  python -m benchmarks.quality --only '4 words'     one kind, for work on a detector
  python -m benchmarks.quality --only GitHub --explain   what is wrong in one API's documents
  python -m benchmarks.quality --presidio --scanners --json figures.json

Presidio: all its recognizers in one run (score 0.4 and more), those for another language too. With --model, an
installed spaCy model adds names and context. Scanners: detect-secrets (the package), and gitleaks (a program on
PATH or in the environment variable GITLEAKS).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.quality import finders
from benchmarks.quality.cases import Case
from benchmarks.quality.documents import documents
from benchmarks.quality.finders import Finder
from benchmarks.quality.negatives import negatives
from benchmarks.quality.positives import positives
from benchmarks.quality.scores import Score, document_rows, rows, score

SEED = 7
PIECE = 500
"""Cases between two words of progress."""


def corpus(rounds: int, seed: int = SEED) -> list[Case]:
    """Return positives and negatives, the same for the same seed."""
    return [*positives(rounds, seed), *negatives(rounds, seed)]


def chosen_finders(chosen: argparse.Namespace) -> dict[str, Finder]:
    """Return all finders that are wanted and installed, and say which are not."""
    wanted = {"extproc": finders.extproc()}
    if chosen.presidio or chosen.model:
        wanted["Presidio"] = finders.presidio() or _missing("Presidio (pip install presidio-analyzer)")
    if chosen.model:
        wanted["Presidio, model"] = finders.presidio(chosen.model) or _missing("Presidio")
    if chosen.scanners:
        wanted["detect-secrets"] = finders.detect_secrets() or _missing(
            "detect-secrets (pip install detect-secrets)"
        )
        wanted["gitleaks"] = finders.gitleaks() or _missing("gitleaks (on PATH, or GITLEAKS=/path/to/it)")
    return wanted


def _missing(what: str) -> Finder:
    sys.exit(f"not installed: {what}")


def search(name: str, find: Finder, cases: Sequence[Case]) -> Iterator[list[finders.Found]]:
    """Yield what a finder finds in each case; tell on a terminal how far it is."""
    if name == "gitleaks":
        yield from find(cases)
        return
    began = time.monotonic()
    for at in range(0, len(cases), PIECE):
        yield from find(cases[at : at + PIECE])
        if sys.stderr.isatty() or time.monotonic() - began > 5:
            print(f"{name}: {min(at + PIECE, len(cases))} of {len(cases)} cases", end="\r", file=sys.stderr)


def explain(scores: dict[str, Score]) -> Iterator[str]:
    """Yield every miss and every wrong edit."""
    for row, each in sorted(scores.items()):
        yield from (f"missed  [{row}] {miss}" for miss in each.misses)
        yield from (f"wrong   [{row}] {wrong}" for wrong in each.wrongs)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=10, help="how often each kind is made (10)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another corpus of the same kinds ({SEED})")
    parser.add_argument("--only", default="", help="only kinds, entities and APIs whose name has this text")
    parser.add_argument("--explain", action="store_true", help="list every miss and wrong edit of extproc")
    parser.add_argument("--presidio", action="store_true", help="let Presidio search, too")
    parser.add_argument("--model", default="", help="let Presidio search with this spaCy model, too")
    parser.add_argument("--scanners", action="store_true", help="let scanners for secrets search, too")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    wanted = lambda case: chosen.only.lower() in f"{case.kind} {case.entity}".lower()  # noqa: E731
    cases = [case for case in corpus(chosen.rounds, chosen.seed) if wanted(case)]
    whole = [case for case in documents(chosen.rounds, chosen.seed) if wanted(case)]
    if not cases and not whole:
        sys.exit(f"no kind, entity or API has {chosen.only!r} in its name")
    kinds: dict[str, dict[str, Score]] = {}
    entities: dict[str, dict[str, Score]] = {}
    apis: dict[str, dict[str, Score]] = {}
    for name, find in chosen_finders(chosen).items():
        found = list(search(name, find, cases))
        kinds[name], entities[name] = score(cases, found, "kind"), score(cases, found, "entity")
        apis[name] = score(whole, search(name, find, whole), "kind")
    for title, shown, table in (
        ("Kinds", cases, rows(kinds)),
        ("Entities", cases, rows(entities)),
        ("Documents", whole, document_rows(apis)),
    ):
        if shown:
            print(f"\n{title}", *table, sep="\n")
    if chosen.explain:
        print("", *explain(kinds["extproc"]), *explain(apis["extproc"]), sep="\n")
    if chosen.json:
        tables = {"kinds": kinds, "entities": entities, "documents": apis}
        figures = {
            title: {name: {row: each.figures() for row, each in result.items()} for name, result in table.items()}
            for title, table in tables.items()
        }
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
