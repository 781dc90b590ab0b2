"""What policy certainly reads of the facts about requests and responses that cannot be read.

A deny rule about a body does not match a body that the guard could not read. So policy is not asked about such a
request or response unless it is certain that policy reads the fact, or the configuration says that it is asked.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from extproc.model.call import Json

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

    def missing_parts(self, response: dict[str, Json]) -> list[str]:
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
