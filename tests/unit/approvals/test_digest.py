"""A digest names one exact call."""

import hashlib
import json

import pytest

from extproc.approvals.digest import digest
from extproc.model.errors import ApprovalError
from extproc.model.identity import Identity

ALICE = Identity("https://idp", "alice", ("sales", "eu"), "agent-7")
BODY = hashlib.sha256(b"{}").digest()
CALL = {
    "identity": ALICE,
    "function": "crm.delete",
    "arguments": {"id": 7, "why": "é"},
    "connection": "crm",
    "request": {":method": "DELETE", ":authority": "crm.example", ":path": "/customers/7"},
    "policy_revision": "r1",
    "message_sha256": BODY,
}


def test_is_sha256_over_canonical_json_with_named_fields():
    """Anybody can compute it again from the documented object."""
    document = {
        "format": "extproc-approval-2",
        "identity": {"issuer": "https://idp", "subject": "alice", "groups": ["eu", "sales"], "actor": "agent-7"},
        "function": "crm.delete",
        "arguments": {"id": 7, "why": "é", "order": [None]},
        "arguments_integers": [["/order/0", "9007199254740992"]],
        "connection": "crm",
        "connection_integers": [],
        "request": {":method": "DELETE", ":authority": "crm.example", ":path": "/customers/7"},
        "policy_revision": "r1",
        "message_sha256": BODY.hex(),
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    call = {**CALL, "arguments": {"id": 7, "why": "é", "order": [2**53]}}
    assert digest(**call) == hashlib.sha256(canonical).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"identity": Identity("https://idp", "alice", ("sales", "eu"), "")},
        {"identity": Identity("https://idp", "alicia", ("sales", "eu"), "agent-7")},
        {"identity": Identity("https://other", "alice", ("sales", "eu"), "agent-7")},
        {"identity": Identity("https://idp", "alice", ("sales",), "agent-7")},
        {"function": "crm.delete_all"},
        {"arguments": {"id": 8, "why": "é"}},
        {"arguments": {"id": 7, "why": "e\u0301"}},
        {"arguments": {"id": "7", "why": "é"}},
        {"arguments": None},
        {"connection": "crm2"},
        {"connection": {"name": "crm"}},
        {"request": {":method": "DELETE", ":authority": "crm.example", ":path": "/customers/8"}},
        {"policy_revision": "r2"},
        {"message_sha256": hashlib.sha256(b"{ }").digest()},
    ],
)
def test_every_part_counts(change):
    """Changing any one thing gives another digest."""
    assert digest(**{**CALL, **change}) != digest(**CALL)


def test_key_order_and_group_order_do_not_count():
    """What means the same has the same digest."""
    same = {
        "identity": Identity("https://idp", "alice", ("eu", "sales"), "agent-7"),
        "arguments": {"why": "é", "id": 7},
    }
    assert digest(**{**CALL, **same}) == digest(**CALL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2**53, 2**53 + 1),
        (2**64, float(2**64)),
        (-(2**80), 2**80),
        ({"a": 2**60}, {"a": None}),
        ({"a": 2**60}, {"a": str(2**60)}),
        ({"a/b": 2**60, "a": {"b": None}}, {"a/b": None, "a": {"b": 2**60}}),
        ({"a~1b": 2**60, "a/b": None}, {"a~1b": None, "a/b": 2**60}),
        ([2**60, None], [None, 2**60]),
        ({"0": 2**60}, [2**60]),
    ],
)
def test_large_integers_stay_distinct(one, other):
    """Integers that RFC 8785 cannot write are told apart to the last digit, and by their place."""
    assert digest(**{**CALL, "arguments": one}) != digest(**{**CALL, "arguments": other})


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        "\ud800",
        {"\udc00": 1},
        pytest.param(10**5_000, id="5000 digits"),
    ],
)
def test_what_has_no_canonical_form_is_refused_without_being_named(value):
    """The held call is denied; the message holds no value."""
    with pytest.raises(ApprovalError) as caught:
        digest(**{**CALL, "arguments": {"secret-name": value}})
    assert str(caught.value) == "the call has no canonical form"
    assert caught.value.__suppress_context__


@pytest.mark.slow
def test_nesting_too_deep_is_refused():
    """Neither a crash nor a digest."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ApprovalError):
        digest(**{**CALL, "arguments": deep})


@pytest.mark.parametrize("body", [b"", b"short", b"x" * 33])
def test_a_body_digest_of_another_size_is_refused(body):
    """A digest that does not name the bytes is none."""
    with pytest.raises(ApprovalError):
        digest(**{**CALL, "message_sha256": body})
