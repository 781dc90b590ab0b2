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
