package extproc.responses_test

import data.extproc.decision
import data.extproc.directions
import data.extproc.responses

few_cards := {"rule": "few-cards", "functions": ["crm.*"], "unless_groups": ["fraud"], "at_most_found": {"CREDIT_CARD": 2}}

only_open := {"rule": "only-open", "functions": ["crm.*"], "path": ["status"], "one_of": ["open"]}

notes := [{"path": "$.notes", "how": "remove"}]

guard(conditions) := {"roles": {"support": {"functions": ["crm.*"]}}, "responses": conditions}

came(response) := {
	"identity": {"groups": ["support"]}, "body": {}, "direction": "response", "findings": [],
	"connection": {"name": "crm"},
	"call": {"protocol": "http-json", "function": "crm.get", "name": "get", "method": "", "arguments": {}},
	"response": response,
}

found(times) := {"status": 200, "body": {"status": "open"}, "findings": [
	{"entity": "CREDIT_CARD", "path": "$.a", "count": times},
	{"entity": "CREDIT_CARD", "path": "$.b", "count": 1},
	{"entity": "US_SSN", "path": "$.c", "count": 9},
]}

body(value) := {"status": 200, "body": value, "findings": []}

accepted := {"status": 202, "size": 0, "body": null, "findings": []}

unseen(why) := {"status": 200, "body": null, "uninspectable": why}

test_up_to_the_limit_may_come_back if {
	decision == {"action": "allow", "rule": "response", "mask": {"request": [], "response": []}, "shadow": []} with input as came(found(1))
		with data.guard as guard([few_cards])
}

test_more_is_withheld if {
	decision == {"action": "deny", "reason": "sensitive-data", "rule": "few-cards"} with input as came(found(2)) with data.guard as guard([few_cards])
}

test_not_from_groups_that_may_see_it if {
	theirs := json.patch(came(found(2)), [{"op": "replace", "path": "/identity/groups", "value": ["fraud"]}])
	decision.action == "allow" with input as theirs with data.guard as guard([few_cards])
}

test_other_functions_are_not_looked_at if {
	other := json.patch(came(found(2)), [{"op": "replace", "path": "/call/function", "value": "erp.get"}])
	decision.action == "allow" with input as other with data.guard as guard([few_cards])
}

test_by_what_the_body_says if {
	decision.action == "allow" with input as came(body({"status": "open"})) with data.guard as guard([only_open])
	decision.rule == "only-open" with input as came(body({"status": "closed"})) with data.guard as guard([only_open])
	decision.rule == "only-open" with input as came(body({})) with data.guard as guard([only_open])
	decision.rule == "only-open" with input as came(body(["open"])) with data.guard as guard([only_open])
}

test_what_was_not_looked_through_is_withheld if {
	every condition in [few_cards, only_open, object.union(only_open, {"optional": true})] {
		every why in ["streamed", "content-type", "not-json"] {
			decision.action == "deny" with input as came(unseen(why)) with data.guard as guard([condition])
		}
	}
}

test_an_accepted_message_without_an_answer_comes_back if {
	every condition in [few_cards, only_open] {
		decision.action == "allow" with input as came(accepted) with data.guard as guard([condition])
		every change in [
			{"status": 200}, {"status": 204}, {"size": 4}, {"size": null}, {"body": {}}, {"body": false},
			{"uninspectable": "streamed"}, {"uninspectable": "content-encoding"},
		] {
			other := object.union(object.remove(accepted, ["findings"]), change)
			decision.action == "deny" with input as came(other) with data.guard as guard([condition])
		}
	}
}

test_a_field_may_be_missing_where_it_is_optional if {
	condition := object.union(only_open, {"optional": true})
	decision.action == "allow" with input as came(body({})) with data.guard as guard([condition])
	decision.action == "deny" with input as came(body({"status": "closed"})) with data.guard as guard([condition])
}

test_masks_instead_of_withholding if {
	condition := object.union(only_open, {"mask": notes})
	given := decision with input as came(body({"status": "closed"})) with data.guard as guard([condition])
	given.action == "allow"
	given.mask.response == notes
	unmasked := decision with input as came(body({"status": "open"})) with data.guard as guard([condition])
	unmasked.mask.response == []
}

test_the_first_that_refuses_is_named if {
	both := [object.union(only_open, {"rule": "a"}), object.union(only_open, {"rule": "b"})]
	decision.rule == "a" with input as came(body({})) with data.guard as guard(both)
}

test_shadow_rules_are_recorded_only if {
	settings := object.union(guard([few_cards, only_open]), {"shadow": ["few-cards", "only-open"]})
	given := decision with input as came(object.union(found(2), {"body": {"status": "closed"}})) with data.guard as settings
	given.action == "allow"
	given.shadow == ["few-cards", "only-open"]
}

test_responses_are_asked_about_only_where_there_are_rules if {
	directions == {"request", "list", "server"} with data.guard as {}
	directions == {"request", "list", "server"} with data.guard as guard([])
	directions == {"request", "list", "server", "response"} with data.guard as guard([few_cards])
}

test_a_bound_of_a_wrong_type_is_never_kept if {
	every most in ["3", [3], {}, null] {
		condition := object.union(few_cards, {"at_most_found": {"CREDIT_CARD": most}})
		responses.verdict.rule == "few-cards" with input as came(found(0)) with data.guard as guard([condition])
	}
	every test in [{"at_most": "9"}, {"at_most": [9]}, {"at_least": null}] {
		condition := object.union({"rule": "n", "functions": ["crm.*"], "path": ["n"]}, test)
		responses.verdict.rule == "n" with input as came(body({"n": 5})) with data.guard as guard([condition])
	}
	every limits in [null, ["CREDIT_CARD"], "CREDIT_CARD"] {
		condition := object.union(few_cards, {"at_most_found": limits})
		responses.verdict.rule == "few-cards" with input as came(found(0)) with data.guard as guard([condition])
	}
	pathless := object.union(only_open, {"path": false})
	responses.verdict.action == "deny" with input as came(body({"status": "closed"})) with data.guard as guard([pathless])
}

test_a_mask_of_a_wrong_type_masks_nothing_so_it_withholds if {
	every mask in [[], null, false, "$.notes", {"path": "$.notes"}] {
		condition := object.union(only_open, {"mask": mask})
		responses.verdict.rule == "only-open" with input as came(body({"status": "closed"})) with data.guard as guard([condition])
	}
}
