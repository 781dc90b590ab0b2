"""Fields: nothing that is to be masked is left, and nothing else is touched."""

from urllib.parse import quote_from_bytes

from hypothesis import given
from hypothesis import strategies as st

from extproc.flow.headers.text_headers import mask_fields
from extproc.model.call import Headers
from extproc.model.masking import MaskOperator, MaskRule
from tests.support.maskers import make_masker

MASKER = make_masker(max_depth=40, event_limit=100_000)
ALL = (MaskRule(MaskOperator.REDACT, entity="*"),)
SECRET = b"219-09-9999"
NAMES = st.sampled_from(["x-a", "x-b", "referer", "cookie", "set-cookie"])
CLEAN = st.binary(max_size=40).map(lambda raw: bytes(b for b in raw if b not in b"0123456789@[{"))
"""Bytes of any encoding, without what entities are made of."""
AROUND = st.lists(
    st.sampled_from([b" ", b"%41", b"%C3%A9", b"%FF", b"\xff", b"\xc3\xa9", b"%", b"'", b"q="]), max_size=4
)
"""No word of these is the context of an entity: ``%FF%41x=`` would say ``FAx``, and make a telephone number of the
value."""


@given(st.lists(st.tuples(NAMES, CLEAN), max_size=8))
def test_fields_without_findings_stay_byte_for_byte(fields):
    edits, findings = mask_fields(MASKER, Headers(tuple(fields)), ALL)
    assert (edits.set, edits.remove, edits.add, findings) == ((), (), (), ())


@given(AROUND.map(b"".join), AROUND.map(b"".join), st.sampled_from([1, 2, 3]), st.booleans())
def test_bytes_outside_of_a_masked_value_stay(before, after, step, encoded):
    """However the value is percent-encoded, and whatever is around it."""
    value = b"".join(
        b"%%%02X" % byte if encoded and not at % step else bytes([byte]) for at, byte in enumerate(SECRET)
    )
    before, after = before + b"/", b"/" + after
    edits, findings = mask_fields(MASKER, Headers((("x-a", before + value + after), ("x-b", before))), ALL)
    assert edits.set == (("x-a", before + b"[US_SSN]" + after),)
    assert [finding.path for finding in findings] == ["header.x-a"]


@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from([SECRET, quote_from_bytes(SECRET, safe="").encode(), b"a", b""])),
        max_size=6,
    )
)
def test_masked_fields_have_nothing_left_to_mask(fields):
    edits, _ = mask_fields(MASKER, Headers(tuple(fields)), ALL)
    again = mask_fields(MASKER, Headers(edits.set + edits.add), ALL)
    assert again[1] == ()
    assert SECRET not in b"".join(value for _, value in edits.set + edits.add)
