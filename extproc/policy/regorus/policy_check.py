"""The facts about a policy that checking it has found."""

from dataclasses import dataclass
from enum import StrEnum

from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import NONE_READ, UninspectableReads
from extproc.policy.names.rego_literals import RegoLiteral


class SettingsValidity(StrEnum):
    """The values that say if the data has the shape that the policy reads."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "unchecked"
    """The policy has no rule ``data.extproc.settings.valid``."""


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """The facts about a policy that checking it has found, so that loading it need not find them again."""

    settings: SettingsValidity = SettingsValidity.UNCHECKED
    input_keys: frozenset[str] | None = None
    """The keys of ``input`` that the policy can look at; None: all."""
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    uninspectable_reads: UninspectableReads = NONE_READ
    literals: tuple[RegoLiteral, ...] = ()
    """The texts that the policy compares with names of the input."""
    rule_names: tuple[str, ...] = ()
    """The names of rules that decisions spell out, and those that the policy declares. Sorted."""
    connection_facts: frozenset[str] = frozenset()
    """The facts about the connection that the policy reads: see ``extproc.policy.contract.connection_facts``."""
