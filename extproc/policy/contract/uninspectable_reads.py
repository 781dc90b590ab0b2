"""What policy certainly reads of the facts about requests and responses that cannot be read.

A deny rule about a body does not match a body that the guard could not read. So policy is not asked about such a
request or response unless it is certain that policy reads the fact, or the configuration says that it is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from extproc.model.call import Json
from extproc.policy.contract.response_interest import ResponseInterest

UninspectableSetting: TypeAlias = Literal["auto", "refuse", "ask"]
"""The values of ``policy.uninspectable``."""
RESPONSE_PARTS = frozenset({"body", "findings"})
"""The parts of ``input.response`` that are missing when the response cannot be read or searched."""


@dataclass(frozen=True, slots=True)
class UninspectableReads:
    """What policy reads, as far as it is certain. Without arguments: nothing is."""

    request: bool = False
    """It reads ``input.body.uninspectable``."""
    forms: bool = False
    """It sees a form in ``input.parsed_body``, and reads nothing else that should have the form's fields."""
    streams: bool = False
    """It sees messages of a client that streams, which ``input.parsed_body`` lacks; or it reads no body there."""
    response: bool = False
    """It reads ``input.response.uninspectable``."""
    response_parts: frozenset[str] = RESPONSE_PARTS
    """The parts of ``RESPONSE_PARTS`` that it may read."""

    def configured(self, setting: UninspectableSetting) -> "UninspectableReads":
        """As the setting has it: ``ask`` counts as if policy read every fact, ``refuse`` as if it read none."""
        if setting == "ask":
            return ALL_READ
        return replace(self, request=False, forms=False, response=False) if setting == "refuse" else self

    def missing_parts(self, response: dict[str, Any]) -> list[str]:
        """The parts of ``input.response`` that policy may read, that are missing, and that it would not miss.

        Args:
            response: the value of ``input.response``.
        """
        if self.response or "uninspectable" not in response:
            return []
        return sorted(part for part in self.response_parts if response.get(part) is None)


NONE_READ = UninspectableReads()
"""Policy is asked about none of them."""
ALL_READ = UninspectableReads(request=True, forms=True, streams=True, response=True)
"""Policy is asked about every request and response."""


class UnreadNote(NamedTuple):
    """What happens because policy is not known to read a fact. It is information, not an error."""

    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}"


def unread_notes(reads: UninspectableReads, interest: ResponseInterest) -> Iterator[UnreadNote]:
    """Yield a note for each fact that the policy in force is not known to read.

    Args:
        reads: what the policy reads, as configured.
        interest: whether it is asked about responses.
    """
    if not reads.request:
        forms = ", except for forms, which it sees in input.parsed_body" if reads.forms else ""
        yield UnreadNote(
            "no rule of the query is known to read input.body.uninspectable: requests that cannot be read are"
            f" refused (uninspectable) before policy is asked{forms}",
            "to decide about them, begin with a rule that reads it, or set policy.uninspectable",
        )
    if interest is not ResponseInterest.NEVER and not reads.response and reads.response_parts:
        names = " or ".join(f"input.response.{part}" for part in sorted(reads.response_parts))
        yield UnreadNote(
            "no rule of the query is known to read input.response.uninspectable: responses without"
            f" {names} are withheld (response-uninspectable) where policy is asked about responses",
            "to decide about them, begin with a rule that reads it, or set policy.uninspectable",
        )


def not_asked(asked: Json, reads: UninspectableReads) -> str:
    """Why the guard does not ask policy about an input; empty if it does, or if that is not known.

    Args:
        asked: the input document. It may come from an author, and have any shape.
        reads: what the policy reads.
    """
    match asked:
        case {"body": {"uninspectable": _}, **rest} if not (
            reads.request or (reads.forms and rest.get("parsed_body"))
        ):
            return "such a request is refused before policy is asked, unless policy.uninspectable is ask"
        case {"response": dict(response)} if reads.missing_parts(response):
            return "such a response is withheld before policy is asked, unless policy.uninspectable is ask"
        case _:
            return ""
