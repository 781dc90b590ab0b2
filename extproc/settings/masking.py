"""Masking: a connection's rules, and the ``masking`` section for all connections."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from extproc.model.masking import MaskOperator
from extproc.settings.base import Strict


class MaskRuleSettings(Strict):
    """Mask one field, or one kind of entity."""

    path: str | None = Field(None, pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")
    entity: str | None = Field(None, pattern=r"^(\*|[A-Z][A-Z0-9_]*)$", description="US_SSN, CREDIT_CARD, * …")
    how: MaskOperator = MaskOperator.REDACT
    """partial: last four stay; pseudonym: same value, same token; redact: a label; remove: nothing."""

    @model_validator(mode="after")
    def _one_target(self) -> "MaskRuleSettings":
        if (self.path is None) == (self.entity is None):
            raise ValueError("give exactly one of path and entity")
        return self


MaskPath = Annotated[str, Field(pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")]


class DeclaredSettings(Strict):
    """Allow-list mode: the fields that may pass, each with all below it. Every other field is redacted."""

    request: list[MaskPath] | None = None
    """Of the function's arguments; none: all may pass that no rule masks."""
    response: list[MaskPath] | None = None
    """Of the function's result; none: all may pass that no rule masks."""


class MaskingSettings(Strict):
    """What a connection always masks, whatever policy adds."""

    request: list[MaskRuleSettings] = Field([])
    """Rules for what goes to the backend; paths begin at the function's arguments."""
    response: list[MaskRuleSettings] = Field([MaskRuleSettings(path=None, entity="*", how=MaskOperator.REDACT)])
    """Rules for what comes back; paths begin at the function's result."""
    declared: DeclaredSettings = DeclaredSettings()
    """Allow-list mode: what may pass at all."""
    undecodable: Literal["deny", "pass-unmasked"] = "deny"
    """What becomes of a whole body that cannot be read and so not be masked. pass-unmasked: it goes on as it came,
    and the record says so."""


SURE = 0.5
"""The score from which on a match counts."""


CONTEXT_ADDS = 0.35
"""What a word of the context adds to it: Presidio's ``context_similarity_factor``."""


class CustomDetector(Strict):
    """An entity of your own."""

    pattern: str = Field(min_length=1, description="RE2 syntax without anchors, ., negated classes and quotes")
    context: list[str] = Field([])
    """Words of which one must be in the keys above a value or shortly before it; empty: none is needed."""
    whole: bool = True
    """Whether letters and digits right beside a match make it none."""
    ignore_case: bool = False
    """Whether letter case means nothing."""
    score: float | None = Field(None, ge=0, le=1, description="how sure a match without such a word is")
    """As in Presidio: found is what has 0.5 or more, and a word of the context adds 0.35. Null: sure, but where
    there are words only beside one of them."""

    @model_validator(mode="after")
    def _can_be_found(self) -> "CustomDetector":
        least = round(SURE - CONTEXT_ADDS, 2) if self.context else SURE
        if self.score is not None and self.score < least:
            raise ValueError(f"nothing would ever be found: a score of at least {least:.2f} is needed here")
        return self

    @property
    def needs_context(self) -> bool:
        """Whether a match counts only beside a word of its context."""
        return bool(self.context) and (self.score is None or self.score < SURE)


class PresidioSettings(Strict):
    """Presidio's own recognisers beside the built-in detectors. Needs the extra ``presidio``."""

    entities: list[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]] = Field(min_length=1)
    """What to look for, by Presidio's names."""
    score: float = Field(0.5, ge=0, le=1, description="what a result must have at least")
    language: str = Field("en", pattern=r"^[a-z]{2,3}$", description="of texts")
    model: str = Field("", description="a spaCy model that is installed; empty: patterns and check digits alone")
    longest: int = Field(100_000, ge=1, description="characters of one text; a longer one is refused")


class InstallationMasking(Strict):
    """Masking for all connections."""

    presidio: PresidioSettings | None = None
    """Presidio's recognisers; null: they are not loaded."""

    detectors: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")], CustomDetector] = Field({})
    """Entities of your own, by their name; rules name them as they name the built-in ones."""
    pseudonym_key_id: str = Field("k1", pattern=r"^[a-z]{1,8}[0-9]{0,3}$", description="names the key in use")
    pseudonym_key_file: Path | None = Field(
        None, description="the key, 32 bytes or more; default: pseudonym.key under state, made at first use"
    )
    old_pseudonym_keys: dict[Annotated[str, Field(pattern=r"^[a-z]{1,8}[0-9]{0,3}$")], Path] = Field({})
    """Keys that were in use, by their id: their tokens are known as tokens, and no new ones are made."""

    @model_validator(mode="after")
    def _ids_differ(self) -> "InstallationMasking":
        if self.pseudonym_key_id in self.old_pseudonym_keys:
            raise ValueError(f"{self.pseudonym_key_id!r} cannot be both the key in use and an old one")
        return self
