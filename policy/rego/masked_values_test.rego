package extproc.masked_values_test

import data.extproc.decision

guard := {"roles": {"support": {"functions": ["crm.*"]}}}

call(findings) := {
	"identity": {"issuer": "i", "subject": "s", "groups": ["support"], "actor": ""},
	"connection": {"name": "crm", "protocol": "http-json"},
	"call": {"protocol": "http-json", "function": "crm.update", "name": "update", "method": "", "arguments": {}},
	"body": {"size": 0},
	"findings": findings,
	"direction": "request",
}

came_back := [{"entity": "MASKED_VALUE", "path": "$.email", "count": 1}]

test_a_masked_value_that_comes_back_is_denied if {
	decision == {"action": "deny", "reason": "masked-value", "rule": "masked-value", "risk": 0} with input as call(came_back) with data.guard as guard
}

test_other_findings_are_not if {
	decision.action == "allow" with input as call([{"entity": "US_SSN", "path": "$.a", "count": 1}]) with data.guard as guard
	decision.action == "allow" with input as call([]) with data.guard as guard
}

test_a_function_may_have_them if {
	allowed := object.union(guard, {"masked_values": {"allowed": ["crm.up*"]}})
	decision.action == "allow" with input as call(came_back) with data.guard as allowed
	other := object.union(guard, {"masked_values": {"allowed": ["crm.get"]}})
	decision.action == "deny" with input as call(came_back) with data.guard as other
}

test_in_shadow_mode_it_is_recorded_only if {
	shadow := object.union(guard, {"shadow": ["masked-value"]})
	found := decision with input as call(came_back) with data.guard as shadow
	found.action == "allow"
	found.shadow == ["masked-value"]
	clean := decision with input as call([]) with data.guard as shadow
	clean.shadow == []
}

test_the_shape_of_its_data if {
	some wrong in [{"masked_values": []}, {"masked_values": {"allow": []}}, {"masked_values": {"allowed": []}}, {"masked_values": {"allowed": ["*x"]}}]
	decision.rule == "settings-invalid" with input as call([]) with data.guard as object.union(guard, wrong)
}
