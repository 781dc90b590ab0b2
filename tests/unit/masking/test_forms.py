"""Forms: each value is masked under its field's name, and all else stays as it is."""

from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extproc.model.errors import MaskingError
from extproc.model.masking import Listed, MaskOperator, MaskRule
from tests.support.maskers import make_masker

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=xYz"
ALL = (MaskRule(MaskOperator.REDACT, entity="*"),)
MASKER = make_masker(event_limit=1 << 16)


def path(at, how=MaskOperator.REDACT):
    return MaskRule(how, path=at)


def mask(body, *rules, content_type=FORM):
    return MASKER.mask(body.encode(), content_type, rules or ALL).body.decode()


FORMS = [
    ("a=1&b=c+d%20e&c", (), "a=1&b=c+d%20e&c"),
    ("x=my+card+4111+1111+1111+1111+ok&y=%61b", (), "x=my+card+%5BCREDIT_CARD%5D+ok&y=%61b"),
    ("x=%34111%31111%31111%31111", (), "x=%5BCREDIT_CARD%5D"),
    ("ssn=123456789&n=123456789", (), "ssn=%5BUS_SSN%5D&n=123456789"),
    ("s%73n=123456789", (), "s%73n=%5BUS_SSN%5D"),
    ("%C3%A9=%F0%9F%98%80+a%40b.co+%C3%A9", (), "%C3%A9=%F0%9F%98%80+%5BEMAIL_ADDRESS%5D+%C3%A9"),
    ("a%40b.co=1", (), "%5BEMAIL_ADDRESS%5D=1"),
    ("a=x&b=y&a=z", (path("$.a"),), "a=%5BREDACTED%5D&b=y&a=%5BREDACTED%5D"),
    ("a=x&b=y", (path("$.a", MaskOperator.REMOVE),), "a=&b=y"),
    ("a=x&b=y", (path("$"),), "a=%5BREDACTED%5D&b=%5BREDACTED%5D"),
    ("a=%7B%22b%22%3A%22x%22%7D", (path("$.a.b"),), "a=%7B%22b%22%3A%22%5BREDACTED%5D%22%7D"),
    ("a=%7B%22b%22%3A%22x%22%7D", (path("$.a"),), "a=%5BREDACTED%5D"),
    ("&&a=1&", (), "&&a=1&"),
    ("name=DB_PASSWORD&value=x+y", (), "name=DB_PASSWORD&value=%5BNAMED_SECRET%5D"),
    ("value=x+y&key=api_key", (), "value=%5BNAMED_SECRET%5D&key=api_key"),
    ("name=n&value=x&name=pin&value=4931", (), "name=n&value=x&name=pin&value=%5BNAMED_SECRET%5D"),
    (
        "env[0][name]=n&env[0][value]=x&env[1][name]=pin&env[1][value]=4931",
        (),
        "env[0][name]=n&env[0][value]=x&env[1][name]=pin&env[1][value]=%5BNAMED_SECRET%5D",
    ),
    ("env.a.name=password&env.b.value=x&env.a.value=y", (), "env.a.name=password&env.b.value=x&env.a.value=%5BNAMED_SECRET%5D"),
    ("address[line1]=12+Elm&name[0][first]=Bob", (), "address[line1]=%5BSTREET_ADDRESS%5D&name[0][first]=%5BPERSON%5D"),
    ("bank[account]=000123456789&order[number]=123456789", (), "bank[account]=%5BBANK_ACCOUNT%5D&order[number]=123456789"),
    ("i[dob][day]=1&i[exp][day]=1", (), "i[dob][day]=%5BDATE_OF_BIRTH%5D&i[exp][day]=1"),
    ("grant_type=password&username=value", (), "grant_type=password&username=value"),
    ("name=password&description=x", (), "name=password&description=x"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "rules", "masked"), FORMS)
def test_forms(body, rules, masked):
    assert mask(body, *rules) == masked
    assert mask(masked, *rules) == masked


def test_what_is_not_declared_is_masked():
    rules = (
        MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST),
        MaskRule(MaskOperator.REDACT, path="$.id", listed=Listed.DECLARED),
    )
    assert mask("id=7&name=Ada", *rules) == "id=7&name=%5BREDACTED%5D"


@pytest.mark.parametrize("body", ["a=1;b=2", "a=%4", "a=%zz", "a=b c", "a=\x00", "a=%ff", "a=é", "a=1\r\n"])
def test_forms_with_two_readings_are_refused(body):
    with pytest.raises(MaskingError):
        mask(body)


WORDS = st.sampled_from(
    ["a", "ssn", "4111111111111111", "a@b.co", "é", "😀", " ", "+", "%", "&", "=", '{"ssn": 1}', "\\"]
)
TEXTS = st.lists(WORDS, max_size=4).map("".join)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_form_is_masked_as_its_values_are(pairs):
    """Read again, a form holds what its texts are when each is masked by itself; the rest of it stays."""
    body = urlencode(pairs)
    masked = mask(body)
    assert mask(masked) == masked
    names = [MASKER.mask_text(name, ALL)[0] for name, _ in pairs]
    assert [name for name, _ in parse_qsl(masked, keep_blank_values=True)] == [
        name for name, (old, value) in zip(names, pairs, strict=True) if old or value or urlencode([(old, value)])
    ]
    if not any(MASKER.find(quote_plus(each).join(["x=", ""]).encode(), FORM) for pair in pairs for each in pair):
        assume("ssn" not in body)
        assert masked == body


def multipart(*parts, boundary="xYz"):
    return (
        "".join(f"--{boundary}\r\n{head}\r\n\r\n{content}\r\n" for head, content in parts) + f"--{boundary}--\r\n"
    )


NAME = 'Content-Disposition: form-data; name="{}"'


def test_parts_are_masked_under_their_names():
    body = multipart(
        (NAME.format("note"), "call a@b.co\r\nor not"),
        (NAME.format("ssn"), "123456789"),
        (NAME.format("n"), "123456789"),
        (NAME.format("doc") + "\r\nContent-Type: application/json", '{"x": "\\u0061@b.co", "y": 1.50}'),
        (NAME.format("file") + '; filename="a@b.co.txt"\r\nContent-Type: text/plain', "x"),
    )
    masked = mask(body, content_type=MULTIPART)
    assert masked == multipart(
        (NAME.format("note"), "call [EMAIL_ADDRESS]\r\nor not"),
        (NAME.format("ssn"), "[US_SSN]"),
        (NAME.format("n"), "123456789"),
        (NAME.format("doc") + "\r\nContent-Type: application/json", '{"x": "[EMAIL_ADDRESS]", "y": 1.50}'),
        (NAME.format("file") + '; filename="[EMAIL_ADDRESS].txt"\r\nContent-Type: text/plain', "x"),
    )
    assert mask(masked, content_type=MULTIPART) == masked
    assert "secret" not in mask(multipart((NAME.format("a"), "secret")), path("$.a"), content_type=MULTIPART)


def test_a_part_that_another_part_names():
    body = multipart(
        (NAME.format("name"), "DB_PASSWORD"), (NAME.format("value"), "x y"), (NAME.format("b"), "x y")
    )
    assert mask(body, content_type=MULTIPART) == body.replace("x y", "[NAMED_SECRET]", 1)


def test_parts_with_bare_line_ends_keep_them():
    body = multipart((NAME.format("a"), "call a@b.co"), (NAME.format("b"), "x")).replace("\r\n", "\n")
    assert mask(body, content_type=MULTIPART) == body.replace("a@b.co", "[EMAIL_ADDRESS]")


ONE = multipart((NAME.format("a"), "x"))
PARTS_REFUSED = {
    "text before the first delimiter": "preamble\r\n" + ONE,
    "text behind the last one": ONE + "epilogue",
    "no end": ONE[:-4],
    "mixed line ends": ONE.replace("\r\n", "\n", 1),
    "a delimiter in a part": multipart((NAME.format("a"), "x\n--xYz\ny")),
    "an encoded part": multipart((NAME.format("a") + "\r\nContent-Transfer-Encoding: base64", "YUBiLmNv")),
    "a folded field": multipart((NAME.format("a") + "\r\n folded: 1", "x")),
    "a field given twice": multipart((NAME.format("a") + "\r\n" + NAME.format("b"), "x")),
    "an extended parameter": multipart(("Content-Disposition: form-data; name*=UTF-8''a", "x")),
    "a part that is not text": multipart((NAME.format("a") + "\r\nContent-Type: image/png", "x")),
    "blanks behind a delimiter": ONE.replace("--xYz\r\n", "--xYz \r\n", 1),
    "no empty line": "--xYz\r\n" + NAME.format("a") + "\r\n--xYz--\r\n",
}


@pytest.mark.parametrize("body", PARTS_REFUSED.values(), ids=PARTS_REFUSED)
def test_parts_with_two_readings_are_refused(body):
    with pytest.raises(MaskingError):
        mask(body, content_type=MULTIPART)


@pytest.mark.parametrize("boundary", ["", '""', '"a"; boundary="b"', "a b ", '"a\\"b"', "ä"])
def test_boundaries_with_two_readings_are_refused(boundary):
    with pytest.raises(MaskingError):
        mask(ONE, content_type=f"multipart/form-data; boundary={boundary}")


def test_what_is_left_never_becomes_a_delimiter():
    body = multipart((NAME.format("a"), "x\r\n--a@b.coxYz--\r\n"))
    rule = MaskRule(MaskOperator.REMOVE, entity="EMAIL_ADDRESS")
    try:
        masked = mask(body, rule, content_type=MULTIPART)
    except MaskingError:
        return
    assert masked.count("\r\n--xYz") == 1


def test_a_part_without_header_fields_is_text():
    assert (
        mask("--xYz\r\n\r\na@b.co\r\n--xYz--", content_type=MULTIPART) == "--xYz\r\n\r\n[EMAIL_ADDRESS]\r\n--xYz--"
    )
