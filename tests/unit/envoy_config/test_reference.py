"""The commented configurations in ``envoy/`` are what we render, and have no known danger."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc.config.schema import Settings
from extproc.envoy_config.lint.check_file import check_file
from extproc.envoy_config.lint.dangers import dangers
from extproc.envoy_config.render.bootstrap import GuardFilter, render_bootstrap

ENVOY = Path(__file__).parents[3] / "envoy"
SPELLED_OUT = {"failure_mode_allow": False, "forward": False, "allow_partial_message": False, "action": "ALLOW"}
"""Defaults that the references write for their readers, and that rendering leaves out."""


def without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if SPELLED_OUT.get(key, ...) != each}
        return {key: without_defaults(each) for key, each in kept.items()}
    return [without_defaults(each) for each in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize(("name", "guard_filter"), [("full-guard", "ext_proc"), ("ext-authz-only", "ext_authz")])
def test_a_reference_is_what_is_rendered(name: str, guard_filter: GuardFilter) -> None:
    settings = Settings.model_validate(yaml.safe_load((ENVOY / "extproc.yaml").read_text()))
    rendered = render_bootstrap(
        settings, guard_endpoints=list(settings.envoy.guard_endpoints), guard_filter=guard_filter
    )
    written = yaml.safe_load((ENVOY / f"{name}.yaml").read_text())
    assert without_defaults(written) == without_defaults(rendered)


@pytest.mark.parametrize("name", ["full-guard", "ext-authz-only"])
def test_a_reference_has_no_danger(name: str) -> None:
    assert check_file(ENVOY / f"{name}.yaml") == []


def test_the_folder_is_not_a_package() -> None:
    """A package of this name would hide Envoy's messages and binary."""
    assert not (ENVOY / "__init__.py").exists()


def test_every_danger_is_in_the_reference() -> None:
    """Name, severity, reason and hint: the page says what the check says."""
    page = (ENVOY.parent / "docs" / "reference" / "envoy.md").read_text()
    rows = {f"| `{name}` | {each.severity} | {each.why} | {each.hint} |" for name, each in dangers().items()}
    written = {
        line for line in page.partition("## What `extproc envoy check` finds")[2].splitlines() if "| `" in line
    }
    assert written == rows
