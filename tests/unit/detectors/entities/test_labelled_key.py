"""SECRET behind a name in text: what is found, and what is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER

RANDOM = "q7Rk29fLx81mZtPw47bC"
FOUND = [
    (f"{before}{value}{behind}", value)
    for before, value, behind in [
        ("fabulux_key = ", RANDOM, ""),
        ("fabulux_key=", "7d41c8290bafe653", "&page=2"),
        ("export FABULUX_KEY=", RANDOM, "\n"),
        ("FabuluxKey := `", RANDOM, "`"),
        ('fabuluxKey ?= "', RANDOM, '"'),
        ("fabulux_key: '", RANDOM, "'"),
        ('"fabuluxKey" => "', RANDOM, '"'),
        ('put("fabulux_key", "', RANDOM, '")'),
        ("<fabuluxKey>\n    ", RANDOM, "\n</fabuluxKey>"),
        ("using fabulux key=", RANDOM, ""),
        ("https://fabulux.example/v1?key=", RANDOM, "&page=2"),
        ("fabulux KEY ", RANDOM, ""),
        ("fabuluxSECRET ", RANDOM, ""),
        ("fabuluxPRIVATEkey-", RANDOM, ""),
        ("fabulux-ACCESS-", "7d41c8290bafe653" * 2, ""),
        ("fabulux-secret-", RANDOM, ""),
        ("fabulux token ", RANDOM, ""),
        ("fabulux key ", "7d41c8290bafe653" * 2, ""),
        ("fabulux   PRIVATE   KEY  :  ", RANDOM, ""),
        ("fabuluxTOKEN ", "qmwxyzabkdlrtuvnpoejg", ""),
        ("fabulux token - '", RANDOM, "'"),
        ("fabulux_key = ", "123e4567-e89b-12d3-a456-426614174000", ""),
        ("fabuluxTOKEN-", "123e4567-e89b-12d3-a456-426614174000", ""),
        ("fabulux_key = ", "QmWxYzAbKdLrTuVnPoEjGhSiCfXaZe", ""),
        ("fabulux_key = ", "kJhGtRfWqZxCvBnMmLpOyTrEdSaKb", ""),
        ("fabulux_key = '", f"{RANDOM}|{RANDOM}?{RANDOM}", "'"),
    ]
]
"""Text, and what of it is masked."""
NOT_FOUND = [
    f"{before}{value}"
    for before, value in [
        ("cache_key=", "7d41c8290bafe653"),
        ("cacheKey = ", RANDOM),
        ("PRIMARY KEY ", RANDOM),
        ("public key ", RANDOM),
        ("partition_key: ", RANDOM),
        ("sort-key=", RANDOM),
        ("next_page_token = ", RANDOM),
        ("continuationToken=", RANDOM),
        ("object key ", RANDOM),
        ("the key ", RANDOM),
        ("cache miss for key ", "7d41c8290bafe653" * 2),
        ("no such token as the token ", RANDOM),
        ("s3_key = ", "uploads/2024/11/29/report-42.pdf"),
        ("fabulux_key = ", "uploads/2024/11/29/report-42.pdf"),
        ("fabulux_key = ", "config-2024-11-29.first_name2"),
        ("fabulux_key = ", "usersProfileListingPage"),
        ("fabulux_key: ", "short12345"),
        ("<Key>", RANDOM),
        ("key=", RANDOM),
        ("my-secret-", "6b86b273ff34fce19d6b804eff5a3f57"),
        ("default-token-", "x8k2p"),
        ("secret-", "123e4567-e89b-12d3-a456-426614174000"),
        ("fabulux-secret-", "123e4567-e89b-12d3-a456-426614174000"),
        ("fabulux_key = ", "getCustomerAccountByName"),
        ("fabulux KEY ", "responsibilities"),
        ("KEY `", "idx_customer_created_at_2024"),
        ("ssh host key ", "ecdsa-sha2-nistp256"),
    ]
]


@pytest.mark.parametrize(("text", "value"), FOUND)
def test_random_text_behind_a_name_that_says_key_is_found(text: str, value: str) -> None:
    """The value goes as a whole, and nothing beside it."""
    found = ANALYZER.scan(text)
    assert text[min(each.start for each in found) : max(each.end for each in found)] == value
    assert value in {text[each.start : each.end] for each in found}


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_values_stay(text: str) -> None:
    """A name of a key that is no secret, a path, and words are no reason to mask."""
    assert ANALYZER.scan(text) == []
