"""Find rules that read a key which policy's input never has: they would never apply."""

from collections.abc import Sequence

from extproc.policy.contract.input_settings import InputSettings
from extproc.policy.contract.input_shape import unknown_key
from extproc.policy.regorus.lint.input_references import InputReference, input_references, named_references
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, violation
from extproc.policy.regorus.lint.rule_uses import rules_of_query


def unknown_keys(modules: Sequence[RegoModule], query: str, settings: InputSettings) -> list[Violation]:
    """Find each place at which the decision reads a key that the input never has.

    Rules that the query does not use are left aside: they may be about other inputs. So are keys that are not
    written out (``input[name]``), and everything below keys with any content, such as ``parsed_body``.

    Args:
        modules: the policy, without its tests.
        query: the rule that decides, ``data.…``.
        settings: those on which the input's keys depend.
    """
    named = named_references(modules)
    found = [
        wrong
        for module, rule in rules_of_query(tuple(modules), tuple(query.split(".")))
        for reference in input_references(module, rule, named)
        if (wrong := _violation(module, reference, settings))
    ]
    return sorted(set(found))


def _violation(module: RegoModule, reference: InputReference, settings: InputSettings) -> Violation | None:
    unknown = unknown_key(reference.keys, settings)
    if unknown is None:
        return None
    return violation(module, reference.span(unknown.position), unknown.message, unknown.hint)
