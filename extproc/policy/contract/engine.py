"""What an engine of policy does."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from extproc.model.call import Json
from extproc.policy.contract.response_interest import ResponseInterest


class PolicyEngine(Protocol):
    """Evaluates the configured query. Never decides anything itself: the answer is read elsewhere."""

    is_remote: bool
    """Whether ``evaluate`` waits for something outside of this process, which may never answer."""

    async def evaluate(self, document: bytes, caller: str = "") -> Json:
        """Evaluate the query over one input document.

        Args:
            document: the input, JSON, UTF-8.
            caller: whose call it is about. Where questions wait for each other, nobody's keep another's waiting.

        Returns:
            The value of the query. Undefined is not a value: it raises.

        Raises:
            PolicyError: undefined, several results, an error, a timeout, an engine that is gone. The message
                holds nothing of the input.
        """
        ...

    @property
    def revision(self) -> str:
        """SHA-256 of the policy and data in force, lower-case hex."""
        ...

    @property
    def input_keys(self) -> frozenset[str] | None:
        """Keys of the input that the policy in force can look at; None: all."""
        ...

    @property
    def response_interest(self) -> ResponseInterest:
        """Whether policy is to be asked about responses."""
        ...

    @property
    def problem(self) -> str:
        """Why the engine cannot decide, for operators; empty while it can, as far as is known."""
        ...

    def watching(self) -> AbstractAsyncContextManager[None]:
        """Keeps up with changes of the policy, and with the engine's health, while the block runs."""
        ...
