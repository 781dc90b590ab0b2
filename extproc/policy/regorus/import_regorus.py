"""The embedded engine's module is optional: a production guard asks OPA and does without it."""

from typing import Any

from extproc.model.errors import ConfigError


def new_engine() -> Any:
    """An empty engine that keeps to itself what policies print.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import regorus  # noqa: PLC0415 - optional
    except ImportError:
        hint = "install extproc[embedded], or set policy.engine to opa"
        raise ConfigError("the embedded policy engine is not installed", None, hint) from None
    engine = regorus.Engine()
    engine.set_gather_prints(b=True)
    return engine
