"""Numbers that are all of a value whose name says nothing."""

import json

import pytest

from extproc.detectors.entities.national.whole import WHOLE
from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker
from tests.unit.detectors.entities.checks import ANALYZER

MASKER = make_masker()
FOUND = [
    *((row.entity, row.example) for row in WHOLE),
    *((row.entity, row.example.lower()) for row in WHOLE),
    ("UK_NHS", "401-023-2137"),
    ("IN_AADHAAR", "2341:2341:2346"),
    ("EU_VAT_NUMBER", "DE-136-695-976"),
    ("EU_VAT_NUMBER", "de136695976"),
    ("EU_VAT_NUMBER", "DE123456789"),
    ("ES_NIF", "12345678z"),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
    ("MAC_ADDRESS", "00-1a-2b-3c-4d-5e"),
    ("MAC_ADDRESS", "001a.2b3c.4d5e"),
    ("PHONE_NUMBER", "0917-123-4567"),
    ("PHONE_NUMBER", "0 (532) 1234567"),
    ("PHONE_NUMBER", "0216 123 45 67"),
    ("PHONE_NUMBER", "09-7625400"),
]
STAYING = [
    "123456782",
    "1234567893",
    "12345678903",
    "4006381333931",
    "C12345678",
    "M12345678",
    "AB1234567",
    "AAA123456",
    "2024-11-29",
    "20241129-1830",
    "20240115-0930",
    "123 456 789",
    "100 200 300",
    "123 456 782",
    "1234-5678-9012",
    "123456-1234567",
    "02-03-2024",
    "0 10 20 30 40",
    "0000 000 000",
    "FF:FF:FF:FF:FF:FF",
    "00:1a:2b:ff:fe:3c:4d:5e",
    "1234.5678.9012",
    "DE20241129",
    "AB12CDE",
    "12/34/5678",
]
"""Values of other things, and numbers that fail their checks."""


def _masked(document: object) -> str:
    return MASKER.mask(json.dumps(document).encode(), "application/json", MASK_EVERYTHING).body.decode()


@pytest.mark.parametrize(("entity", "value"), FOUND)
@pytest.mark.parametrize("before", ["", " "])
def test_a_value_without_a_name_is_found(entity, value, before):
    """The name ``value`` says nothing, and neither does an array."""
    assert json.loads(_masked({"value": before + value})) == {"value": f"{before}[{entity}]"}
    assert json.loads(_masked([{"v": value}])) == [{"v": f"[{entity}]"}]


@pytest.mark.parametrize("value", STAYING)
def test_other_values_stay(value):
    assert json.loads(_masked({"value": value})) == {"value": value}


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row.entity)
def test_a_name_of_something_else_decides(row):
    """Only forms that are found anywhere are found there."""
    assert [find for find in ANALYZER.scan(row.example, lambda: "interface") if find.entity == row.entity] in (
        [],
        [(0, len(row.example), "EU_VAT_NUMBER")],
    )


@pytest.mark.parametrize("cut", range(1, 12))
def test_streamed_text_is_the_same_wherever_it_is_cut(cut):
    """A piece of text is not all of a value."""
    text = b"a 401-023-2137 b\n943 476 5919\n2123 45670 1\n004 085 616\n"
    whole, stream = (
        MASKER.mask(text, "text/plain", MASK_EVERYTHING).body,
        MASKER.stream("text/plain", MASK_EVERYTHING),
    )
    pieces = [stream.feed(text[at : at + cut]) for at in range(0, len(text), cut)]
    assert b"".join([*pieces, stream.finish()]) == whole
