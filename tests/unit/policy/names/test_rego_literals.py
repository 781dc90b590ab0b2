"""Texts in Rego that are compared with names are names that the configuration has."""

import pytest

from extproc.policy.names.known_names import KnownConnection, KnownNames
from extproc.policy.names.rego_literals import LiteralKind, RegoLiteral, check_literals

KNOWN = KnownNames(
    {
        "orders": KnownConnection("orders", ("getOrder", "refundOrder")),
        "docs": KnownConnection("docs", ("search",), ("tools/list",)),
    },
    frozenset({"CREDIT_CARD"}),
    frozenset({"https://i.test"}),
)
SHARED = KnownNames(KNOWN.connections, KNOWN.entities, KNOWN.issuers, frozenset({"crm"}))
PROTOCOLS = frozenset({"http-json", "mcp"})
RIGHT = [
    (LiteralKind.FUNCTION, "orders.getOrder"),
    (LiteralKind.FUNCTION, "docs.tools/list"),
    (LiteralKind.FUNCTION_BEGINNING, "orders."),
    (LiteralKind.FUNCTION_BEGINNING, "orders.get"),
    (LiteralKind.FUNCTION_BEGINNING, "ord"),
    (LiteralKind.CALL_NAME, "search"),
    (LiteralKind.CONNECTION, "docs"),
    (LiteralKind.PROTOCOL, "mcp"),
    (LiteralKind.ISSUER, "https://i.test"),
    (LiteralKind.ISSUER, ""),
    (LiteralKind.ENTITY, "CREDIT_CARD"),
    (LiteralKind.RULE, "whatever"),
]
WRONG = [
    (LiteralKind.FUNCTION, "orders.refundOdrer", 'no function "orders.refundOdrer"; did you mean "orders.refundOrder"?'),
    (LiteralKind.FUNCTION, "getOrder", 'no connection "getOrder"; there are: docs, orders'),
    (LiteralKind.FUNCTION_BEGINNING, "orders.gte", 'no function matches "orders.gte*"; did you mean "orders.get*"?'),
    (LiteralKind.FUNCTION_BEGINNING, "odr", 'no connection begins with "odr"; there are: docs, orders'),
    (LiteralKind.CALL_NAME, "searchh", 'no function is named "searchh"; did you mean "search"?'),
    (LiteralKind.CONNECTION, "ordres", 'no connection "ordres"; did you mean "orders"?'),
    (LiteralKind.PROTOCOL, "http", 'no protocol "http"; there are: http-json, mcp'),
    (LiteralKind.ISSUER, "https://i.tset", 'no provider of identity with the issuer "https://i.tset"; did you mean "https://i.test"?'),
    (LiteralKind.ENTITY, "CREDITCARD", 'no detector finds "CREDITCARD"; did you mean "CREDIT_CARD"?'),
]  # fmt: skip


def at(kind, text, line=1):
    return RegoLiteral(kind, text, "p.rego", line, 7)


@pytest.mark.parametrize(("kind", "text"), RIGHT)
def test_right_texts_are_right(kind, text):
    assert list(check_literals([at(kind, text)], KNOWN, PROTOCOLS)) == []


@pytest.mark.parametrize(("kind", "text", "why"), WRONG)
def test_wrong_texts_are_told_with_their_place(kind, text, why):
    [found] = check_literals([at(kind, text)], KNOWN, PROTOCOLS)
    assert found.message == f"{kind}: {why}"
    assert str(found.place) == "p.rego:1:7"


def test_a_connection_of_another_installation_may_be_named_if_it_is_declared():
    texts = [at(LiteralKind.FUNCTION, "crm.anything", 1), at(LiteralKind.CONNECTION, "crm", 2), at(LiteralKind.CALL_NAME, "anything", 3)]  # fmt: skip
    assert list(check_literals(texts, SHARED, PROTOCOLS)) == []
    found = list(check_literals(texts, KNOWN, PROTOCOLS))
    assert len(found) == 3
    assert all("policy.other_connections" in each.hint for each in found)


def test_a_text_in_a_set_that_is_compared_with_two_names_may_be_either():
    both = [at(LiteralKind.FUNCTION, "docs"), at(LiteralKind.CONNECTION, "docs")]
    assert list(check_literals(both, KNOWN, PROTOCOLS)) == []


def test_without_a_configuration_only_protocols_are_checked():
    texts = [at(LiteralKind.FUNCTION, "x.y", 1), at(LiteralKind.PROTOCOL, "grcp", 2)]
    [found] = check_literals(texts, None, PROTOCOLS)
    assert found.message.startswith('protocol: no protocol "grcp"')
