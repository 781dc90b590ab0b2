"""Decide one input after the other in an OPA server, for replays, which wait for each decision."""

import asyncio
import contextlib
from collections.abc import Iterator

from extproc.model.call import Json
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.opa.opa_server import OpaServer


class OpaDecider:
    """Implements ``Decider``."""

    def __init__(self, engine: OpaEngine, runner: asyncio.Runner) -> None:
        self._engine, self._runner = engine, runner

    @property
    def revision(self) -> str:
        """The revision of the policy that gave the latest answer."""
        return self._engine.revision

    def evaluate_now(self, document: bytes) -> Json:
        """Evaluate the query over one input, and wait for the answer.

        Raises:
            PolicyError: there is no usable answer.
        """
        return self._runner.run(self._engine.evaluate(document))


@contextlib.contextmanager
def deciding(server: OpaServer, query: str) -> Iterator[OpaDecider]:
    """A decider, while the block runs."""
    with asyncio.Runner() as runner:
        engine = OpaEngine(server, query)
        try:
            yield OpaDecider(engine, runner)
        finally:
            runner.run(engine.close())
