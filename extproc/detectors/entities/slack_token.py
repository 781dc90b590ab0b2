"""SLACK_TOKEN: bot, user, app, configuration and refresh tokens of Slack."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"xox[abeoprs](?:\.xox[abp])?-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}")


def find(text: str, _: str) -> Ranges:
    """Yield tokens by their prefix and length."""
    for match in PATTERN.finditer(text):
        yield match.span()


SLACK_TOKEN = Detector(
    "SLACK_TOKEN",
    (rb"xox[abeoprs](?:\.xox[abp])?-[A-Za-z0-9-]{10}", rb"xapp-[0-9]-[A-Za-z0-9-]{10}"),
    15,
    find,
    meaning="a token of Slack, of any kind",
    proof="prefix",
    example="xoxb-" + "123456789012-" + "a1b2c3" * 4,
    source="Slack, token types",
)
