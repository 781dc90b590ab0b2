"""EMAIL_ADDRESS: texts in which it is found, and texts in which it is not."""

# ruff: noqa: RUF001 - other ways to write digits and marks are the point

import pytest

from tests.unit.detectors.entities.checks import (
    ANALYZER,
    AROUND,
    check_found,
    check_nothing_found,
    check_part_found,
)

ENTITY = "EMAIL_ADDRESS"
FOUND = [
    "bob@example.com",
    "b.o'b+tag%1_x@mail.example.co.uk",
    "józef@example.com",
    "user@münchen.de",
    "почта@пример.рф",
    "a@b.co",
    "bob＠example．com",
    "x@xn--e1afmkfd.xn--p1ai",
    '"bob"@example.com',
    '"b..o"@example.com',
    "bounces+bob=example.com@lists.example.net",
    "bob@corp.local",
    "noreply@github.com",
]
FOUND_IN_PART = [
    (before + "bob@example.com" + behind, "bob@example.com")
    for before, behind in [
        ("to: '", "'"),
        ("`", "`"),
        ("<", ">"),
        ("(", ")"),
        ("mailto:", ""),
        ("email=", "&x=1"),
        ("'a'+'", "'"),
        ("...", "..."),
        ("", "."),
        ("", ".Then he left"),
        ("", "です"),
        ("", "_backup.tar"),
        ("", "-2024"),
        ("", ":/path"),
        ("ssh://", "/x"),
        ("", ";al@example.org"),
    ]
] + [('"bob smith"@example.com', 'smith"@example.com'), ("user=first.last@example.com", "first.last@example.com")]
"""Text, and the part of it that is found."""
FOUND_UNDER_A_NAME = [("bob@firm.newname", "email"), ("mailto:bob@firm.newname", "x")]
"""An address with an unknown top-level name, and the key above it."""
NOT_FOUND = [
    "bob@localhost",
    "@example.com",
    "bob@",
    "pkg@1.2.3",
    "bob@example.c",
    "bob at example.com",
    "git@github.com:octocat/Hello-World.git",
    "git@octocoders.github.io:Codertocat/Hello-World.git",
    "org-6811672@github.com:octo-org/octo-repo.git",
    "alice@build.example.com:proj/x.git",
    "ssh://git@host/x",
    "ssh://git@host.example.com/x",
    "svn+ssh://svn@svn.example.org/repo",
    "logo@2x.png",
    "icon@3x.webp",
    "icon@2x.ai",
    "lodash@4.17.21",
    "@scope/pkg@1.2.3",
    "https://medium.com/@user",
    "actions/checkout@v4",
    "image@sha256:abcd.com",
    "@app.route",
    "x@file.html",
    "user@odata.bind",
    "Strings@odata.type",
    "19:8d9da062ec7647d4bb1976126e788b47@thread.tacv2",
    "19:a_b@unq.gbl.spaces",
    "Message-ID: <CAFsdf123.abc456@mail.example.com>",
    "References: <CAFsdf123.abc456@mail.example.com> <CAFsdf123.abc457@mail.example.com>",
    "bob@firm.newname",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)


@pytest.mark.parametrize(("text", "key"), FOUND_UNDER_A_NAME)
def test_any_top_level_name_will_do_where_a_name_says_mail(text, key):
    assert [match.entity for match in ANALYZER.scan(text, lambda: key)] == [ENTITY]


def test_the_id_of_a_message_is_no_address():
    text = "<CAFsdf123.abc456@mail.example.com>"
    assert ANALYZER.scan(text, lambda: "messageId") == []
    assert ANALYZER.scan(text, lambda: "to") != []
    assert ANALYZER.scan("<bob@example.com>", lambda: "references") != []


IDS = [
    "Message-ID: <CAFsdf=123+abc=456_x@mail.example.com>\nSubject: x",
    "References: <CAFsdf123.abc@mail.example.com>\n <0101018f=2a$b@mail.example.com>\r\n",
    "X-Original-Message-ID: <!&!AAAAA12345=/x@mail.example.com>",
]


@pytest.mark.parametrize("text", IDS)
def test_the_id_of_a_message_may_have_any_mark(text):
    assert ANALYZER.scan(text) == []
    assert ANALYZER.scan(text.replace("ID: ", "To: ").replace("References: ", "To: ")) != []


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


def test_all_spellings_have_one_canonical_form():
    assert ANALYZER.canonical(ENTITY, "Bob@Example.com") == "bob@example.com"
