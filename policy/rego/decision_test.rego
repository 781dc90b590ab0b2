package extproc.decision_test

import data.extproc.decision
import data.extproc.rules

guard := {
	"roles": {"support": {"functions": ["crm.*"]}, "sre": {"functions": ["db.*"]}},
	"arguments": [{"rule": "read-only", "functions": ["db.*"], "path": ["sql"], "read_only_sql": true}],
	"risk": {"default": 10, "functions": {"db.*": 90}},
	"hold": [{"at": 90, "groups": ["leads"], "min": 2, "expires_in": "15m"}],
	"masks": [{"functions": ["crm.*"], "response": [{"entity": "US_SSN", "how": "redact"}]}],
}

call(function, groups, arguments) := {
	"identity": {"issuer": "i", "subject": "s", "groups": groups, "actor": ""},
	"connection": {"name": split(function, ".")[0], "protocol": "http-json"},
	"call": {"protocol": "http-json", "function": function, "name": split(function, ".")[1], "method": "", "arguments": arguments},
	"body": {"size": 0},
	"findings": [],
	"direction": "request",
}

test_names_of_rules_are_those_of_the_data if {
	rules == {"read-only", "risk-90", "definition-changed", "definition-unseen"} with data.guard as guard
}

test_granted_is_allowed_and_masked if {
	decision == {
		"action": "allow", "rule": "granted", "risk": 10,
		"mask": {"request": [], "response": [{"entity": "US_SSN", "how": "redact"}]}, "shadow": [],
	} with input as call("crm.get", ["support"], {}) with data.guard as guard
}

test_risky_is_held if {
	decision == {
		"action": "hold", "reason": "high-risk", "rule": "risk-90", "risk": 90,
		"mask": {"request": [], "response": []}, "shadow": [],
		"approval": {"groups": ["leads"], "min": 2, "expires_in": "15m"},
	} with input as call("db.query", ["sre"], {"sql": "select 1"}) with data.guard as guard
}

test_forbidden_is_denied_before_it_could_be_held if {
	drop := call("db.query", ["sre"], {"sql": "drop table x"})
	denied := {"action": "deny", "reason": "forbidden-argument", "rule": "read-only", "risk": 90}
	decision == denied with input as drop with data.guard as guard
}

test_not_granted_is_denied if {
	decision == {"action": "deny", "reason": "not-in-scope", "rule": "not-granted"} with input as call("db.query", ["support"], {"sql": "select 1"}) with data.guard as guard
}

test_uninspectable_is_denied_first if {
	given := json.patch(call("crm.get", ["support"], null), [{"op": "add", "path": "/body/uninspectable", "value": "not-json"}])
	decision == {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} with input as given with data.guard as guard
}

test_wrong_settings_deny_everything if {
	decision.rule == "settings-invalid" with input as call("crm.get", ["support"], {}) with data.guard as object.union(guard, {"hodl": []})
}

test_listing_is_for_whoever_may_call_something if {
	listing := json.patch(call("crm.tools/list", ["support"], {}), [
		{"op": "replace", "path": "/call/protocol", "value": "mcp"},
		{"op": "replace", "path": "/call/method", "value": "tools/list"},
	])
	allowed := decision with input as listing with data.guard as guard
	allowed.action == "allow"
	allowed.rule == "protocol-message"
	is_array(allowed.mask.response)
	decision.rule == "not-granted" with input as json.patch(listing, [{"op": "replace", "path": "/identity/groups", "value": ["sre"]}])
		with data.guard as guard
}

test_nothing_known_is_denied if {
	decision.action == "deny" with input as {} with data.guard as guard
	decision.action == "deny" with input as {} with data.guard as {}
	decision.action == "deny" with input as call("crm.get", ["support"], {}) with data.guard as {}
}

test_outside_its_window_is_denied if {
	window := {"rule": "never", "functions": ["crm.*"], "zone": "UTC", "days": ["Monday"], "from": "08:00", "to": "18:00"}
	decision == {"action": "deny", "reason": "outside-hours", "rule": "never", "risk": 10} with input as call("crm.get", ["support"], {})
		with data.guard as object.union(guard, {"windows": [window]})
}

test_the_loader_may_have_looked_at_the_settings if {
	wrong := object.union(guard, {"hodl": []})
	decision.action == "allow" with input as call("crm.get", ["support"], {}) with data.guard as wrong with data.extproc_loaded as {"settings_valid": true}
	decision.action == "deny" with input as call("crm.get", ["support"], {}) with data.guard as wrong with data.extproc_loaded as {"settings_valid": false}
}

listed(name, groups) := json.patch(call(name, groups, {}), [{"op": "replace", "path": "/direction", "value": "list"}])

test_a_listing_shows_what_may_be_called_whatever_its_arguments_and_its_risk if {
	every name in ["crm.get", "crm.update"] {
		decision.action == "allow" with input as listed(name, ["support"]) with data.guard as guard
	}
	decision == {"action": "allow", "rule": "listed"} with input as listed("db.query", ["sre"]) with data.guard as guard
	decision.rule == "not-listed" with input as listed("db.query", ["support"]) with data.guard as guard
	decision.rule == "not-listed" with input as listed("db.query", []) with data.guard as guard
}

test_a_listing_hides_what_is_closed_now_and_asks_for_no_count if {
	closed := {"rule": "never", "functions": ["crm.*"], "zone": "UTC", "days": ["Monday"], "from": "08:00", "to": "18:00"}
	decision.rule == "not-listed" with input as listed("crm.get", ["support"]) with data.guard as object.union(guard, {"windows": [closed]})
	limited := {"rule": "often", "functions": ["crm.*"], "of": "caller", "per": "minute", "calls": 1}
	decision.rule == "listed" with input as listed("crm.get", ["support"]) with data.guard as object.union(guard, {"limits": [limited]})
}

answer(groups) := json.patch(call("crm.response", groups, {"action": "accept", "content": {"amount": 3}}), [
	{"op": "replace", "path": "/call/protocol", "value": "mcp"},
	{"op": "replace", "path": "/call/method", "value": "response"},
])

test_an_answer_to_the_server_is_for_whoever_may_call_something if {
	decision == {
		"action": "allow", "rule": "protocol-message",
		"mask": {"request": [], "response": [{"entity": "US_SSN", "how": "redact"}]},
	} with input as answer(["support"]) with data.guard as guard
	decision.rule == "not-granted" with input as answer(["sre"]) with data.guard as guard
	decision.rule == "not-granted" with input as answer([]) with data.guard as guard
}

test_a_message_is_denied_by_name_whatever_a_role_grants if {
	denying := object.union(guard, {
		"roles": {"support": {"functions": ["crm.response", "crm.*"]}},
		"protocol_messages": {"denied": ["crm.response"]},
	})
	decision == {"action": "deny", "reason": "not-in-scope", "rule": "protocol-message-denied"} with input as answer(["support"])
		with data.guard as denying
	decision.action == "allow" with input as call("crm.get", ["support"], {}) with data.guard as denying
}

bounded(most) := object.union(guard, {"arguments": [{"rule": "small", "functions": ["crm.response"], "path": ["content", "amount"], "at_most": most}]})

test_a_condition_that_names_a_message_applies_to_it if {
	decision.rule == "small" with input as answer(["support"]) with data.guard as bounded(2)
	allowed := decision with input as answer(["support"]) with data.guard as bounded(3)
	allowed.action == "allow"
	allowed.rule == "granted"
	allowed.mask.response == [{"entity": "US_SSN", "how": "redact"}]
	held := object.union(guard, {"risk": {"functions": {"crm.response": 90}}})
	decision.rule == "risk-90" with input as answer(["support"]) with data.guard as held
}

test_a_condition_with_a_pattern_is_about_functions if {
	closed := {"rule": "never", "functions": ["crm.*"], "zone": "UTC", "days": ["Monday"], "from": "08:00", "to": "18:00"}
	every part in [{"windows": [closed]}, {"risk": {"functions": {"crm.*": 90}}}] {
		decision.rule == "protocol-message" with input as answer(["support"]) with data.guard as object.union(guard, part)
	}
}

# What a server asks of a client, and the rest of an answer.
asks(name, groups) := json.patch(call(concat(".", ["crm", name]), groups, {"maxTokens": 5}), [
	{"op": "replace", "path": "/call/protocol", "value": "mcp"},
	{"op": "replace", "path": "/call/method", "value": name},
	{"op": "replace", "path": "/direction", "value": "server"},
])

test_a_server_may_ask_the_clients_of_whoever_may_call_something if {
	every name in ["sampling/createMessage", "elicitation/create", "roots/list", "ping", "custom/ask"] {
		decision == {
			"action": "allow", "rule": "protocol-message",
			"mask": {"request": [], "response": [{"entity": "US_SSN", "how": "redact"}]},
		} with input as asks(name, ["support"]) with data.guard as guard
		decision.action == "deny" with input as asks(name, ["sre"]) with data.guard as guard
		decision.action == "deny" with input as asks(name, []) with data.guard as guard
	}
}

test_what_a_server_asks_is_denied_by_name if {
	denying := object.union(guard, {"protocol_messages": {"denied": ["crm.sampling/createMessage"]}})
	decision == {"action": "deny", "reason": "not-in-scope", "rule": "protocol-message-denied"}
		with input as asks("sampling/createMessage", ["support"])
		with data.guard as denying
	decision.action == "allow" with input as asks("elicitation/create", ["support"]) with data.guard as denying
}

test_a_condition_that_names_what_a_server_asks_applies_to_it if {
	bounded_tokens := object.union(guard, {"arguments": [{
		"rule": "short", "functions": ["crm.sampling/createMessage"],
		"path": ["maxTokens"], "at_most": 4,
	}]})
	decision.rule == "short" with input as asks("sampling/createMessage", ["support"]) with data.guard as bounded_tokens
}

test_a_client_may_not_call_what_a_server_asks if {
	every name in ["sampling/createMessage", "elicitation/create", "roots/list"] {
		called := json.patch(asks(name, ["support"]), [{"op": "replace", "path": "/direction", "value": "request"}])
		decision.rule == "not-granted" with input as called with data.guard as object.union(guard, {"roles": {"support": {"functions": ["crm.get"]}}})
	}
}

resuming(name, groups) := json.patch(call(concat(".", ["crm", name]), groups, {}), [
	{"op": "replace", "path": "/call/protocol", "value": "mcp"},
	{"op": "replace", "path": "/call/method", "value": "GET"},
])

test_the_rest_of_an_answer_is_for_whoever_may_call_the_function if {
	every name in ["get", "update"] {
		decision == {
			"action": "allow", "rule": "resumed",
			"mask": {"request": [], "response": [{"entity": "US_SSN", "how": "redact"}]},
		} with input as resuming(name, ["support"]) with data.guard as guard
	}
	decision.rule == "not-granted" with input as resuming("get", []) with data.guard as guard
	decision.rule == "protocol-message" with input as resuming("initialize", ["support"]) with data.guard as guard
	closed := {"rule": "never", "functions": ["crm.*"], "zone": "UTC", "days": ["Monday"], "from": "08:00", "to": "18:00"}
	decision.rule == "never" with input as resuming("get", ["support"]) with data.guard as object.union(guard, {"windows": [closed]})
}
