import pytest

from extproc.codecs.json_keys import check_distinct
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable


@pytest.mark.parametrize(
    "document",
    [
        {"amount": 1, "Amount": 2},
        {"a": [{"b": {"SSN": 1, "ssn": 2}}]},
        {"ssn": 1, "\u017f\u017fn": 2},
        {"\uff41": 1, "a": 2},
        {"stra\u00dfe": 1, "STRASSE": 2},
        {"\u0131d": 1, "id": 2},
        {"\u0130d": 1, "id": 2},
        {"\u212aey": 1, "key": 2},
        {"amount": 1, "Amount\0": 2},
        {"AMOUNT\0x": 1, "amount\0y": 2},
    ],
)
def test_keys_that_a_lenient_backend_confuses_are_duplicates(document):
    """Whichever value policy reads, the backend might read the other."""
    with pytest.raises(Unreadable) as refused:
        check_distinct(document)
    assert refused.value.kind is Uninspectable.DUPLICATE_KEYS


DISTINCT = [
    {"amount": 1, "amount ": 2},
    {"unitPrice": 1, "unit_price": 2},
    {"caf\u00e9": 1, "cafe": 2},
    {"\0*\0a": 1, "\0*\0b": 2},
    {"amount\0": 1, "price\0": 2},
]
"""No common reader takes these for one key, or only one that knows a schema does."""


@pytest.mark.parametrize(
    "document", [None, 1, "A", [], {}, {"a": 1, "b": {"a": 1}}, [{"a": 1}, {"A": 1}], *DISTINCT]
)
def test_other_documents_pass(document):
    """The same name may occur in different objects."""
    check_distinct(document)
