"""An author sees which rules had a part in a decision, and where the others stopped."""

from extproc.policy.authoring.trace import trace
from extproc.policy.contract.policy_sources import Module, Sources

TEXT = """package t
decision := {"action": "deny"} if {
	input.x == 1
	input.y == 2
	input.z == 3
} else := {"action": "hold"} if {
	input.x == 1
	f(3)
} else := {"action": "allow"} if {
	not other
	names["a"]
}
other if {
	input.x == 1
	some v in input.l
	v > 5
}
f(n) if {
	input.w
	n > 2
}
names contains "a" if input.x == 1
names contains "b" if input.x == 2
never if input.x == 1
"""


def traced(document: bytes):
    return trace(Sources((Module("t.rego", TEXT),), {}, "data.t.decision"), document)


def test_why():
    found = traced(b'{"x":1,"y":3,"l":[1]}')
    assert [(one.rule, one.value) for one in found.fired] == [
        ("data.t.decision", {"action": "allow"}),
        ("data.t.names", ["a"]),
    ]
    assert [(one.rule, one.line, one.statement) for one in found.stopped] == [
        ("data.t.decision", 4, "input.y == 2"),
        ("data.t.decision", 8, "f(3)"),
        ("data.t.other", 16, "v > 5"),
        ("data.t.f", 19, "input.w"),
    ]


def test_what_was_not_tried_is_not_told_of():
    found = traced(b'{"x":1,"y":2,"z":3}')
    assert {one.rule for one in (*found.fired, *found.stopped)} == {"data.t.decision"}
    assert found.stopped == ()


def test_no_decision_says_where_it_stopped():
    found = traced(b'{"x":2}')
    assert found.error == "the decision is undefined"
    assert [(one.line, one.statement) for one in found.stopped if one.rule == "data.t.decision"] == [
        (3, "input.x == 1"), (7, "input.x == 1"), (11, 'names["a"]'),
    ]  # fmt: skip
