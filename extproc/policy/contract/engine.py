"""The port to a policy engine."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from extproc.model.call import Json
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads


class PolicyEngine(Protocol):
    """Evaluates the configured query. Never decides anything itself: ``read_decision`` reads the answer."""

    is_remote: bool
    """True if ``evaluate`` waits for another process, which may never answer."""

    async def evaluate(self, document: bytes, caller: str = "") -> Json:
        """Evaluate the query over one input document.

        Args:
            document: the input, JSON, UTF-8.
            caller: the name of the call's caller. If questions have to queue, one caller's questions do not delay
                another caller's.

        Returns:
            The value of the query. An undefined query has no value: it raises.

        Raises:
            PolicyError: undefined, several results, an error, a timeout, or an engine that cannot be reached. The
                message holds nothing of the input.
        """
        ...

    @property
    def revision(self) -> str:
        """SHA-256 of the policy and data in force, lower-case hex."""
        ...

    @property
    def bundles(self) -> tuple[str, ...]:
        """``name@revision`` of the bundles that gave the latest answer, for people; empty if there are none."""
        ...

    @property
    def input_keys(self) -> frozenset[str] | None:
        """The keys of the input that the policy in force can look at; None: all."""
        ...

    @property
    def response_interest(self) -> ResponseInterest:
        """Says if the policy in force is to be asked about responses."""
        ...

    @property
    def decides_server_requests(self) -> bool:
        """True if the policy in force is to be asked about requests that servers make of clients."""
        ...

    @property
    def uninspectable_reads(self) -> UninspectableReads:
        """Says which requests and responses that cannot be read the policy in force is asked about."""
        ...

    @property
    def connection_facts(self) -> frozenset[str]:
        """The facts about the connection that the policy in force reads, as far as it is known."""
        ...

    @property
    def problem(self) -> str:
        """Why the engine cannot decide, for operators; empty while it can, as far as is known."""
        ...

    def watching(self) -> AbstractAsyncContextManager[None]:
        """Follow changes of the policy, and the engine's health, while the block runs."""
        ...
