"""Exemptions that could let nothing pass, or too much, are named with their place."""

import pytest
from typer.testing import CliRunner

from extproc.assembly.check_settings import plan_problems
from extproc.assembly.make_connection import make_connection
from extproc.cli.main import app
from extproc.protocols.grpc.settings import GrpcConnection
from extproc.settings.limits import LimitSettings
from tests.integration.support import shop
from tests.support.maskers import make_masker

FILE = """\
version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
policy: {engine: opa}
connections:
  files:
    protocol: mcp
    hosts: [f.test]
    upstream: {address: "127.0.0.1:1"}
    tools: [read]
    masking:
      response: [{entity: EMAIL_ADDRESS}]
      exempt:
        - {entity: EMAIL_ADDRESS, domain: example.com, reason: "our own"}
        - %s
"""
LINE = 14


def checked(tmp_path, exemption):
    file = tmp_path / "e.yaml"
    file.write_text(FILE % exemption)
    result = CliRunner().invoke(app, ["config", "check", str(file)])
    return result, f"{result.stdout}{result.stderr}{result.exception or ''}"


@pytest.mark.parametrize(
    ("exemption", "words"),
    [
        (
            '{entity: EMAIL_ADRESS, reason: "our own"}',
            'no detector finds EMAIL_ADRESS; did you mean "EMAIL_ADDRESS"?',
        ),
        ('{entity: IP_ADDRESS, path: "$.a[", reason: "our own"}', "cannot read '[' at offset 3"),
        ('{entity: IP_ADDRESS, functions: [raed], reason: "our own"}', 'no function raed; did you mean "read"?'),
        ('{entity: IP_ADDRESS, pattern: "10.*", reason: "our own"}', "a pattern cannot have . for any character"),
        ('{entity: IP_ADDRESS, domain: example.com, reason: "our own"}', "IP_ADDRESS has no domain"),
        ('{entity: JWT, value: help, reason: "our own"}', "the value is not found as JWT"),
        ('{entity: EMAIL_ADDRESS, path: "$.a", reason: "it is a@example.com"}', "the reason holds an entity"),
        ('{entity: EMAIL_ADDRESS, value: a@b.org, domain: b.org, reason: "our own"}', "give at most one of value"),
        ('{entity: EMAIL_ADDRESS, path: "$.a"}', "reason"),
        ('{entity: EMAIL_ADDRESS, path: header.X-A, reason: "our own"}', "path"),
        ('{entity: EMAIL_ADDRESS, domain: Example.com, reason: "our own"}', "domain"),
        ('{entity: "*", domain: example.com, reason: "our own"}', "not every entity has a domain"),
        ('{entity: EMAIL_ADDRESS, value: "", reason: "our own"}', "value"),
        ('{entity: EMAIL_ADDRESS, domain: "", reason: "our own"}', "domain"),
        ('{entity: EMAIL_ADDRESS, pattern: "", reason: "our own"}', "pattern"),
        ('{entity: EMAIL_ADDRESS, raeson: "our own"}', "raeson"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path, exemption, words):
    result, told = checked(tmp_path, exemption)
    assert result.exit_code == 1
    assert words in told
    assert f"e.yaml:{LINE}:" in told


@pytest.mark.parametrize(
    ("exemption", "words"),
    [
        ('{entity: EMAIL_ADDRESS, reason: "our own"}', "every EMAIL_ADDRESS passes, in all functions"),
        ('{entity: "*", reason: "our own"}', "every entity passes, in all functions"),
        ('{entity: "*", functions: [read], reason: "our own"}', "every entity passes in calls of read"),
        ('{entity: "*", path: "$.meta", reason: "our own"}', "every entity passes at $.meta and below it"),
        ('{entity: "*", path: header.x-a, reason: "our own"}', "every entity passes at header.x-a, passwords"),
        ('{entity: EMAIL_ADDRESS, domain: "*.com", reason: "our own"}', "addresses of all domains in *.com pass"),
        ('{entity: IP_ADDRESS, path: "$.a", reason: "our own"}', "exempts nothing: no rule masks IP_ADDRESS"),
        (
            '{entity: EMAIL_ADDRESS, path: "$.a", direction: request, reason: "our own"}',
            "exempts nothing: no rule masks EMAIL_ADDRESS in requests",
        ),
    ],
)
def test_what_is_wide_or_of_no_use_is_noted(tmp_path, exemption, words):
    result, told = checked(tmp_path, exemption)
    assert result.exit_code == 0, told
    assert words in told


@pytest.mark.parametrize(
    "exemption",
    [
        '{entity: EMAIL_ADDRESS, value: a@example.org, reason: "our own"}',
        '{entity: EMAIL_ADDRESS, domain: "*.example.com", functions: [read], reason: "our own"}',
        '{entity: EMAIL_ADDRESS, path: header.x-from, reason: "our own"}',
        '{entity: EMAIL_ADDRESS, path: url, reason: "our own"}',
        '{entity: EMAIL_ADDRESS, path: "$.debug", reason: "our own"}',
        '{entity: EMAIL_ADDRESS, path: "$.a", functions: [tools/list], reason: "the listing"}',
    ],
)
def test_what_is_narrow_says_nothing(tmp_path, exemption):
    result, told = checked(tmp_path, exemption)
    assert result.exit_code == 0, told
    assert "masking.exempt" not in told
    assert "passes" not in told
    assert "exempts nothing" not in told


def test_functions_with_other_settings_must_exist(tmp_path):
    result, told = checked(
        tmp_path,
        '{entity: EMAIL_ADDRESS, path: "$.a", reason: x y}\n      functions: {raed: {undecodable: pass-unmasked}}',
    )
    assert result.exit_code == 1
    assert 'no function raed; did you mean "read"?' in told
    result, told = checked(
        tmp_path,
        '{entity: EMAIL_ADDRESS, path: "$.a", reason: x y}\n      functions: {read: {undecodable: pass-unmasked, binary_parts: pass-unmasked}}',
    )
    assert "bodies that cannot be read pass unmasked in calls of read" in told
    assert "parts that are not text pass unmasked in calls of read" in told


@pytest.mark.parametrize(
    ("path", "functions", "why"),
    [
        ("$.notes[*]", [], ""),
        ("$.owner.notes", [], ""),
        ("$..notes", [], ""),
        ("$[0].notes", [], "no field is at $[0].notes"),
        ("$.notse", [], "no field is at $.notse"),
        ("$.owner.notse", [], "no field is at $.owner.notse"),
        ("$.unit_price", [], "in JSON, unit_price is unitPrice"),
        ("$.notes", [f"{shop.SERVICE}/GetItem"], ""),
        ("$.notes", [f"{shop.SERVICE}/GetItme"], "no function"),
    ],
)
def test_a_path_that_no_message_has_is_an_error(tmp_path, path, functions, why):
    """Only what a client streams has no description: there any path may lead somewhere."""
    exempt = [
        {"entity": "US_SSN", "path": path, "functions": functions, "direction": "response", "reason": "our own"}
    ]
    settings = GrpcConnection.model_validate(shop.settings(tmp_path, masking={"exempt": exempt})).complete()
    connection = make_connection("shop", settings, LimitSettings())
    problems = [str(each) for each in plan_problems(connection, make_masker())]
    assert len(problems) == bool(why)
    assert all(why in each for each in problems)
