"""Exit statuses, so that scripts can tell why a command did not do its work."""

from enum import IntEnum

from extproc.model.errors import ControlError, WhyRefused


class ExitStatus(IntEnum):
    """The exit statuses of commands that ask the control process. 0 is success; 2 is a wrong option."""

    FAILED = 1
    """Any other error: no answer, no permission, a file that is wrong."""
    SIGN_IN = 3
    """No token, or none that is valid now."""
    NOT_FOUND = 4
    """No such approval, session or definition; or several that could be meant."""
    REFUSED = 5
    """The rules do not allow it: one's own call, another group, decided before."""


BY_REASON: dict[str, ExitStatus] = {
    "unauthenticated": ExitStatus.SIGN_IN,
    "token-rejected": ExitStatus.SIGN_IN,
    "sign-in-needed": ExitStatus.SIGN_IN,
    "ambiguous": ExitStatus.NOT_FOUND,
    "not-in-scope": ExitStatus.REFUSED,
    **dict.fromkeys(WhyRefused, ExitStatus.REFUSED),
    WhyRefused.UNKNOWN: ExitStatus.NOT_FOUND,
}
"""The status by the reason in the answer."""


def exit_status(error: Exception) -> ExitStatus:
    """Return the exit status of a command that ended with this error."""
    reason = error.reason if isinstance(error, ControlError) else ""
    return BY_REASON.get(reason, ExitStatus.FAILED)
