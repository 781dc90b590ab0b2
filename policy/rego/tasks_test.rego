package extproc.tasks_test

import data.extproc.masks
import data.extproc.responses
import data.extproc.tasks

guard := {
	"masks": [
		{"functions": ["docs.search"], "request": [{"entity": "US_SSN"}], "response": [{"entity": "US_SSN"}]},
		{"functions": ["crm.*"], "response": [{"entity": "CREDIT_CARD"}]},
	],
	"responses": [
		{"rule": "open", "functions": ["docs.search"], "path": ["result", "kind"], "one_of": ["open"]},
		{"rule": "crm", "functions": ["crm.*"], "at_most_found": {"US_SSN": 0}},
	],
}

asked(method, name, response) := {
	"direction": "response",
	"connection": {"name": "docs"},
	"identity": {"groups": []},
	"call": {"protocol": "mcp", "name": name, "method": method, "function": concat("", ["docs.", name])},
	"response": response,
}

read(result) := {"status": 200, "size": 9, "findings": [], "body": {"jsonrpc": "2.0", "id": 1, "result": result}}

unread := {"status": 200, "size": 9, "body": null, "uninspectable": "not-json"}

test_masks_of_all_functions_of_the_connection_hold_for_results_of_tasks if {
	every method in ["tasks/result", "tasks/get", "GET"] {
		every name in ["tasks/result", "tasks/get"] {
			plan := masks.plan with input as asked(method, name, read({})) with data.guard as guard
			plan == {"request": [], "response": [{"entity": "US_SSN"}]}
		}
	}
	other := masks.plan with input as asked("tasks/cancel", "tasks/cancel", read({})) with data.guard as guard
	other.response == []
}

refused(name, response) if {
	verdict := responses.verdict with input as asked(name, name, response) with data.guard as guard
	verdict.action == "deny"
	verdict.rule == "open"
}

passes(name, response) if {
	verdict := responses.verdict with input as asked(name, name, response) with data.guard as guard
	verdict.action == "allow"
}

test_rules_about_responses_of_any_function_hold_for_results_of_tasks if {
	refused("tasks/result", read({"kind": "closed"}))
	refused("tasks/result", read({}))
	refused("tasks/result", unread)
	refused("tasks/get", read({"status": "completed", "result": {"kind": "closed"}}))
	refused("tasks/get", unread)
	passes("tasks/result", read({"kind": "open"}))
	passes("tasks/get", read({"status": "completed", "result": {"kind": "open"}}))
}

test_how_a_task_stands_is_no_result if {
	passes("tasks/get", read({"status": "working", "kind": "closed"}))
	passes("tasks/cancel", read({"kind": "closed"}))
	not tasks.has_result with input as asked("tasks/get", "tasks/get", read({"status": "working"}))
}

test_other_protocols_have_no_tasks if {
	call := json.patch(asked("tasks/result", "tasks/result", read({})), [{"op": "replace", "path": "/call/protocol", "value": "http-json"}])
	not tasks.returns_results with input as call
}
