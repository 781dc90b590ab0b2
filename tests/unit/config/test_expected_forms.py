"""Errors about values say the form in words, and name the habit that led to the value."""

from collections.abc import Iterator
from typing import Any

import pytest

from extproc.config.expected_forms import FORMS, form_hint
from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError

GOOD = """version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  files:
    protocol: mcp
    hosts: [f.test]
    upstream: {address: "127.0.0.1:1"}
    tools: [a]
"""
ADDRESS = next(iter(FORMS))


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for key, value in schema.items():
            if key == "propertyNames":
                yield from patterns(value)
            yield from patterns(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from patterns(item)


def test_every_pattern_of_the_settings_has_a_meaning_in_words():
    assert set(patterns(Settings.model_json_schema())) - FORMS.keys() == set()


def refused(tmp_path, before: str, after: str) -> str:
    assert before in GOOD
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD.replace(before, after))
    with pytest.raises(ConfigError) as found:
        load_settings(file)
    return str(found.value)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"127.0.0.1:1"', "http://127.0.0.1:1/api", "this is a URL"),
        ('"127.0.0.1:1"', "backend", "the port is missing"),
        ("f.test", "F.test", "a host name in lower case"),
        (
            "tools: [a]",
            "tools: [a], masking: {response: [{entity: us_ssn}]}".replace(", ", "\n    ", 1),
            "capitals",
        ),
        ("tools: [a]", "tools: [a]\n    masking: {response: [{path: ssn}]}", "write $. before the first key"),
    ],
)
def test_an_error_names_the_place_the_form_and_the_mistake(tmp_path, before, after, says):
    message = refused(tmp_path, before, after)
    assert "extproc.yaml:" in message
    assert "expected: " in message
    assert says in message


LISTENS = ("envoy: {listen: 'http://x:1'}", "health: 'https://x:1'", "control: {listen: 'http://x:1'}",
           "envoy: {guard_endpoints: ['https://x:1']}")  # fmt: skip


@pytest.mark.parametrize("line", LISTENS)
def test_a_key_that_is_not_there_is_not_recommended(tmp_path, line):
    message = refused(tmp_path, "version: 1\n", f"version: 1\n{line}\n")
    assert "this is a URL: leave out the scheme and the path" in message
    assert "tls" not in message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"127.0.0.1:1"', "https://x:1"),
        ("version: 1\n", "version: 1\npolicy: {engine: opa, opa: {address: 'https://x:1'}}\n"),
    ],
)
def test_tls_is_recommended_where_it_can_be_set(tmp_path, before, after):
    assert "set `tls: true` for https" in refused(tmp_path, before, after)


def test_a_url_in_place_of_a_host_is_recognized(tmp_path):
    message = refused(tmp_path, "f.test", "'https://f.test'")
    assert "this is a URL: leave out the scheme and the path" in message
    assert "tls" not in message


@pytest.mark.parametrize("variable", ["${ISSUER}", "${ISSUER:-https://i.test}", "{{ .Values.issuer }}"])
def test_a_variable_is_refused_where_any_text_is_allowed(tmp_path, variable):
    message = refused(tmp_path, "issuer: https://i.test", f"issuer: '{variable}'")
    assert "extproc.yaml:2:" in message
    assert "a variable is not replaced here" in message
    assert "ISSUER" not in message


def test_a_pattern_may_contain_braces(tmp_path):
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD + "masking: {detectors: {PRICE: {pattern: '[$]{2}[0-9]{4}'}}}\npolicy: {data: []}\n")
    assert load_settings(file).masking.detectors["PRICE"].pattern == "[$]{2}[0-9]{4}"


def test_a_hint_never_repeats_the_value():
    assert "hunter2" not in form_hint(ADDRESS, "https://u:hunter2@h")
