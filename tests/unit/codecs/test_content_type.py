"""What every reader of a content-type sees in it."""

import pytest

from extproc.codecs.content_type import charsets, essence
from extproc.masking.formats import Media, media_of
from extproc.model.call import Headers
from extproc.model.errors import Undecodable
from extproc.protocols.strict_content_type import streamed_text


def test_a_type_is_known_in_any_case_and_with_any_parameters():
    assert essence(" Text/Event-Stream ; charset=utf-8") == "text/event-stream"


@pytest.mark.parametrize(
    "value", ["text/plain;charset=X-1", 'text/plain ; a=b ; Charset = "x-1"', "charset=y;charset=x-1"]
)
def test_a_charset_is_found_however_it_is_spelled(value):
    assert charsets(value) == ["x-1"]


def test_each_charset_counts():
    assert charsets("text/plain;charset=utf-8; charset=utf-16") == ["utf-8", "utf-16"]
    with pytest.raises(Undecodable):
        media_of("text/plain;charset=utf-8; charset=utf-16")


def test_quotes_of_either_kind_are_no_part_of_a_responses_charset():
    assert media_of("text/plain; charset='utf-8'") is media_of('text/plain; charset="utf-8"') is Media.TEXT


@pytest.mark.parametrize(
    "value", ["application/x-ndjson", "text/x-ndjson", "text/jsonl;charset=utf-8", "Text/JSONLines"]
)
def test_documents_on_lines_are_known_by_any_name_that_servers_use(value):
    """As text they would be masked without their fields' rules."""
    assert media_of(value) is Media.LINES


def test_text_of_another_charset_is_masked_whole():
    for value, streams in ((b"text/plain", True), (b"text/plain; charset = latin1", False)):
        assert streamed_text(Headers((("content-type", value),)), 100) is streams
