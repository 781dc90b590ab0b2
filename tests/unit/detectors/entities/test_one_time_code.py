"""NAMED_SECRET: one-time codes in sentences, and other numbers that stay."""

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker
from tests.unit.detectors.entities.checks import check_nothing_found, check_part_found

MASKER = make_masker()
FOUND = [
    ("Use 493817 as your one-time password.", "493817"),
    ("the security code is 493 817", "493 817"),
    ("Your code is 493817", "493817"),
    ("Your verification code is: 4938", "4938"),
    ("Your Acme verification code for bob is 49381723.", "49381723"),
    ("the two-factor code: 493817", "493817"),
    ("Enter 4938 as the login code", "4938"),
    ("Your OTP is 493817", "493817"),
]
NOT_FOUND = [
    "Your code is 200",
    "Your zip code is 94107",
    "The error code is 493817",
    "Your discount code: 493817",
    "Use 493817 as your order number",
    "use 8080 as the port, and 1024 for your buffer",
    "exit code is 4938",
    "Your country code is 4938",
    "493817 is your order number",
    "your code is 493817.25 percent",
]


@pytest.mark.parametrize(("text", "code"), FOUND)
def test_a_code_is_found(text, code):
    check_part_found("NAMED_SECRET", text, code)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_numbers_stay(text):
    check_nothing_found(text)


@pytest.mark.parametrize(("text", "code"), FOUND)
def test_a_code_is_found_in_a_stream_of_pieces(text, code):
    stream = MASKER.stream("text/plain", MASK_EVERYTHING)
    out = b"".join([*[stream.feed(bytes([each])) for each in text.encode()], stream.finish()]).decode()
    assert out == MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode()
    assert code not in out
