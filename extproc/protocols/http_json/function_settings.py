"""Settings of one function: an HTTP method and a path template."""

from typing import Literal

from pydantic import Field

from extproc.settings.base import Strict


class FunctionSettings(Strict):
    """One HTTP operation, by method and path template."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    """HTTP method. HEAD is its own function: GET does not include it."""
    path: str = Field(
        pattern=r"^/",
        description="template: /customers/{id}; one segment per variable; literal ones count as spelled",
    )
