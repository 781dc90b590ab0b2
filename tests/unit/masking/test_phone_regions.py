"""masking.phone_regions: national phone numbers of an installation's regions."""

import pytest

from extproc.assembly.make_masker import make_detectors
from extproc.model.errors import ConfigError
from extproc.settings.masking import InstallationMasking


def found(text, regions):
    analyzer = make_detectors(InstallationMasking(phone_regions=regions))
    return [text[match.start : match.end] for match in analyzer.scan(text)]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("030/1234567", "DE"),
        ("0171 1234567 x12", "DE"),
        ("06 12 34 56 78", "FR"),
        ("06.12.34.56.78", "FR"),
        ("09-7625400", "IL"),
        ("612 34 56 78", "ES"),
    ],
)
def test_numbers_of_named_regions_need_no_word(text, region):
    assert found(text, [region]) == [text]
    assert found(text, []) == []
    assert found(text, ["SG", region]) == [text]


@pytest.mark.parametrize(
    "text",
    ["0301234567", "2024-01-15", "01.02.2024", "612 345 678", "171 1234567", "12345678.90", "v 10.0.19.45"],
)
def test_other_numbers_stay(text):
    assert found(text, ["DE", "ES", "FR"]) == []


def test_a_region_without_phones_is_refused():
    with pytest.raises(ConfigError, match=r"masking\.phone_regions: 'XX' is not a region"):
        found("", ["XX"])
