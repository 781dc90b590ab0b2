"""Another definition has another digest."""

import hashlib

import pytest
import rfc8785

from extproc.model.errors import DefinitionError
from extproc.pinning.definition_digest import definition_digest

TOOL = {
    "name": "search",
    "title": "Search",
    "description": "Searches the pages.",
    "inputSchema": {"type": "object", "properties": {"q": {"type": "string", "maxLength": 100}}},
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
    "_meta": {"ui": "ui://page"},
}


def test_it_is_the_hash_of_the_canonical_json():
    """So that a server's own pipeline can compute it."""
    assert definition_digest(TOOL) == "sha256:" + hashlib.sha256(rfc8785.dumps(TOOL)).hexdigest()


def test_the_order_of_members_has_no_meaning():
    assert definition_digest(dict(reversed(TOOL.items()))) == definition_digest(TOOL)


@pytest.mark.parametrize("member", TOOL)
def test_every_member_counts(member):
    changed, without = {**TOOL, member: "other"}, {name: TOOL[name] for name in TOOL if name != member}
    assert len({definition_digest(each) for each in (TOOL, changed, without)}) == 3


def test_members_that_are_ignored_do_not_count():
    ignored = frozenset({"_meta"})
    assert definition_digest({**TOOL, "_meta": {"at": 1}}, ignored) == definition_digest(TOOL, ignored)
    assert definition_digest({**TOOL, "title": "x"}, ignored) != definition_digest(TOOL, ignored)


@pytest.mark.parametrize("text", ["Searches the pages. ", "searches the pages.", "Searches the\u200b pages."])
def test_characters_that_nobody_sees_count(text):
    assert definition_digest({**TOOL, "description": text}) != definition_digest(TOOL)


def test_large_integers_count():
    def with_most(most):
        return {**TOOL, "inputSchema": {"maximum": most}}

    digests = {definition_digest(with_most(most)) for most in (2**63 - 1, 2**63, -(2**63), None)}
    assert len(digests) == 4


def test_what_has_no_canonical_form_is_an_error_without_its_text():
    with pytest.raises(DefinitionError) as error:
        definition_digest({**TOOL, "description": "\ud800 secret"})
    assert "secret" not in str(error.value)
