"""An answer is the same wherever its bytes are cut, and none is taken from half of it or from two."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from extproc.model.errors import PolicyError
from extproc.policy.opa.http_answer import Answer, AnswerReader

INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
BODIES = st.binary(max_size=200)
CUTS = st.lists(st.integers(0, 10_000), max_size=30)


def plain(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An answer's bytes, and its body."""
    body = draw(BODIES)
    framed = draw(st.sampled_from([plain(body), chunked(body, draw(st.integers(1, 40)))]))
    return INTERIM * draw(st.integers(0, 2)) + framed, body


def cut(raw: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({each % (len(raw) + 1) for each in cuts} | {len(raw)})
    return [raw[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]


@given(answers(), CUTS)
def test_an_answer_is_read_wherever_it_is_cut(answer: tuple[bytes, bytes], cuts: list[int]) -> None:
    raw, body = answer
    reader = AnswerReader()
    *early, last = [reader.feed(piece) for piece in cut(raw, cuts)]
    assert early == [None] * len(early)
    assert last == Answer(200, body, keeps_open=True)


@given(answers(), CUTS)
def test_half_of_an_answer_is_none(answer: tuple[bytes, bytes], cuts: list[int]) -> None:
    raw, _ = answer
    reader = AnswerReader()
    assert not any(reader.feed(piece) for piece in cut(raw[:-1], cuts))


@given(st.lists(answers(), min_size=1, max_size=4), CUTS)
def test_an_answer_is_never_taken_with_bytes_of_another(all_: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """Whatever is taken is an answer that ended exactly where its bytes did, in the order of the answers."""
    reader, taken = AnswerReader(), []
    with contextlib.suppress(PolicyError):
        taken = [each for piece in cut(b"".join(raw for raw, _ in all_), cuts) if (each := reader.feed(piece))]
    assert [each.body for each in taken] == [body for _, body in all_][: len(taken)]


@given(st.binary(max_size=400), CUTS)
def test_junk_is_an_error_or_no_answer(junk: bytes, cuts: list[int]) -> None:
    reader = AnswerReader()
    with contextlib.suppress(PolicyError):
        assert not any(reader.feed(piece) for piece in cut(junk, cuts))
