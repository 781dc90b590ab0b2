"""The kept excerpt of a response is a beginning that can be masked again."""

import pytest

from extproc.flow.response.excerpt import ResponseExcerpt

EVENTS = "text/event-stream; charset=utf-8"


def kept(pieces, *, content_type="text/plain", limit=8, readable=None, ends=True):
    recorder = ResponseExcerpt(content_type, limit=limit, readable=readable)
    for at, piece in enumerate(pieces, start=1):
        recorder.add(piece, last=ends and at == len(pieces))
    return recorder.text()


@pytest.mark.parametrize(
    ("pieces", "text"),
    [([b"abc"], b"abc"), ([b"ab\ncd", b"efg"], b"ab\ncdefg"), ([b"ab\ncd", b"efghi"], b"ab\n"), ([], b"")],
)
def test_a_text_is_kept_whole_or_up_to_a_lines_end(pieces, text):
    assert kept(pieces) == text


def test_a_text_that_has_not_ended_is_kept_up_to_its_last_whole_line():
    assert kept([b"ab\ncd"], ends=False) == b"ab\n"


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_an_event_is_kept_whole_or_not_at_all(end):
    whole = b"data: 1" + end
    assert kept([whole, b"data: 2" + end], content_type=EVENTS, limit=16) == whole
    assert kept([b"data: 1\nda", b"ta: 2345"], content_type=EVENTS, limit=16) == b""


def test_comments_take_no_room():
    """Servers keep a stream open with them for hours."""
    pieces = [
        b": keep",
        b"-alive 1\n",
        b"\n",
        b": keep-alive 2\r\n\r\n" * 9,
        b"data: 1\n\n",
        b":\ndata: 2\n: in it\n\n",
    ]
    assert kept(pieces, content_type=EVENTS, limit=32) == b"data: 1\n\ndata: 2\n: in it\n\n"


def test_an_event_that_is_too_long_ends_the_excerpt():
    assert (
        kept([b"data: 1\n\n", b"x" * 99, b"\n\n", b"data: 2\n\n"], content_type=EVENTS, limit=32) == b"data: 1\n\n"
    )


def test_a_readable_form_is_made_of_whole_pieces():
    made = []

    def readable(piece):
        made.append(piece)
        return b"<%s>\n" % piece

    assert kept([b"\1", b"", b"\2", b"\3\3\3\3", b"\4"], readable=readable) == b"<\1>\n<\2>\n"
    assert made == [b"\1", b"\2"]
    assert kept([b"\1"], limit=0, readable=readable) == b""
    assert made == [b"\1", b"\2"]
