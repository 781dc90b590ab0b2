"""Values that other parts of a document name: pairs, tables, wrappers, objects that are secret as a whole."""

import json

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.masking.masker import Masker
from extproc.model.masking import MASK_EVERYTHING

MASKER = Masker(Analyzer(), pseudonym_key=b"k" * 32, pseudonym_key_id="k1", max_depth=64, event_limit=1 << 20)
S = "[NAMED_SECRET]"
CASES = [
    ({"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "DB_PASSWORD", "value": S}),
    ({"value": "hunter2", "name": "DB_PASSWORD"}, {"value": S, "name": "DB_PASSWORD"}),
    ({"Parameter": {"Name": "/prod/db/password", "Value": "a b"}}, {"Parameter": {"Name": "/prod/db/password", "Value": S}}),
    ([{"op": "replace", "path": "/u/password", "value": "x1"}], [{"op": "replace", "path": "/u/password", "value": S}]),
    ({"ParameterKey": "DbPassword", "ParameterValue": "x"}, {"ParameterKey": "DbPassword", "ParameterValue": S}),
    ({"question": "What is your PIN?", "answer": "4931"}, {"question": "What is your PIN?", "answer": S}),
    ({"env": [{"name": "A", "value": "x"}, {"name": "SECRET", "value": "y"}]}, {"env": [{"name": "A", "value": "x"}, {"name": "SECRET", "value": S}]}),
    ({"system": "phone", "value": "(03) 5550 6473"}, {"system": "phone", "value": "[PHONE_NUMBER]"}),
    ({"password": {"type": "string", "value": "x y"}}, {"password": {"type": "string", "value": S}}),
    ({"passwords": ["a", "b"]}, {"passwords": [S, S]}),
    ({"password": {"edges": [{"node": {"value": "x"}}]}}, {"password": {"edges": [{"node": {"value": S}}]}}),
    ({"password": {"S": "x"}}, {"password": {"S": S}}),
    ({"columns": ["name", "ssn"], "rows": [["Bob", "219099998"]]}, {"columns": ["name", "ssn"], "rows": [["Bob", "[US_SSN]"]]}),
    ({"columns": ["id", "password"], "row": [1, "x"]}, {"columns": ["id", "password"], "row": [1, S]}),
    ({"values": [["id", "pin"], ["1", "4931"], ["2", "4932"]]}, {"values": [["id", "pin"], ["1", S], ["2", S]]}),
    (
        {"schema": {"fields": [{"name": "id"}, {"name": "password"}]}, "rows": [{"f": [{"v": "1"}, {"v": "x"}]}]},
        {"schema": {"fields": [{"name": "id"}, {"name": "password"}]}, "rows": [{"f": [{"v": "1"}, {"v": S}]}]},
    ),
    (
        {"columnMetadata": [{"name": "id"}, {"name": "password"}], "records": [[{"longValue": 1}, {"stringValue": "x"}]]},
        {"columnMetadata": [{"name": "id"}, {"name": "password"}], "records": [[{"longValue": 1}, {"stringValue": S}]]},
    ),
    ({"kind": "Secret", "data": {"a": "eA=="}, "stringData": {"b": "x"}}, {"kind": "Secret", "data": {"a": S}, "stringData": {"b": S}}),
    ({"kty": "RSA", "n": "abc", "d": "xyz"}, {"kty": "RSA", "n": "abc", "d": S}),
    ({"password": 12345678}, {"password": S}),
    ({"users": [{"name": "Al"}, {"name": "Bo"}], "passwords": ["p", "q"]}, {"users": [{"name": "Al"}, {"name": "Bo"}], "passwords": [S, S]}),
    ({"columns": ["id", "x"], "rows": [[1, 2]], "passwords": ["p", "q"]}, {"columns": ["id", "x"], "rows": [[1, 2]], "passwords": [S, S]}),
    ({"env": [{"name": "A"}, {"name": "B"}], "args": ["--password", "p"]}, {"env": [{"name": "A"}, {"name": "B"}], "args": ["--password", S]}),
    ({"columns": ["user", "password"], "rows": [["bob", "x y"], ["eve", "z"]]}, {"columns": ["user", "password"], "rows": [["bob", S], ["eve", S]]}),
    ({"passwords": [["abc", "def"], ["ghi", "jkl"]]}, {"passwords": [[S, S], [S, S]]}),
    (["--password", [["a", "b"], ["c", "d"]]], ["--password", [[S, S], [S, S]]]),
    ({"password": ["run", "--user", "bob"]}, {"password": [S, S, S]}),
    ({"columns": ["id"], "rows": [[{"password": "x"}], [{"a": "x"}]]}, {"columns": ["id"], "rows": [[{"password": S}], [{"a": "x"}]]}),
    ({"password": {"old": "x", "new": "y"}}, {"password": {"old": S, "new": S}}),
    ({"field": "password", "old": "x", "new": "y"}, {"field": "password", "old": S, "new": S}),
    ({"x" * 200 + "_password": "x"}, {"x" * 200 + "_password": S}),
    ({"x" * 300 + "_password": "x"}, {"x" * 300 + "_password": S}),
    ({"password\n": "x"}, {"password\n": S}),
    ({"password\u2028": "x"}, {"password\u2028": S}),
    ({"ap\u0131_key": "x", "P\u0130N": "4931"}, {"ap\u0131_key": S, "P\u0130N": S}),
    ({"USBPin": "4931"}, {"USBPin": S}),
    ({"password": '"x y"', "pin": '"4931"'}, {"password": S, "pin": f'"{S}"'}),
    ({"password": '["x", 4931]'}, {"password": S}),
    ({"pin": "[4931, 4932]"}, {"pin": f'["{S}", "{S}"]'}),
    ({"secrets": {"db": "x7Kq9mP2vL"}}, {"secrets": {"db": S}}),
    ({"passwords": {"alice": "hunter2", "app": "letmein"}}, {"passwords": {"alice": S, "app": S}}),
    ({"userPasswords": {"a b c d e f g h": "x"}}, {"userPasswords": {"a b c d e f g h": S}}),
    ({"passwords": {"x" * 300: "y"}}, {"passwords": {"x" * 300: S}}),
    ({"credentials": {"main": "hunter2"}, "x": {"y": "z"}}, {"credentials": {"main": S}, "x": {"y": "z"}}),
    ({"secrets": {"prod": {"db": "a1"}, "dev": [{"db": "b2"}]}}, {"secrets": {"prod": {"db": S}, "dev": [{"db": S}]}}),
    ({"secrets": {"API": "x", "DB_PASSWORD": "y", "STRIPE": None}}, {"secrets": {"API": S, "DB_PASSWORD": S, "STRIPE": None}}),
    ({"api_key": {"live": "abc", "test": "def"}}, {"api_key": {"live": S, "test": S}}),
    ({"password": {"alice": "hunter2", "bob": "x"}}, {"password": {"alice": S, "bob": S}}),
    ({"passwords": {"alice": 12345678, "bob": "x"}}, {"passwords": {"alice": S, "bob": S}}),
    ({"token": "x7Kq9mP2", "authToken": "x"}, {"token": S, "authToken": S}),
    ({"licence_key": "ABCD-1234"}, {"licence_key": S}),
    ({"resourceType": "Patient", "name": [{"use": "usual", "text": "Al Bo"}]}, {"resourceType": "Patient", "name": [{"use": "usual", "text": "[PERSON]"}]}),
    ({"subject": {"reference": "Patient/1", "display": "Al Bo"}}, {"subject": {"reference": "Patient/1", "display": "[PERSON]"}}),
    ({"seed_phrases": {"main": "abandon ability able about"}}, {"seed_phrases": {"main": S}}),
    ({"pins": {"alice": "4931"}, "full_names": {"u1": "Jo-Ann"}}, {"pins": {"alice": S}, "full_names": {"u1": "[PERSON]"}}),
    ({"passport": {"type": "P", "number": "AB1234567"}}, {"passport": {"type": "P", "number": "[PASSPORT]"}}),
    ({"secrets": '{"db": "hunter2"}'}, {"secrets": S}),
    ({"config": '{"secrets": {"db": "hunter2"}}'}, {"config": '{"secrets": {"db": "[NAMED_SECRET]"}}'}),
    ({"kind": "SecretList", "items": [{"data": {"a": "eA=="}}]}, {"kind": "SecretList", "items": [{"data": {"a": S}}]}),
    ({"secret_string": '{"user": "bob", "x": "y z"}'}, {"secret_string": S}),
    ({"name": "password", "value": '["x"]'}, {"name": "password", "value": S}),
    (
        {"properties": {"password": {"type": "string", "description": "The password", "default": "x y", "minLength": 2}}},
        {"properties": {"password": {"type": "string", "description": "The password", "default": S, "minLength": 2}}},
    ),
    ({"variable": {"db_password": {"default": "x", "sensitive": True}}}, {"variable": {"db_password": {"default": S, "sensitive": True}}}),
    ({"headers": [["x-api-key", "abc"], ["accept", "text"]]}, {"headers": [["x-api-key", S], ["accept", "text"]]}),
    ([["accept", "*/*"], ["x-api-key", "x y"]], [["accept", "*/*"], ["x-api-key", S]]),
    ([["x-api-key", "hunter2"], ["accept", "*/*"]], [["x-api-key", S], ["accept", "*/*"]]),
    ([["Setting", "Value"], ["password", "x y"], ["port", "80"]], [["Setting", "Value"], ["password", S], ["port", "80"]]),
    ({"rows": [{"c": [{"v": "password"}, {"v": "x 1"}]}]}, {"rows": [{"c": [{"v": "password"}, {"v": S}]}]}),
    ([["password", "user"], ["x y", "bob"]], [["password", "user"], [S, "bob"]]),
    ({"rawHeaders": ["X-Api-Key", "x", "Accept", "y"]}, {"rawHeaders": ["X-Api-Key", S, "Accept", "y"]}),
    ({"secretValue": "x", "name": "n"}, {"secretValue": S, "name": "n"}),
    ({"db": {"password_value": "x y", "stringValue": "x"}}, {"db": {"password_value": S, "stringValue": "x"}}),
    ({"key": "n", "clientSecretValue": {"S": "x"}}, {"key": "n", "clientSecretValue": {"S": S}}),
    ({"password": {"effectiveValue": {"stringValue": "x"}}}, {"password": {"effectiveValue": {"stringValue": S}}}),
    ({"name": "api_key", "type": "string", "default": "x"}, {"name": "api_key", "type": "string", "default": S}),
    ({"name": {"first": "Bob", "last": "Jones"}}, {"name": {"first": "[PERSON]", "last": "[PERSON]"}}),
    ({"address": {"line1": "12 Elm", "line_2": "Apt"}}, {"address": {"line1": "[STREET_ADDRESS]", "line_2": "[STREET_ADDRESS]"}}),
    ({"home_address": {"line1": "12 Elm"}}, {"home_address": {"line1": "[STREET_ADDRESS]"}}),
    ({"shippingAddress": {"Line1": "\u0031 Elm"}}, {"shippingAddress": {"Line1": "[STREET_ADDRESS]"}}),
    ({"numbers": {"ach": [{"account": "111122223333"}]}}, {"numbers": {"ach": [{"account": "[BANK_ACCOUNT]"}]}}),
    ({"bank": {"account": "111122223333"}}, {"bank": {"account": "[BANK_ACCOUNT]"}}),
    ({"account": {"number": 111122223333}}, {"account": {"number": "[BANK_ACCOUNT]"}}),
    ({"card": {"number": "4111 1111 1111 1112"}}, {"card": {"number": "[CREDIT_CARD]"}}),
    ({"dob": {"day": 1, "month": 2, "year": 1990}}, {"dob": dict.fromkeys(["day", "month", "year"], "[DATE_OF_BIRTH]")}),
    (
        {"birthdays": [{"metadata": {"primary": True}, "date": {"year": 1990, "month": 2}, "text": "2/3/1990"}]},
        {"birthdays": [{"metadata": {"primary": True}, "date": dict.fromkeys(["year", "month"], "[DATE_OF_BIRTH]"), "text": "[DATE_OF_BIRTH]"}]},
    ),
    ({"enable_password": "s3cret", "requirePassword": "hunter2!"}, {"enable_password": S, "requirePassword": S}),
    ({"usuario": "bob", "clave": "gato"}, {"usuario": "bob", "clave": S}),
    ({"inputs": {"client_secret": {"required": False, "default": "x"}}}, {"inputs": {"client_secret": {"required": False, "default": S}}}),
]  # fmt: skip
STAY = [
    {"name": {"first": {"type": "string"}, "last": 3}, "first": "x", "page": {"first": "a", "last": "b", "number": "123456"}},
    {"ticket": {"line1": "12 Elm", "number": "123456789"}, "line1": "x y", "number": "123456789", "account": {"number": 3}},
    {"account": {"id": "acct_1", "number": "x"}, "aws": {"account": "123456789012"}, "tax": {"day": 1, "month": 2}},
    {"expires": {"day": 1, "month": 2, "year": 2030}, "dob": {"type": "string", "format": "date"}, "date": {"day": 1, "month": 2}},
    {"enable_password": True, "use_password": "yes", "require_password": 1, "change_password": "Change your password"},
    {"show_password": "Show", "enable_secret": "always", "require_password": "oauth2", "change_password": "/account/v1x/password"},
    {"producto": "x", "clave": "MX01"},
    [["Field", "Type"], ["password", "varchar"], ["id", "int"]],
    {"columns": ["name", "role"], "rows": [["password", "admin1"], ["x", "y"]]},
    {"rawHeaders": ["Vary", "X-Api-Key", "Accept", "y"]},
    [["accept", "*/*"], ["vary", "x-api-key"]],
    {"properties": {"password": {"type": "string", "default": "", "examples": ["x y"]}, "first_name": {"type": "string", "default": "Al"}}},
    {"properties": {"secret": {"type": "boolean", "default": False}, "api_key": {"type": ["string", "null"], "default": None}}},
    {"properties": {"password": {"type": "string", "default": "${PASSWORD}"}, "address": {"type": "string", "default": "localhost"}}},
    {"labels": {"password": {"default": "Enter it"}}, "required": ["password"], "grant_type": {"type": "string", "default": "password"}},
    {"params": [{"name": "user"}, {"name": "password"}], "tags": ["red", "blue"]},
    {"tags": ["password", "x"], "ids": ["abc", "def"]},
    {"properties": {"password": {"type": "string", "minLength": 8, "description": "The password"}}},
    {"in": "header", "name": "api_key", "type": "apiKey", "required": True},
    {"secret": {"secretName": "my-tls"}},
    {"kind": "ConfigMap", "data": {"a": "x"}},
    {"name": "password", "description": "x", "enabled": True},
    {"passwords": "[]", "secret": "{}", "a": '["x"]'},
    {"weather": {"current": "sunny"}, "new": "x", "type": "note"},
    {"columns": ["id", "name"], "rows": [["1", "password"], ["2", "x"]]},
    {"secrets": {"enabled": True, "url": "https://vault.example", "name": "x", "arn": "arn:aws:x", "created_at": "2024-01-01"}},
    {"secrets": [{"name": "db-password", "version": "3"}]},
    {"secrets": {"db": "prod-db", "tls": "my-tls-cert"}},
    {"secrets": ["db_password", "my-tls", "db-password"]},
    {"secrets": {"db": {"file": "./db.txt"}, "tls": {"external": True}}},
    {"secrets": {"db": "${DB}", "a": "vault:secret/data/db#pw", "b": "ssm:/prod/db"}},
    {"secrets": {"rotated": 1200, "total": 5000}},
    {"secrets": "inherit", "secret_names": {"db": "a1"}, "secrets_count": {"db": "b2"}},
    {"passwords": {"reset": "Your password has been reset!", "sent": "We have e-mailed your link.", "form": "Change my password"}},
    {"passwords": {"policy": "strong", "min_length": "8", "hint_text": "abc1"}},
    {"passwords": {"alice_counts": "12345"}},
    {"credentials": {"username": "bob", "host": "db.internal", "db": "shop1"}},
    {"credentials": {"id": "x1", "type": "public-key", "transports": ["usb"]}},
    {"authorization": {"transaction": "TX123456"}},
    {"errors": {"password": ["is too short (minimum is 8 characters)", "can't be blank"], "api_key": "is invalid"}},
    {"help": "password: must have at least 12 characters"},
    {"tokens": [{"token": "sha256sum"}, {"token": "gpt-4o-mini"}, {"token": "1.2.3-beta4"}, {"token": "2024-01-01"}]},
    {"nextToken": "x7Kq9mP2", "license_key": "apache-2.0", "licenseKey": "mit"},
    {"resourceType": "Medication", "name": "Aspirin"},
    {"subject": {"reference": "Device/1", "display": "Scale 2"}},
]  # fmt: skip


@pytest.mark.parametrize(("document", "masked"), CASES)
def test_a_named_value_is_masked(document, masked):
    body = json.dumps(document).encode()
    once = MASKER.mask(body, "application/json", MASK_EVERYTHING).body
    assert json.loads(once) == masked
    assert MASKER.mask(once, "application/json", MASK_EVERYTHING).body == once


@pytest.mark.parametrize(("document", "masked"), CASES)
def test_a_named_value_is_masked_in_a_document_in_a_string(document, masked):
    body = json.dumps({"annotation": json.dumps(document)}).encode()
    once = MASKER.mask(body, "application/json", MASK_EVERYTHING).body
    assert json.loads(json.loads(once)["annotation"]) == masked


@pytest.mark.parametrize("document", STAY)
def test_other_values_stay(document):
    body = json.dumps(document).encode()
    assert MASKER.mask(body, "application/json", MASK_EVERYTHING).body == body


def test_escaped_names_tell():
    body = b'{"pass\\u0077ord": "x", "a": {"name": "p\\u0061ssword", "value": "y"}}'
    masked = json.loads(MASKER.mask(body, "application/json", MASK_EVERYTHING).body)
    assert masked == {"password": S, "a": {"name": "password", "value": S}}


@pytest.mark.parametrize("body", [b"password=letmein&x=1", b"x=1&user%5Fpassword=letmein"])
def test_a_form(body):
    assert b"letmein" not in MASKER.mask(body, "application/x-www-form-urlencoded", MASK_EVERYTHING).body


MORE = [
    ('{"OutputKey":"DbPassword","OutputValue":"changeit"}', "changeit"),
    ('{"args":["serve","--password","hunter2","--port","80"]}', "hunter2"),
    ('{"auths":{"ghcr.io":{"auth":"Ym9iOmh1bnRlcjI="}}}', "Ym9iOmh1bnRlcjI="),
    ('{"type":{"text":"SSN"},"value":"219099998"}', "219099998"),
    ('{"name":[{"family":"Kuhn","given":["Jared"]}]}', "Jared"),
    ('{"address":[{"line":["4 B Way"],"postalCode":"01752"}]}', "4 B Way"),
    ('{"request":{"headers":[{"name":"Authorization","value":"Bearer abcd"}]}}', "abcd"),
]


@pytest.mark.parametrize(("document", "value"), MORE)
def test_layouts_of_known_tools(document, value):
    assert value in document
    assert value not in MASKER.mask(document.encode(), "application/json", MASK_EVERYTHING).body.decode()
