"""Select the policy that a command is about, and watch its files."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from extproc.cli.options import DEFAULT_CONFIG, EngineChoice
from extproc.console.printable import printable
from extproc.policy.bundle.policy_files import Fingerprint, PolicyFiles, configured_files, input_settings
from extproc.policy.contract.input_settings import HIDE_SECRETS

DEFAULT_QUERY = "data.extproc.decision"
POLL_S = 0.5
NAMES_SHOWN = 3
"""Changed files that are named."""


def opa_decides(engine: EngineChoice | None, config: Path) -> bool:
    """True if a command is to try the policy in OPA: as its option says, else as the configuration says.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    if engine is not None:
        return engine is EngineChoice.OPA
    if config == DEFAULT_CONFIG and not config.exists():
        return False
    from extproc.config.load import load_settings

    return load_settings(config, to_serve=False).policy.engine == EngineChoice.OPA.value


def select_policy(
    paths: list[Path] | None, data: list[Path] | None, query: str | None, config: Path
) -> PolicyFiles:
    """The files that the command names, else those of the configuration, else the starter policies.

    The configuration, if there is one, says what policy sees of header fields, whichever files are named.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    configured = config != DEFAULT_CONFIG or config.exists()
    if not configured:
        return PolicyFiles(tuple(paths or ()), tuple(data or ()), query or DEFAULT_QUERY, HIDE_SECRETS)
    from extproc.config.load import load_settings

    policy = load_settings(config).policy
    if paths or data:
        return PolicyFiles(tuple(paths or ()), tuple(data or ()), query or DEFAULT_QUERY, input_settings(policy))
    return configured_files(policy, query or "")


def changes(files: PolicyFiles) -> Iterator[str]:
    """Yield a line for people at once, and then after each change of a file. Never ends."""
    seen = None
    while True:
        now = files.fingerprint()
        if now != seen:
            event = f"watching {len(now)} files; Ctrl-C ends" if seen is None else _changed(seen, now)
            seen = now
            yield f"\n{datetime.now().astimezone():%H:%M:%S} {event}"
        time.sleep(POLL_S)


def _changed(before: Fingerprint, after: Fingerprint) -> str:
    names = sorted({printable(stamp[0]) for stamp in set(before) ^ set(after)})
    return f"changed: {', '.join(names[:NAMES_SHOWN])}{' and more' if len(names) > NAMES_SHOWN else ''}"
