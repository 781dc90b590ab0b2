"""Whoever finds entities in a case: extproc with its default plan, Presidio, and scanners for secrets."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.cases import JSON, TEXT, Case
from benchmarks.quality.streams import EVENTS, changes
from extproc.detectors.analyzer import Analyzer
from extproc.masking.masker import Masker
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING

Found = tuple[int, int, str]
"""Where something was found, and its entity."""
Finder = Callable[[Sequence[Case]], list[list[Found]]]
"""Finds in many cases at once: a scanner that is a program of its own starts once."""
KNOWN = {
    "CREDIT_CARD": "CreditCardRecognizer",
    "US_SSN": "UsSsnRecognizer",
    "US_ITIN": "UsItinRecognizer",
    "US_BANK_NUMBER": "UsBankRecognizer",
    "US_PASSPORT": "UsPassportRecognizer",
    "EMAIL_ADDRESS": "EmailRecognizer",
    "PHONE_NUMBER": "PhoneRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "IP_ADDRESS": "IpRecognizer",
    "CRYPTO": "CryptoRecognizer",
    "UK_NHS": "NhsRecognizer",
    "ES_NIF": "EsNifRecognizer",
    "IT_FISCAL_CODE": "ItFiscalCodeRecognizer",
    "PL_PESEL": "PlPeselRecognizer",
    "FI_PERSONAL_IDENTITY_CODE": "FiPersonalIdentityCodeRecognizer",
    "AU_ABN": "AuAbnRecognizer",
    "AU_TFN": "AuTfnRecognizer",
    "IN_AADHAAR": "InAadhaarRecognizer",
    "SG_NRIC_FIN": "SgFinRecognizer",
}
"""Recognizers of Presidio for the first entities that both knew: ``benchmarks.masking`` measures their cost."""
NO_VALUE = ("UrlRecognizer", "DateRecognizer")
"""Recognizers of what is no secret of anybody: addresses of pages, and dates of any kind."""
LEAST_SCORE = 0.4


def extproc() -> Finder:
    """Return the masker with the plan that a connection has without settings."""
    masker = Masker(Analyzer(), pseudonym_key=b"k" * 32, pseudonym_key_id="k1", max_depth=64, event_limit=1 << 20)
    return lambda cases: [_edits(masker, case) for case in cases]


def _edits(masker: Masker, case: Case) -> list[Found]:
    try:
        if case.media == EVENTS:
            masked = masker.mask(case.body.encode(), case.media, MASK_EVERYTHING).body.decode()
            return [(start, end, "") for start, end in changes(case.body, masked)]
        trial = masker.trial(case.body.encode(), JSON if case.media == JSON else TEXT, MASK_EVERYTHING)
    except MaskingError as error:
        raise ValueError(f"{error}: {case.body[:200]}") from error
    return [(edit.start, edit.end, edit.text.strip('"')) for edit in trial.edits]


def presidio(model: str = "") -> Finder | None:
    """Return all recognizers of Presidio in one run, each for the language of the run; None if not installed.

    Args:
        model: name of an installed spaCy model, which finds names and places and adds context to scores; empty:
            patterns and check digits, and every result counts.
    """
    try:
        import presidio_analyzer
        from presidio_analyzer import PatternRecognizer, predefined_recognizers
    except ImportError:
        return None
    others = ("PhoneRecognizer", *(("SpacyRecognizer",) if model else ()))
    recognizers: list[Any] = []
    for name, each in inspect.getmembers(predefined_recognizers, inspect.isclass):
        if name in NO_VALUE or not (
            name in others or (issubclass(each, PatternRecognizer) and each is not PatternRecognizer)
        ):
            continue
        make: Any = each
        recognizers.append(make(supported_language="en"))
    if not model:
        return lambda cases: [_patterns(recognizers, _read(case)) for case in cases]
    nlp = presidio_analyzer.nlp_engine.NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    ).create_engine()
    registry = presidio_analyzer.RecognizerRegistry(recognizers=recognizers, supported_languages=["en"])
    engine = presidio_analyzer.AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])
    wanted = sorted(
        {entity for each in recognizers for entity in each.supported_entities}
        - {"DATE_TIME", "NRP", "ORGANIZATION", "LOCATION"}
    )
    return lambda cases: [
        [
            (hit.start, hit.end, hit.entity_type)
            for hit in engine.analyze(_read(case), "en", entities=wanted, score_threshold=LEAST_SCORE)
        ]
        for case in cases
    ]


def _read(case: Case) -> str:
    """Return the body with its marks of JSON weakened: Presidio reads prose, and the offsets must stay."""
    return case.body.replace("_", " ") if case.media == JSON else case.body


def _patterns(recognizers: list[Any], text: str) -> list[Found]:
    found: list[Found] = []
    for each in recognizers:
        found += [
            (hit.start, hit.end, hit.entity_type)
            for hit in each.analyze(text, each.supported_entities, None) or ()
            if hit.score >= LEAST_SCORE
        ]
    return found


def detect_secrets() -> Finder | None:
    """Return the scanner detect-secrets with all of its plug-ins; None if it is not installed."""
    try:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import default_settings
    except ImportError:
        return None

    def find(cases: Sequence[Case]) -> list[list[Found]]:
        found: list[list[Found]] = []
        with default_settings():
            for case in cases:
                values = {
                    hit.secret_value
                    for line in case.body.splitlines()
                    for hit in scan_line(line)
                    if hit.secret_value
                }
                found.append(list(_places(case.body, values)))
        return found

    return find


def gitleaks() -> Finder | None:
    """Return the scanner gitleaks; None if neither ``GITLEAKS`` names it nor ``PATH`` has it."""
    program = os.environ.get("GITLEAKS") or shutil.which("gitleaks")
    return (lambda cases: _gitleaks(program, cases)) if program else None


def _gitleaks(program: str, cases: Sequence[Case]) -> list[list[Found]]:
    with tempfile.TemporaryDirectory() as folder:
        files, report = Path(folder) / "cases", Path(folder) / "report.json"
        files.mkdir()
        for at, case in enumerate(cases):
            (files / f"{at}.txt").write_text(case.body)
        command = [
            program,
            "dir",
            str(files),
            "--report-path",
            str(report),
            "--report-format",
            "json",
            "--exit-code",
            "0",
        ]
        subprocess.run([*command, "--no-banner", "--log-level", "error"], check=True)
        found: list[set[str]] = [set() for _ in cases]
        for hit in json.loads(report.read_text()):
            found[int(Path(hit["File"]).stem)].add(hit["Secret"])
    return [list(_places(case.body, values)) for case, values in zip(cases, found, strict=True)]


def _places(text: str, values: set[str]) -> list[Found]:
    return [
        (match.start(), match.end(), "SECRET") for value in values for match in re.finditer(re.escape(value), text)
    ]
