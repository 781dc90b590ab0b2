"""No form is read so that a policy misses what a lenient reader finds in it."""

from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from urllib.parse import parse_qs

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.model.errors import Refused
from extproc.policy.contract import parsed_body

parse_body = partial(parsed_body.parse_body, max_depth=64)
KIND = "multipart/form-data; boundary=XyZ"
WHOLE = (
    b'--XyZ\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\n1\r\n'
    b'--XyZ\r\nContent-Disposition: form-data; name="role"\r\n\r\nadmin\r\n--XyZ--\r\n'
)
SCRAPS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b'"',
    b";",
    b":",
    b"--XyZ",
    b"--XyZ--",
    b"\\",
    b"\x00",
    b"name=x",
    b"=",
    b"*",
    b"\xff",
)
edits = st.lists(
    st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 3), st.sampled_from(SCRAPS) | st.just(b"")), max_size=4
)


def leniently(body: bytes) -> list[str]:
    """The values of ``role``, as a forgiving MIME reader finds them."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {KIND}\r\n\r\n".encode() + body)
    parts = message.get_payload() if message.is_multipart() else []
    named = [part for part in parts if part.get_param("name", header="content-disposition") == "role"]
    return [part.get_payload(decode=True).decode("utf-8", "replace").strip() for part in named]


@settings(max_examples=300)
@given(st.sampled_from((WHOLE, WHOLE.replace(b"\r\n", b"\n"))), edits)
def test_whatever_another_reader_finds_is_found_or_refused(body, changes):
    for at, length, scrap in changes:
        body = body[:at] + scrap + body[at + length :]
    try:
        found = parse_body(body, KIND)
    except Refused:
        return
    if "admin" in leniently(body):
        assert "admin" in [value.strip() for value in found.get("role", [])]


@given(
    st.dictionaries(
        st.text('abc\r\n-é"', min_size=0, max_size=3).filter(
            lambda name: '"' not in name and "\r" not in name and "\n" not in name and name
        ),
        st.lists(st.text("ab\r\n-XyZ é:", max_size=20), min_size=1, max_size=3),
    )
)
def test_what_was_written_is_read(fields):
    parts = [(name, value) for name, values in fields.items() for value in values]
    if any("--XyZ" in value for _, value in parts):
        return
    body = b"".join(
        f'--XyZ\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts
    )
    assert parse_body(body + b"--XyZ--\r\n", KIND) == fields


@given(st.text("ab=&+%;01é", max_size=30))
def test_a_query_is_read_as_others_read_it_or_refused(text):
    try:
        found = parse_body(text.encode(), "application/x-www-form-urlencoded")
    except Refused:
        return
    assert found == parse_qs(text, keep_blank_values=True)
