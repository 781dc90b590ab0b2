"""GCP_KEY: API keys, OAuth client secrets and access tokens of Google Cloud."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"AIza[A-Za-z0-9_-]{35,}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}")


def find(text: str, _: str) -> Ranges:
    """Yield keys by their prefix and length."""
    for match in PATTERN.finditer(text):
        yield match.span()


GCP_KEY = Detector(
    "GCP_KEY",
    (rb"AIza[A-Za-z0-9_-]{35}", rb"GOCSPX-[A-Za-z0-9_-]{20}", rb"ya29\.[A-Za-z0-9_-]{20}"),
    25,
    find,
    meaning="an API key, client secret or access token of Google Cloud",
    proof="prefix",
    example="AIza" + "Sy0-_" * 7,
)
