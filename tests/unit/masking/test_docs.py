"""The pages say what the code does."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from extproc.assembly.make_masker import make_detectors
from extproc.cli.main import app
from extproc.codecs.protobuf_messages import MAX_VALUES
from extproc.masking.findings import MAX_FOUND
from extproc.masking.plan.json_path import compile_path
from extproc.model.masking import MaskOperator
from extproc.model.odd_bodies import REMEDIES, Odd
from extproc.settings.masking import InstallationMasking, MaskingSettings

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "masking.md").read_text()
GUIDE = (DOCS / "how-to" / "mask-fields.md").read_text()
TOPIC = (DOCS / "topics" / "how-masking-works.md").read_text()


def test_ways_and_limits():
    rules = PAGE.partition("## Exemptions")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", rules, re.MULTILINE) == list(MaskOperator)
    assert f"{MAX_FOUND:,}" in PAGE
    assert f"{MAX_VALUES:,}" in PAGE


def blocks(page):
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


@pytest.mark.slow
def test_examples_are_configuration():
    for block in blocks(PAGE):
        make_detectors(InstallationMasking.model_validate(block["masking"]))
    for block in blocks(GUIDE):
        masking = block.get("connections", {}).get("crm", block)["masking"]
        if "presidio" in masking or "words" in masking:
            installation = InstallationMasking.model_validate(masking)
            assert installation.presidio or make_detectors(installation)
            continue
        for rule in MaskingSettings.model_validate(masking).response or []:
            assert rule.path is None or compile_path(rule.path) is not None


def test_the_first_example_is_what_the_command_prints():
    given, printed = re.search(r"echo '(.*)' \| extproc mask\n(.*)\n", GUIDE).groups()
    assert CliRunner().invoke(app, ["mask"], input=given).stdout == printed


@pytest.mark.parametrize("option", sorted(set(re.findall(r"--[a-z]+", GUIDE))))
def test_options_exist(option):
    assert option in CliRunner().invoke(app, ["mask", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout


def test_the_reference_has_every_line_about_odd_bodies():
    section = (DOCS / "reference" / "reasons.md").read_text().split("### Which body it is")[1].split("\n###")[0]
    told = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)[2:]
    assert told == list(dict.fromkeys([*(each.value for each in Odd), *REMEDIES.values()]))


def test_every_file_that_the_topic_names_exists():
    named = re.findall(r"`((?:extproc|tests|benchmarks)/[^`]+)`", TOPIC)
    assert len(named) > 20
    assert [path for path in named if not (DOCS.parent / path).is_file()] == []


def test_the_topic_names_every_module_that_masks():
    """A new module gets its place in the explanation, or is part of one that has."""
    parts = {"__init__", "position", "forms", "stream_masker"}
    modules = {each.stem for each in (DOCS.parent / "extproc" / "masking").rglob("*.py")}
    assert {each for each in modules - parts if f"/{each}.py`" not in TOPIC} == set()
