"""Keep header fields that policy is shown out of what is recorded of its decision.

A policy may name its rule after what it saw: ``sprintf("no session: %v", [headers.cookie])``.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from extproc.model.call import Headers
from extproc.model.decision import Decision
from extproc.policy.contract.input_headers import header_text

SEPARATORS = re.compile(r"[\s,;=:]+")
SHORTEST = 6
"""Characters of the shortest part of a value that is looked for."""


def without_shown(decision: Decision, fields: Iterable[Headers], names: Collection[str]) -> Decision:
    """Return the decision with labels in place of the values of these fields, and of their parts.

    Args:
        decision: as policy made it. What it tells the caller, the backend and Envoy is left alone.
        fields: the header fields that policy saw.
        names: the fields that carry secrets and were shown.
    """
    secrets = sorted(set(_secrets(fields, names)), key=lambda secret: len(secret[0]), reverse=True)
    if not secrets:
        return decision

    def cleared(text: str) -> str:
        for value, label in secrets:
            text = text.replace(value, label)
        return text

    shadow = tuple(map(cleared, decision.shadow))
    return replace(decision, rule=cleared(decision.rule), detail=cleared(decision.detail), shadow=shadow)


def _secrets(fields: Iterable[Headers], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each value and each of its parts, with the label that replaces it."""
    for name, value in (each for headers in fields for each in headers if each[0] in names):
        text = header_text(value)
        yield from ((part, f"[{name}]") for part in (text, *SEPARATORS.split(text)) if len(part) >= SHORTEST)
