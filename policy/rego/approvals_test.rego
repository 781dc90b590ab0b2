package extproc.approvals_test

import data.extproc.approvals

guard(risk) := {
	"risk": {"default": risk},
	"hold": [
		{"at": 50, "groups": ["leads"], "min": 1, "expires_in": "15m"},
		{"at": 80, "groups": ["sre"], "min": 2, "expires_in": "1h", "mode": "wait"},
	],
}

call := {"call": {"function": "deploy.run"}, "identity": {"groups": []}, "findings": []}

test_below_all_thresholds_is_allowed if {
	approvals.verdict.action == "allow" with input as call with data.guard as guard(49)
}

test_the_threshold_itself_holds if {
	verdict := approvals.verdict with input as call with data.guard as guard(50)
	verdict.action == "hold"
	verdict.reason == "high-risk"
	verdict.rule == "risk-50"
	verdict.approval == {"groups": ["leads"], "min": 1, "expires_in": "15m"}
}

test_the_highest_threshold_decides if {
	verdict := approvals.verdict with input as call with data.guard as guard(100)
	verdict.approval == {"groups": ["sre"], "min": 2, "expires_in": "1h", "mode": "wait"}
}

test_without_thresholds_nothing_is_held if {
	approvals.verdict.action == "allow" with input as call with data.guard as {"risk": {"default": 100}}
}

test_a_threshold_that_is_no_number_lets_nothing_through if {
	every at in ["50", null, [50], true] {
		settings := object.union(guard(60), {"hold": [{"at": at, "groups": ["leads"]}]})
		not approvals.verdict with input as call with data.guard as settings
		and_a_right_one := object.union(guard(60), {"hold": [{"at": at}, {"at": 50}]})
		not approvals.verdict with input as call with data.guard as and_a_right_one
	}
	not approvals.verdict with input as call with data.guard as object.union(guard(60), {"hold": [{"groups": ["leads"]}]})
}
