"""Settings of one function: an HTTP method and a path template."""

from typing import Annotated, Literal

from pydantic import Field

from extproc.settings.base import Example, Strict


class FunctionSettings(Strict):
    """One HTTP operation, by method and path template."""

    method: Annotated[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], Example("method: GET")]
    """HTTP method. GET does not include HEAD: HEAD needs its own function."""
    path: Annotated[str, Example("path: /customers/{id}")] = Field(
        pattern=r"^/",
        description="path template, /customers/{id}: a variable is one whole segment; all others match literally",
    )
