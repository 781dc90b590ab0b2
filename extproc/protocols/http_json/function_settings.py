"""Settings of one function: an HTTP method and a path template."""

from typing import Annotated, Final, Literal

from pydantic import Field

from extproc.settings.base import Example, Strict

ANY_METHOD: Final = "*"


class FunctionSettings(Strict):
    """One HTTP operation, by method and path template."""

    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "*"], Example("method: GET")
    ]
    """HTTP method. GET does not include HEAD: HEAD needs its own function. ``*`` is any method but CONNECT, TRACE
    and TRACK, on paths that no more specific template names."""
    path: Annotated[str, Example("path: /customers/{id}")] = Field(
        pattern=r"^/",
        description="path template, /customers/{id}: a variable is one whole segment; all others match literally;"
        " /** at the end is any rest, in the argument `rest`; the most specific template wins",
    )
    identity: Literal["required", "none"] = "required"
    """none: a call without a token reaches policy, as nobody's. A token that is given is verified all the same.
    For health checks, logins and preflights."""
