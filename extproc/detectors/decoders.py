"""Decoders: they let detectors see text that is spelled in text.

A decoder yields views: decoded texts that know from where in the original each character came. A match in a view
becomes a match of the spelling in the original.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from extproc.detectors.packed import LIKELY_BASE64, LIKELY_HEX, base64_runs, hex_runs
from extproc.detectors.spellings import INLINE, quoted_printable, spelled
from extproc.detectors.views import View


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to spell text in text."""

    prefilter: tuple[bytes, ...]
    """As ``Detector.prefilter``: at least one of them matches in every text that has something to decode."""
    views: Callable[[str], Iterator[View]]
    """Linear in time. Several decoders may share it: then it is called once."""
    prefilter_shortest: int = 3
    """See ``Detector``."""
    exact: bool = False
    """See ``Detector``."""
    gates: bytes = b""
    """ASCII characters, one of which is in every match; empty if there are no such characters."""
    marks: tuple[str, ...] = ()
    """Replace the prefilter for a spelling that documents themselves use. Each spelling contains one of the marks,
    and each mark a backslash. The scanner of documents finds all of them; a prescan reports only the first one."""


_TAG = rb"<(?:/?(?:%s)(?:[ /][^<>]*)?|!--[^<>]*--)>" % INLINE.encode()
_IN_WORD = rb"[0-9A-Za-z@._+-]"
DECODERS: tuple[Decoder, ...] = (
    Decoder(
        (
            rb"%[0-7][0-9A-Fa-f]",
            rb"%[C-Fc-f][0-9A-Fa-f]%[89ABab]",
            rb"%u[0-9A-Fa-f]{4}",
            rb"&#[0-9xX]",
            rb"&[A-Za-z][A-Za-z0-9]{1,30};",
            rb"\\+x[0-9A-Fa-f]{2}",
            rb"\\+[0-3][0-7]{2}",
            rb"\\+[@._+()-][0-9A-Za-z]",
            rb"\x1b\[[0-9;:?]*[A-Za-z]",
        ),
        spelled,
        gates=b"%&\\\x1b",
    ),
    Decoder(
        (
            _IN_WORD + rb"(?:" + _TAG + rb")+" + _IN_WORD,
            rb"[0-9)](?:" + _TAG + rb")+[ -](?:" + _TAG + rb")*[0-9]",
            rb"[0-9)]<[bB][rR] ?/?>",
        ),
        spelled,
        gates=b"<",
    ),
    Decoder((), spelled, marks=("\\u", "\\/")),
    Decoder(
        (
            rb"[0-9A-Za-z)]=(?:2[0-9A-F]|3[A-F]|40|5[B-F]|60|7[B-E])[0-9A-Za-z(=+]",
            rb"=[2-7][0-9A-Fa-f]=[2-7][0-9A-Fa-f]",
            rb"=[C-F][0-9A-F]=[89AB]",
            rb"=[ \t]*(?:\n|\r\n|\\+n|\\+r\\+n)",
        ),
        quoted_printable,
        prefilter_shortest=2,
        gates=b"=",
    ),
    Decoder(tuple(map(str.encode, LIKELY_BASE64)), base64_runs, prefilter_shortest=12),
    Decoder(tuple(map(str.encode, LIKELY_HEX)), hex_runs, prefilter_shortest=20),
)
