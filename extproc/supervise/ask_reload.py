"""Ask ``extproc up`` to reload its configuration, over the socket in its state folder."""

from pathlib import Path
from typing import Any

import httpx

from extproc.config.state_folder import not_permitted
from extproc.model.errors import ControlError

SOCKET = "up.sock"
"""In the state folder. Only its owner can open it."""
ALONE = (
    "Start it with `extproc up`, or send SIGHUP to each `extproc serve` and `extproc control` that runs alone.\n"
    "  If `state` was changed in the file, it needs a restart: stop `extproc up`, and start it again."
)


class ReloadRefusedError(ControlError):
    """The new configuration was refused; nothing has changed."""


def ask_reload(state: Path, file: Path, *, within_s: float) -> dict[str, Any]:
    """Have the installation reload its file.

    Args:
        state: its state folder.
        file: its configuration file, absolute.
        within_s: seconds to wait.

    Returns:
        ``digest``, and the ``keys`` that changed; None if the file was in force before.

    Raises:
        ControlError: no installation answers, or it refused: says why.
    """
    transport = httpx.HTTPTransport(uds=str(state / SOCKET), verify=False)
    try:
        with httpx.Client(transport=transport, timeout=within_s, trust_env=False) as client:
            response = client.post("http://up/reload", json={"file": str(file)})
            answer = response.json()
    except httpx.TimeoutException:
        raise ControlError(f"`extproc up` did not answer within {within_s:.0f} s", "See its log.") from None
    except (httpx.HTTPError, ValueError, RecursionError):
        none = ControlError(f"no `extproc up` runs on the state folder {state}", ALONE)
        raise (not_permitted(state / SOCKET) or none) from None
    if not isinstance(answer, dict) or (response.is_success and not _changed(answer)):
        raise ControlError(
            f"the server that answers on {state / SOCKET} is not `extproc up`", "Stop it, or correct `state`."
        )
    if response.is_success:
        return answer
    raise ReloadRefusedError(f"refused, nothing was changed: {answer.get('error', response.status_code)}")


def _changed(answer: dict[str, Any]) -> bool:
    """Return whether this is the answer to a reload."""
    keys = answer.get("keys", ())
    return isinstance(answer.get("digest"), str) and (keys is None or isinstance(keys, list))
