"""The proof that a request comes from Slack: its signature over the raw body, and its time.

Source: Slack, "Verifying requests from Slack". Not checked here: that the request comes for the first time.
"""

from collections.abc import Mapping

from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from extproc.model.ids import Clock
from extproc.model.units import NANOSECONDS_PER_SECOND

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
DIGITS_MAX = 12


class _Now(SlackClock):
    """The guard's clock, as Slack's library reads it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock() / NANOSECONDS_PER_SECOND


def is_from_slack(body: bytes, headers: Mapping[str, list[str]], secret: str, clock: Clock) -> bool:
    """Return whether the request was signed with this secret, at most 5 minutes ago. Never raises.

    Args:
        body: exactly as it came.
        headers: all values of the fields ``SIGNATURE`` and ``TIMESTAMP``.
        secret: the app's signing secret.
        clock: wall clock.
    """
    signatures, times = headers.get(SIGNATURE, []), headers.get(TIMESTAMP, [])
    if len(signatures) != 1 or len(times) != 1:
        return False
    (signature,), (time,) = signatures, times
    # The library raises for these.
    if not (signature.isascii() and time.isascii() and time.isdigit() and len(time) <= DIGITS_MAX):
        return False
    try:
        return SignatureVerifier(secret, _Now(clock)).is_valid(body, time, signature)
    except ValueError:
        return False  # the body is not UTF-8, or the secret is empty
