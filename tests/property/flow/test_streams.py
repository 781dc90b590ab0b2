"""The caller gets the same bytes, however the stream was cut."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.flow.response.fed import MaskedPieces
from extproc.flow.response.stream import ResponseStream
from extproc.masking.event_stream import Unmasked

SECRET = b"backend-secret-0123456789"
PARTS = st.sampled_from(
    [b"data: ", b"\n", b"\r\n", b"\r", SECRET, SECRET[:9], SECRET[9:], b"\\u0062", SECRET[1:], b"\\", b"x", b"%62"]
)


def sent(pieces):
    redactor = CredentialRedactor(b"Bearer " + SECRET, SECRET)
    stream = ResponseStream(MaskedPieces(Unmasked()), redactor, 1 << 16, ResponseExcerpt())

    async def fed():
        last = len(pieces) - 1
        return [(await stream.feed(piece, last=at == last)).out for at, piece in enumerate(pieces)]

    return b"".join(asyncio.run(fed()))


@given(st.lists(PARTS, max_size=12).map(b"".join), st.lists(st.integers(0, 300), max_size=8))
def test_output_ignores_chunking_and_holds_no_secret(raw, cuts):
    marks = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[start:end] for start, end in pairwise(marks)]
    assert sent(pieces) == sent([raw])
    assert SECRET not in sent(pieces)
