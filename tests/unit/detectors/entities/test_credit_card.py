"""CREDIT_CARD: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    AROUND,
    check_found,
    check_nothing_found,
    check_part_found,
)

ENTITY = "CREDIT_CARD"
FOUND = [
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
    "4000000000000000006",
    "5555 5555 5555 4444",
    "41111111 11111111",
    "4111.1111.1111.1111",
    "4111/1111/1111/1111",
    "4111\t1111\t1111\t1111",
    "3782_822463_10005",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "４１１１１１１１１１１１１１１１",
    "٤١١١١١١١١١١١١١١١",
    "4111\u00a01111\u202f1111\u30001111",
    "4111–1111—1111−1111",
    "4111\u200b1111\u200c1111\u00ad1111",
    "4111  1111  1111  1111",
    "4111,1111,1111,1111",
    "4111:1111:1111:1111",
    "3782 - 822463 - 10005",
    "4111 | 1111 | 1111 | 1111",
    "4.111111111111111E15",
    "4.000000000000002e+15",
]
FOUND_IN_PART = [
    ("my Visa 4222222222222", "4222222222222"),
    ("Kreditkarte: 4222222222222", "4222222222222"),
    *(
        (f"{before}{card}{behind}", card)
        for card in ("4111.1111.1111.1111", "4111/1111/1111/1111", "3782_822463_10005")
        for before, behind in (("", "."), ("it is ", "."), ("", "... so"), ("", "/"), ("(", ")."), ("", ".\nBye"))
    ),
]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "-4111111111111111",  # a negative number
    '{"amount": -4111111111111111, "x": [-4111111111111111]}',
    '{"event_id": 6011000990139424006}',  # longer than nearly all cards, and an id
    "4111111111111112",  # check digit
    "411111111111",  # 12 digits
    "4222222222222",  # 13 digits without a word
    "4660378692971",
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
    "4111,1111,1111,1111,2026",  # rows of a table
    "2026, 4111,1111,1111,1111",
    "5000  1234  4321  9999\n4111  1111  1111  1111",
    "4111;1111,1111;1111",
    "4111.1111.1111.1111.1",
    "4111.1111.1111.11112",
    "4006381333931",  # a product (EAN-13) with a valid Luhn digit
    "5 12 33 47 60 72 81 90 14 22",
    "JID123e4567-e89b-12d3-a456-426655440002",
    "46947722-7722-4694-2277-944622779422",
    "11111111-2222-3333-4444-555555555555",
    "ns1 hostmaster. 1415982609 10800 3600 604800 1800",
    "M150 952 215 471 566 150 952 215 471 566 150 952 215",
    "sha256:" + "4111111111111111ABCDEF0123456789" * 2,
    " ".join(["2045 1972 4111 1111 1111 1111"] * 3),
    "host-34859-1598944546501-4:12:1:1:3",
    "512345678901234560",  # 18 digits: no network that begins with 51 has so many
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_letters_beside_it_hide_nothing():
    for text in ("card4111111111111111end", "x4111-1111-1111-1111y"):
        assert [match.entity for match in ANALYZER.scan(text)] == [ENTITY]


def test_a_card_beside_other_digits_is_found():
    assert [(match.start, match.end) for match in ANALYZER.scan("4111111111111111 123")] == [(0, 16)]
    assert [(match.start, match.end) for match in ANALYZER.scan("12/27 4111 1111 1111 1111")] == [(6, 25)]


@pytest.mark.parametrize(
    "text",
    [
        "2024\n4111\n1111\n1111\n1111\n",
        "1999\t1998\t4111\t1111\t1111\t1111\t7",
        r"2024\n4111\n1111\n1111\n1111\n",
        r'{"a":"x\r\n3782\r\n822463\r\n10005"',
        "2024\r\n4111\r\n1111\r\n1111\r\n1111\r\n",
        "1\r\n3782\r\n822463\r\n10005\r\n7",
    ],
)
def test_other_numbers_before_a_column_of_groups_do_not_hide_it(text):
    assert [match.entity for match in ANALYZER.scan(text)] == [ENTITY]


def test_all_spellings_have_one_canonical_form():
    assert ANALYZER.canonical(ENTITY, "４１１１-1111 1111\u00a01111") == "4111111111111111"


def test_cards_stand_one_below_the_other():
    """A number in the next line does not make a row of a table: streamed text ends before that line."""
    text = "4111  1111  1111  1111\n5500  0000  0000  0004\n5000  1234  4321  9999"
    assert [text[match.start : match.end] for match in ANALYZER.scan(text)] == text.split("\n")[:2]
