"""The lists of earlier requests, and of those with a ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from extproc.approvals.approval import Approval, State
from extproc.console.pages.request_page import Past, past_view

PAGE = 50
"""Rows of a page."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of the history, as the visitor typed it."""

    function: str = ""
    caller: str = ""
    state: str = ""

    @property
    def states(self) -> tuple[State, ...]:
        """The states to show: those that are closed, or one of all."""
        known = [state for state in State if state.value == self.state]
        return tuple(known)

    def requester(self, issuer: str) -> str:
        """Return the caller as ``issuer|subject``, which the store compares.

        Args:
            issuer: of a caller that was typed as a subject alone: the visitor's own.
        """
        bare = self.caller and "|" not in self.caller
        return f"{issuer}|{self.caller}" if bare else self.caller

    @property
    def nothing(self) -> str:
        """What to say where no request is found."""
        bare = self.caller and "|" not in self.caller
        return "No such request of your issuer: write issuer|subject for others" if bare else "No such request"


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a list."""

    rows: tuple[Past, ...]
    older: str
    """Address of the next page; empty: there is none."""


def history_view(found: Sequence[Approval], wanted: Wanted, now_ns: int) -> HistoryPage:
    """Arrange a page of the history.

    Args:
        found: at most ``PAGE`` + 1 requests, newest first.
        wanted: the filter.
        now_ns: wall-clock nanoseconds.
    """
    shown = found[:PAGE]
    filters = {"function": wanted.function, "caller": wanted.caller, "state": wanted.state}
    older = ""
    if len(found) > PAGE:
        kept = {name: value for name, value in filters.items() if value}
        older = "/history?" + urlencode(kept | {"before": shown[-1].request.approval_id})
    return HistoryPage(tuple(past_view(each, now_ns) for each in shown), older)
