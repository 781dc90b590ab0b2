"""Envoy itself accepts what we render and what we publish."""

from pathlib import Path

import pytest
import yaml

from extproc.envoy_config.render.bootstrap import GuardFilter, render_bootstrap
from tests.integration.support.envoy_process import validate
from tests.integration.support.settings import small_settings
from tests.integration.support.tokens import Issuer

pytestmark = pytest.mark.envoy

ENVOY = Path(__file__).parents[3] / "envoy"
GUARD = ["unix:/tmp/worker-0.sock", "unix:/tmp/worker-1.sock"]
STRICT = "--reject-unknown-dynamic-fields"


@pytest.mark.parametrize("guard_filter", ["ext_proc", "ext_authz"])
@pytest.mark.parametrize("guards", [GUARD, ["guard-0.internal:50051", "127.0.0.1:50052"], ["[::1]:50051"]])
def test_envoy_accepts_the_rendered_configuration(
    guard_filter: GuardFilter, guards: list[str], tmp_path: Path
) -> None:
    settings = small_settings(tmp_path, Issuer(tmp_path), "127.0.0.1:9000")
    assert validate(render_bootstrap(settings, guard_endpoints=guards, guard_filter=guard_filter), STRICT) == ""


def test_envoy_accepts_fetched_keys_and_tls(tmp_path: Path) -> None:
    provider = {"issuer": "https://a", "audiences": ["a"], "jwks_url": "https://keys.example.com/jwks"}
    upstream = {"address": "api.example.com:443", "tls": True}
    settings = small_settings(
        tmp_path,
        Issuer(tmp_path),
        "unused:1",
        identity={"providers": {"a": provider, "b": {**provider, "issuer": "https://b"}}},
        connections={
            "docs": {"protocol": "mcp", "hosts": ["docs.local"], "upstream": upstream, "tools": ["search"]}
        },
    )
    assert validate(render_bootstrap(settings, guard_endpoints=GUARD), STRICT) == ""


@pytest.mark.parametrize("name", ["full-guard", "ext-authz-only"])
def test_envoy_accepts_the_references(name: str) -> None:
    assert validate(yaml.safe_load((ENVOY / f"{name}.yaml").read_text()), STRICT) == ""


def test_envoy_refuses_a_misspelled_filter_setting(tmp_path: Path) -> None:
    """This proves that an empty answer above means something."""
    settings = small_settings(tmp_path, Issuer(tmp_path), "127.0.0.1:9000")
    rendered = render_bootstrap(settings, guard_endpoints=GUARD)
    rendered["static_resources"]["listeners"][0]["nonsense"] = 1
    assert "nonsense" in validate(rendered)
