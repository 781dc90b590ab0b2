"""Values that ordinary software spells, wraps or formats are found, and texts that only look so are left alone."""

import base64
import gzip
import json
import sys
import zlib

import pytest

from benchmarks.evasions import cases
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.fold import fold
from extproc.detectors.packed import RATIO
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ANALYZER = Analyzer()
MASKER = make_masker()
_BUT_CARDS = {"US_SSN", "IBAN_CODE"}
_BY = ("point", "underscore", "slash", "tab", "line end", "line separator", "CRLF", "<br>", "<br/> and a line end")
NOT_SEEN: dict[str, set[str]] = {
    **{f"by a {each}": _BUT_CARDS for each in ("comma", "colon", "semicolon", "vertical line")},
    "by a comma and a space": {"CREDIT_CARD", *_BUT_CARDS},
    **{f"by {each}": _BUT_CARDS for each in ("two spaces", "a dash with spaces")},
    **{f"by {a}{each}": {"IBAN_CODE"} for each in _BY for a in ("", "a ", "an ")},
    **{f"by {each}": {"IBAN_CODE"} for each in ("+", r"\t", r"\n")},
    "by a zero-width space": {"US_SSN"},
}
"""Entities that are not found, by kind: ``docs/reference/masking.md`` says so."""
CASES = [
    (kind, entity, text)
    for kind, texts in cases().items()
    for entity, text in texts.items()
    if entity not in NOT_SEEN.get(kind, ())
]


@pytest.mark.parametrize(("kind", "entity", "text"), CASES, ids=[f"{kind}-{entity}" for kind, entity, _ in CASES])
def test_what_software_spells_is_found_in_a_text_and_in_a_document(kind, entity, text):
    sentence = f"It is {text} now."
    assert entity in {match.entity for match in ANALYZER.scan(sentence)}
    for readable in (True, False):
        body = json.dumps({"v": [sentence]}, ensure_ascii=readable).encode()
        masked = MASKER.mask(body, "application/json", MASK_EVERYTHING).body
        assert text not in json.loads(masked)["v"][0]
        assert MASKER.mask(masked, "application/json", MASK_EVERYTHING).body == masked


def packed(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


IGNORABLE = (
    "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
"""Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties)."""


def test_ignorable_characters_are_dropped():
    for entry in IGNORABLE.split():
        first, _, last = entry.partition("-")
        for point in range(int(first, 16), int(last or first, 16) + 1):
            assert fold(f"1{chr(point)}2").text == "12", hex(point)


@pytest.mark.parametrize(("char", "folded"), [("\u2800", " "), ("\u2028", "\n"), ("\u2029", "\n"), ("\x85", "\n")])
def test_blanks_and_line_ends_of_any_kind_are_folded(char, folded):
    assert fold(f"1{char}2").text == f"1{folded}2"


NOTHING = [
    "DB_PASSWORD=\nDB_HOST=db1\nAPI_KEY=\nPORT=5432",
    "https://shop.example/a?page=20&size=40&x=2D",
    "<td>4111</td><td>1111</td><td>1111</td><td>1111</td>",
    "if a<b and c>d: x = a<i>b",
    r"C:\users\x41\100 files\new \. \- \+",
    "0x00 0x01 0x02 0x03 0x04 0x05 0x06 0x07 0x08 0x09",
    "00:1a:2b:ff:fe:3c:4d:5e",
    "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12\n2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "/usr/share/applications/default\n/usr/share/applications/default",
    packed(bytes(range(256)) * 40),
    packed(zlib.compress(b"nothing to see here " * 40)),
    packed(gzip.compress(b"nothing to see here ")[:30]),
    packed(b"\x1f\x8b\x08 is no gzip 219-09-9999"),
    packed(b"\x28\xb5\x2f\xfd is no Zstandard 219-09-9999"),
    packed(zstd.compress(b"nothing to see here " * 40)),
    packed("nothing ".encode("utf-16")),
]


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_a_spelling_is_left_alone(text):
    assert ANALYZER.scan(text) == []
    body = json.dumps({"v": text}).encode()
    assert MASKER.mask(body, "application/json", MASK_EVERYTHING).body == body


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n  ", "\n> ", "\\n", "\\r\\n", "\\\\n"])
@pytest.mark.parametrize("width", [20, 60, 64, 76])
def test_lines_of_base64_are_replaced_together_and_nothing_else(line_end, width):
    run = packed(
        "There is nothing in the first lines of this text, and then there is 219-09-9999, and then no more."
    )
    lines = line_end.join(run[at : at + width] for at in range(0, len(run), width))
    text = f"begin {lines}{line_end}(Hello) {lines}"
    covered = {at for match in ANALYZER.scan(text) for at in range(match.start, match.end)}
    assert covered == {*range(6, 6 + len(lines)), *range(len(text) - len(lines), len(text))}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("see bob=40example.com=20now", "bob=40example.com"),
        ("see 4111<b>1111</b>11111111</p>", "4111<b>1111</b>11111111"),
        ("see <b>bob@example.com</b>", "bob@example.com"),
        ("<p>4111<br>1111<br/>1111<br />1111<br>", "4111<br>1111<br/>1111<br />1111"),
        (r"see bob\x40example\.com\n", r"bob\x40example\.com"),
        ("\x1b[1mbob\x1b[0m@example.com\x1b[0m", "bob\x1b[0m@example.com"),
        ("hex 3231392d30392d39393939, no more", "3231392d30392d39393939"),
        ("id_" + packed("it is 219-09-9999") + "/x", packed("it is 219-09-9999")),
    ],
)
def test_a_spelling_is_masked_and_nothing_around_it(text, part):
    at = text.index(part)
    found = ANALYZER.scan(text)
    assert (min(each.start for each in found), max(each.end for each in found)) == (at, at + len(part))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, zstd.compress])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_compressed_text_is_read(compress, encode):
    text = encode(compress(b"nothing but my ssn, which is 219-09-9999, to see")).decode()
    assert [match.entity for match in ANALYZER.scan(f"data: {text}.")] == ["US_SSN"]


def test_a_bomb_is_refused():
    small = gzip.compress(b"\0" * 60_000)
    assert ANALYZER.scan(packed(small)) == []
    raw = b" " * 10_000_000
    for bomb in (gzip.compress(raw), zlib.compress(raw), zstd.compress(raw)):
        for text in (packed(bomb), packed(packed(bomb)), packed(gzip.compress(packed(bomb).encode()))):
            with pytest.raises(MaskingError, match="too-large"):
                ANALYZER.scan(text)


def test_bombs_side_by_side_share_one_budget():
    one = packed(gzip.compress(b" " * 60_000))
    with pytest.raises(MaskingError, match="too-large"):
        ANALYZER.scan(" ".join([one] * 50))
    assert len(one) * RATIO < 60_000


def test_every_entity_of_a_packed_text_is_reported_once():
    text = packed("219-09-9999 and 219-09-9998 and bob@example.com and amy@example.com")
    assert [match.entity for match in ANALYZER.scan(text)] == ["EMAIL_ADDRESS", "US_SSN"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("begins", ["Für uns: ", "Ünser Kunde, ", "naïve café société, ", "the client, "])
def test_base64_of_text_in_any_usual_encoding_is_seen_through(begins, encoding):
    """A blob of MCP is such text, whatever its type and charset say."""
    blob = packed(f"{begins}219-09-9999\n".encode(encoding))
    body = json.dumps(
        {"contents": [{"uri": "file:///a.txt", "blob": blob}], "icon": f"data:;base64,{blob}"}
    ).encode()
    assert blob.encode() not in MASKER.mask(body, "application/json", MASK_EVERYTHING).body
