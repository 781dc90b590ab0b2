"""The rules for entities at one place, and the exemptions that hold there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.model.masking import Exemption, MaskOperator, RuleSource

ANY_ENTITY = "*"
_STRICTNESS = {operator: operator.strictness for operator in MaskOperator}
_LIFTED = frozenset({RuleSource.CONNECTION})
_LIFTED_IN_RECORDS = frozenset({RuleSource.CONNECTION, RuleSource.RECORD})
_NOTHING_LIFTED: frozenset[RuleSource] = frozenset()


def strictest(operators: list[MaskOperator]) -> MaskOperator | None:
    """Return the operator that hides most; None of none."""
    return max(operators, key=lambda each: _STRICTNESS[each], default=None)


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """The operators for each kind of entity, and the values of them that pass."""

    operators: Mapping[RuleSource, Mapping[str, MaskOperator]]
    """By who made the rule, and by entity; ``*`` for all."""
    exemptions: tuple[tuple[str, Exemption], ...] = ()
    """Those that hold here, each with its entity."""
    _known: dict[tuple[str, frozenset[RuleSource]], MaskOperator | None] = field(default_factory=dict, repr=False)

    def operator_for(self, entity: str, exemption: Exemption | None = None) -> MaskOperator | None:
        """Return the operator for a kind of entity; None if it is not masked.

        Args:
            entity: its name.
            exemption: the one that holds for the value. It sets the connection's rules aside, and no other ones.
        """
        lifted = _NOTHING_LIFTED if exemption is None else _LIFTED_IN_RECORDS if exemption.record else _LIFTED
        key = entity, lifted
        if key not in self._known:
            found = [
                each.get(name)
                for source, each in self.operators.items()
                if source not in lifted
                for name in (entity, ANY_ENTITY)
            ]
            self._known[key] = strictest([operator for operator in found if operator is not None])
        return self._known[key]

    def exemptions_for(self, entity: str) -> list[Exemption]:
        """Return the exemptions that may hold for a value of this entity."""
        return [each for name, each in self.exemptions if name in (entity, ANY_ENTITY)]

    def with_exemptions(self, more: tuple[tuple[str, Exemption], ...]) -> "EntityPlan":
        """Return the plan of a place at which more exemptions hold."""
        return EntityPlan(self.operators, self.exemptions + more)

    def without_connection(self) -> "EntityPlan":
        """Return the plan of a place of which a rule of the connection names the path."""
        rest = dict(self.operators)
        rest.pop(RuleSource.CONNECTION, None)
        return EntityPlan(rest, self.exemptions)
