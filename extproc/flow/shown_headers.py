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
PIECE = 8
"""Characters of the shortest piece of a value, cut anywhere and in any case, that is looked for."""
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def without_shown(decision: Decision, fields: Iterable[Headers], names: Collection[str]) -> Decision:
    """Return the decision with labels in place of these fields' values, of their parts, and of longer pieces.

    A value that policy has decoded is not recognized.

    Args:
        decision: as policy made it. What it tells the caller, the backend and Envoy is left alone.
        fields: the header fields that policy saw.
        names: the fields that carry secrets and were shown.
    """
    if not names:
        return decision
    secrets = sorted(set(_secrets(fields, names)), key=lambda secret: len(secret[0]), reverse=True)
    if not secrets:
        return decision

    def cleared(text: str) -> str:
        for value, label in secrets:
            text = text.replace(value, label)
        for value, label in secrets:
            text = _without_pieces(text, value.translate(LOWER), label)
        return text

    shadow = tuple(map(cleared, decision.shadow))
    return replace(decision, rule=cleared(decision.rule), detail=cleared(decision.detail), shadow=shadow)


def _secrets(fields: Iterable[Headers], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each value and each of its parts, with the label that replaces it."""
    for name, value in (each for headers in fields for each in headers if each[0] in names):
        text = header_text(value)
        yield from ((part, f"[{name}]") for part in (text, *SEPARATORS.split(text)) if len(part) >= SHORTEST)


def _without_pieces(text: str, value: str, label: str) -> str:
    """Replace each run of ``PIECE`` characters or more that is in a value, which is in lower case."""
    lowered, kept, at = text.translate(LOWER), "", 0
    while at < len(text):
        end = at + PIECE
        if end > len(text) or lowered[at:end] not in value:
            kept, at = kept + text[at], at + 1
            continue
        while end < len(text) and lowered[at : end + 1] in value:
            end += 1
        kept, at = kept + label, end
    return kept
