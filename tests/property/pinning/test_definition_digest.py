"""Definitions of any JSON: the same have one digest, different ones two."""

import json

from hypothesis import given
from hypothesis import strategies as st

from extproc.pinning.definition_digest import definition_digest

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(2**53 - 2, 2**53 + 2) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
DEFINITIONS = st.dictionaries(TEXT, JSON, max_size=4)


def written(definition):
    """The text of a definition with its members in order: one for each definition."""
    return json.dumps(definition, sort_keys=True)


@given(DEFINITIONS, DEFINITIONS)
def test_two_definitions_have_one_digest_only_if_they_are_the_same(one, other):
    same = written(one) == written(other)
    assert (definition_digest(one) == definition_digest(other)) is same


@given(DEFINITIONS, st.randoms())
def test_the_order_of_members_never_counts(definition, random):
    def shuffled(value):
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert definition_digest(shuffled(definition)) == definition_digest(definition)


@given(DEFINITIONS, TEXT, JSON)
def test_one_changed_member_counts_unless_it_is_ignored(definition, name, value):
    changed = {**definition, name: value}
    differs = name not in definition or written(definition[name]) != written(value)
    assert (definition_digest(changed) != definition_digest(definition)) is differs
    ignored = frozenset({name})
    assert definition_digest(changed, ignored) == definition_digest(definition, ignored)
