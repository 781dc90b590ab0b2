"""Operators: the ways to mask one value."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from extproc.model.masking import MaskOperator

FIELD = "FIELD"
"""The entity of a finding for a field that a path names."""
REDACTED = "[REDACTED]"
PARTIAL_VISIBLE = 4
"""Characters that ``partial`` leaves visible."""
PARTIAL_MINIMUM = 8
"""Shorter values are hidden completely: four characters would be half of them."""
IDENTITY = 12
"""Characters of a pseudonym that identify the value: 60 bits."""
PROOF = 4
"""Characters that prove that this installation made the pseudonym: 20 bits."""
KEY_ID = re.compile(r"[a-z]{1,8}[0-9]{0,3}")
_TOKEN = re.compile(r"<([A-Z][A-Z0-9_]*):([a-z]{1,8}[0-9]{0,3}):([A-Z2-7]{16})>")
_DIGIT_RUN = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Operators:
    """Applies operators to values. Every result is a fixed point: masked again, it does not change."""

    key: bytes
    """Secret of the pseudonyms. The same key gives the same pseudonyms, so that records can be joined by them."""
    key_id: str
    """Names the key in each pseudonym; a new key gets a new id."""
    old: tuple["Operators", ...] = ()
    """Operators with keys that were in use before: their pseudonyms count as masked, too."""

    def __post_init__(self) -> None:
        if not KEY_ID.fullmatch(self.key_id):
            raise ValueError("a pseudonym key id must be up to 8 letters a-z and up to 3 digits")
        ids = [self.key_id, *(each.key_id for each in self.old)]
        if len(set(ids)) != len(ids):
            raise ValueError("two pseudonym keys have the same id")

    def __repr__(self) -> str:
        return f"Operators(key_id={self.key_id!r})"

    def mask(self, operator: MaskOperator, entity: str, text: str, canonical: str) -> str:
        """Replace one value; ``remove`` leaves nothing.

        Args:
            operator: the operator.
            entity: the entity; ``FIELD`` for a whole field.
            text: the value as it is written.
            canonical: the value in the form that pseudonyms are made of.
        """
        match operator:
            case MaskOperator.PARTIAL:
                return partial(text)
            case MaskOperator.PSEUDONYM:
                return self.pseudonym(entity, canonical)
            case MaskOperator.REDACT:
                return REDACTED if entity == FIELD else f"[{entity}]"
            case MaskOperator.REMOVE:
                return ""

    def mask_field(self, operator: MaskOperator, text: str) -> str:
        """Replace a whole field. A weaker operator does not replace a label that a stronger one left."""
        if operator in (MaskOperator.PARTIAL, MaskOperator.PSEUDONYM) and self._is_masked(text):
            return text
        return self.mask(operator, FIELD, text, text)

    def pseudonym(self, entity: str, canonical: str) -> str:
        """Return ``<ENTITY:key id:16 characters of base32>``, the same for the same value."""
        identity = self._letters(f"value:{entity}:{canonical}", IDENTITY)
        return f"<{entity}:{self.key_id}:{identity}{self._proof(entity, identity)}>"

    def _proof(self, entity: str, identity: str) -> str:
        return self._letters(f"proof:{entity}:{identity}", PROOF)

    def _letters(self, message: str, length: int) -> str:
        """Return HMAC-SHA256 in base32, cut.

        It is hashed again until it has no digits that a detector could match.
        """
        data = message.encode("utf-8", "surrogatepass")
        letters = "0000"
        while _DIGIT_RUN.search(letters) or letters[0].isdigit() or letters[-1].isdigit():
            data = hmac.new(self.key, data, hashlib.sha256).digest()
            letters = base64.b32encode(data)[:length].decode("ascii")
        return letters

    def _is_masked(self, text: str) -> bool:
        token = _TOKEN.fullmatch(text)
        if token is None:
            return text == REDACTED
        if token[2] != self.key_id:
            return any(each._is_masked(text) for each in self.old if each.key_id == token[2])  # noqa: SLF001
        return hmac.compare_digest(self._proof(token[1], token[3][:IDENTITY]), token[3][IDENTITY:])


def partial(text: str) -> str:
    """Replace all but the last four characters by ``*``; all of them in a short text."""
    hidden = len(text) - (PARTIAL_VISIBLE if len(text) >= PARTIAL_MINIMUM else 0)
    return "*" * hidden + text[hidden:]
