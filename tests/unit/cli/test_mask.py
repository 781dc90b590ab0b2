"""``extproc mask``: a plan is tried, and pipelines can tell what happened."""

import json

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app

BODY = '{"ssn": "219-09-9999", "id": 7, "card": "my 4111 1111 1111 1111"}'


def run(*args, body=BODY):
    return CliRunner().invoke(app, ["mask", *args], input=body)


def test_all_entities_are_redacted_by_default():
    result = run()
    assert (result.exit_code, result.stdout) == (0, '{"ssn": "[US_SSN]", "id": 7, "card": "my [CREDIT_CARD]"}')


def test_rules_of_the_command_line():
    assert json.loads(run("--path", "$.id=remove", "--entity", "CREDIT_CARD=partial").stdout) == {
        "ssn": "219-09-9999",
        "id": None,
        "card": "my ***************1111",
    }
    assert json.loads(run("--declare", "$.id").stdout) == {"ssn": "[REDACTED]", "id": 7, "card": "[REDACTED]"}


def test_explain_names_places_and_no_values():
    result = run("--explain", "--check")
    assert result.stderr.splitlines() == ["US_SSN\t$.ssn\tredact\t1", "CREDIT_CARD\t$.card\tredact\t1"]
    assert result.stdout == ""


def test_the_difference_shows_each_change_with_its_entity():
    lines = run("--diff", "--path", "$.id").stdout.splitlines()
    assert len(lines) == 1
    assert "[-7-]{+" in lines[0]
    assert lines[0].endswith("FIELD")
    assert "[-219-09-9999-]{+[US_SSN]+}" in run("--diff").stdout


@pytest.mark.parametrize(
    ("args", "body", "status"),
    [
        ([], BODY, 0),
        (["--check"], BODY, 1),
        (["--check"], '{"id": 7}', 0),
        ([], '{"id": 7, "id": 8}', 2),
        (["--type", "image/png"], "x", 2),
        (["--entity", "SHOE_SIZE"], BODY, 2),
        (["--path", "$.a=burn"], BODY, 2),
    ],
)
def test_exit_statuses(args, body, status):
    assert run(*args, body=body).exit_code == status


def test_text_and_files(tmp_path):
    file = tmp_path / "note.txt"
    file.write_text("call +44 20 7946 0958")
    assert run(str(file), "--type", "text/plain").stdout == "call [PHONE_NUMBER]"
