"""Find out which keys of the input the policies in an OPA server may read, from the syntax trees that OPA lists.

The trees are compiled: imports of the input are replaced by what they stand for.
Source: OPA's REST API, "List Policies".
"""

from collections.abc import Iterable

from extproc.model.call import Json

ROOT: dict[str, Json] = {"type": "var", "value": "input"}


def may_read(policies: Iterable[Json], keys: frozenset[str]) -> bool:
    """False only if it is certain that no policy reads one of these keys of the input.

    Args:
        policies: the ``result`` of OPA's ``/v1/policies``.
        keys: names at the top of the input.
    """
    return any(not (isinstance(each, dict) and "ast" in each) or _reads(each["ast"], keys) for each in policies)


def _reads(tree: Json, keys: frozenset[str]) -> bool:
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            key, inner = _key_of(item)
            if item == ROOT or key in keys:  # the root alone, or before a key that varies
                return True
            pending.extend(inner)
    return False


def _key_of(item: dict[str, Json]) -> tuple[str, Iterable[Json]]:
    """The key of the input that a node reads, empty if it reads none; and the nodes inside that are left."""
    match item:
        case {"type": "ref", "value": [root, {"type": "string", "value": str(key)}, *rest]} if root == ROOT:
            return key, rest
        case _:
            return "", item.values()
