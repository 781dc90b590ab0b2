package extproc.masks_test

import data.extproc.masks

ssn := {"entity": "US_SSN", "how": "partial"}

guard := {"masks": [
	{"functions": ["crm.*"], "unless_groups": ["fraud"], "response": [ssn]},
	{"functions": ["*"], "request": [{"path": "$.note", "how": "redact"}]},
]}

call(function, groups) := {"call": {"function": function}, "identity": {"groups": groups}}

test_masks_of_all_that_match_add_up if {
	plan := masks.plan with input as call("crm.get", ["support"]) with data.guard as guard
	plan == {"request": [{"path": "$.note", "how": "redact"}], "response": [ssn]}
}

test_a_group_is_exempt if masks.plan.response == [] with input as call("crm.get", ["fraud"]) with data.guard as guard

test_other_functions_are_not_masked if {
	masks.plan.response == [] with input as call("erp.get", ["support"]) with data.guard as guard
}

test_nothing_to_mask_is_an_empty_plan if {
	masks.plan == {"request": [], "response": []} with input as call("crm.get", []) with data.guard as {}
}

message(name, method) := {
	"call": {"protocol": "mcp", "name": name, "method": method, "function": concat("", ["docs.", name])},
	"connection": {"name": "docs"},
	"identity": {"groups": []},
}

guard_of_docs := {"masks": [
	{"functions": ["docs.search", "docs.publish"], "request": [{"entity": "*"}], "response": [ssn]},
	{"functions": ["docs.ping"], "request": [{"entity": "US_SSN"}]},
	{"functions": ["docs.search"], "unless_groups": ["nobody"], "request": [{"path": "$.x"}]},
	{"functions": ["crm.*"], "request": [{"path": "$.x"}], "response": [{"path": "$.x"}]},
]}

test_what_comes_back_on_a_connection_is_masked_for_all_its_functions if {
	every name, method in {"stream": "GET", "response": "response", "tools/list": "tools/list"} {
		plan := masks.plan with input as message(name, method) with data.guard as guard_of_docs
		plan.response == [ssn]
	}
}

test_what_the_server_asked_for_is_masked_for_all_functions if {
	every name in ["response", "notifications/progress", "notifications/tasks/status"] {
		plan := masks.plan with input as message(name, name) with data.guard as guard_of_docs
		plan.request == [{"entity": "*"}, {"entity": "US_SSN"}, {"path": "$.x"}]
	}
}

test_other_messages_are_no_input_of_a_function if {
	cancelled := masks.plan with input as message("notifications/cancelled", "notifications/cancelled") with data.guard as guard_of_docs
	cancelled.request == []
	ping := masks.plan with input as message("ping", "ping") with data.guard as guard_of_docs
	ping.request == [{"entity": "US_SSN"}]
}

test_answers_to_a_task_are_masked_for_all_functions if {
	plan := masks.plan with input as message("tasks/update", "tasks/update") with data.guard as guard_of_docs
	plan.request == [{"entity": "*"}, {"entity": "US_SSN"}, {"path": "$.x"}]
	tool := masks.plan with input as message("tasks/update", "tools/call") with data.guard as guard_of_docs
	tool.request == []
}
