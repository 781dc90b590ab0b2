"""Settings of an http-json connection."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from extproc.settings.base import FUNCTION_NAME, Strict
from extproc.settings.connection import ConnectionBase


class FunctionSettings(Strict):
    """One HTTP operation, by method and path template."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    """HTTP method. HEAD is its own function: GET does not include it."""
    path: str = Field(
        pattern=r"^/",
        description="template: /customers/{id}; one segment per variable; literal ones count as spelled",
    )


class HttpJsonConnection(ConnectionBase):
    """A REST-like backend that speaks JSON."""

    protocol: Literal["http-json"]
    """JSON over HTTP."""
    functions: dict[Annotated[str, Field(pattern=FUNCTION_NAME)], FunctionSettings] = Field({})
    """Operations by function name; all else is unknown and denied."""
    openapi: Path | None = Field(None, description="OpenAPI 3 file; each operationId becomes a function")

    @model_validator(mode="after")
    def _some_function(self) -> "HttpJsonConnection":
        if not self.functions and self.openapi is None:
            raise ValueError("give functions, openapi, or both")
        return self
