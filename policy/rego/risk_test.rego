package extproc.risk_test

import data.extproc.risk

guard := {"risk": {"default": 10, "functions": {"deploy.*": 80, "deploy.plan": 20}, "findings": {"CREDIT_CARD": 40}}}

call(function, entities) := {
	"call": {"function": function},
	"findings": [{"entity": entity, "path": "$", "count": 1} | some entity in entities],
}

test_the_default_applies if risk.score == 10 with input as call("crm.get", []) with data.guard as guard

test_the_highest_applies if {
	risk.score == 80 with input as call("deploy.plan", []) with data.guard as guard
	risk.score == 40 with input as call("crm.get", ["CREDIT_CARD", "EMAIL_ADDRESS"]) with data.guard as guard
}

test_no_settings_no_risk if risk.score == 0 with input as call("crm.get", []) with data.guard as {"roles": {}}

test_a_risk_that_is_no_number_is_none_at_all if {
	every score in ["80", null, [80], true] {
		not risk.score with input as call("crm.get", []) with data.guard as {"risk": {"default": score}}
		not risk.score with input as call("crm.get", []) with data.guard as {"risk": {"functions": {"crm.*": score}}}
		not risk.score with input as call("crm.get", ["US_SSN"]) with data.guard as {"risk": {"findings": {"US_SSN": score}}}
	}
}
