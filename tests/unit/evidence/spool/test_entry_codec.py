"""Entries as bytes."""

import dataclasses
import hashlib

import orjson
import pytest

from extproc.evidence.spool.entry_codec import FIELDS, decode_entry, encode_entry, leaf_hash
from extproc.model.entries import Entry, EntryKind
from extproc.model.errors import EvidenceError
from extproc.model.masking import Finding, Side


def test_leaf_hash_is_the_one_of_rfc_6962():
    """The empty leaf's hash is the one every implementation publishes."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"abc") == hashlib.sha256(b"\x00abc").digest()


def test_an_entry_comes_back_as_it_was(entry):
    one = entry(7, EntryKind.COMPLETED, held_ms=1.5, approvers=("a", "b"), shadow=("r",))
    assert decode_entry(encode_entry(one)) == one


def test_keys_are_in_the_order_of_the_fields(entry):
    """The same entry always gives the same bytes."""
    assert tuple(orjson.loads(encode_entry(entry()))) == FIELDS


def test_a_lone_surrogate_costs_no_record(entry):
    """It is stored as its escape, wherever it is."""
    odd = entry(path="/\ud800", groups=("\udfff",), findings=(Finding("FIELD", "$.\ud800"),))
    back = decode_entry(encode_entry(odd))
    assert (back.path, back.groups, back.findings[0].path) == ("/\\ud800", ("\\udfff",), "$.\\ud800")


def test_a_field_that_is_no_json_is_refused_without_its_value(entry):
    with pytest.raises(EvidenceError) as caught:
        encode_entry(entry(path=b"secret"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"7",
        b'"kind"',
        b"null",
        b"{}",
        b"{",
        b'{"kind":"call.decided"}',
        b'{"kind":"call.invented","call_id":"c","time_ns":1}',
        b'{"kind":"call.decided","call_id":7,"time_ns":1}',
        b'{"kind":"call.decided","call_id":"c","time_ns":true}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"groups":[1]}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"groups":7}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"findings":[{"entity":1,"path":"$"}]}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"findings":[{"entity":"A"}]}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"findings":[{"entity":"A","path":"$","count":"1"}]}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"findings":[{"entity":"A","path":"$","side":"up"}]}',
        b'{"kind":"call.decided","call_id":"c","time_ns":1,"held_ms":null}',
    ],
)
def test_what_is_no_entry_is_a_value_error(document):
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the contract
        decode_entry(document)


def test_a_newer_entry_is_read_without_what_is_not_known_yet(entry):
    values = orjson.loads(encode_entry(entry())) | {"invented_later": 1}
    assert decode_entry(orjson.dumps(values)) == entry()


def test_an_older_entry_is_read_with_findings_on_no_side(entry):
    document = encode_entry(entry()).replace(b',"side":"request"', b"")
    assert b"side" not in document
    [finding] = decode_entry(document).findings
    assert finding == Finding("US_SSN", "$.ssn", "redact")
    assert finding.side is Side.UNRECORDED


def test_a_newer_finding_is_read_without_what_is_not_known_yet(entry):
    document = encode_entry(entry()).replace(b'"count":1', b'"count":1,"invented_later":1')
    assert decode_entry(document) == entry()


def test_fields_are_those_of_the_model():
    assert tuple(field.name for field in dataclasses.fields(Entry)) == FIELDS
