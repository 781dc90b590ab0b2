"""Equal digests mean equal calls."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from extproc.approvals.digest import digest
from extproc.model.identity import Identity

BODY = hashlib.sha256(b"").digest()
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
leaf = st.none() | st.booleans() | st.integers() | st.integers(2**53 - 2, 2**53 + 2) | text
documents = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)


def of(arguments):
    return digest(
        identity=Identity("i", "s"),
        function="f",
        arguments=arguments,
        connection="c",
        request={":path": "/"},
        policy_revision="r",
        message_sha256=BODY,
    )


def spelled(value):
    return json.dumps(value, sort_keys=True)


@given(documents, documents)
def test_equal_exactly_when_the_documents_are(one, other):
    """No two documents without floats share a digest, and a document has one."""
    assert (of(one) == of(other)) == (spelled(one) == spelled(other))


@given(documents)
def test_survives_a_trip_through_json(document):
    """Parsing the call again gives the same digest."""
    assert of(json.loads(json.dumps(document))) == of(document)
