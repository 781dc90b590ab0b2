"""The store of sessions: what ends together, and what is kept within bounds."""

import pytest

from extproc.console.sign_in.errors import SessionsUnavailable
from extproc.console.sign_in.session_store import FILE, Attempt, SessionStore, StoredSession
from extproc.model.identity import Identity


@pytest.fixture
def store(tmp_path):
    made = SessionStore(tmp_path / FILE)
    yield made
    made.close()


def session(session_id, subject="maya", issuer="https://idp.example", person="", **changes):
    fields = {
        "session_id": session_id,
        "identity": Identity(issuer, subject, ("sre",), person=person),
        "name": subject,
        "sid": "",
        "client_id": "console",
        "origin": "https://a.example",
        "began_ns": 1,
        "ends_ns": 10**18,
        "seen_ns": 1,
        "fresh_until_ns": 10,
        "sealed": b"s",
    }
    return StoredSession(**{**fields, **changes})


def add(store, made):
    store.add(made, attempted_ns=made.began_ns)
    return made


def test_a_session_comes_back_as_it_was(store):
    made = add(store, session("1", person="maya@example.com"))
    assert store.get("1") == made


def test_everywhere_means_all_accounts_of_the_person_and_nobody_elses(store):
    """The claim that joins accounts joins their sessions; people without one are joined with nobody."""
    here = add(store, session("1", person="maya@example.com"))
    add(store, session("2", issuer="https://other.example", subject="m", person="maya@example.com"))
    add(store, session("3", subject="omar"))
    add(store, session("4", subject="noor", person="noor@example.com"))
    assert store.end_all(here.identity) == 2
    assert [store.get(each) is None for each in "1234"] == [True, True, False, False]
    assert store.end_all(store.get("3").identity) == 1
    assert store.get("4") is not None


def test_a_session_that_ended_is_not_renewed(store):
    made = add(store, session("1"))
    store.end("1")
    assert store.renew(made) is False
    assert store.get("1") is None


def test_sessions_that_are_over_are_deleted(store):
    add(store, session("1", ends_ns=50))
    add(store, session("2", began_ns=50))
    assert store.get("1") is None


def test_time_does_not_go_back(store):
    add(store, session("1", seen_ns=100))
    store.seen("1", 50)
    assert store.get("1").seen_ns == 100


def test_attempts_that_expired_are_deleted(store):
    store.begin(Attempt("1", "/", "https://a.example", 1, 10))
    store.begin(Attempt("2", "/", "https://a.example", 10, 20))
    assert store.take_attempt("1", 5) is None
    assert store.take_attempt("2", 15) is not None
    assert store.take_attempt("2", 15) is None


def test_another_programs_file_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be one " * 20)
    with pytest.raises(SessionsUnavailable, match="the store of sessions failed"):
        SessionStore(tmp_path / FILE)
