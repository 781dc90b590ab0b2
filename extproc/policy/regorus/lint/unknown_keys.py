"""Find rules that read a key which policy's input never has: they would never apply."""

from collections.abc import Iterator, Sequence

from extproc.policy.contract.input_settings import InputSettings
from extproc.policy.contract.input_shape import unknown_key
from extproc.policy.regorus.lint.input_references import InputReference, input_references
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
    rules = rules_of_query(tuple(modules), tuple(query.split(".")))
    references = input_references(modules, rules)
    found = [wrong for reference in references if (wrong := _violation(reference, settings))]
    deciding = {module.file: module for module, _ in rules}
    found += [wrong for module in deciding.values() for wrong in _imports(module, settings)]
    return sorted(set(found))


def _imports(module: RegoModule, settings: InputSettings) -> Iterator[Violation]:
    """Imports of keys that the input never has: without an alias, the name is misspelled where it is used, too."""
    for name, (root, *keys) in module.imports.by_name.items():
        unknown = unknown_key(tuple(keys), settings) if root == "input" else None
        if unknown is not None:
            yield violation(module, module.imports.nodes[name], unknown.message, unknown.hint)


def _violation(reference: InputReference, settings: InputSettings) -> Violation | None:
    unknown = unknown_key(reference.keys, settings)
    if unknown is None:
        return None
    return violation(reference.module, reference.span(unknown.position), unknown.message, unknown.hint)
