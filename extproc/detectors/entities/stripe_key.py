"""STRIPE_KEY: secret and restricted keys and webhook secrets of Stripe. Publishable keys are public."""

import re

from extproc.detectors.detector import Detector, Ranges

PATTERN = re.compile(r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{24,}")


def find(text: str, _: str) -> Ranges:
    """Yield keys by their prefix and length."""
    for match in PATTERN.finditer(text):
        yield match.span()


STRIPE_KEY = Detector(
    "STRIPE_KEY",
    (rb"[rs]k_(?:live|test)_[A-Za-z0-9]{10}", rb"whsec_[A-Za-z0-9+/=]{24}"),
    18,
    find,
    meaning="a secret or restricted key, or a webhook secret, of Stripe",
    proof="prefix",
    example="sk_live_" + "a1B2c3D4" * 3,
    source="Stripe, API keys",
)
