"""One table per entity: what is found, and what is not."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import pytest

from extproc.detectors import jwt
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.engine import Detectors

DETECTORS = Detectors()

SHOULD = {
    "CREDIT_CARD": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111+1111+1111+1111",
        "3782 822463 10005",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "5555555555554444",
        "2223003122003222",
        "4222222222222",
        "4000000000000000006",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "４１１１１１１１１１１１１１１１",
        "٤١١١١١١١١١١١١١١١",
        "4111\u00a01111\u202f1111\u30001111",
        "4111–1111—1111−1111",
        "4111\u200b1111\u200c1111\u00ad1111",
        "4.111111111111111E15",
        "4.000000000000002e+15",
    ],
    "US_SSN": ["123-45-6789", "123 45 6789", "001-01-0001", "１２３-４５-６７８９", "899-99-9999", "123‑45‑6789"],
    "EMAIL_ADDRESS": [
        "bob@example.com",
        "b.o'b+tag%1_x@mail.example.co.uk",
        "józef@example.com",
        "user@münchen.de",
        "почта@пример.рф",
        "a@b.co",
        "bob＠example．com",
        "x@xn--e1afmkfd.xn--p1ai",
    ],
    "AWS_ACCESS_KEY": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "GITHUB_TOKEN": ["ghp_" + "a1B2" * 9, "ghs_" + "x" * 36, "github_pat_11ABCDEFG0_abcdefghijklmnop"],
    "OPENAI_KEY": ["sk-" + "a1b2c3d4" * 6, "sk-proj-abc_DEF-123456789012345", "sk-ant-api03-abcdefghijklmnop"],
    "SLACK_TOKEN": ["xoxb-123456789012-abcdef", "xoxe.xoxp-1-abcdefghijkl", "xapp-1-A0123-4567-abcdef"],
    "STRIPE_KEY": ["sk_live_" + "a1B2c3D4e5", "rk_test_" + "a1B2c3D4e5", "whsec_" + "a" * 24],
    "GCP_KEY": ["AIza" + "Sy0-_" * 7, "ya29." + "a0Af_-" * 5, "GOCSPX-" + "a1_-" * 7],
    "JWT": [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y3Q.dGFn",
    ],
    "PRIVATE_KEY": [
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----",
    ],
}

AROUND = [
    "",
    "|",
    " ",
    "é",
    "中",
    "\n",
    "\x00",
    ",",
]


@pytest.mark.parametrize(("entity", "text"), [(e, text) for e, texts in SHOULD.items() for text in texts])
@pytest.mark.parametrize("around", AROUND)
def test_finds_exactly(entity, text, around):
    before = "" if around in "é中" and entity == "EMAIL_ADDRESS" else around
    after = "" if entity in ("EMAIL_ADDRESS", "PRIVATE_KEY") else around
    found = DETECTORS.scan(before + text + after)
    assert [(span.entity, span.start, span.end) for span in found] == [(entity, len(before), len(before + text))]


ADJACENT = ["card4111111111111111end", "№123-45-6789г", "x4111-1111-1111-1111y", "id=AKIAIOSFODNN7EXAMPLE&x"]


@pytest.mark.parametrize("text", ADJACENT)
def test_letters_beside_hide_nothing(text):
    assert len(DETECTORS.scan(text)) == 1


SHOULD_NOT = [
    "4111111111111112",  # check digit
    "411111111111",  # 12 digits
    "41111111111111111111",  # 20 digits
    "04111111111111111",  # part of a longer number
    "9111111111111111",  # no such issuer
    "0000000000000000",
    "1700000000000",  # a time in milliseconds
    "1700000000003",
    "1700000000000000",
    "1700000000000000000",
    "0.4111111111111111",  # a fraction
    "-12.4111111111111111",
    "4111  1111  1111  1111x",  # two spaces: no card is written so
    "4111,1111,1111,1111",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "123-45-0000",
    "1123-45-6789",
    "123-45-67890",
    "123456789",  # nine digits of anything
    "2024-01-15",
    "555-123-4567",
    "bob@localhost",
    "@example.com",
    "bob@",
    "pkg@1.2.3",
    "bob@example.c",
    "bob at example.com",
    "AKIAIOSFODNN7EXAMPL",
    "AKIAIOSFODNN7EXAMPLES",
    "XAKIAIOSFODNN7EXAMPLE",
    "akiaiosfodnn7example",
    "ghp_" + "a" * 35,
    "task-list-of-many-words-in-one-name",
    "sk-some-long-name-without-digits",
    "sk-short1",
    "xoxb-short",
    "pk_live_" + "a1B2c3D4e5",
    "AIza" + "a" * 34,
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9.x",
    "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxIn0.c2ln",  # no alg
    "eyJ.a.b",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "[CREDIT_CARD] [US_SSN] [REDACTED]",
    "123e4567-e89b-12d3-a456-426614174000",
    "",
]


@pytest.mark.parametrize("text", SHOULD_NOT)
def test_leaves_alone(text):
    assert DETECTORS.scan(text) == []


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("123456789", ("customer", "ssn"), True),
        ("123456789", ("customerSSN",), True),
        ("123456789", ("socialSecurityNumber",), True),
        ("123456789", ("social_security", 0), True),
        ("123456789", ("ssn", "value"), True),
        ("123456789", ("ｓｓｎ",), True),
        ("123.45.6789", ("ssn",), True),
        ("SSN: 123456789", (), True),
        ("her ssn is 123456789", ("note",), True),
        ("123456789", ("order",), False),
        ("123456789", ("ssn", "a", "b"), False),
        ("666456789", ("ssn",), False),
        ("[US_SSN] 123456789", (), False),
        ("123456789", ("[US_SSN]",), False),
        ("ssn" + " " * 50 + "123456789", (), False),
    ],
)
def test_bare_numbers_need_a_telling_context(text, path, found):
    assert [span.entity for span in DETECTORS.scan(text, path)] == ["US_SSN"] * found


def test_a_card_beside_other_digits_is_found():
    assert [(span.start, span.end) for span in DETECTORS.scan("4111111111111111 123")] == [(0, 16)]
    assert [(span.start, span.end) for span in DETECTORS.scan("12/27 4111 1111 1111 1111")] == [(6, 25)]


def test_several_are_found_in_order():
    text = "a@b.co 4111111111111111 123-45-6789 c@d.co"
    assert [text[span.start : span.end] for span in DETECTORS.scan(text)] == text.split()


def test_canonical_forms_join_spellings():
    assert DETECTORS.canonical("CREDIT_CARD", "４１１１-1111 1111\u00a01111") == "4111111111111111"
    assert DETECTORS.canonical("US_SSN", "123-45-6789") == DETECTORS.canonical("US_SSN", "123456789")
    assert DETECTORS.canonical("EMAIL_ADDRESS", "Bob@Example.com") == "bob@example.com"


def test_every_detector_is_in_the_tables():
    assert {detector.entity for detector in CATALOGUE} == set(SHOULD) == DETECTORS.entities


def test_nothing_found_is_shorter_than_its_detector_says():
    for detector in CATALOGUE:
        texts = SHOULD[detector.entity] + ["123456789"]
        ranges = [found for text in texts for found in detector.find(text, "ssn")]
        assert all(end - start >= detector.shortest for start, end in ranges)


@pytest.mark.parametrize("joined", ["eyJ.", "eyJ-", "eyJ", "eyJhbGciOiJIUzI1NiJ9."])
def test_what_is_joined_to_a_token_does_not_hide_it(joined):
    """Nothing of the token is left, whatever it is glued to."""
    text = joined + SHOULD["JWT"][0] + "." + SHOULD["JWT"][0]
    [span] = DETECTORS.scan(text)
    assert span.entity == "JWT"
    assert span.end == len(text)
    assert span.start <= len(joined)


@pytest.mark.parametrize("text", ["/" + "eyJ" * 20_000 + "/eyJ.a.", "eyJ." * 20_000, ("eyJ" * 15 + ".") * 1_000])
def test_many_beginnings_of_a_token_cost_no_more_than_their_length(text, monkeypatch):
    """However a text is made of beginnings, only so many characters are decoded for each of its own."""
    decoded = []
    monkeypatch.setattr(jwt, "has_algorithm", lambda part: decoded.append(len(part)))
    list(jwt.find(text, ""))
    assert sum(decoded) <= len(text) * jwt.STARTS_MAX
