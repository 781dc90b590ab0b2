"""The server that a command asks: the control process of this machine, or a console far away."""

from pathlib import Path

from extproc.console import client as clients
from extproc.console.afar.safe_address import console_origin
from extproc.console.client import ControlClient, read_token


def connect_to(
    server: str, config: Path, token_file: Path | None = None, *, as_person: bool = False
) -> ControlClient:
    """Make a client.

    Args:
        server: the console's address; empty: the socket that the configuration names.
        config: the configuration file; not read for a console.
        token_file: the person's token; None: that of the session, or on this machine of EXTPROC_TOKEN. The
            variable is never sent to a console far away: it may be for another one.
        as_person: whether the socket needs a token, too.

    Raises:
        ConfigError: the address, the configuration or the token is wrong.
    """
    if not server:
        return clients.connect(config, read_token(token_file) if as_person else None)
    origin = console_origin(server)
    if token_file is None:
        from extproc.console.afar.remote_session import RemoteSession, own_sessions

        return ControlClient.at(origin, RemoteSession(origin, own_sessions()).bearer)
    token = read_token(token_file)
    return ControlClient.at(origin, lambda: token)
