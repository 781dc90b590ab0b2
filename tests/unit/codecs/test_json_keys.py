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
    ],
)
def test_keys_that_a_lenient_backend_confuses_are_duplicates(document):
    """Whichever value policy reads, the backend might read the other."""
    with pytest.raises(Unreadable) as refused:
        check_distinct(document)
    assert refused.value.kind is Uninspectable.DUPLICATE_KEYS


@pytest.mark.parametrize("document", [None, 1, "A", [], {}, {"a": 1, "b": {"a": 1}}, [{"a": 1}, {"A": 1}]])
def test_other_documents_pass(document):
    """The same name may occur in different objects."""
    check_distinct(document)
