"""Every name in the data of the starter policies is one that the configuration has."""

import copy
from dataclasses import replace

import pytest
import yaml

from extproc.model.errors import ConfigError
from extproc.model.json_shape import CallShape, Described, JsonShape
from extproc.policy.contract.policy_sources import DataFile
from extproc.policy.names.check_data import check_data
from extproc.policy.names.data_places import located
from extproc.policy.names.guard_data import label
from extproc.policy.names.known_names import KnownConnection, KnownNames

LEAF = JsonShape()
REFUND = CallShape(
    JsonShape(Described.SOME, members={"id": LEAF, "amount": LEAF, "to": JsonShape(Described.SOME, members={"iban": LEAF})}),
    JsonShape(Described.SOME, members={"status": LEAF, "lines": JsonShape(elements=JsonShape(Described.SOME, members={"card": LEAF}))}),
)  # fmt: skip
ITEM = CallShape(JsonShape(members={"sku": LEAF}), JsonShape(members={"price": LEAF}))
KNOWN = KnownNames(
    {
        "orders": KnownConnection("orders", ("refundOrder", "getOrder"), describe=lambda: {"refundOrder": REFUND}),
        "stock": KnownConnection("stock", ("Item/Get",), describe=lambda: {"Item/Get": ITEM}),
        "docs": KnownConnection("docs", ("search",), ("tools/list",)),
    },
    frozenset({"CREDIT_CARD", "US_SSN"}),
    elsewhere=frozenset({"other"}),
)
GOOD = yaml.safe_load("""
roles:
  support: {functions: [orders.getOrder, "docs.*", "other.*", docs.tools/list]}
  "*": {functions: ["*"]}
arguments:
  - {rule: amount, functions: [orders.refundOrder], path: [amount], at_most: 3}
  - {rule: deep, functions: ["orders.*"], path: [to, iban], matches: x}
  - {rule: unknown, functions: [orders.getOrder, docs.search], path: [whatever], one_of: [1], optional: true}
  - {rule: sku, functions: [stock.Item/Get], path: [sku], one_of: [a]}
risk:
  functions: {orders.refundOrder: 75, "docs.*": 3}
  findings: {CREDIT_CARD: 40}
hold:
  - {at: 70, groups: [sre], min: 2, expires_in: 15m, mode: wait}
masks:
  - functions: [orders.refundOrder]
    unless_groups: [fraud]
    request: [{entity: "*"}, {path: $.to.iban, how: partial}]
    response: [{entity: US_SSN, how: pseudonym}, {path: "$.lines[*].card"}, {path: $..card}, {path: $..anything}, {path: $}]
windows:
  - {rule: w, functions: ["orders.*"], zone: UTC, days: [Monday], from: "08:00", to: "18:00"}
duties:
  - {rule: d, functions: [orders.refundOrder], not_with: [orders.getOrder]}
limits:
  - {rule: l, functions: ["*"], of: caller, per: day, calls: 9}
responses:
  - {rule: r, functions: [orders.refundOrder], at_most_found: {CREDIT_CARD: 3}}
  - {rule: s, functions: [orders.refundOrder], path: [status], one_of: [open], mask: [{path: $.status}]}
protocol_messages: {denied: [docs.tools/list, other.ping]}
""")
WRONG = [
    (("roles", "support", "functions", 0), "orders.getOdrer", 'roles.support.functions: no function "orders.getOdrer"; did you mean "orders.getOrder"?'),
    (("roles", "support", "functions", 1), "dcos.*", 'roles.support.functions: no connection "dcos"; did you mean "docs"?'),
    (("arguments", 0, "functions", 0), "orders.refundOdrer", 'arguments[0].functions: no function "orders.refundOdrer"; did you mean "orders.refundOrder"?'),
    (("arguments", 0, "path", 0), "amuont", 'arguments[0].path: orders.refundOrder has no argument "amuont"; did you mean "amount"?'),
    (("arguments", 3, "path", 0), "other", 'arguments[3].path: stock.Item/Get has no argument "other"; there are: sku'),
    (("risk", "functions", "orders.refundOdrer"), 75, 'risk.functions: no function "orders.refundOdrer"; did you mean "orders.refundOrder"?'),
    (("risk", "findings", "CREDITCARD"), 40, 'risk.findings: no detector finds "CREDITCARD"; did you mean "CREDIT_CARD"?'),
    (("hold", 0, "groups"), [], "hold[0].groups: must not be empty"),
    (("hold", 0, "groups"), "sre", "hold[0].groups: must be a list"),
    (("hold", 0, "groups"), {"any": [["sre"], []]}, "hold[0].groups.any[1]: must not be empty"),
    (("hold", 0, "groups"), {"any": [["sre", "sre"]]}, "hold[0].groups: cannot be used to hold a call: an alternative names a group twice"),
    (("hold", 0, "expires_in"), "200h", "hold[0].expires_in: cannot be used to hold a call: an approval may wait for at most seven days"),
    (("hold", 0, "expires_in"), "15 minutes", "hold[0].expires_in: must be a duration"),
    (("masks", 0, "functions", 0), "orders.refund*Order", "masks[0].functions: no function"),
    (("masks", 0, "request", 0), {"entitty": "*"}, 'masks[0].request[0]: unknown key "entitty"; did you mean "entity"?'),
    (("masks", 0, "request", 0), {"entity": "US_SSN", "path": "$"}, "masks[0].request[0]: a mask rule has exactly one of path and entity"),
    (("masks", 0, "request", 0), "US_SSN", "masks[0].request[0]: a mask rule is an object with path or entity"),
    (("masks", 0, "request", 1, "path"), "$.to.ibna", 'masks[0].request[1].path: orders.refundOrder has no argument "ibna"; did you mean "iban"?'),
    (("masks", 0, "response", 0, "entity"), "USSSN", 'masks[0].response[0].entity: no detector finds "USSSN"; did you mean "US_SSN"?'),
    (("masks", 0, "response", 0, "how"), "redcat", 'masks[0].response[0].how: unknown mask operator; did you mean "redact"?'),
    (("masks", 0, "response", 0, "how"), ["redact"], "masks[0].response[0].how: unknown mask operator; there are: "),
    (("masks", 0, "response", 1, "path"), "$.lines[*].crad", 'masks[0].response[1].path: orders.refundOrder has no field "crad"; did you mean "card"?'),
    (("masks", 0, "response", 1, "path"), "$.lines[", "masks[0].response[1].path: path '$.lines[': cannot read"),
    (("windows", 0, "functions", 0), "ordres.*", 'windows[0].functions: no connection "ordres"; did you mean "orders"?'),
    (("duties", 0, "not_with", 0), "orders.getOdrer", 'duties[0].not_with: no function "orders.getOdrer"; did you mean "orders.getOrder"?'),
    (("limits", 0, "functions", 0), "orders.x*", 'limits[0].functions: no function matches "orders.x*"'),
    (("responses", 0, "at_most_found", "CREDITCARD"), 3, 'responses[0].at_most_found: no detector finds "CREDITCARD"; did you mean "CREDIT_CARD"?'),
    (("responses", 1, "path", 0), "statsu", 'responses[1].path: orders.refundOrder has no field "statsu"; did you mean "status"?'),
    (("protocol_messages", "denied", 0), "dcos.tools/list", 'protocol_messages.denied: no function "dcos.tools/list"; did you mean "docs.tools/list"?'),
    (("protocol_messages", "denied", 0), "orders.ping", 'protocol_messages.denied: no function "orders.ping"'),
    (("responses", 1, "mask", 0, "path"), "$.statsu", 'responses[1].mask[0].path: orders.refundOrder has no field "statsu"; did you mean "status"?'),
]  # fmt: skip


def changed(key, value):
    data = copy.deepcopy(GOOD)
    at = data
    for part in key[:-1]:
        at = at[part]
    at[key[-1]] = value
    return {"guard": data}


def test_right_names_are_right():
    found = check_data({"guard": GOOD}, KNOWN)
    assert (found.problems, found.doubts) == ((), ())


@pytest.mark.parametrize(("key", "value", "message"), WRONG, ids=[label(("guard", *key)) for key, _, _ in WRONG])
def test_each_wrong_name_is_told_with_its_key(key, value, message):
    [problem] = check_data(changed(key, value), KNOWN).problems
    assert problem.message.startswith(message)
    assert problem.key[: len(key) + 1][:3] == ("guard", *key)[:3]


def test_all_wrong_names_are_told_at_once():
    data = {"guard": {"roles": {"a": {"functions": ["x.a", "x.b"]}}, "risk": {"findings": {"X": 1}}}}
    assert len(check_data(data, KNOWN).problems) == 3


def test_a_second_guard_is_told():
    [problem] = check_data({"guard": GOOD, "guards": {}, "vips": []}, KNOWN).problems
    assert (problem.message, problem.key) == ('unknown key "guards"; did you mean "guard"?', ("guards",))


def test_what_a_document_may_have_left_out_is_a_doubt_and_no_error():
    [doubt] = check_data(changed(("arguments", 0, "path"), ["isAdmin"]), KNOWN).doubts
    assert doubt.message == 'arguments[0].path: the description of orders.refundOrder does not have "isAdmin"'
    # A function without a description may have it.
    data = changed(("arguments", 0, "path"), ["isAdmin"])
    data["guard"]["arguments"][0]["functions"] = ["orders.*"]
    assert check_data(data, KNOWN).doubts == ()


@pytest.mark.parametrize("known", [KNOWN, None])
@pytest.mark.parametrize(
    "key", [("hold", 0, "groups"), ("masks", 0, "unless_groups"), ("responses", 0, "unless_groups")]
)
@pytest.mark.parametrize("group", ["Support", "suppotr", "sxupport", "uspport", "sUpport", "zupport", "supp-ort"])
def test_a_group_that_is_nearly_a_role_is_doubted(key, group, known):
    found = check_data(changed(key, [group, "support"]), known)
    assert (found.problems, len(found.doubts)) == ((), 1)
    assert found.doubts[0].message.endswith(f': no role has the name "{group}"; did you mean "support"?')
    assert found.doubts[0].key == ("guard", *key, 0)


def test_a_group_without_a_letter_of_a_role_is_doubted():
    data = {"guard": {"roles": {"deployers": {"functions": ["*"]}}, "hold": [{"at": 3, "groups": ["deployer"]}]}}
    [doubt] = check_data(data, None).doubts
    assert doubt.message.endswith('no role has the name "deployer"; did you mean "deployers"?')


@pytest.mark.parametrize("group", ["support", "supporz", "support2", "supp", "approvers", "sre"])
def test_a_group_that_may_be_another_is_not_doubted(group):
    assert check_data(changed(("hold", 0, "groups"), [group]), KNOWN).doubts == ()


def test_a_function_that_no_anonymous_call_reaches_is_doubted():
    names = ["orders.getOrder", "orders.*", "docs.search", "docs.tools/list", "other.*"]
    data = changed(("roles", "anonymous"), {"functions": names})
    connections = dict(KNOWN.connections) | {
        "orders": KnownConnection("orders", ("refundOrder", "getOrder"), anonymous=frozenset({"getOrder"}))
    }
    found = check_data(data, replace(KNOWN, connections=connections))
    assert found.problems == ()
    assert [each.key[-1] for each in found.doubts] == [2, 3]
    assert found.doubts[0].message == (
        'roles.anonymous.functions[2]: no anonymous call reaches "docs.search": it has no `identity: none`'
    )


def test_what_cannot_be_checked_is_listed():
    found = check_data({"guard": GOOD}, KNOWN)
    assert found.undescribed == ("docs.search", "orders.getOrder")
    assert found.groups == ("fraud", "sre", "support")


def test_without_a_configuration_only_the_rest_is_checked():
    assert check_data(changed(("risk", "functions", "x.y"), 1), None).problems == ()
    assert len(check_data(changed(("masks", 0, "response", 0, "how"), "redcat"), None).problems) == 1


@pytest.mark.parametrize("guard", [None, [], {"roles": []}, {"roles": {"a": 1}}, {"masks": [1]}, {"risk": []}, {"arguments": [{"path": "x"}]}])  # fmt: skip
def test_parts_of_another_shape_are_skipped(guard):
    assert check_data({"guard": guard}, KNOWN).problems == ()


def test_places_are_those_of_the_file_that_has_the_key(tmp_path):
    first, second, third = tmp_path / "a.yaml", tmp_path / "b.json", tmp_path / "c.yaml"
    first.write_text("guard:\n  roles: {}\n  risk:\n    default: 3\n")
    second.write_text('{\n\t"guard": {"risk":\n\t\t{"functions": {"x.y": 75}}}}')
    third.write_text(
        "# comment\nguard:\n  masks:\n    - functions: ['*']\n      response:\n        - {entity: X}\n"
    )
    keys = [
        ("guard", "risk", "functions", "x.y"),
        ("guard", "masks", 0, "response", 0, "entity"),
        ("guard", "risk", "default"),
        ("guard", "risk", "nothing"),
        ("policy", "data"),
        (),
    ]
    files = [DataFile(str(file)) for file in (first, second, third)]
    found = located([ConfigError("x", key=key) for key in keys], files)
    assert {each.key: str(each.place).removeprefix(f"{tmp_path}/") for each in found} == {
        keys[0]: "b.json:3:18",
        keys[1]: "c.yaml:6:12",
        keys[2]: "a.yaml:4:5",
        keys[3]: "a.yaml:3:3",
        keys[4]: "a.yaml",
        keys[5]: "a.yaml",
    }
    assert [str(each.place) for each in found] == sorted(str(each.place) for each in found)


def test_a_file_that_is_gone_or_too_large_still_is_named(tmp_path):
    (tmp_path / "big.yaml").write_bytes(b" " * (5 << 20))
    for name in ("gone.yaml", "big.yaml"):
        [found] = located([ConfigError("x", key=("guard",))], [DataFile(str(tmp_path / name))])
        assert str(found.place) == f"{tmp_path}/{name}"
    [found] = located([ConfigError("x", key=("guard",))], [])
    assert found.place is None


def test_data_of_a_folder_is_below_the_folders_name(tmp_path):
    (tmp_path / "data.yaml").write_text("roles:\n  x: {}\n")
    key = ("guard", "roles", "x")
    [found] = located([ConfigError("x", key=key)], [DataFile(str(tmp_path / "data.yaml"), ("guard",))])
    assert (found.place.line, found.place.column) == (2, 3)
