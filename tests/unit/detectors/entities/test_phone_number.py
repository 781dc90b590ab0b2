"""PHONE_NUMBER: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    AROUND,
    check_found,
    check_found_in_context,
    check_nothing_found,
    check_part_found,
)

ENTITY = "PHONE_NUMBER"
FOUND = [
    "+442079460958",
    "+44 20 7946 0958",
    "+44 (0)20 7946 0958",
    "+1 (212) 555-0123",
    "+1.201.555.0123",
    "+49 (0)30 901820",
    "+49 (0)30 - 901820 - 0",
    "+15551234567",
    "0044 20 7946 0958",
    "00 49 30 901820",
    "212-555-0123",
    "(212) 555-0123",
    "1-212-555-0123",
    "212.555.0123",
    "(415) 555 0132",
    "1 (415)555 0132",
    "(03) 5550 6473",
    "(020) 7946-0958",
    "090-1234-5678",
    "＋44 20 7946 0958",
    "+33\u00a01\u200923\u200945\u200967\u200989",
]
FOUND_IN_CONTEXT = [
    ("2125550123", "phone"),
    ("020 7946 0958", "contactTelephone"),
    ("030/1234567", "telefon"),
    ("06 12 34 56 78", "telephone"),
    ("06.12.34.56.78", "mobile"),
    ("555-0123", "phone"),
]
"""Text, and the key above it without which it is not an entity."""
FOUND_UNDER_A_KEY = [
    ("+12345678", "phone"),
    ("20.21.23.45", "phone"),
    ("4155550132", "phones\nvalue"),
    ("030 1234567", "phones\nalice"),
    ("5550123 5550124 5550125", "phone"),
    ("0301234567/0307654321", "phone"),
    ("13812345678", "手机号"),
    ("0612345678", "numeroTelephone"),
]
FOUND_IN_PART = [
    (f"{number}{behind}", f"{number}{extension}")
    for number in ("+1-415-555-0132", "+14155550132", "(415) 555-0132", "415-555-0132")
    for behind, extension in [
        ("x12", "x12"),
        ("X1", "X1"),
        (" x73189", " x73189"),
        (" ext. 12", " ext. 12"),
        (";ext=12", ";ext=12"),
        (" ext 12", ""),
        (".", ""),
        (". So", ""),
        (" 2024", ""),
        (", +14155550133", ""),
    ]
    if behind != " 2024" or "+" in number
] + [
    ("phone 0791234567x12", "0791234567x12"),
    ("tel:+1-201-555-0123", "+1-201-555-0123"),
    ("Tel. 030 901820, Durchwahl -47", "030 901820"),
    ("Tel. 030 901820, Durchwahl -47", "47"),
    ("415-555-0132 ext 12", "12"),
    ("030 1234567, 040 7654321 (Telefon: 040 1111111)", "040 1111111"),
    ("電話：03-1234-5678", "03-1234-5678"),
    ("电话：13812345678", "13812345678"),
    ("Tél. : 01 23 45 67 89", "01 23 45 67 89"),
    ("Handy: 0171/1234567.", "0171/1234567"),
    ("please call me at 5550123 today", "5550123"),
    ("the phone number is 5550123", "5550123"),
    ("my home phone is 2123.4567", "2123.4567"),
    ("call my cell when you can, it's 4155550132", "4155550132"),
    ("the phone we have is 06 12 34 56 78", "06 12 34 56 78"),
]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "+14155550132a",
    "+14155550132xx1",
    "415-555-0132_1",
    "415-555-0132x",
    "415 555 0132",
    "a(415) 555 01325",
    "f(415) 155 0132",
    "555-123-4567",
    "411-555-0132",
    "+12345678",
    "+1234567890123",
    "+12345678***",
    "+57.5642919/-54.3496058",
    "+48.8566+2.3522",
    "+40.20361-075.00417/",
    "0123-4567-8901",
    "extension: 1234",
    "ISBN 978-3-16-148410-0",
    "mobile ISBN 978-3-16-148410-0",
    "mobile revenue rose to 12 345 678 tonnes",
    "mobile revenue rose to 1.234.567 in 2024-01-15",
    "mobile sales were $12345678",
    "mobile reaches 1234567890 users",
    "the phone order 12345678 shipped",
    "the phone shipped at 1700000000",
    "alternateMobile e37fc753-ff3b-4958-9484-eaa9425c82bc",
    "Phone.f8396fef-1234-5678-bc7128b6fd99",
    "phone 2024-01-15 and 15.01.2024",
    "1-2-3",
]
NOT_FOUND_UNDER_A_KEY = [
    ("12345678", "iphone_sales"),
    ("12345678", "mobile_users"),
    ("1700000000", "phone_updated_at"),
    ("1080", "phone\nwidth"),
    ("19.720000", "phone_numbers\nlatitude"),
    ("-155.090000", "phone_numbers\nlongitude"),
    ("12345678", "phone\nprice"),
    ("12345678", "phone\nid"),
    ("+12345678", "delta"),
    ("+12345678***", "callerNumber"),
    ("2024-01-15", "phone"),
    ("10.0.19.45", "mobile"),
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "key"), FOUND_IN_CONTEXT)
def test_is_found_beside_a_word(text, key):
    check_found_in_context(ENTITY, text, key)


BESIDE_A_WORD = [
    ("phone 0791234567 2019-09-12", "0791234567"),
    ("call TEL-0791234567", "0791234567"),
    ("mobile 2.0.1 / 2015-05-28 or 0791234567", "0791234567"),
]


@pytest.mark.parametrize(("text", "part"), [*FOUND_IN_PART, *BESIDE_A_WORD])
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize(("text", "key"), FOUND_UNDER_A_KEY)
def test_is_found_under_a_key(text, key):
    assert (0, len(text), ENTITY) in ANALYZER.scan(text, lambda: key)


@pytest.mark.parametrize(("text", "key"), NOT_FOUND_UNDER_A_KEY)
def test_is_not_found_under_a_key(text, key):
    assert ENTITY not in {match.entity for match in ANALYZER.scan(text, lambda: key)}


def test_each_of_several_numbers_is_found():
    text = "030 1234567, 040 1234567;+49 40 901820 / 050 1234567"
    found = ANALYZER.scan(text, lambda: "phone")
    masked = {at for match in found for at in range(match.start, match.end)}
    assert all(at in masked for at, each in enumerate(text) if each.isdigit())


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)
