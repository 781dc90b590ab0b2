"""Check the settings that only assembly can check: masking plans, detectors and policy."""

from extproc.assembly.keys import KEY_BYTES
from extproc.assembly.make_connection import make_connection
from extproc.assembly.make_engine import make_engine
from extproc.assembly.make_masker import make_masker_with
from extproc.config.schema import Settings
from extproc.flow.services import Connection
from extproc.masking.masker import Masker
from extproc.model.errors import ConfigError, MaskingError


def check_parts(settings: Settings) -> str:
    """Make every masking plan and load the policy, and keep nothing: for ``extproc config check``.

    Returns:
        The policy's revision; empty when OPA decides.

    Raises:
        ConfigError, PolicyInvalid: a masking plan or a policy that must not be used.
    """
    check_plans(settings)
    return make_engine(settings).revision if settings.policy.engine == "embedded" else ""


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
