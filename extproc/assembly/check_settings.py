"""Check the settings that only assembly can check: masking plans, detectors and policy."""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc.assembly.check_exemptions import exemption_problems
from extproc.assembly.keys import KEY_BYTES
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_engine import configured_interest, make_engine, presumed_reads
from extproc.assembly.make_masker import collect_detectors, key_problems, make_masker_with
from extproc.codecs.located_yaml import KeyPath
from extproc.config.schema import Settings
from extproc.config.validation_errors import combined
from extproc.detectors.analyzer import Analyzer
from extproc.flow.services import Connection
from extproc.masking.masker import Masker
from extproc.model.errors import ConfigError, MaskingError, PolicyInvalid
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
        ConfigError, PolicyInvalid: masking, keys or a policy that must not be used; it holds all mistakes.
    """
    problems = [*masking_problems(settings), *key_problems(settings)]
    try:
        checked = _check_policy(settings)
    except PolicyInvalid as error:
        if not problems:
            raise
        problems += error.problems or [ConfigError(str(error))]
    except ConfigError as error:
        problems.append(error)
    if problems:
        raise combined(problems)
    return checked


def _check_policy(settings: Settings) -> CheckedPolicy:
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
    if problems := masking_problems(settings):
        raise combined(problems)


def masking_problems(settings: Settings) -> list[ConfigError]:
    """Return an error for each mistake in the detectors and in every connection's masking, with its key."""
    detectors, problems = collect_detectors(settings.masking)
    masker = make_masker_with(settings, bytes(KEY_BYTES), detectors=Analyzer(detectors))
    for name, each in settings.connections.items():
        problems += plan_problems(make_connection(name, each, settings.limits), masker)
    return problems


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
        plain = [
            ((side, index, "path" if each.path else "entity"), each.path or "", each.entity or "")
            for index, each in enumerate(rules or ())
        ]
        passing = [(("declared", side, index), path, "") for index, path in enumerate(declared or ())]
        rows: list[tuple[KeyPath, str, str]] = [*plain, *passing]
        for within, path, entity in rows:
            try:
                masker.check((MaskRule(MaskOperator.REDACT, path=path, entity=entity),), kinds)
            except MaskingError as error:
                close = suggestion(entity, masker.entities) if entity else ""
                named = f"declared.{side}" if within[0] == "declared" else side
                key = ("connections", connection.name, "masking", *within)
                where = f"connections.{connection.name}.masking.{named}"
                yield ConfigError(f"{where}: {error}{close}", key=key)
