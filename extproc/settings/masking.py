"""Masking: a connection's rules, and the ``masking`` section for all connections."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from extproc.model.masking import MaskOperator
from extproc.settings.base import PathSetting, Strict


class MaskRuleSettings(Strict):
    """A rule that masks one field, or one kind of entity."""

    path: str | None = Field(None, pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")
    entity: str | None = Field(None, pattern=r"^(\*|[A-Z][A-Z0-9_]*)$", description="US_SSN, CREDIT_CARD, * …")
    how: Annotated[MaskOperator, Field(strict=False)] = MaskOperator.REDACT
    """redact: a label replaces the value; partial: the last four characters stay; pseudonym: a token replaces
    it, the same one for the same value; remove: nothing stays."""

    @model_validator(mode="after")
    def _one_target(self) -> "MaskRuleSettings":
        if (self.path is None) == (self.entity is None):
            raise ValueError("give exactly one of path and entity")
        return self


MaskPath = Annotated[str, Field(pattern=r"^\$", description="RFC 9535 subset: $.a.b, $.a[*].b, $..b")]


class DeclaredSettings(Strict):
    """Allow-list mode: the fields that may pass, each with all fields below it. All others are redacted."""

    request: list[MaskPath] | None = None
    """Paths in the function's arguments. Null: all fields pass that no rule masks."""
    response: list[MaskPath] | None = None
    """Paths in the function's result. Null: all fields pass that no rule masks."""


EXEMPT_PLACE = r"^(\$|header\.[a-z0-9_-]+$|url$)"
DOMAIN = r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$"
ONE_LINE = r"^[^\r\n\t]*$"
VALUES = ("value", "domain", "pattern")
"""The keys of an exemption that name values."""


class ExemptionSettings(Strict):
    """Values of an entity that pass although the connection's rules mask the entity.

    Policy's rules, rules for paths and the removal of the credential are never set aside.
    """

    entity: str = Field(pattern=r"^(\*|[A-Z][A-Z0-9_]*)$", description="EMAIL_ADDRESS, IP_ADDRESS, * …")
    reason: str = Field(
        min_length=3, max_length=120, pattern=ONE_LINE, description="shown in the record; holds no value"
    )
    """Why these values may pass. The record shows it with each finding, so it may hold no entity itself."""
    path: str | None = Field(None, pattern=EXEMPT_PLACE, description="$.a[*].b, header.x-forwarded-for or url")
    """Where: a path and everything below it, a header field, or the URL. Null: everywhere."""
    direction: Literal["request", "response"] | None = None
    """In which messages. Null: in both."""
    functions: list[Annotated[str, Field(min_length=1)]] = Field([])
    """In calls of these functions. Empty: of all. Without value, domain and pattern: all values."""
    value: str | None = Field(None, min_length=1, description="this value, however it is written")
    domain: str | None = Field(
        None,
        pattern=DOMAIN,
        description="addresses of this domain, in lower case; *.example.com: of all domains below",
    )
    pattern: str | None = Field(
        None, min_length=1, description="values that match as a whole; syntax as in masking.detectors"
    )
    record: bool = False
    """True: the record and approvers see the values, too."""

    @model_validator(mode="after")
    def _one_kind_of_values(self) -> "ExemptionSettings":
        if sum(bool(getattr(self, each)) for each in VALUES) > 1:
            raise ValueError(f"give at most one of {', '.join(VALUES)}")
        return self


TEXT_TYPE = r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$"
"""A media type without parameters (RFC 6838 section 4.2)."""
OWN_FORMAT = re.compile(
    r".*[/+]json|.*/(?:x-)?(?:ndjson|jsonl|jsonlines)|text/event-stream|multipart/.*|application/grpc.*"
    r"|application/x-www-form-urlencoded|(?:image|audio|video|font)/.*|application/(?:octet-stream|pdf|zip|gzip)"
)
"""Media types whose bodies are read by a format of their own, or are binary."""
Undecodable = Literal["deny", "pass-unmasked"]


class FunctionMasking(Strict):
    """What differs in calls of one function."""

    undecodable: Undecodable | None = None
    """As ``masking.undecodable``; null: as there."""
    binary_parts: Undecodable | None = None
    """As ``masking.binary_parts``; null: as there."""


class MaskingSettings(Strict):
    """The masking that a connection always does. Policy can only add to it."""

    request: list[MaskRuleSettings] = Field([])
    """Rules for requests. Paths begin at the function's arguments."""
    response: list[MaskRuleSettings] | None = None
    """Rules for responses. Paths begin at the function's result. Null: every entity is redacted; where
    envoy.guard_filter is ext_authz, nothing, since nothing can be masked there."""
    declared: DeclaredSettings = DeclaredSettings()
    """Allow-list mode: the only fields that may pass."""
    exempt: list[ExemptionSettings] = Field([])
    """Values that pass although a rule for entities masks them, each with a reason."""
    text_types: list[Annotated[str, Field(pattern=TEXT_TYPE)]] = Field([])
    """Media types whose bodies are masked as text, such as application/xml: exact, in lower case, without
    parameters. Entities in them are masked; their own ways to spell or split a text are not all seen through."""
    undecodable: Undecodable = "deny"
    """What happens to a whole body that cannot be decoded, and so not be masked. pass-unmasked: it is forwarded
    unchanged, and the record says so."""
    binary_parts: Undecodable = "deny"
    """What happens to a part of multipart/form-data that is not text, such as a picture. pass-unmasked: it is
    forwarded unchanged while the other parts are masked, and the record says so."""
    functions: dict[str, FunctionMasking] = Field({})
    """What differs for some functions, by name."""

    @field_validator("text_types")
    @classmethod
    def _are_text(cls, types: list[str]) -> list[str]:
        for each in types:
            if OWN_FORMAT.fullmatch(each):
                raise ValueError(f"{each} is binary, or is read by its own format")
        return types


SURE = 0.5
"""The least score of a match that counts."""


CONTEXT_ADDS = 0.35
"""The score that a context word adds: Presidio's ``context_similarity_factor``."""


class CustomDetector(Strict):
    """A detector for your own entity."""

    pattern: str = Field(min_length=1, description="RE2 syntax without anchors, ., negated classes and quotes")
    context: list[Annotated[str, Field(min_length=1)]] = Field([])
    """Words of which one must be in the keys above a value, or in the text shortly before it; in any letter case,
    with or without accents, the parts of a name joined in any way (cost_center is in costCenter, COST-CENTER and
    "cost center"). Also as a part of a longer word. Empty: none."""
    whole: bool = True
    """True: not a match if a letter or digit is directly beside it."""
    ignore_case: bool = False
    """True: upper and lower case match each other."""
    score: float | None = Field(None, ge=0, le=1, description="confidence in a match without a context word")
    """As in Presidio: a match counts from 0.5 on, and a context word adds 0.35. Null: every match counts; if there
    are context words, only beside one of them."""

    @model_validator(mode="after")
    def _can_be_found(self) -> "CustomDetector":
        least = round(SURE - CONTEXT_ADDS, 2) if self.context else SURE
        if self.score is not None and self.score < least:
            raise ValueError(f"nothing would ever be found: a score of at least {least:.2f} is needed here")
        return self

    @property
    def needs_context(self) -> bool:
        """True if a match counts only beside a context word."""
        return bool(self.context) and (self.score is None or self.score < SURE)


class PresidioSettings(Strict):
    """Presidio's recognizers, in addition to the built-in detectors. Needs the extra ``presidio``."""

    entities: list[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]] = Field(min_length=1)
    """The entities to look for, by Presidio's names."""
    score: float = Field(0.5, ge=0, le=1, description="least score of a result that counts")
    language: str = Field("en", pattern=r"^[a-z]{2,3}$", description="language of the texts")
    model: str = Field("", description="name of an installed spaCy model; empty: patterns and check digits only")
    longest: int = Field(100_000, ge=1, description="characters of one text; longer ones are refused")


class InstallationMasking(Strict):
    """Masking for all connections."""

    presidio: PresidioSettings | None = None
    """Presidio's recognizers; null: not loaded."""

    detectors: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")], CustomDetector] = Field({})
    """Your own entities, by name. Rules use these names as they use those of built-in entities."""
    words: dict[str, list[Annotated[str, Field(min_length=1)]]] = Field({})
    """Words of your own that say what a value is, by kind: password, pin, secret, phone, account, card, tax,
    birth, passport, address, person… A word is written as the parts of a name, in small letters:
    customer_msisdn."""
    phone_regions: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = Field([])
    """Regions (ISO 3166-1, as in DE, FR) whose national phone numbers are found without a word, too, where they
    are written in groups: 030/1234567. Other numbers need a country code or a word."""
    pseudonym_key_id: str = Field("k1", pattern=r"^[a-z]{1,8}[0-9]{0,3}$", description="id of the key in use")
    pseudonym_key_file: PathSetting | None = Field(
        None,
        description="file with the key, 32 bytes or more; default: pseudonym.key under state, made at first use",
    )
    old_pseudonym_keys: dict[Annotated[str, Field(pattern=r"^[a-z]{1,8}[0-9]{0,3}$")], PathSetting] = Field({})
    """Files of keys that were in use, by key id. Their tokens are recognized, but no new ones are made."""

    @model_validator(mode="after")
    def _ids_differ(self) -> "InstallationMasking":
        if self.pseudonym_key_id in self.old_pseudonym_keys:
            raise ValueError(f"{self.pseudonym_key_id!r} cannot be both the key in use and an old one")
        return self
