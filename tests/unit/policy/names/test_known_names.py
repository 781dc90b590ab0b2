"""A name that nothing has is told, with the one that was probably meant."""

import pytest

from extproc.policy.names.known_names import KnownConnection, KnownNames, quoted, similar

KNOWN = KnownNames(
    {
        "orders": KnownConnection("orders", ("getOrder", "refundOrder", "get_items")),
        "docs": KnownConnection("docs", ("search",), ("tools/list", "ping")),
        "stock": KnownConnection("stock", ("shop.v1.Inventory/GetItem",)),
    },
    frozenset({"CREDIT_CARD", "EMAIL_ADDRESS", "US_SSN"}),
    frozenset({"https://i.test"}),
    frozenset({"warehouse"}),
)

RIGHT = ["*", "orders.getOrder", "orders.get*", "orders.*", "docs.tools/list", "docs.tools/*", "stock.shop.v1.*", "stock.shop.v1.Inventory/GetItem", "warehouse.query", "warehouse.*"]  # fmt: skip
WRONG = {
    "orders.refundOdrer": 'no function "orders.refundOdrer"; did you mean "orders.refundOrder"?',
    "orders.getorder": 'no function "orders.getorder"; did you mean "orders.getOrder"?',
    "order.getOrder": 'no function "order.getOrder"; did you mean "orders.getOrder"?',
    "orders.gte*": 'no function matches "orders.gte*"; did you mean "orders.get*"?',
    "orders.delete_everything": 'no function "orders.delete_everything"',
    "ordres.*": 'no connection "ordres"; did you mean "orders"?',
    "crm.whoami": 'no connection "crm"; there are: docs, orders, stock',
    "warehouse2.*": 'no connection "warehouse2"; there are: docs, orders, stock',
    "docs.tools/lst": 'no function "docs.tools/lst"; did you mean "docs.tools/list"?',
    "stock.shop.v2.*": 'no function matches "stock.shop.v2.*"; did you mean "stock.shop.v1.*"?',
}


@pytest.mark.parametrize("pattern", RIGHT)
def test_a_right_pattern_is_right(pattern):
    assert KNOWN.wrong_pattern(pattern) == ""


@pytest.mark.parametrize("pattern", WRONG)
def test_a_wrong_pattern_is_told_with_the_right_one(pattern):
    assert KNOWN.wrong_pattern(pattern) == WRONG[pattern]


@pytest.mark.parametrize(
    ("entity", "meant"),
    [("CREDITCARD", "CREDIT_CARD"), ("credit_card", "CREDIT_CARD"), ("EMAIL", "EMAIL_ADDRESS"), ("SSN", "")],
)
def test_an_entity_is_suggested(entity, meant):
    assert KNOWN.wrong_entity(entity).endswith(f'; did you mean "{meant}"?' if meant else f'finds "{entity}"')


def test_functions_of_a_pattern_are_registered_ones():
    assert KNOWN.matching("orders.get*") == ("orders.getOrder", "orders.get_items")
    assert KNOWN.matching("docs.*") == ("docs.search",)
    assert KNOWN.matching("orders.nothing") == ()


OF_KINDS = KnownNames(
    {
        "docs": KnownConnection(
            "docs",
            ("search", "resource:file:///docs/*", "resource:file:///docs/private/*", "resource:a:b"),
            ("ping",),
            ("get_*", "prompt:sum*"),
        ),
    },
    frozenset(),
)


@pytest.mark.parametrize(
    "pattern",
    [
        "docs.*", "docs.resource:*", "docs.resource:file:///docs/*", "docs.resource:a:b", "docs.prompt:*",
        "docs.prompt:s*", "docs.prompt:summarize*", "docs.prompt:summarize", "docs.get_*", "docs.g*", "docs.get_page",
    ],
)  # fmt: skip
def test_a_pattern_of_a_kind_may_match(pattern):
    assert OF_KINDS.wrong_pattern(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "docs.resource:file:///*", "docs.resource:file:///docs/**", "docs.resource:a:*", "docs.prompt:x*", "docs.r*",
        "docs.prompt:x", "docs.resource:*x", "docs.tool:*", "docs.resource:file:///docs/a",
    ],
)  # fmt: skip
def test_a_pattern_that_the_policies_never_match_is_wrong(pattern):
    assert OF_KINDS.wrong_pattern(pattern)


def test_a_pattern_is_no_name_of_a_call():
    assert OF_KINDS.wrong_function("docs.get_*")
    assert OF_KINDS.wrong_function("docs.prompt:*")
    assert not OF_KINDS.wrong_function("docs.resource:file:///docs/*")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("docs.resource:file:///docs/*", ["resource:file:///docs/*"]),
        ("docs.resource:*", ["resource:file:///docs/*", "resource:file:///docs/private/*", "resource:a:b"]),
        ("docs.s*", ["search"]),
        ("docs.r*", []),
    ],
)
def test_registered_functions_are_matched_as_the_policies_do(pattern, names):
    assert OF_KINDS.matching(pattern) == tuple(f"docs.{each}" for each in names)


@pytest.mark.parametrize(
    "text", ["docs.", "docs.prompt", "docs.resource:file", "docs.get_page", "docs.prompt:sum"]
)
def test_a_name_may_begin_so_whatever_its_kind(text):
    assert OF_KINDS.wrong_beginning(text) == ""


def test_no_name_begins_so():
    assert OF_KINDS.wrong_beginning("docs.resource:http").startswith("no function matches")


def test_what_may_be_no_name_is_not_repeated():
    assert quoted("crm.x") == '"crm.x"'
    assert quoted("canary\n") == "(not shown: not a plain name)"
    assert quoted("x" * 101) == "(not shown: not a plain name)"
    assert similar("x", []) == ""
