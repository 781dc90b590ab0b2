"""The facts about a policy that checking it has found."""

from dataclasses import dataclass
from enum import StrEnum

from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import NONE_READ, UninspectableReads
from extproc.policy.names.rego_literals import RegoLiteral
from extproc.policy.regorus.lint.rego_module import Violation


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
    undefined_data: tuple[str, ...] = ()
    """What it reads of data that no rule and no file of data defines, for people, each with its place."""
    decides_server_requests: bool = False
    """True if ``data.extproc.directions`` says that the policy decides requests of servers to clients."""


@dataclass(frozen=True, slots=True)
class NamesInRego:
    """The names and answers in a policy that OPA evaluates, found in its syntax alone."""

    violations: tuple[Violation, ...]
    """What never agrees with the input or with answers."""
    literals: tuple[RegoLiteral, ...]
    """As in ``PolicyCheck``."""
    deciding: frozenset[str]
    """The files with rules that the query reaches."""

    def of_deciding(self) -> "NamesInRego":
        """Only what is in files with rules that the query reaches: the others may be about other inputs."""
        violations = tuple(one for one in self.violations if one.file in self.deciding)
        return NamesInRego(
            violations, tuple(one for one in self.literals if one.file in self.deciding), self.deciding
        )
