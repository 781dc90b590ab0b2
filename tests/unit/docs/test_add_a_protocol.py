"""The page's protocol works: its files, its line and its test file are put into a copy of the tree, and run there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "contributing" / "add-a-protocol.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL))
CATALOGUE = "extproc/protocols/catalogue.py"
SAMPLES = "extproc/assembly/sample_inputs.json"
TEST = "tests/unit/protocols/json_rpc/test_json_rpc.py"
BEHIND = "from extproc.protocols.mcp"
POLICY = """package extproc

default decision := {"action": "deny"}

decision := {"action": "a sample of the page's"} if input.call.protocol == "json-rpc"
"""
DEFINITION = "from extproc.protocols.json_rpc.definition import JSON_RPC\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code, with the page's protocol in it."""
    tree = tmp_path_factory.mktemp("tree")
    unwanted = shutil.ignore_patterns("__pycache__")
    for folder in ("extproc", "policy", "tests/support", "tests/unit/flow"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tree)
    for name, text in FILES.items():
        if name != CATALOGUE:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
    catalogue = (tree / CATALOGUE).read_text()
    lines = re.sub(r"^PROTOCOLS.*\n", lambda _: FILES[CATALOGUE], catalogue, count=1, flags=re.MULTILINE)
    (tree / CATALOGUE).write_text(lines.replace(BEHIND, f"{DEFINITION}{BEHIND}", 1))
    (tree / SAMPLES).write_text(_as_make_reference_does(tree))
    return tree


def _as_make_reference_does(tree):
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    program = "from extproc.assembly.render_samples import render_samples; print(render_samples(), end='')"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=True).stdout


def run(tree, *command):
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tree, env=environ, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_the_test_file_of_the_page_passes(tree):
    assert "passed" in run(tree, "pytest", "-q", "-p", "no:cacheprovider", TEST)


@pytest.mark.slow
def test_the_files_follow_the_style_of_the_code(tree):
    files = [name for name in FILES if name != TEST]
    run(tree, "ruff", "check", "--no-cache", *files)
    run(tree, "ruff", "format", "--check", "--no-cache", *files)


@pytest.mark.slow
def test_the_schema_describes_the_new_keys_and_the_policy_is_tried_with_its_samples(tree):
    schema = run(tree, "extproc", "config", "schema")
    assert '"JsonRpcConnection"' in schema
    (tree / "p.rego").write_text(POLICY)
    with pytest.raises(AssertionError, match="not one of allow, deny, hold"):
        run(tree, "extproc", "policy", "check", "p.rego")


def test_the_page_adds_one_folder_one_line_and_one_test_file():
    folder = "extproc/protocols/json_rpc/"
    assert {name for name in FILES if not name.startswith(folder)} == {CATALOGUE, TEST}
    [line] = FILES[CATALOGUE].splitlines()
    assert line.endswith("= (HTTP_JSON, MCP, GRPC, JSON_RPC)")
