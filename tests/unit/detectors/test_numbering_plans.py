"""Numbering plans: which digits are a phone number of some country."""

import phonenumbers
import pytest

from extproc.detectors.numbering_plans import has_length, is_national, is_number, plan_of

EXAMPLES = [
    phonenumbers.example_number_for_type(region, sort)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for sort in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
]


def test_every_countrys_examples_are_numbers():
    numbers = [each for each in EXAMPLES if each]
    digits = [phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164)[1:] for each in numbers]
    assert len(digits) > 400
    assert [each for each in digits if not (is_number(each) and has_length(each))] == []


@pytest.mark.parametrize("digits", ["12345678", "1234567890123", "999123456789", "210123", "4400000000000"])
def test_other_digits_are_no_number(digits):
    assert not is_number(digits)


def test_codes_that_no_country_has_have_numbers():
    assert is_number("80012345678")


def test_a_national_number_has_its_trunk_prefix_or_not():
    assert is_national("0301234567", "DE")
    assert is_national("301234567", "DE")
    assert not is_national("0301234567", "US")
    with pytest.raises(ValueError, match="not a region"):
        plan_of("XX")
