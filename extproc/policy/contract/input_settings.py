"""The settings on which the keys of policy's input depend."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputSettings:
    """What an installation shows to policy."""

    show_headers: tuple[str, ...] = ()
    """Header fields that are shown although they carry secrets."""
    usage: bool = True
    """Whether calls are counted."""


HIDE_SECRETS = InputSettings()
"""The keys that an installation has if nobody says otherwise; calls may be counted."""
