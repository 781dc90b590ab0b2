"""HTTP_AUTHORIZATION: texts in which it is found, and texts in which it is not."""

import base64

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, check_part_found

ENTITY = "HTTP_AUTHORIZATION"
BASIC = base64.b64encode(b"bob:hunter2").decode()
OPAQUE = "mF_9.B5f-4.1JqM"
FOUND_IN_PART = [
    (f"Basic {BASIC}", BASIC),
    (f"Authorization: Basic {BASIC}", BASIC),
    (f"authorization: basic {BASIC}", BASIC),
    (f"curl -H 'Authorization: Basic {BASIC}' https://example.com", BASIC),
    (f'{{"Proxy-Authorization": "Basic {BASIC}"}}', BASIC),
    ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ("Basic dGVzdDoxMjPCow==", "dGVzdDoxMjPCow=="),
    (f"Authorization: Bearer {OPAQUE}", OPAQUE),
    (f"bearer {OPAQUE}", OPAQUE),
    (f'-H "Authorization: Bearer {OPAQUE}"', OPAQUE),
]
"""Text, and the part of it that is found. The second and third of ``Basic`` are RFC 7617's."""
NOT_FOUND = [
    "Basic authentication",
    "Basic realm=example",
    "basic information about the user",
    "Basic abcdefgh",
    "Bearer token",
    "bearer authentication-of-clients",
    "Bearer $TOKEN_1_OF_2",
    "Bearer ${TOKEN_1_OF_2}",
    "Bearer <token-1234567>",
    "Bearer xxxxxxxxxxxxxxxx",
    "Bearer realm=example",
    "forbearer 1",
]


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_nothing_is_found(text):
    assert ENTITY not in {match.entity for match in ANALYZER.scan(text)}
