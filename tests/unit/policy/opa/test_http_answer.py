"""Answers are read whole, once, and in one way; everything else is an error."""

import gzip

import pytest

from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.policy.opa.http_answer import Answer, AnswerReader

TRUE = b'{"result":true}'
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n" + TRUE
CHUNKED = (
    b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"res\r\na;x=1\r\nult":true}\r\n0\r\nt: 1\r\n\r\n'
)


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (PLAIN, Answer(200, TRUE, keeps_open=True)),
        (CHUNKED, Answer(200, TRUE, keeps_open=True)),
        (PLAIN.replace(b"200 OK", b"500 No"), Answer(500, TRUE, keeps_open=True)),
        (PLAIN.replace(b"1.1", b"1.0"), Answer(200, TRUE, keeps_open=False)),
        (PLAIN.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), Answer(200, TRUE, keeps_open=False)),
        (
            PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Encoding: identity\r\n\r\n"),
            Answer(200, TRUE, keeps_open=True),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", keeps_open=True)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, Answer(200, TRUE, keeps_open=True)),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n" * 3 + PLAIN, Answer(200, TRUE, keeps_open=True)),
    ],
)
def test_a_whole_answer(raw, answer):
    assert AnswerReader().feed(raw) == answer


NOT_HTTP = "OPA gave no answer (not HTTP)"
MORE = "OPA gave more than one answer"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"garbage\r\n\r\n", NOT_HTTP),
        (b"\x16\x03\x01\x02\x00", NOT_HTTP),
        (PLAIN.replace(b"\r\n\r\n", b"\r\ncontent-length: 14\r\n\r\n"), NOT_HTTP),
        (PLAIN.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n"), NOT_HTTP),
        (PLAIN.replace(b"\r\n", b"\n"), NOT_HTTP),
        (PLAIN.replace(b"length: 15", b"length: +15"), NOT_HTTP),
        (PLAIN.replace(b"\r\n\r\n", b"\r\n folded: 1\r\n\r\n"), NOT_HTTP),
        (CHUNKED.replace(b"\r\n5\r\n", b"\r\n6\r\n"), NOT_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n" + PLAIN, NOT_HTTP),
        (PLAIN.replace(b"1.1", b"2.0"), "OPA's answer is not HTTP/1.1"),
        (PLAIN.replace(b"1.1", b"0.9"), "OPA's answer is not HTTP/1.1"),
        (PLAIN + PLAIN, MORE),
        (PLAIN + b"H", MORE),
        (PLAIN + b"junk", MORE),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + PLAIN, MORE),
        (PLAIN.replace(b"1.1", b"1.0") + PLAIN, NOT_HTTP),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(TRUE))
            + gzip.compress(TRUE),
            "OPA's answer is compressed",
        ),
    ],
)
def test_what_is_no_answer_or_not_the_only_one(raw, error):
    with pytest.raises(PolicyError) as caught:
        AnswerReader().feed(raw)
    assert str(caught.value) == error
    assert isinstance(caught.value, PolicyUnreachable) is (error == NOT_HTTP)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        PLAIN[:-1],
        CHUNKED[:-1],
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + TRUE,
        b"HTTP/1.0 200 OK\r\n\r\n" + TRUE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n" + TRUE,
    ],
)
def test_an_answer_without_an_end_is_never_whole(raw):
    """Half of an answer that ends with its connection would look like the whole of it."""
    assert AnswerReader().feed(raw) is None


@pytest.mark.parametrize("raw", [PLAIN, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" * 4 + PLAIN])
def test_every_byte_of_an_answer_counts_against_its_limit(raw):
    assert AnswerReader(len(raw)).feed(raw) is not None
    reader = AnswerReader(len(raw) - 1)
    with pytest.raises(PolicyError, match="too large"):
        [reader.feed(raw[at : at + 1]) for at in range(len(raw))]


def test_each_answer_has_the_whole_limit():
    reader = AnswerReader(len(PLAIN))
    assert [reader.feed(PLAIN) for _ in range(3)] == [Answer(200, TRUE, keeps_open=True)] * 3
