"""The walk-through's snippets run: the file is imported, registered, and finds what the page says."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector
from tests.unit.detectors.entities import checks

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "contributing" / "add-a-detector.md").read_text()
FILE, USE, TESTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def acme_token(tmp_path, monkeypatch):
    """The page's module, from a file of its own."""
    path = tmp_path / "acme_token.py"
    path.write_text(FILE)
    spec = importlib.util.spec_from_file_location("acme_token", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "acme_token", module)
    spec.loader.exec_module(module)
    return module


def test_the_registered_detector_finds_what_the_page_says(acme_token):
    exec(USE, {"Analyzer": Analyzer, "CATALOGUE": CATALOGUE, "ACME_TOKEN": acme_token.ACME_TOKEN})


def test_the_pages_own_tests_pass(acme_token, monkeypatch):
    monkeypatch.setattr(checks, "ANALYZER", Analyzer((*CATALOGUE, acme_token.ACME_TOKEN)))
    monkeypatch.setattr(checks, "CATALOGUE", (*CATALOGUE, acme_token.ACME_TOKEN))
    tests = {}
    exec(TESTS, tests)
    for text in tests["FOUND"]:
        for around in tests["AROUND"]:
            tests["test_is_found_exactly"](text, around)
    for text in tests["NOT_FOUND"]:
        tests["test_is_not_found"](text)


def test_without_the_detector_its_tests_fail():
    tests = {}
    exec(TESTS, tests)
    with pytest.raises(AssertionError):
        tests["test_is_found_exactly"](tests["FOUND"][0], "")


def test_the_page_explains_fields_that_exist():
    explained = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert explained
    assert set(explained) <= set(Detector.__dataclass_fields__)
