"""The ``definitions`` section of an MCP connection."""

import pytest

from extproc.model.errors import ConfigError
from extproc.model.pinning import Pinning
from tests.unit.settings.one_mcp_connection import FILE, load

DIGEST = f"sha256:{'0' * 64}"


def test_without_settings_the_first_definition_is_pinned(tmp_path):
    assert load(tmp_path, FILE).pinning == Pinning(first_sight=True)


def test_the_settings_say_how(tmp_path):
    more = f"    definitions: {{pin: configured, digests: {{search: ['{DIGEST}']}}, ignore: [_meta]}}\n"
    pinning = load(tmp_path, FILE + more).pinning
    assert pinning == Pinning(False, {"search": frozenset({DIGEST})}, frozenset({"_meta"}))
    assert load(tmp_path, FILE + "    definitions: {pin: never}\n").pinning is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{pin: off}", "first-sight"),
        ("{pins: off}", "pins"),
        (f"{{digests: {{search: '{DIGEST}'}}}}", "list"),
        ("{digests: {search: []}}", "at least 1"),
        ("{digests: {search: [abc]}}", "sha256: and 64 digits"),
        (f"{{digests: {{search: ['{DIGEST.upper()}']}}}}", "sha256: and 64 digits"),
        (f"{{digests: {{purge: ['{DIGEST}']}}}}", "no tool 'purge' is registered"),
        ("{ignore: [description]}", "'description' always counts"),
    ],
)
def test_what_would_pin_nothing_is_refused(tmp_path, section, words):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, FILE + f"    definitions: {section}\n")
    assert words in str(error.value)


def test_a_digest_of_a_tool_that_is_registered_by_a_pattern_is_accepted(tmp_path):
    text = FILE.replace("[search]", '["sea*"]') + f"    definitions: {{digests: {{search: ['{DIGEST}']}}}}\n"
    assert load(tmp_path, text).pinning.digests.keys() == {"search"}
