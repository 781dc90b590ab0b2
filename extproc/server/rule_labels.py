"""The names of policy's rules as labels of metrics: a short list, so that no value becomes a label."""

import re
from collections.abc import Iterable

MOST = 100
"""Names that are labels. Further ones count as ``OTHER``."""
NONE, OTHER = "", "other"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""What may be a label although no policy is known to have it: an OPA server does not say which rules it has."""


class RuleLabels:
    """Knows which names of rules are labels. Owned by one process."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.engine = ""
        """The engine of the policy in force: ``embedded`` or ``opa``."""

    def declare(self, names: Iterable[str], engine: str) -> list[str]:
        """Learn the rules of the policy that is now in force.

        Args:
            names: the rules' names.
            engine: its engine. The embedded one knows all names: another one could be computed from a call.

        Returns:
            The names that were not known before, and are labels from now on.
        """
        self.engine = engine
        fresh = sorted(set(names) - self._known)[: max(MOST - len(self._known), 0)]
        self._known.update(fresh)
        return fresh

    def label(self, rule: str) -> str:
        """The label for a decision's rule."""
        if not rule or rule in self._known:
            return rule or NONE
        if self.engine != "opa" or len(self._known) >= MOST or not NAME.fullmatch(rule):
            return OTHER
        self._known.add(rule)
        return rule
