"""Marks at values that an approver should look at first: findings, keys and words that commonly do harm.

They help to read a call. They decide nothing: a harmful value without a mark is as harmful.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from extproc.console.visible_text import hidden_characters
from extproc.model.masking import Finding


class Weight(StrEnum):
    """How much a mark stands out."""

    DANGER = "danger"
    CARE = "care"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Mark:
    """One remark at a value."""

    weight: Weight
    label: str
    """A word or two, beside the value."""
    why: str
    """One sentence, with the value named by its place elsewhere. Holds nothing of the value."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FLAGS = _words(
    "force forced recursive cascade overwrite purge permanent hard delete_all all skip_checks no_verify"
)
_FLAGS |= _words("skip_backup without_backup bypass override auto_approve allow_all")
_PLACES = _words("environment env stage target_environment cluster namespace")
_CODE = _words("command cmd script sql statement query code expression exec shell program template")
_RIGHTS = _words(
    "role roles permission permissions scope scopes grant grants admin is_admin group groups policy acl"
)
_RIGHTS |= _words("privileges visibility public access")
_MONEY = _words("amount price total sum limit budget refund value_cents cents payment discount credit")
_ADDRESSES = _words("url uri webhook callback callback_url redirect_uri endpoint host destination proxy")
_PEOPLE = _words("to cc bcc recipient recipients email emails iban account account_number payee beneficiary")

_PRODUCTION = re.compile(r"\b(prod|production|live|prd)\b", re.IGNORECASE)
_DESTRUCTIVE = re.compile(
    r"\b(drop|truncate|delete\s+from|alter\s+table|grant|revoke|rm\s+-\w*[rf]|mkfs|shutdown|reboot|kubectl\s+delete"
    r"|terraform\s+destroy|chmod\s+777|curl\b[^|]*\|\s*(ba)?sh)\b",
    re.IGNORECASE,
)
_EVERYTHING = frozenset({"*", "%", "/", "all", "any", "0.0.0.0/0", "::/0", "/*", "*.*"})
_SECRETS = _words("KEY TOKEN SECRET PASSWORD PRIVATE CREDENTIAL AUTHORIZATION JWT CONNECTION CARD SSN")
"""Words in the names of entities that give access, or do harm to a person, where they come into wrong hands."""
_FORCES = Mark(Weight.DANGER, "forces", "A switch that forces is on")
_DESTROYS = Mark(Weight.DANGER, "destroys", "A command that destroys")
_IS_PRODUCTION = Mark(Weight.DANGER, "production", "It is production")
_IS_EVERYTHING = Mark(Weight.DANGER, "everything", "It stands for everything")
_IS_RIGHT = Mark(Weight.CARE, "rights", "It gives or takes rights")
_RUNS = Mark(Weight.CARE, "runs", "It will be executed")
_IS_MONEY = Mark(Weight.CARE, "money", "It is about money")
_IS_ADDRESS = Mark(Weight.CARE, "address", "Data may go there")
_IS_RECIPIENT = Mark(Weight.CARE, "recipient", "It says who gets something")
_NO = frozenset({"false", "null", "no", "0", "off", "none", ""})


def risk_marks(name: str, text: str, *, is_text: bool) -> tuple[Mark, ...]:
    """Return the marks of a value by its name and its words.

    Args:
        name: the nearest key above it.
        text: the value as written.
        is_text: whether it is a text, which may hide characters.
    """
    key = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    low = text.strip().lower()
    rules = (
        (key in _FLAGS and low not in _NO, _FORCES),
        (_DESTRUCTIVE.search(text) is not None, _DESTROYS),
        (key in _PLACES and _PRODUCTION.search(text) is not None, _IS_PRODUCTION),
        (bool(key) and low in _EVERYTHING, _IS_EVERYTHING),
        (key in _RIGHTS, _IS_RIGHT),
        (key in _CODE, _RUNS),
        (key in _MONEY and any(char.isdigit() for char in text), _IS_MONEY),
        (key in _ADDRESSES and bool(text), _IS_ADDRESS),
        (key in _PEOPLE and bool(text), _IS_RECIPIENT),
    )
    return (*(mark for holds, mark in rules if holds), *(hidden_mark(text) if is_text else ()))


def hidden_mark(text: str) -> tuple[Mark, ...]:
    """Return a mark if a text hides characters."""
    names = hidden_characters(text)
    if not names or set(names) == {"no-break space"}:
        return ()
    return (Mark(Weight.DANGER, "hidden characters", f"It hides characters ({', '.join(names[:3])})"),)


def entity_mark(finding: Finding) -> Mark:
    """Return the mark of a finding."""
    noun = (
        finding.entity.lower().replace("_", " ") if finding.entity != "FIELD" else "a field that is always masked"
    )
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    if finding.is_exempt:
        return Mark(Weight.CARE, f"{noun}, not masked", f"Found{times}, {finding.how}")
    weight = Weight.DANGER if _SECRETS & set(finding.entity.split("_")) else Weight.CARE
    return Mark(weight, noun, f"Found{times}; you see a mask, the function gets the value")
