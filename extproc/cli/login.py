"""``extproc login``, ``logout`` and ``whoami``: the session at a console on another machine."""

from typing import Annotated

import typer

from extproc.cli.options import JsonOption, examples
from extproc.model.errors import ConfigError

LOGIN_EXAMPLES = examples(
    ("extproc login --server https://approve.example.com", "type a code into a browser on any device."),
    ("extproc login --server https://approve.example.com --browser", "use the browser of this machine."),
    ("export EXTPROC_SERVER=https://approve.example.com; extproc approvals list", "then ask that console."),
)
LOGOUT_EXAMPLES = examples(("extproc logout --server https://approve.example.com", "end the session."))
WHOAMI_EXAMPLES = examples(("extproc whoami --server https://approve.example.com", "see who votes, and how long."))

ConsoleOption = Annotated[
    str, typer.Option("--server", envvar="EXTPROC_SERVER", metavar="URL", help="The console's address. Mandatory.")
]


def login(
    *,
    server: ConsoleOption = "",
    browser: Annotated[
        bool, typer.Option("--browser", help="Sign in with this machine's browser, and not by a code.")
    ] = False,
    issuer: Annotated[
        str, typer.Option("--issuer", metavar="URL", help="Accept this identity provider only.")
    ] = "",
    verification_host: Annotated[
        str,
        typer.Option(
            "--verification-host",
            metavar="HOST",
            help="Accept a page for the code on this host, too. Default: the provider's own host only.",
        ),
    ] = "",
) -> None:
    """Sign in to a console on another machine, with its identity provider.

    Shows a code and an address: open the address in a browser on any device, compare the code, and sign in. Check
    that the address is your identity provider's before you type a password.

    The session is kept in `$XDG_CONFIG_HOME/extproc/sessions.json` (default: `~/.config`), for you alone. Its
    token goes to this console only.
    """
    from extproc.cli.sign_in_acts import sign_in

    sign_in(_needed(server), browser=browser, issuer=issuer, verification_host=verification_host)


def logout(server: ConsoleOption = "") -> None:
    """End the session at a console, here and at its identity provider."""
    from extproc.cli.sign_in_acts import sign_out

    sign_out(_needed(server))


def whoami(server: ConsoleOption = "", as_json: JsonOption = False) -> None:
    """Show who is signed in at a console, and ask the console whether it accepts that."""
    from extproc.cli.sign_in_acts import print_person

    print_person(_needed(server), as_json=as_json)


def _needed(server: str) -> str:
    if not server:
        raise ConfigError("no console is named", hint="give --server https://HOST, or set EXTPROC_SERVER")
    return server
