"""Check the settings that only assembly can check: masking plans, detectors and policy."""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc.assembly.check_exemptions import exemption_problems
from extproc.assembly.keys import KEY_BYTES
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_engine import configured_interest, make_engine, presumed_reads
from extproc.assembly.make_masker import make_masker_with
from extproc.config.schema import Settings
from extproc.config.validation_errors import combined
from extproc.flow.services import Connection
from extproc.masking.masker import Masker
from extproc.model.errors import ConfigError, MaskingError
from extproc.model.masking import MaskOperator, MaskRule
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UnreadNote, unread_notes
from extproc.policy.names.known_names import suggestion


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """The policy that the settings select."""

    revision: str
    """Empty when OPA decides."""
    notes: tuple[UnreadNote, ...]
    """Notes about requests and responses that cannot be read."""
    decides_responses: bool
    """True if the policy declares that it decides responses."""


def check_parts(settings: Settings) -> CheckedPolicy:
    """Make every masking plan and load the policy, and keep nothing: for ``extproc config check``.

    Raises:
        ConfigError, PolicyInvalid: a masking plan or a policy that must not be used.
    """
    check_plans(settings)
    if settings.policy.engine == "opa":
        presumed, interest = presumed_reads(settings.policy), configured_interest(settings.policy)
        return CheckedPolicy("", tuple(unread_notes(presumed, interest)), interest is ResponseInterest.ALWAYS)
    engine = make_engine(settings)
    interest = engine.response_interest
    unread = tuple(unread_notes(engine.uninspectable_reads, interest))
    return CheckedPolicy(engine.revision, unread, interest is ResponseInterest.ALWAYS)


def check_plans(settings: Settings) -> None:
    """Make every connection's masking plan, and keep nothing. Reads and writes no key.

    Raises:
        ConfigError: plans that must not be used; it holds all mistakes, each with its key.
    """
    masker = make_masker_with(settings, bytes(KEY_BYTES))
    connections = (make_connection(name, each, settings.limits) for name, each in settings.connections.items())
    problems = [wrong for each in connections for wrong in plan_problems(each, masker)]
    if problems:
        raise combined(problems)


def check_plan(connection: Connection, masker: Masker) -> None:
    """Refuse a plan that could not mask everything that it names.

    Raises:
        ConfigError: invalid paths, and entities that no detector finds; it holds all of them, each with its key.
    """
    if problems := list(plan_problems(connection, masker)):
        raise combined(problems)


def plan_problems(connection: Connection, masker: Masker) -> Iterator[ConfigError]:
    """Yield an error for each rule that does nothing: an invalid path, or an entity that no detector finds."""
    yield from exemption_problems(connection, masker)
    masking = connection.settings.masking
    for side, rules, declared in (
        ("request", masking.request, masking.declared.request),
        ("response", masking.response, masking.declared.response),
    ):
        kinds = connection.protocol.kinds(response=side == "response")
        plain = [((side, index), each.path or "", each.entity or "") for index, each in enumerate(rules or ())]
        passing = [(("declared", side, index), path, "") for index, path in enumerate(declared or ())]
        for within, path, entity in (*plain, *passing):
            try:
                masker.check((MaskRule(MaskOperator.REDACT, path=path, entity=entity),), kinds)
            except MaskingError as error:
                close = suggestion(entity, masker.entities) if entity else ""
                named = ".".join(str(part) for part in within if isinstance(part, str))
                key = ("connections", connection.name, "masking", *within)
                where = f"connections.{connection.name}.masking.{named}"
                yield ConfigError(f"{where}: {error}{close}", key=key)
