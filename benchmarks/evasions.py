"""Values that ordinary software spells, wraps or formats: how many of them masking sees through.

``python -m benchmarks.evasions`` prints a table of kinds and entities. A kind is one thing that software does to a
text. ``--against FOLDER`` prints the figures of another checkout in the same run.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import gzip
import html
import json
import os
import quopri
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from extproc.detectors.analyzer import Analyzer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Spelling = Callable[[str], str]

VALUES = {
    "CREDIT_CARD": "4111111111111111",
    "US_SSN": "219-09-9999",
    "EMAIL_ADDRESS": "alice.jones@example.com",
    "PHONE_NUMBER": "+442079460958",
    "IBAN_CODE": "DE89370400440532013000",
    "STRIPE_KEY": "sk_live_" + "a1B2c3D4e5F6",
}
GROUPS = {
    "CREDIT_CARD": ("4111", "1111", "1111", "1111"),
    "US_SSN": ("219", "09", "9999"),
    "IBAN_CODE": ("DE89", "3704", "0044", "0532", "0130", "00"),
}
"""The values that people write in groups."""
SENTENCE = "Dear customer, the value that you asked for is {}, as we said before."


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def in_sentence(packed: Callable[[bytes], str]) -> Spelling:
    return lambda value: packed(SENTENCE.format(value).encode())


def in_lines(text: str, width: int, end: str) -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def each(form: str) -> Spelling:
    return lambda value: "".join(form.format(ord(char)) for char in value)


def marks(form: str) -> Spelling:
    """Spell only what is no letter and no digit; the first character of values without any."""

    def spell(value: str) -> str:
        if value.isalnum():
            return form.format(ord(value[0])) + value[1:]
        return "".join(char if char.isalnum() else form.format(ord(char)) for char in value)

    return spell


def quoted(value: str) -> str:
    """Spell all marks as quoted-printable; a value without any as a whole."""
    return (each if value.isalnum() or value[0] == "+" else marks)("={:02X}")(value)


def inside(text: str) -> Spelling:
    """Put a text into the middle of a value."""
    return lambda value: value[: len(value) // 2] + text + value[len(value) // 2 :]


def everywhere(text: str) -> Spelling:
    return text.join


SPELLINGS: dict[str, Spelling] = {
    "percent-encoding of marks": marks("%{:02X}"),
    "percent-encoding, lower case": each("%{:02x}"),
    "percent-encoding, twice": each("%25{:02X}"),
    "percent-encoding, three times": lambda value: quote(quote(marks("%{:02X}")(value))),
    "percent-encoding, %u0040": marks("%u{:04X}"),
    "references, decimal": each("&#{};"),
    "references, hexadecimal": marks("&#x{:X};"),
    "references without semicolon": each("&#{}"),
    "references, named": lambda value: html.escape(value).replace("@", "&commat;").replace(".", "&period;"),
    "references, escaped again": lambda value: html.escape(each("&#{};")(value)),
    "references in percent-encoding": lambda value: quote(marks("&#{};")(value)),
    r"\u0040": each("\\u{:04x}"),
    r"\\u0040": marks("\\\\u{:04X}"),
    r"\u{40}": marks("\\u{{{:x}}}"),
    r"\x40": marks("\\x{:02x}"),
    r"\x40 of all": each("\\x{:02x}"),
    r"\\x40": marks("\\\\x{:02x}"),
    r"\100": marks("\\{:03o}"),
    r"\100 of all": each("\\{:03o}"),
    r"\@ and \.": lambda value: "".join("\\" + char if char in "@.+-_" else char for char in value),
    r"\/ and JSON twice": lambda value: json.dumps(json.dumps({"v": value})).replace("@", "\\\\u0040"),
    "quoted-printable of marks": quoted,
    "quoted-printable of all": each("={:02X}"),
    "quoted-printable, soft line end": lambda value: quopri.encodestring(
        ("Thank you very much for your order, which we will send to " + value + " as you asked.").encode()
    ).decode(),
    "quoted-printable, soft line end with CR": lambda value: "x" * 60 + " " + value[:6] + "=\r\n" + value[6:],
    "encoded words in Base64": lambda value: f"=?UTF-8?B?{b64('to ' + value)}?=",
    "encoded words, quoted": lambda value: f"=?utf-8?Q?to_{quoted(value)}?=",
    "Base64": b64,
    "Base64 of a sentence": in_sentence(b64),
    "Base64 for URLs, unpadded": lambda value: (
        base64.urlsafe_b64encode(SENTENCE.format(value).encode()).decode().rstrip("=")
    ),
    "Base64 of JSON": lambda value: b64(json.dumps({"name": "Alice", "value": value})),
    "Base64 in lines": lambda value: in_lines(b64(SENTENCE.format(value) * 3), 76, "\n"),
    "Base64 in lines with CR": lambda value: in_lines(b64(SENTENCE.format(value) * 3), 64, "\r\n"),
    "Base64 in lines, as JSON": lambda value: in_lines(b64(SENTENCE.format(value) * 3), 76, "\\n"),
    "Base64 in PEM armour": lambda value: (
        "-----BEGIN DATA-----\n" + in_lines(b64(SENTENCE.format(value) * 3), 64, "\n") + "\n-----END DATA-----"
    ),
    "Base64 in lines, indented": lambda value: in_lines(b64(SENTENCE.format(value) * 3), 60, "\n    "),
    "Base64 past 64 Ki": lambda value: b64("all is well, " * 6_000 + value),
    "Base64 that begins with other letters": lambda value: b64("Ünïcödé Größe, 山田: " + value),
    "Base64 of UTF-8 with a mark": lambda value: b64(("\ufeff" + SENTENCE.format(value)).encode()),
    "Base64 of UTF-16": lambda value: b64(SENTENCE.format(value).encode("utf-16")),
    "Base64 of UTF-16, no mark": lambda value: b64(SENTENCE.format(value).encode("utf-16-le")),
    "Base64 of UTF-16, big-endian": lambda value: b64(SENTENCE.format(value).encode("utf-16-be")),
    "Base64 twice": lambda value: b64(b64(SENTENCE.format(value))),
    "Base64 three times": lambda value: b64(b64(b64(SENTENCE.format(value)))),
    "Base64 in a data URL": lambda value: "data:text/plain;base64," + b64(SENTENCE.format(value)),
    "Base64 behind a name": lambda value: "data_" + b64(SENTENCE.format(value)),
    "Base64, percent-encoded": lambda value: quote(b64(SENTENCE.format(value)), safe=""),
    "gzip in Base64": in_sentence(lambda data: b64(gzip.compress(data * 3))),
    "zlib in Base64": in_sentence(lambda data: b64(zlib.compress(data * 3))),
    "Zstandard in Base64": in_sentence(lambda data: b64(zstd.compress(data * 3))),
    "gzip in Base64 in lines": in_sentence(
        lambda data: in_lines(b64(gzip.compress(bytes(range(32, 127)) * 2 + data)), 76, "\n")
    ),
    "hexadecimal": in_sentence(bytes.hex),
    "hexadecimal, capitals": lambda value: value.encode().hex().upper(),
    "hexadecimal with 0x": lambda value: "0x" + value.encode().hex(),
    "hexadecimal, pairs": lambda value: value.encode().hex(" "),
    "hexadecimal, colons": lambda value: value.encode().hex(":"),
    "hexadecimal, bytes of C": lambda value: ", ".join(f"0x{byte:02x}" for byte in value.encode()),
    "hexadecimal of PostgreSQL": lambda value: "\\x" + value.encode().hex(),
    "hexadecimal of Base64": in_sentence(lambda data: binascii.hexlify(b64(data).encode()).decode()),
    "full-width": lambda value: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in value),
    "zero-width space": inside("\u200b"),
    "zero-width joiner everywhere": everywhere("\u200d"),
    "soft hyphen": inside("\u00ad"),
    "byte order mark": inside("\ufeff"),
    "variation selector": inside("\ufe0f"),
    "variation selector supplement": inside("\U000e0101"),
    "tag characters": inside("\U000e0041"),
    "Hangul filler": inside("\u3164"),
    "half-width Hangul filler": inside("\uffa0"),
    "direction marks": lambda value: f"\u202d{inside(chr(0x200E))(value)}\u202c",
    "combining grapheme joiner": everywhere("\u034f"),
    "inline tags": lambda value: f"{value[:4]}<b>{value[4:8]}</b>{value[8:]}",
    "tags with attributes": lambda value: f'{value[:5]}<span class="hit">{value[5:9]}</span>{value[9:]}',
    "word break tags": lambda value: f"{value[:7]}<wbr>{value[7:]}",
    "comments": lambda value: f"{value[:7]}<!-- -->{value[7:]}",
    "tags, escaped": lambda value: html.escape(f"{value[:4]}<em>{value[4:8]}</em>{value[8:]}"),
    "colours of terminals": lambda value: f"{value[:5]}\x1b[01;31m{value[5:9]}\x1b[0m{value[9:]}",
}
"""Spellings of a value by software, by kind."""
JOINED: dict[str, str] = {
    "groups apart by a space": " ",
    "by a no-break space": "\u00a0",
    "by a Braille blank": "\u2800",
    "by two spaces": "  ",
    "by an en dash": "\u2013",
    "by a dash with spaces": " - ",
    "by a point": ".",
    "by an underscore": "_",
    "by a slash": "/",
    "by a comma": ",",
    "by a comma and a space": ", ",
    "by a colon": ":",
    "by a semicolon": ";",
    "by a vertical line": " | ",
    "by a tab": "\t",
    "by a line end": "\n",
    "by a line separator": "\u2028",
    "by CRLF": "\r\n",
    "by <br>": "<br>",
    "by <br/> and a line end": "<br />\n",
    "by %20": "%20",
    "by +": "+",
    "by &nbsp;": "&nbsp;",
    "by a zero-width space": "\u200b",
    "by a space and a zero-width space": " \u200b",
    r"by \t": "\\t",
    r"by \n": "\\n",
}
"""Separators between groups."""


def cases() -> dict[str, dict[str, str]]:
    """Return texts by kind and entity."""
    made = {kind: {entity: spell(value) for entity, value in VALUES.items()} for kind, spell in SPELLINGS.items()}
    for kind, between in JOINED.items():
        made[kind] = {entity: between.join(groups) for entity, groups in GROUPS.items()}
    return made


def seen(analyzer: Analyzer) -> dict[str, dict[str, bool]]:
    """Return which entities are found, by kind: nothing of their value is left outside of what is masked."""
    found: dict[str, dict[str, bool]] = {}
    for kind, texts in cases().items():
        found[kind] = {
            entity: any(match.entity == entity for match in analyzer.scan(f"It is {text} now."))
            for entity, text in texts.items()
        }
    return found


def _of_checkout(folder: Path) -> dict[str, dict[str, bool]]:
    code = "import json; from benchmarks.evasions import seen; from extproc.detectors.analyzer import Analyzer;"
    code += "print(json.dumps(seen(Analyzer())))"
    here = Path(__file__).parents[1]
    setup = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(here)!r}]; import extproc, extproc.detectors.analyzer;"
    )
    command = [sys.executable, "-c", f"{setup}{code}"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=folder
    ).stdout
    read: dict[str, dict[str, bool]] = json.loads(output)
    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="the folder of another checkout")
    chosen = parser.parse_args()
    now = seen(Analyzer())
    before = _of_checkout(chosen.against) if chosen.against else {}
    for kind, entities in now.items():
        missing = [entity for entity, is_seen in entities.items() if not is_seen]
        was = f" (before: {sum(before[kind].values())})" if before else ""
        print(f"{kind:42s} {sum(entities.values())} of {len(entities)}{was}  {' '.join(missing)}")
    for name, which in (("before", before), ("now", now)):
        if which:
            count = sum(len(each) for each in which.values())
            print(f"{name}: {sum(sum(each.values()) for each in which.values())} of {count}")


if __name__ == "__main__":
    main()
