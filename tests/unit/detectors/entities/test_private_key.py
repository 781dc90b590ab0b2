"""PRIVATE_KEY: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found, check_nothing_found

ENTITY = "PRIVATE_KEY"
FOUND = [
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/5\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
    "Private-Lines: 1\nAAAA\nPrivate-MAC: 0a1b2c",
    "Private-Lines: 4\nAAAA",
]
NOT_FOUND = [
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----",
    "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 2\nAAAA",
    '{"kty":"RSA","n":"0vx7agoebGcQ","e":"AQAB","kid":"2011-04-29"}',
    '{"d":"0vx7agoebGcQ"}',
    '{ "kty": "EC", "d": "0vx7agoebGcQ" }, with blanks',
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


@pytest.mark.parametrize("quote", ['"', '\\"'])
def test_private_members_of_a_json_web_key_in_text_are_found(quote):
    text = 'key={"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T","d":"870MB6gfuTJ4","use":"enc"};'.replace('"', quote)
    at = text.index("870MB6gfuTJ4")
    assert ANALYZER.scan(text) == [(at, at + 12, ENTITY)]
