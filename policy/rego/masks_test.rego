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

test_what_comes_back_on_a_connection_is_masked_for_all_its_functions if {
	about := {"connection": {"name": "docs"}, "identity": {"groups": []}}
	guard_of_docs := {"masks": [
		{"functions": ["docs.search"], "response": [ssn]},
		{"functions": ["crm.*"], "response": [{"path": "$.x", "how": "redact"}]},
	]}
	masks.on_connection.response == [ssn] with input as about with data.guard as guard_of_docs
}
