"""The fields of the pages' forms and of their event stream."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

TEXT_MOST = 10_000
"""Characters of a field of a form or a filter. The store takes fewer, and says so."""
PAGE_MOST = 10_000
Text = Annotated[str, Field(max_length=TEXT_MOST)]


class VoteForm(BaseModel):
    """A vote. Its field ``csrf`` is checked before: see ``sign_in.dependencies.acting``."""

    decision: Literal["approve", "deny"]
    digest: Text = ""
    """Of the call that the page showed."""
    preview: Text = ""
    """The digest of the preview, if the page showed all of it."""
    note: Text = ""
    break_glass: bool = False
    confirm: bool = False
    """The visitor says that breaking the glass is meant."""


class StreamQuery(BaseModel):
    """What a page wants to hear of: a request, or the queue."""

    approval: Annotated[str, Field(pattern=r"^([0-9a-f-]{36})?$")] = ""
    whole: bool = False
    show: Text = "mine"
    caller: Text = ""
    page: Annotated[int, Field(ge=1, le=PAGE_MOST)] = 1
    seen: Text = ""
    """What the page has seen last."""
