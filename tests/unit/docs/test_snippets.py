"""Every fenced block of the documentation is run as far as it can be: nothing is printed that does not work."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from extproc.assembly.sample_inputs import sample_inputs
from extproc.cli.main import app
from extproc.config.schema import Settings
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.policy.regorus.rego_tests import run_tests
from extproc.policy.regorus.trial_child import try_sources

ROOT = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)
RUN_ELSEWHERE = {
    "python": "tests of the page that has them: add-a-detector, add-a-protocol, guard-an-existing-mesh",
    "sql": "tests/integration/evidence/test_reading.py",
    "text": "output, or a drawing",
    "promql": "for Prometheus",
}
PROGRAMS = frozenset(
    {"curl", "docker", "echo", "envoy", "extproc", "jq", "kubectl", "make", "opa", "pip", "protoc", "python"}
)
"""Programs of command lines. ``extproc`` and ``make`` are checked, the others are not ours."""
OF_ENVOY = frozenset({"metadata"})
"""First keys of YAML that belongs into Envoy's configuration."""
BASE = {
    "version": 1,
    "identity": {"providers": {"p": {"issuer": "https://i.example", "audiences": ["a"], "jwks_url": "http://j/"}}},
    "connections": {
        "crm": {
            "protocol": "http-json",
            "hosts": ["crm.internal"],
            "upstream": {"address": "127.0.0.1:9"},
            "functions": {"get": {"method": "GET", "path": "/customers/{id}"}},
        }
    },
}


class Snippet(NamedTuple):
    """One fenced block."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}-{self.number}-{self.language}"


def snippets() -> list[Snippet]:
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return [
        Snippet(str(page.relative_to(ROOT)), number, found["language"], found["text"])
        for page in pages
        for number, found in enumerate(FENCE.finditer(page.read_text()))
    ]


def of(*languages: str) -> Any:
    return pytest.mark.parametrize("snippet", [one for one in snippets() if one.language in languages], ids=str)


def test_every_language_is_run_here_or_elsewhere():
    here = {"rego", "yaml", "json", "console", "sh"}
    assert {one.language for one in snippets()} <= here | RUN_ELSEWHERE.keys()


@of("rego")
def test_rego_is_a_policy_that_can_be_loaded_and_tried(snippet):
    module = Module(f"{snippet}.rego", snippet.text)
    package = re.search(r"^package ([\w.]+)$", snippet.text, re.MULTILINE)[1]
    if package.endswith("_test"):
        before = [one for one in snippets() if one.page == snippet.page and one.language == "rego"]
        tested = Module("p.rego", before[0].text)
        run = run_tests(
            Sources((tested,), {}, "data.extproc.decision", (Module(f"{snippet}_test.rego", snippet.text),))
        )
        assert run.passed
        return
    rule = re.search(r"^default (\w+) :=", snippet.text, re.MULTILINE)[1]
    try_sources(Sources((module,), {}, f"data.{package}.{rule}"), sample_inputs)


@of("yaml")
def test_yaml_is_configuration_or_data_of_the_starter_policies(snippet):
    found = yaml.safe_load(snippet.text)
    if OF_ENVOY & found.keys():
        return
    if found.keys() == {"guard"}:
        starters = read_sources([], [], "data.extproc.settings.valid")
        loaded = EmbeddedEngine.from_sources(Sources(starters.modules, found, starters.query))
        assert loaded.evaluate_now(b"{}") is True
        return
    Settings.model_validate(found if "version" in found else merged(BASE, found))


def merged(base: Any, more: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(more, dict)):
        return more
    return base | {key: merged(base.get(key), value) for key, value in more.items()}


@of("json")
def test_json_is_json(snippet):
    json.loads(snippet.text)


@of("console", "sh")
def test_commands_and_their_options_exist(snippet):
    for words in command_lines(snippet):
        program, arguments = Path(words[0]).name, words[1:]
        assert program in PROGRAMS or program == "$EDITOR", program
        if program == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert {word for word in arguments if "=" not in word} <= set(targets)
        if program == "extproc":
            result = CliRunner().invoke(app, [*arguments, "--help"])
            assert result.exit_code == 0, result.output


def command_lines(snippet: Snippet) -> list[list[str]]:
    """The commands of a block: each of its lines, or, with prompts, the lines that have one."""
    lines = snippet.text.splitlines()
    if snippet.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    parts = [part for line in lines for part in re.split(r" (?:\||&&) ", line)]
    return [words for part in parts if (words := shlex.split(part, comments=True))]
