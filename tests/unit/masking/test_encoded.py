"""Bytes are read by their mark, their declared charset, or as UTF-8, and written again in the same way."""

import pytest

from extproc.masking.edits import Edit
from extproc.masking.encoded import data_uris, read_base64, read_text
from extproc.model.errors import Undecodable


@pytest.mark.parametrize(
    ("data", "mime_type", "text"),
    [
        (b"\xef\xbb\xbfa", "text/plain; charset=utf-16", "a"),
        (b"\xff\xfea\0", "image/png", "a"),
        (b"\xff\xfe\0\0a\0\0\0", "", "a"),
        (b"a\0b\0c\0d\0", "", "abcd"),
        (b"\0a\0b\0c\0d", "text/plain", "abcd"),
        (b"\xe4\x81", "text/plain; charset=iso-8859-1", "ä\x81"),
        (b"\x96", "text/plain; charset='windows-1252'", "\u2013"),
        (b"\x1b[0m", "text/plain", "\x1b[0m"),
        (b"", "application/pdf", ""),
    ],
)
def test_text_is_read(data, mime_type, text):
    read = read_text(data, mime_type)
    assert read.text == text
    assert read.masked([]) == data
    assert read.masked([Edit(0, len(text), "[X]")]) == read.mark + "[X]".encode(read.codec)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0", b"\x1b[0m", b"\xff\xfea", b"\xe4"])
def test_other_bytes_are_no_text(data):
    assert read_text(data, "application/octet-stream") is None


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (b"\xe4", "text/plain"),
        (b"\xe4", "image/svg+xml"),
        (b"a\0", "application/json"),
        (b"a", "text/plain; charset=utf-7"),
        (b"a", "text/plain; charset=x-unknown"),
        (b"\xff", "application/octet-stream; charset=utf-8"),
        (b"a\0b", "text/plain; charset=utf-16le"),
    ],
)
def test_what_is_said_to_be_text_and_is_not_is_an_error(data, mime_type):
    with pytest.raises(Undecodable):
        read_text(data, mime_type)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("+/8=", b"\xfb\xff"),
        ("-_8", b"\xfb\xff"),
        ("YW\r\n J j", b"abc"),
        ("YWI=", b"ab"),
    ],
)
def test_base64_is_read_in_every_form(text, data):
    assert read_base64(text).data == data


@pytest.mark.parametrize("text", ["a", "YW=I", "YWJj!", "YWJj====", "ÄÄÄÄ"])
def test_other_text_is_no_base64(text):
    assert read_base64(text) is None


@pytest.mark.parametrize("text", ["+/8=", "-_8", "-_8=", "YWI", "YWI="])
def test_base64_is_written_in_the_form_it_had(text):
    coded = read_base64(text)
    assert coded.written(coded.data) == text


def test_data_uris_are_found_in_text():
    text = "a DATA:;base64,YWI= b data:text/plain;charset=utf-8,a%20b <data:x/y;base64,!> metadata: 1,2"
    assert [(uri.data, uri.mime_type, text[uri.start : uri.end]) for uri in data_uris(text)] == [
        (b"ab", "", "YWI="),
        (b"a b", "text/plain;charset=utf-8", "a%20b"),
    ]
