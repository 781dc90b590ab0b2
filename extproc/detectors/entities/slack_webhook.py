"""SLACK_WEBHOOK: the address of an incoming webhook of Slack. Whoever has it can post."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,}")


def find(text: str, _: str) -> Ranges:
    """Yield addresses, without their scheme."""
    for match in PATTERN.finditer(text):
        yield match.span()


SLACK_WEBHOOK = Detector(
    "SLACK_WEBHOOK",
    (rb"hooks\.slack\.com/[a-z]{8,9}/[A-Za-z0-9_/-]{20}",),
    46,
    find,
    meaning="the address of an incoming webhook of Slack",
    proof="host and path",
    example="hooks.slack.com/services/T" + "0" * 8 + "/B" + "0" * 8 + "/" + "x" * 24,
    source="Slack, incoming webhooks",
)
