"""Select the policy that a command is about, and watch its files."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from extproc.cli.options import DEFAULT_CONFIG, EngineChoice
from extproc.console.printable import printable
from extproc.policy.bundle.policy_files import Fingerprint, PolicyFiles
from extproc.policy.names.known_names import KnownNames

DEFAULT_QUERY = "data.extproc.decision"
STARTER = PolicyFiles((), (), DEFAULT_QUERY)
"""The starter policies, which decide where nothing is configured."""
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


def no_names() -> None:
    """Without a configuration no name is known."""


class Selected(NamedTuple):
    """The policy that a command is about."""

    files: PolicyFiles
    known: Callable[[], KnownNames | None] = no_names
    """Returns the names of the configuration, by which the policy's are checked; None without a configuration."""


def select_policy(
    paths: list[Path] | None, data: list[Path] | None, query: str | None, config: Path
) -> PolicyFiles:
    """The files that the command names, else those of the configuration, else the starter policies.

    The configuration, if there is one, gives the query, and says what policy sees of header fields, whichever
    files are named.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    return choose_files(paths, data, query, _configured(config)[0])


def select_with_names(
    paths: list[Path] | None, data: list[Path] | None, query: str | None, config: Path
) -> Selected:
    """As ``select_policy``, with the names that the configuration knows.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    configured, known = _configured(config)
    return Selected(choose_files(paths, data, query, configured), known)


def _configured(config: Path) -> tuple[PolicyFiles, Callable[[], KnownNames | None]]:
    """The policy of the configuration, or the starter policies; and what returns the configuration's names."""
    if config == DEFAULT_CONFIG and not config.exists():
        return STARTER, no_names
    from extproc.config.load import load_settings
    from extproc.policy.bundle.configured_files import configured_files

    settings = load_settings(config)

    def known() -> KnownNames:
        from extproc.assembly.names_of_settings import known_names

        return known_names(settings)

    return configured_files(settings.policy), known


def choose_files(
    paths: list[Path] | None, data: list[Path] | None, query: str | None, configured: PolicyFiles
) -> PolicyFiles:
    """The configured policy, but for the files and the query that the command names."""
    asked = replace(configured, query=query or configured.query)
    return replace(asked, paths=tuple(paths or ()), data=tuple(data or ())) if paths or data else asked


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
