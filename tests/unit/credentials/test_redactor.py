"""A credential is found again however a backend writes it down."""

import base64
import html
import json
import random
from urllib.parse import quote, quote_plus

import pytest

from extproc.credentials.redactor import NO_CREDENTIAL, REDACTED_CREDENTIAL, CredentialRedactor

SECRET = 'pa/ss "w+o<r>d\\1 x'
RAW = SECRET.encode()


def forms():
    once = json.dumps(SECRET)
    yield SECRET
    yield once
    yield json.dumps(once)
    yield json.dumps(json.dumps(once))
    yield once.replace("/", "\\/")
    yield once.replace("<", "\\u003c").replace(">", "\\u003E").replace("+", "\\u002B")
    yield "".join(f"\\u{ord(each):04x}" for each in SECRET)
    yield quote(SECRET, safe="")
    yield quote(quote(SECRET, safe=""))
    yield quote_plus(SECRET)
    yield html.escape(SECRET)
    yield "".join(f"&#{ord(each)};" for each in SECRET)
    yield base64.b64encode(RAW).decode()
    yield base64.b64encode(b"Bearer " + RAW).decode()
    yield json.dumps(base64.b64encode(RAW).decode()).replace("/", "\\/")


@pytest.mark.parametrize("form", list(forms()))
def test_every_form_is_found(form):
    text = CredentialRedactor(b"Bearer " + RAW, RAW)(b"<<" + form.encode() + b">>")
    assert REDACTED_CREDENTIAL in text
    assert form.encode() not in text


@pytest.mark.parametrize("before", [b"", b"u", b"us", b"use", b"user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_a_text_around_the_secret_hides_all_that_depends_on_it_alone(before, encode):
    found = CredentialRedactor(RAW, RAW)(encode(before + RAW + b"!!"))
    start, _, end = found.partition(REDACTED_CREDENTIAL)
    whole = encode(before + RAW + b"!!")
    assert len(whole) - len(start) - len(end) >= len(RAW) * 8 // 6 - 1


@pytest.mark.parametrize("prefix", [b"Basic ", b""])
def test_of_basic_credentials_user_and_password_are_found_too(prefix):
    encoded = base64.b64encode(b"robot:a-long-password")
    secret = encoded if prefix else b"basic " + encoded
    redact_credential = CredentialRedactor(prefix + secret, secret)
    assert redact_credential(b"user=robot:a-long-password") == b"user=" + REDACTED_CREDENTIAL
    assert redact_credential(b"password=a-long-password") == b"password=" + REDACTED_CREDENTIAL
    assert redact_credential(encoded) == REDACTED_CREDENTIAL


def test_a_scheme_written_into_the_secret_does_not_hide_what_follows_it():
    redact_credential = CredentialRedactor(b"Bearer 0123456789", b"Bearer 0123456789")
    assert redact_credential(b"token 0123456789") == b"token " + REDACTED_CREDENTIAL


def test_other_text_is_left_alone():
    text = rb"""{"a":"\n \u00e4 %20 &amp; \\ Bearer [] 'pa/ss"}""" * 10
    assert CredentialRedactor(b"Bearer " + RAW, RAW)(text) == text
    assert NO_CREDENTIAL(text) is text
    assert not NO_CREDENTIAL


def test_nothing_shows_the_secret():
    assert SECRET not in repr(CredentialRedactor(RAW, RAW))


ODD = [
    b"DOM\\user:pass-word",
    b"\\\\server\\share\\pass",
    b"a\\b\\c\\d\\e\\f\\g\\h\\i\\j",
    b"\\" * 20 + b"abc",
    b"ends in\\\\",
    b'""//\'\'\\"\\/',
    b"pa%ss%w%rd%1",
    b"a&b&c&d&lt&",
    b"<<>>  ++uuxx",
]
"""Secrets with runs of what escapes begin with."""
SPELLS = [
    b"%25%25%25%25%25%25abcd",
    b"pa&amp;&amp;ss&#92;",
    b"\\u005c\\u0075\\x5c\\x78",
    b"\\%5c\\%5c\\%5cab",
    b"u0075u0075x78",
]
"""Secrets with escapes of their own."""


def spelled(secret, choose):
    """Each character in any of the ways that are found."""
    for code in secret:
        low = choose((b"%02x", b"%02X")) % code
        behind = choose((bytes((code,)), b"u00" + low, b"x" + low))
        yield choose(
            (
                bytes((code,)),
                b"\\" * choose((1, 2, 3, 7, 16)) + behind,
                b"%" + b"25" * choose(range(4)) + low,
                b"&#" + b"0" * choose(range(5)) + b"%d;" % code,
                b"&#X%s;" % low,
            )
        )


@pytest.mark.parametrize("secret", ODD)
def test_every_character_may_be_escaped_in_its_own_way(secret):
    choose = random.Random(7).choice
    redact_credential = CredentialRedactor(secret, secret)
    for _ in range(200):
        text = b"".join(spelled(secret, choose))
        assert redact_credential(b"<" + text + b">") == b"<" + REDACTED_CREDENTIAL + b">", text


@pytest.mark.parametrize("secret", ODD + SPELLS)
def test_a_secret_of_escapes_is_found_as_one_serialiser_writes_it(secret):
    """Of backslashes at its ends as many may stay as the serialiser added."""
    text = secret.decode()
    once, twice = quote(text, safe=""), quote(quote(text, safe=""), safe="")
    unicode = "".join(f"\\u{ord(each):04x}" for each in text)
    nested = json.dumps(json.dumps(text)[1:-1])[1:-1]
    redact_credential = CredentialRedactor(secret, secret)
    for form in (
        text,
        json.dumps(text)[1:-1],
        nested,
        once,
        twice,
        quote(twice, safe=""),
        html.escape(text),
        unicode,
    ):
        assert (
            redact_credential(b"<" + form.encode() + b">").replace(b"\\", b"") == b"<" + REDACTED_CREDENTIAL + b">"
        ), form
