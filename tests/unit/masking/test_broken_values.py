"""Values that a blank inside of them, or the end of a line, breaks."""

import json

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
E, C, N = "[EMAIL_ADDRESS]", "[CREDIT_CARD]", "[US_SSN]"
CASES = [
    ("to bob\u2800@example.com now", f"to {E} now"),
    ("to bob@exam\u2800ple.com now", f"to {E} now"),
    ("to b\u2800ob@example\u2800.com\u2800", f"to {E}\u2800"),
    ("219\u280009\u28009998 and bob@example.com", f"{N} and {E}"),
    ("4111 1111\n1111 1111", C),
    ("card 4111 1111 1111\n  1111, ok", f"card {C}, ok"),
    ("> 4111\r\n> 1111 1111 1111\nx", f"> {C}\nx"),
    ("4111-1111\n1111-1111", C),
    ("4111 1111<br>1111 1111", C),
    ("1 4111 1111\n1111 1111", "1 4111 1111\n1111 1111"),
    ("4111 1111\n1111 1111\n2222 3333", "4111 1111\n1111 1111\n2222 3333"),
    ("4111 1111\n1111 1112", "4111 1111\n1111 1112"),
    ("a\u2800b @ c", "a\u2800b @ c"),
]


@pytest.mark.parametrize(("text", "masked"), CASES)
def test_the_whole_value_is_masked(text, masked):
    assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode() == masked
    for readable in (True, False):
        body = json.dumps({"v": [text]}, ensure_ascii=readable).encode()
        assert json.loads(MASKER.mask(body, "application/json", MASK_EVERYTHING).body) == {"v": [masked]}


@pytest.mark.parametrize(("text", "masked"), CASES)
def test_the_whole_value_is_masked_wherever_a_stream_is_cut(text, masked):
    raw = f"It is {text} here.\n".encode()
    for at in range(len(raw)):
        stream = MASKER.stream("text/plain", MASK_EVERYTHING)
        assert (
            stream.feed(raw[:at]) + stream.feed(raw[at:]) + stream.finish()
        ).decode() == f"It is {masked} here.\n"
