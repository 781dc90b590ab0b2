"""``extproc mask``: plans are tried, and exit statuses tell scripts the result."""

import gzip
import json

import pytest
from typer.testing import CliRunner

from extproc.cli.main import app
from extproc.cli.mask_input import TYPES
from tests.integration.support.shop import SERVICE, Item, descriptor_set, framed

SSN = "219-09-9999"
BODY = '{"ssn": "219-09-9999", "id": 7, "card": "my 4111 1111 1111 1111"}'


def run(*args, body=BODY):
    return CliRunner().invoke(app, ["mask", *map(str, args)], input=body)


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
    assert result.stderr.splitlines() == [
        "US_SSN\t$.ssn\tredact\t1\tentity *",
        "CREDIT_CARD\t$.card\tredact\t1\tentity *",
    ]
    assert result.stdout == ""


def test_a_misspelled_entity_is_refused_with_the_one_that_was_meant():
    result = run("--entity", "EMAIL_ADRESS")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'no detector finds EMAIL_ADRESS; did you mean "EMAIL_ADDRESS"?' in result.stderr


def test_a_path_that_does_nothing_in_text_is_named():
    result = run("--type", "text/plain", "--path", "$.ssn", "--entity", "*", body="ssn: 219-09-9999")
    assert (result.exit_code, result.stdout) == (0, "ssn: [US_SSN]")
    assert "the rule for $.ssn does nothing" in result.stderr
    for body, path in ((BODY, "$.ssn"), ("ssn: 219-09-9999", "$")):
        assert "does nothing" not in run("--type", "text/plain", "--path", path, body=body).stderr


def test_limits_of_the_configuration_count(tmp_path):
    config = tmp_path / "extproc.yaml"
    config.write_text(PLAN + "limits: {response_body: 1024, request_body: 1024, decoded_ratio: 3}\n")
    long = json.dumps({"card": "x" * 2_000})
    result = run("--config", config, body=long)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "its limit is 1024" in result.stderr
    assert run("--config", config, "--type", "text/plain", body=long).exit_code == 0
    assert (
        run(
            "--config", config, "--connection", "crm", "--direction", "request", "--type", "text/plain", body=long
        ).exit_code
        == 2
    )
    packed = tmp_path / "x.json.gz"
    packed.write_bytes(gzip.compress(json.dumps({"card": "x" * 500}).encode()))
    assert "too-large" in run(packed, "--config", config).stderr
    assert run(packed).exit_code == 0


PLAN = """
version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  crm:
    protocol: http-json
    hosts: [f.test]
    upstream: {address: "127.0.0.1:1"}
    functions: {get: {method: GET, path: "/c/{id}"}}
    masking:
      response: [{path: "$.card", how: partial}, {path: "$.o", how: partial}, {entity: "*"}]
      declared: {response: ["$.card", "$.o", "$.from", "$.phone", "$.nodes"]}
      exempt:
        - {entity: EMAIL_ADDRESS, domain: example.com, reason: our own addresses}
        - {entity: IP_ADDRESS, path: "$.nodes[*].ip", direction: response, reason: our own network}
        - {entity: PHONE_NUMBER, value: "+1 800 555 0100", functions: [get], reason: the support line}
"""
ANSWER = """{"card": "4111111111111111", "from": "a@example.com", "nodes": [{"ip": "203.0.113.7"}], "o": {"a": 1},
 "phone": "+1 800 555 0100", "other": "x"}"""


@pytest.mark.parametrize(
    ("function", "phone"),
    [
        ((), "PHONE_NUMBER\t$.phone\tredact\t1\tentity *"),
        (
            ("--function", "get"),
            "PHONE_NUMBER\t$.phone\texempt: the support line\t1\texemption of PHONE_NUMBER by value",
        ),
    ],
)
def test_explain_names_the_rule_that_masked_or_let_pass(tmp_path, function, phone):
    file = tmp_path / "e.yaml"
    file.write_text(PLAN)
    result = run("-c", file, "--connection", "crm", "--explain", "--check", *function, body=ANSWER)
    lines = [line.replace("\t2\t", "\t1\t") for line in result.stderr.splitlines()]
    assert lines == [
        "FIELD\t$.card\tpartial\t1\tpath $.card",
        "CREDIT_CARD\t$.card\tpartial\t1\tpath $.card",
        "EMAIL_ADDRESS\t$.from\texempt: our own addresses\t1\texemption of EMAIL_ADDRESS by domain",
        "IP_ADDRESS\t$.nodes[0].ip\texempt: our own network\t1\texemption of IP_ADDRESS at $.nodes[*].ip",
        "FIELD\t$.o\tredact\t1\tpath $.o",
        phone,
        "FIELD\t$.other\tredact\t1\tallow-list mode: not declared",
    ]


def test_an_unknown_function_is_an_error(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(PLAN)
    result = run("-c", file, "--connection", "crm", "--function", "gte")
    assert result.exit_code == 2
    assert "connection crm has no function 'gte'" in result.stderr


def test_the_difference_shows_each_change_with_its_entity():
    lines = run("--diff", "--path", "$.id").stdout.splitlines()
    assert len(lines) == 1
    assert "[-7-]{+" in lines[0]
    assert lines[0].endswith("FIELD")
    assert "[-219-09-9999-]{+[US_SSN]+}" in run("--diff").stdout


MAIL = "bob@example.com"


@pytest.mark.parametrize(
    ("name", "body", "masked"),
    [
        ("a.txt", f"{MAIL} 1,\n", "[EMAIL_ADDRESS] 1,\n"),
        ("a.JSONL", f'{{"a": "{MAIL}"}}\n{{"b": 1}}\n', '{"a": "[EMAIL_ADDRESS]"}\n{"b": 1}\n'),
        ("a.sse", f"data: {MAIL}\n\n", "data: [EMAIL_ADDRESS]\n\n"),
        ("a.anything", f'"{MAIL}"', '"[EMAIL_ADDRESS]"'),
    ],
)
def test_a_files_name_tells_what_it_is(tmp_path, name, body, masked):
    file = tmp_path / name
    file.write_text(body)
    assert run(file, body=b"").stdout == masked
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(body.encode()))
    assert run(packed, body=b"").stdout == masked
    assert run("--encoding", "gzip", "--type", TYPES.get(file.suffix.lower(), "application/json"),
               body=packed.read_bytes()).stdout == masked  # fmt: skip


@pytest.mark.parametrize("name", ["guard.yaml", "guard.yml", "guard.xml", "guard.toml", "guard"])
def test_a_file_with_fields_that_is_not_json_is_not_printed(tmp_path, name):
    """As text, a field that a path names would be shown."""
    file = tmp_path / name
    file.write_text("password: hunter2\n")
    result = run(file, "--path", "$.password", body=b"")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name its type with --type" in result.stderr
    assert run(file, "--type", "text/yaml", body=b"").exit_code == 0


def test_of_several_documents_the_lines_that_change_are_shown():
    result = run("--diff", "--type", "application/x-ndjson", body=f'{{"a": "{MAIL}"}}\n{{"b": 1}}\n')
    assert result.stdout.splitlines() == [f'-{{"a": "{MAIL}"}}', '+{"a": "[EMAIL_ADDRESS]"}']


def test_colours_are_for_terminals():
    for body in (BODY, "data: 219-09-9999\n\n"):
        kind = "application/json" if body == BODY else "text/event-stream"
        assert "\x1b" not in run("--diff", "--type", kind, body=body).stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["no-such-file"], "no-such-file: No such file"),
        (["."], "directory"),
        (["--connection", "crm"], "name it with --config"),
        (["--config", "no-such.yaml"], "cannot be read"),
        (["--encoding", "gzip"], "cannot be undone"),
        ([], "name its type with --type"),
    ],
)
def test_what_cannot_be_tried_is_never_taken_for_clean(args, told):
    """The exit status differs from that of a body that would be masked."""
    result = run(*args, "--check", body="no document")
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


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


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.pb").write_bytes(descriptor_set())
    (tmp_path / "one.bin").write_bytes(ITEM.SerializeToString())
    (tmp_path / "body.bin").write_bytes(framed(ITEM, Item(id="2"), compressed=True))
    return tmp_path


ITEM = Item(id="1", unit_price=2.5, notes=[SSN], owner=Item(notes=["x", f"{SSN} é"]))
HIDDEN = Item(id="1", unit_price=2.5, notes=["[US_SSN]"], owner=Item(notes=["x", "[US_SSN] é"]))


def test_one_message(shop):
    result = run(shop / "one.bin", "--descriptors", shop / "shop.pb", "--message", "shop.v1.Item", "--explain")
    assert result.stdout_bytes == HIDDEN.SerializeToString()
    assert "US_SSN\t$.owner.notes[1]\tredact\t1" in result.stderr


def test_a_grpc_body(shop):
    words = (shop / "body.bin", "--descriptors", shop / "shop.pb", "--encoding", "deflate")
    result = run(*words, "--method", f"{SERVICE}/ListItems")
    assert Item.FromString(result.stdout_bytes[5:][: len(HIDDEN.SerializeToString())]) == HIDDEN
    listed = run(
        *words, "--method", f"{SERVICE}/AddItems", "--direction", "request", "--path", "$[1].id", "--diff"
    )
    assert listed.stdout.strip() == "$[1].id  [-2-]{+[REDACTED]+}  FIELD"


def test_changes_of_a_message_are_shown_by_field(shop):
    words = (shop / "one.bin", "--descriptors", shop / "shop.pb", "--message", "shop.v1.Item")
    result = run(*words, "--path", "$.unitPrice", "--entity", "*", "--diff")
    assert result.stdout.splitlines() == [
        "$.unitPrice  [-2.5-]{++}  FIELD",
        "$.notes[0]  [-219-09-9999-]{+[US_SSN]+}  US_SSN",
        "$.owner.notes[1]  [-219-09-9999 é-]{+[US_SSN] é+}  US_SSN",
    ]
    assert run(*words, "--check").exit_code == 1
    assert run(*words, "--check", "--path", "$.id").exit_code == 1


def test_messages_that_cannot_be_masked_or_are_not_known(shop):
    wrong = shop / "wrong.bin"
    wrong.write_bytes(b"\x98\x06\x01")
    words = ("--descriptors", shop / "shop.pb")
    result = run(wrong, *words, "--message", "shop.v1.Item")
    assert (result.exit_code, result.stderr) == (2, "cannot be masked: message is unknown-fields\n")
    named = run(shop / "one.bin", *words, "--message", "shop.v1.Item", "--path", "$.unit_price")
    assert "unit_price is unitPrice" in named.stderr


def test_a_plan_that_cannot_be_tried_is_never_taken_for_one_that_masks(shop):
    """Status 1 is only that of ``--check``."""
    (shop / "note.txt").write_text("this is no descriptor set")
    (shop / "empty").write_bytes(b"")
    good = ("--descriptors", shop / "shop.pb")
    for words, told in (
        ((*good, "--message", "shop.v1.Ite"), "has no message 'shop.v1.Ite'\n  there are: shop.v1.Item"),
        ((*good, "--method", "shop.v1.Inventory/GetIte"), "there are: shop.v1.Inventory/GetItem"),
        (("--message", "shop.v1.Item"), "no descriptor set is named"),
        (("--descriptors", shop / "none", "--message", "x.Y"), "no such file"),
        (("--descriptors", shop, "--message", "x.Y"), "no such file"),
        (("--descriptors", shop / "note.txt", "--message", "x.Y"), "is not a whole descriptor set"),
        (("--descriptors", shop / "note.txt", "--method", "x.Y/Z"), "is not a whole descriptor set"),
        (("--descriptors", shop / "empty", "--message", "x.Y"), "is not a descriptor set: it has no files"),
    ):
        result = run(shop / "one.bin", *words, "--check")
        assert (result.exit_code, result.stdout, result.exception.code) == (2, "", 2), words
        assert told in result.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--check", "--diff"], "give one of them"),
        (["--function", "get"], "name it with --connection"),
        (["--direction", "request"], "name it with --connection"),
    ],
)
def test_options_of_which_one_would_not_count_are_refused(args, told):
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert SSN not in result.stderr


LINES = ("--type", "application/x-ndjson")


@pytest.mark.parametrize(
    ("args", "body", "place"),
    [
        ((), '{"a": 1,\n "b": 2, "a": 3}', 'line 2, column 10, key "a": body is duplicate-keys'),
        ((), '{"c": {"a": 1}, "a": [{"a": 2}, "a"], "\\u0061": 3}', 'column 39, key "a": body is duplicate'),
        ((), '{"amount": 1, "amount\\u0000": 2}', "line 1, column 15, key"),
        ((), '{"bob@example.com": 1, "bob@example.com": 2}', 'column 24, key "[EMAIL_ADDRESS]"'),
        ((), '{"a": 1,\n "b" 3}', "line 2, column 6: body is not-json"),
        ((), '{"a": "x', "line 1, column 7: body is not-json"),
        ((), '{"a": [1, -Infinity]}', "line 1, column 11: body is not-json"),
        ((), '{"a": [1,\n1e400]}', "line 2, column 1: body is number-out-of-range"),
        ((), f'{{"a": {"9" * 1_001}}}', "line 1, column 7: body is number-out-of-range"),
        ((), "[" * 65 + "]" * 65, "line 1, column 65: body is too-deep"),
        ((), '{"é": "a", "b": "\\ud83d"}', "line 1, column 17: body is not-utf8: half of a surrogate pair"),
        ((), b'{"a": "\xed\xa0\xbd"}', "line 1, byte 8 (half of a surrogate pair"),
        ((), b'{"a":\n"caf\xe9"}', "line 2, byte 5 (if it is Latin-1, `iconv"),
        (("--type", "text/plain"), b"one\n\xe9", "line 2, byte 1 (if it is Latin-1"),
        (("--type", "text/plain"), b"one\n\0", "line 2, byte 1 (a NUL)"),
        (LINES, '{"a": 1}\n\n{"b" 2}\n', "line 3, column 6: line is not-json"),
        (LINES, b'{"a": 1}\n{"b": "\xe9"}\n', "line 2, byte 8"),
        (LINES, '{"a": 1}\n{"b": 1, "b": 2}', 'line 2, column 10, key "b"'),
    ],
)
def test_a_body_that_cannot_be_read_is_reported_with_its_place(args, body, place):
    result = run(*args, body=body)
    assert (result.exit_code, result.stdout) == (2, "")
    assert place in result.stderr
    assert "bob" not in result.stderr


def test_half_of_a_pair_in_json_in_a_string_is_reported_as_itself():
    result = run("--path", "$.a.b", body=json.dumps({"a": r'{"b": "\ud83d"}'}))
    assert result.exit_code == 2
    assert "JSON in a string is not-utf8: half of a surrogate pair" in result.stderr


def test_only_what_may_be_no_json_is_told_to_name_its_type():
    assert "--type" in run(body="a: b").stderr
    for body in ('{"a": 1, "a": 2}', '{"a": 1e400}'):
        assert "--type" not in run(body=body).stderr


@pytest.mark.parametrize("name", [".env", "prod.env", "dump.sql.gz", "a.yml", "a.xml"])
def test_a_file_with_fields_is_told_its_type(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(gzip.compress(b"a: b") if name.endswith(".gz") else b"a: b")
    assert "--type text/plain" in run(file, body=b"").stderr


@pytest.mark.parametrize(
    ("args", "body", "missing"),
    [
        ((), '{"a": 1, "c": null}', ["$.b", "$.c"]),
        ((), '[{"a": 1}]', ["$.a", "$.b", "$.c"]),
        (LINES, '{"a": 1}\n{"b": 1}\n', ["$.c"]),
        ((), '{"a": "{\\"x\\": 1}", "b": [], "c": {}}', []),
    ],
)
def test_a_path_that_matches_nothing_is_mentioned(args, body, missing):
    paths = [word for path in ("$.a", "$.b", "$.c") for word in ("--path", path)]
    result = run(*args, *paths, body=body)
    assert result.exit_code == 0
    assert [line.split()[4] for line in result.stderr.splitlines()] == missing


def test_a_path_below_another_one_matches():
    assert run("--path", "$.a", "--path", "$.a.b", body='{"a": {"b": 1}}').stderr == ""
