"""The walk-through's snippets run: the file is imported, registered, and finds what the page says."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.detector import Detector

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "contributing" / "add-a-detector.md").read_text()
FILE, USE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def npm_token(tmp_path, monkeypatch):
    """The page's module, from a file of its own."""
    path = tmp_path / "npm_token.py"
    path.write_text(FILE)
    spec = importlib.util.spec_from_file_location("npm_token", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "npm_token", module)
    spec.loader.exec_module(module)
    return module


def test_the_registered_detector_finds_what_the_page_says(npm_token):
    exec(USE, {"Analyzer": Analyzer, "CATALOGUE": CATALOGUE, "NPM_TOKEN": npm_token.NPM_TOKEN})


@pytest.mark.parametrize("around", ["", "é", ": ", '"', "\n"])
def test_it_finds_exactly_the_token(npm_token, around):
    token = "npm_" + "Zz09" * 9
    [match] = Analyzer((npm_token.NPM_TOKEN,)).scan(f"{around}{token}{around}")
    assert (match.entity, match.start, match.end) == ("NPM_TOKEN", len(around), len(around + token))


def test_it_leaves_a_longer_run_alone(npm_token):
    assert Analyzer((npm_token.NPM_TOKEN,)).scan("npm_" + "a" * 37) == []


def test_the_page_explains_fields_that_exist():
    explained = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert explained
    assert set(explained) <= set(Detector.__dataclass_fields__)
