"""SECRET: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, check_found_in_context

ENTITY = "SECRET"
RANDOM = "Xk29fLq81mZtPw47"
FOUND_IN_CONTEXT = [
    ("a8f5f167f44f4964e6c998dee827110c", "api_key"),
    ("Zk3x8Qw1-p9_rT5vB2nM", "password"),
    ("q7Wn2/xK9+vB4mZ8==", "credentials"),
    ("Zk3x8Qw1-p9_rT5vB2nM", "token"),
    ("Zk3x8Qw1-p9_rT5vB2nM", "reset_token"),
    ("Zk3x8Qw1-p9_rT5vB2nM", "pwd"),
    ("/k3x8Qw1p9rT5vB2nM", "pwd"),
    ("Zk3x8Qw1-p9_rT5vB2nM", "passphrase"),
    ("123e4567-e89b-12d3-a456-426614174000", "api_key"),
    ("123e4567-e89b-12d3-a456-426614174000", "clientSecret"),
    ("123e4567-e89b-12d3-a456-426614174000", "token"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_IN_PART = (
    [
        (f"{before}{RANDOM}{behind}", RANDOM)
        for before, behind in [
            ("password=", ""),
            ("DB_PASSWORD=", "\nDB_HOST=db"),
            ("client_secret=", "&x=1"),
            ("--password=", " --verbose"),
            ("password==", ""),
            ("password='", "'"),
            ("https://h.example/?api_key=", "&x=1"),
            ("https://h.example/cb#access_token=", "&token_type=bearer"),
            ("Server=db;User Id=sa;Password=", ";"),
            ("api_key=", "; Path=/"),
            ("passphrase: ", ""),
            ("the passphrase is ", ""),
            ("pwd: ", ""),
            ("Uid=sa;Pwd=", ";"),
            ("token: ", ""),
            ("?token=", "&x=1"),
            ("session_token=", ""),
            ("csrfToken: '", "'"),
            ("<token>", "</token>"),
        ]
    ]
    + [
        (f"{before}123e4567-e89b-12d3-a456-426614174000{behind}", "123e4567-e89b-12d3-a456-426614174000")
        for before, behind in [
            ("api_key: ", ""),
            ("?client_secret=", "&x=1"),
            ('{"password": "', '"}'),
            ("<api_key>", "</api_key>"),
            ("reset_token=", ""),
        ]
    ]
    + [
        (f'{{"password": "{before}{words}{behind}"}}', words)
        for words in ("Summer_Holiday_2024", "correct-horse-42-battery", "abc.def.ghi.12.jkl.mno")
        for before, behind in (("$", ""), ("$", "}"), ("${", ""), ("${", ":-x}"), ("{", "}"))
    ]
    + [
        (f"{before}Summer_Holiday_2024=x{behind}", "Summer_Holiday_2024=")
        for before, behind in (
            ('{"password": "', '"}'),
            ("db_password=", ""),
            ("<pwd>", "</pwd>"),
            ("token: ", ""),
        )
    ]
    + [(f"refresh_token: {text}", text) for text in (RANDOM * 32, RANDOM * 32 + "x", RANDOM * 1_000)]
)
"""Text, and the part of it that is found."""


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    at = text.index(part)
    found = [match for match in ANALYZER.scan(text) if match.entity in (ENTITY, "NAMED_SECRET")]
    assert any(match.start <= at and at + len(part) <= match.end for match in found)
