package extproc.definitions_test

import data.extproc.decision
import data.extproc.shadow

guard := {"roles": {"support": {"functions": ["docs.*"]}}}

with_definitions(given) := object.union(guard, {"definitions": given})

call(definition) := object.union(without, {"call": {"definition": definition}})

without := {
	"identity": {"issuer": "i", "subject": "s", "groups": ["support"], "actor": ""},
	"connection": {"name": "docs", "protocol": "mcp"},
	"call": {"protocol": "mcp", "function": "docs.search", "name": "search", "method": "tools/call", "arguments": {}},
	"body": {"size": 0},
	"findings": [],
	"direction": "request",
}

changed := call({"state": "changed", "digest": "sha256:1"})

unseen := call({"state": "unseen", "digest": ""})

accepted := call({"state": "accepted", "digest": "sha256:1"})

listed(asked) := object.union(asked, {"direction": "list"})

test_an_accepted_definition_is_allowed if {
	decision.action == "allow" with input as accepted with data.guard as guard
	decision.action == "allow" with input as without with data.guard as guard
}

test_a_changed_definition_holds_the_call if {
	held := decision with input as changed with data.guard as guard
	held.action == "hold"
	held.rule == "definition-changed"
	held.reason == "approval-required"
	not held.approval
}

test_an_unseen_definition_is_allowed if {
	decision.action == "allow" with input as unseen with data.guard as guard
}

test_the_data_says_what_follows if {
	denied := decision with input as changed with data.guard as with_definitions({"changed": "deny"})
	[denied.action, denied.rule, denied.reason] == ["deny", "definition-changed", "policy-denied"]
	decision.action == "allow" with input as changed with data.guard as with_definitions({"changed": "allow"})
	held := decision with input as unseen with data.guard as with_definitions({"unseen": "hold"})
	[held.action, held.rule] == ["hold", "definition-unseen"]
	decision.action == "deny" with input as unseen with data.guard as with_definitions({"unseen": "deny"})
	decision.action == "hold" with input as changed with data.guard as with_definitions({"unseen": "deny"})
}

test_a_state_of_another_name_is_denied if {
	every definition in [{"state": "other"}, {"state": ""}, {"state": null}, {"state": 1}, {}] {
		decision.action == "deny" with input as call(definition) with data.guard as guard
		decision.action == "deny" with input as call(definition) with data.guard as with_definitions({"changed": "allow"})
	}
}

test_an_unknown_action_is_denied if {
	every wrong in ["ask", 1, true, null, ["allow"], ""] {
		decision.action == "deny" with input as changed with data.guard as with_definitions({"changed": wrong})
		decision.action == "deny" with input as accepted with data.guard as with_definitions({"changed": wrong})
	}
	decision.action == "deny" with input as changed with data.guard as with_definitions({"change": "allow"})
	decision.action == "deny" with input as changed with data.guard as with_definitions(["changed"])
	decision.action == "deny" with input as changed with data.guard as with_definitions({"list_changed": "no"})
}

test_the_other_conditions_come_first if {
	nobody := {"roles": {"support": {"functions": ["docs.read"]}}}
	refused := decision with input as changed with data.guard as nobody
	refused.rule == "not-granted"
	bounded := object.union(guard, {"arguments": [{
		"rule": "few", "functions": ["docs.*"], "path": ["n"], "at_most": 1,
	}]})
	forbidden := decision with input as changed with data.guard as bounded
	[forbidden.action, forbidden.rule] == ["deny", "few"]
}

test_a_threshold_of_risk_decides_who_approves if {
	risky := object.union(guard, {"risk": {"default": 90}, "hold": [{"at": 70, "groups": ["sre"], "min": 2}]})
	held := decision with input as changed with data.guard as risky
	[held.action, held.rule, held.approval.min] == ["hold", "risk-70", 2]
	calm := object.union(risky, {"risk": {"default": 10}})
	other := decision with input as changed with data.guard as calm
	[other.action, other.rule] == ["hold", "definition-changed"]
}

test_listings_show_a_changed_definition if {
	decision.action == "allow" with input as listed(changed) with data.guard as guard
	decision.action == "allow" with input as listed(changed) with data.guard as with_definitions({"unseen": "hold"})
	decision.action == "allow" with input as listed(accepted) with data.guard as with_definitions({"list_changed": false})
	decision.action == "allow" with input as listed(without) with data.guard as with_definitions({"list_changed": false})
}

test_the_data_takes_it_out if {
	hidden := decision with input as listed(changed) with data.guard as with_definitions({"list_changed": false})
	hidden.action == "deny"
	denied := decision with input as listed(changed) with data.guard as with_definitions({"changed": "deny"})
	denied.action == "deny"
	decision.action == "hold" with input as changed with data.guard as with_definitions({"list_changed": false})
}

test_in_shadow_mode_nothing_is_held if {
	quiet := object.union(guard, {"shadow": ["definition-changed"]})
	passed := decision with input as changed with data.guard as quiet
	passed.action == "allow"
	passed.shadow == ["definition-changed"]
	shadow.names == [] with input as accepted with data.guard as quiet
	decision.action == "allow" with input as listed(changed) with data.guard as object.union(quiet, {"definitions": {"list_changed": false}})
}
