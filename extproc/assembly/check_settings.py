"""Check the settings that only assembly can check: masking plans, detectors and policy."""

from dataclasses import dataclass

from extproc.assembly.keys import KEY_BYTES
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_engine import configured_interest, make_engine, presumed_reads
from extproc.assembly.make_masker import make_masker_with
from extproc.config.schema import Settings
from extproc.flow.services import Connection
from extproc.masking.masker import Masker
from extproc.model.errors import ConfigError, MaskingError
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UnreadNote, unread_notes


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """The policy that the settings select."""

    revision: str
    """Empty when OPA decides."""
    notes: tuple[UnreadNote, ...]
    """What happens to requests and responses that cannot be read."""
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
        ConfigError: a plan that must not be used.
    """
    masker = make_masker_with(settings, bytes(KEY_BYTES))
    for name, connection in settings.connections.items():
        check_plan(make_connection(name, connection, settings.limits), masker)


def check_plan(connection: Connection, masker: Masker) -> None:
    """Refuse a plan that could not mask everything that it names.

    Raises:
        ConfigError: an invalid path, or an entity that no detector finds.
    """
    for direction, rules in (("request", connection.mask.request), ("response", connection.mask.response)):
        try:
            masker.check(rules, connection.protocol.kinds(response=direction == "response"))
        except MaskingError as error:
            key = ("connections", connection.name, "masking", direction)
            raise ConfigError(f"{'.'.join(key)}: {error}", key=key) from error
