import contextlib

from hypothesis import given
from hypothesis import strategies as st

from extproc.model.errors import ProtocolViolation
from extproc.wire.decode import decode
from extproc.wire.ext_authz import decode_check


@given(st.binary(max_size=400))
def test_junk_raises_only_the_documented_error(raw):
    """Whatever bytes arrive, the decoders answer with an event or a ProtocolViolation."""
    for decoder in (decode, decode_check):
        with contextlib.suppress(ProtocolViolation):
            decoder(raw)
