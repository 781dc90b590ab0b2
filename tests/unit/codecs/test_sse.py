"""Event streams by the specification's examples, and byte for byte."""

import tracemalloc

import pytest

from extproc.codecs.sse import Event, Reader
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable


def read(raw, limit=1_000):
    return Reader(limit=limit).feed(raw)


CASES = [
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
    (b": test stream\n\ndata: first event\nid: 1\n\n", [None, None, b"first event"]),
    (b": keep\n:\r: alive\r\ndata: a\n: in it\n\n", [None, None, None, b"a"]),
    (b"\xef\xbb\xbf: c\ndata: a\n\n", [None, b"a"]),
    (b"data:second\nid\n\ndata:  third\n\n", [b"second", b" third"]),
    (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
    (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
    (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [b"a", b"b", b"c"]),
    (b"data: a\r\n\ndata: b\r\r\n", [b"a", b"b"]),
    (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [None]),
    (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a", None]),
    (b"Data: a\n\n", [None]),
    (b"data : a\n\n", [None]),
    (b"event: x\nretry: 5\n\n", [None]),
    (b"data: unfinished\n", []),
    (b"", []),
]


@pytest.mark.parametrize(("raw", "datas"), CASES)
def test_reads(raw, datas):
    assert [event.data for event in read(raw)] == datas


@pytest.mark.parametrize(("raw", "_"), CASES)
def test_keeps_every_byte_up_to_the_last_event(raw, _):
    kept = b"".join(event.raw for event in read(raw))
    assert raw.startswith(kept)
    assert read(raw[len(kept) :]) == []


@pytest.mark.parametrize(
    ("raw", "data", "written"),
    [
        (b"id:7\r\ndata:x\r\n:c\r\n\r\n", b"yz", b"id:7\r\ndata:yz\r\n:c\r\n\r\n"),
        (b"data: x\ndata:y\n\n", b"1\n2", b"data: 1\ndata:2\n\n"),
        (b"data: x\n\n", b"1\n2", b"data: 1\ndata: 2\n\n"),
        (b"data: x\rdata: y\rdata: z\r\r", b"1", b"data: 1\r\r"),
        (b"data: x\rdata: y\rdata: z\r\r", b"1\n2", b"data: 1\rdata: 2\r\r"),
        (b"data\n\n", b"x", b"data:x\n\n"),
        (b"data:x\n\n", b" x", b"data:  x\n\n"),
        (b"\xef\xbb\xbfdata: x\n\n", b"1\n2", b"\xef\xbb\xbfdata: 1\ndata: 2\n\n"),
        (b"data: x\n\n", b"", b"data: \n\n"),
    ],
)
def test_replaces_data_and_nothing_else(raw, data, written):
    event = read(raw)[0].with_data(data)
    assert event.raw == written
    assert read(written)[0].data == data


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_line_that_comes_first_when_others_go_means_the_same(mark):
    r"""Readers take one byte order mark away, and would find data behind it."""
    raw = mark + b"data: 1\n\xef\xbb\xbfdata: ignored\ndata: 2\n\n"
    event = read(raw)[0]
    assert event.data == b"1\n2"
    written = event.with_data(b"x").raw
    assert read(written)[0].data == b"x"
    assert read(b"\n" + written.removeprefix(b"\xef\xbb\xbf"))[1].data == b"x"
    later = read(b"\n" + raw.removeprefix(mark))[1].with_data(b"x").raw
    assert later == b"\xef\xbb\xbfdata: ignored\ndata: x\n\n"


class CountedEvent(Event):
    """Counts the lines that are read."""

    read = 0

    def lines(self):
        for line in super().lines():
            CountedEvent.read += 1
            yield line


@pytest.mark.parametrize("lines", [100, 1_000])
def test_replacing_data_reads_each_line_a_fixed_number_of_times(lines):
    CountedEvent.read = 0
    CountedEvent(b"data:\n" * lines + b"\n", True).with_data(b"\n" * (lines - 2))
    assert CountedEvent.read <= 2 * (lines + 1) + 1


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"a\n", b"data\n", b"data:\r\n", b"id\r"])
@pytest.mark.parametrize("size", [1, 4_096])
def test_an_event_that_did_not_end_is_held_as_it_came(line, size):
    reader, raw = Reader(limit=1 << 20), line * 8_192
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    tracemalloc.start()
    for piece in pieces:
        reader.feed(piece)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 2 * len(raw)
    assert [event.raw for event in reader.feed(line[-1:])] == [raw + line[-1:]]


def test_data_cannot_hold_cr():
    with pytest.raises(ValueError, match="CR"):
        read(b"data: x\n\n")[0].with_data(b"a\rb")


def test_crlf_may_be_cut_in_two():
    reader = Reader(limit=100)
    assert [event.data for event in reader.feed(b"data: a\r\n\r")] == [b"a"]
    assert [event.raw for event in reader.feed(b"\ndata: b\n\n")] == [b"\n", b"data: b\n\n"]


@pytest.mark.parametrize(("raw", "_"), [*CASES, (b"data: a\r\ndata: b\r\n\r\n: c\r\n\r\n", [])])
def test_every_cut_gives_the_same_data(raw, _):
    whole = [event.data for event in read(raw) if event.data is not None]
    for at in range(len(raw) + 1):
        reader = Reader(limit=100)
        events = reader.feed(raw[:at]) + reader.feed(raw[at:])
        assert [event.data for event in events if event.data is not None] == whole
        assert b"".join(event.raw for event in events) == b"".join(event.raw for event in read(raw))


def test_an_event_within_the_limit_passes_and_one_above_does_not():
    event = b"data: 123\n\n"
    assert len(read(event * 50, limit=len(event))) == 50
    for raw in (event, event[:-1], b"data: 12345678901"):
        with pytest.raises(Unreadable) as caught:
            read(raw, limit=len(event) - 2)
        assert caught.value.kind is Uninspectable.TOO_LARGE
