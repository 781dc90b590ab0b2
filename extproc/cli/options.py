"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("extproc.yaml")
ConfigOption = Annotated[
    # Not readable=True: a file that this user may not read is an error with a hint, and no wrong option.
    Path,
    typer.Option("--config", "-c", help="The configuration file.", envvar="EXTPROC_CONFIG", readable=False),
]


class EngineChoice(StrEnum):
    """The engines in which a command can try a policy."""

    EMBEDDED = "embedded"
    OPA = "opa"


class Direction(StrEnum):
    """Which of a connection's two plans to try."""

    REQUEST = "request"
    RESPONSE = "response"


EngineOption = Annotated[
    EngineChoice | None,
    typer.Option("--engine", help="Try the policy in this engine. Default: that of the configuration."),
]
ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="EXTPROC_SERVER",
        metavar="URL",
        help="Ask the console at this address, signed in by `extproc login`. Default: the control process here.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def examples(*lines: tuple[str, str]) -> str:
    """Return the text below a command's help.

    Args:
        lines: each a command to type, and the case for which it is meant.
    """
    return "\n\n".join(("Examples:", *(f"- `{command}`: {purpose}" for command, purpose in lines)))
