"""The ``definitions`` section of a connection whose backend lists its functions."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from extproc.settings.base import Example, Strict

TOOL_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
DESCRIBING = frozenset({"name", "title", "description", "inputSchema", "outputSchema", "annotations"})
"""Members of a tool that always count: a model reads them, or clients go by them."""


class DefinitionSettings(Strict):
    """How the definitions of tools are pinned: policy sees whether the server has changed one."""

    pin: Literal["first-sight", "configured", "never"] = "first-sight"
    """first-sight: the definition that a listing shows first is accepted, and all others wait for people.
    configured: only those in digests, and those that people accept. never: definitions are not looked at."""
    digests: Annotated[
        dict[
            Annotated[str, Field(pattern=TOOL_NAME)],
            Annotated[list[Annotated[str, Field(pattern=DIGEST)]], Field(min_length=1)],
        ],
        Example("digests: {search: [sha256:…]}"),
    ] = Field({})
    """Accepted definitions by tool, as `extproc tools list` shows their digests. A tool that is named here is not
    pinned at first sight."""
    ignore: list[str] = Field([])
    """Members of a definition that do not count, such as `_meta`, for a server that writes other values into them
    each time. Names, descriptions, schemas and annotations always count."""

    @field_validator("ignore")
    @classmethod
    def _describes_nothing(cls, ignore: list[str]) -> list[str]:
        if wrong := sorted(DESCRIBING.intersection(ignore)):
            raise ValueError(f"{wrong[0]!r} always counts: a model reads it, or clients go by it")
        return ignore
