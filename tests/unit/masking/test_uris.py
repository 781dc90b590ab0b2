"""A masked URI is one for readers that follow RFC 3986, and for those that check it as browsers do."""

import re

import pytest

from extproc.masking.edits import Edit
from extproc.masking.uris import masked_uri

URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?://(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*(?=[/?#]|\Z))?"
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*"
)


def edit(uri, part, text="[US_SSN]"):
    return masked_uri(uri, [Edit(uri.index(part), uri.index(part) + len(part), text)])


@pytest.mark.parametrize(
    ("uri", "part", "masked"),
    [
        ("file:///a/x", "x", "file:///a/%5BUS_SSN%5D"),
        ("file:///a/x", "file:///a/x", "file:///%5BUS_SSN%5D"),
        ("https://a.example/x", "https://a.example/x", "https://us-ssn.masked/"),
        ("https://a.example/x?y", "a.example/x", "https://us-ssn.masked?y"),
        ("https://a.example/b/c", "a.example/b", "https://us-ssn.masked/c"),
        ("https://u:pw@a.example/b", "pw", "https://u:us-ssn.masked@a.example/b"),
        ("urn:x:1", "urn:x:1", "urn:%5BUS_SSN%5D"),
        ("https://[::1]:8/", "::1", "https://us-ssn.masked:8/"),
        ("mailto:x", "x", "mailto:%5BUS_SSN%5D"),
    ],
)
def test_labels_are_spelled_for_their_part(uri, part, masked):
    assert edit(uri, part) == masked
    assert URI.fullmatch(masked)


def test_nothing_left_is_a_uri_too():
    assert edit("https://a.example", "a.example", "") == "https://removed.masked"
    assert edit("file:///x", "file:///x", "") == "file:///"


def test_pseudonyms_and_stars_are_spelled():
    assert edit("crm:a", "a", "<US_SSN:k1:ABC>") == "crm:%3CUS_SSN%3Ak1%3AABC%3E"
    assert edit("crm:/a", "a", "****1111") == "crm:/****1111"


def test_several_edits_keep_the_text_between():
    assert (
        masked_uri("x://a/b/c", [Edit(4, 5, "[A]"), Edit(6, 7, "[B]"), Edit(8, 9, "")]) == "x://a.masked/%5BB%5D/"
    )
