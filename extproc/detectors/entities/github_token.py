"""GITHUB_TOKEN: personal, OAuth, user-to-server, server-to-server, refresh and fine-grained tokens of GitHub."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}")


def find(text: str, _: str) -> Ranges:
    """Yield tokens by their prefix and length."""
    for match in PATTERN.finditer(text):
        yield match.span()


GITHUB_TOKEN = Detector(
    "GITHUB_TOKEN",
    (rb"gh[pousr]_[A-Za-z0-9]{36}", rb"github_pat_[A-Za-z0-9_]{22}"),
    33,
    find,
    meaning="a token of GitHub, of any kind",
    proof="prefix",
    example="ghp_" + "a1B2" * 9,
    source="GitHub, token formats",
)
