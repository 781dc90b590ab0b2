package extproc.shadow_test

import data.extproc.decision

guard := {
	"roles": {"*": {"functions": ["*"]}},
	"arguments": [
		{"rule": "small", "functions": ["pay.*"], "path": ["amount"], "at_most": 100},
		{"rule": "known", "functions": ["pay.*"], "path": ["to"], "one_of": ["a"]},
	],
	"windows": [{"rule": "office", "functions": ["pay.*"], "zone": "UTC", "days": ["Monday"], "from": "08:00", "to": "18:00"}],
	"risk": {"default": 60},
	"hold": [{"at": 50, "groups": ["leads"]}],
}

shadowing(names) := object.union(guard, {"shadow": names})

call := {
	"identity": {"groups": []}, "body": {}, "findings": [], "time": "2026-11-21T10:00:00.000000000Z",
	"connection": {"name": "pay"},
	"call": {"protocol": "http-json", "function": "pay.refund", "name": "refund", "method": "", "arguments": {"amount": 500, "to": "a"}},
}

test_all_that_would_have_is_recorded_and_nothing_enforced if {
	given := decision with input as call with data.guard as shadowing(["small", "known", "office", "risk-50"])
	given.action == "allow"
	given.shadow == ["office", "risk-50", "small"]
}

test_the_others_are_enforced if {
	decision.rule == "small" with input as call with data.guard as shadowing(["known", "office", "risk-50"])
	decision.rule == "office" with input as call with data.guard as shadowing(["small", "known", "risk-50"])
	held := decision with input as call with data.guard as shadowing(["small", "known", "office"])
	held.action == "hold"
	held.shadow == ["office", "small"]
}

test_none_is_the_default if {
	decision.rule == "small" with input as call with data.guard as guard
}
