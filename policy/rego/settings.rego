# Check that data.guard has the shape that the other rules read. A misspelled key must not switch a rule off.
package extproc.settings

import data.extproc.names

keys := {
	"roles", "arguments", "risk", "hold", "masks", "windows", "duties", "limits", "responses", "masked_values",
	"protocol_messages", "definitions", "shadow",
}

days := {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

messages := data.extproc.protocol_messages.names

tests := {"read_only_sql", "at_most", "at_least", "one_of", "matches"}

valid if {
	is_object(data.guard)
	object.keys(data.guard) - keys == set()
	roles_valid
	arguments_valid
	risk_valid
	hold_valid
	masks_valid
	windows_valid
	duties_valid
	limits_valid
	responses_valid
	masked_values_valid
	protocol_messages_valid
	definitions_valid
	shadow_valid
}

# The parts that are wrong, for the author of the data.
wrong contains key if {
	is_object(data.guard)
	some key, _ in data.guard
	not keys[key]
}

wrong contains "roles" if not roles_valid

wrong contains "arguments" if not arguments_valid

wrong contains "risk" if not risk_valid

wrong contains "hold" if not hold_valid

wrong contains "masks" if not masks_valid

wrong contains "windows" if not windows_valid

wrong contains "duties" if not duties_valid

wrong contains "limits" if not limits_valid

wrong contains "responses" if not responses_valid

wrong contains "masked_values" if not masked_values_valid

wrong contains "protocol_messages" if not protocol_messages_valid

wrong contains "definitions" if not definitions_valid

wrong contains "shadow" if not shadow_valid

patterns_valid(patterns) if {
	is_array(patterns)
	count(patterns) > 0
	every pattern in patterns {
		names.valid(pattern)
	}
}

# The entries of a part that is a list.
entries(key) := object.get(data.guard, key, [])

group_valid(group) if {
	is_string(group)
	group != ""
	trim_space(group) == group
}

groups_valid(groups) if {
	is_array(groups)
	every group in groups {
		group_valid(group)
	}
}

at_least(value, least) if {
	is_number(value)
	floor(value) == value
	value >= least
}

# A risk, or a threshold of risk.
risk_of(value) if {
	at_least(value, 0)
	value <= 100
}

filled(list) if {
	is_array(list)
	count(list) > 0
}

roles_valid if {
	is_object(data.guard.roles)
	every group, role in data.guard.roles {
		group_valid(group)
		object.keys(role) == {"functions"}
		patterns_valid(role.functions)
	}
}

arguments_valid if {
	is_array(entries("arguments"))
	every condition in entries("arguments") {
		condition_valid(condition)
	}
}

condition_valid(condition) if {
	is_string(condition.rule)
	steps_valid(condition.path)
	patterns_valid(condition.functions)
	asked := object.keys(condition) - {"rule", "functions", "path", "optional"}
	count(asked) > 0
	asked - tests == set()
	tests_valid(condition)
	is_boolean(object.get(condition, "optional", false))
}

steps_valid(path) if {
	filled(path)
	every step in path {
		step_valid(step)
	}
}

step_valid(step) if is_string(step)

step_valid(step) if at_least(step, 0)

# A bound of another type than the value would be compared all the same, and always be kept, or never.
tests_valid(condition) if {
	object.get(condition, "read_only_sql", true) == true
	is_number(object.get(condition, "at_most", 0))
	is_number(object.get(condition, "at_least", 0))
	filled(object.get(condition, "one_of", [""]))
	expression_valid(object.get(condition, "matches", ""))
}

expression_valid(expression) if {
	is_string(expression)
	regex.is_valid(expression)
}

risk_valid if {
	risk := object.get(data.guard, "risk", {})
	object.keys(risk) - {"default", "functions", "findings"} == set()
	risk_of(object.get(risk, "default", 0))
	is_object(object.get(risk, "functions", {}))
	every pattern, score in object.get(risk, "functions", {}) {
		names.valid(pattern)
		risk_of(score)
	}
	is_object(object.get(risk, "findings", {}))
	every score in object.get(risk, "findings", {}) {
		risk_of(score)
	}
}

hold_valid if {
	is_array(entries("hold"))
	every threshold in entries("hold") {
		risk_of(threshold.at)
		object.keys(threshold) - {"at", "groups", "min", "expires_in", "mode", "break_glass", "reuse"} == set()
		terms_valid(threshold)
	}
	count({threshold.at | some threshold in entries("hold")}) == count(entries("hold"))
}

terms_valid(threshold) if {
	approvers_valid(object.get(threshold, "groups", ["the connection's"]))
	at_least(object.get(threshold, "min", 1), 1)
	object.get(threshold, "min", 1) <= 10
	duration_valid(object.get(threshold, "expires_in", "1s"))
	object.get(threshold, "mode", "auto") in {"auto", "wait", "ticket"}
	groups_valid(object.get(threshold, "break_glass", []))
	reuse_valid(object.get(threshold, "reuse", {"for": "1s"}))
}

approvers_valid(groups) if {
	filled(groups)
	groups_valid(groups)
}

approvers_valid(groups) if {
	is_object(groups)
	object.keys(groups) == {"any"}
	filled(groups.any)
	every together in groups.any {
		filled(together)
		groups_valid(together)
		count(together) <= 10
	}
}

reuse_valid(reuse) if {
	is_object(reuse)
	object.keys(reuse) - {"for", "same"} == set()
	duration_valid(reuse.for)
	{each | some each in object.get(reuse, "same", ["function"])} - {"function", "arguments"} == set()
	"function" in object.get(reuse, "same", ["function"])
}

duration_valid(duration) if {
	is_string(duration)
	regex.match(`^[1-9][0-9]{0,6}[smh]$`, duration)
}

masks_valid if {
	is_array(entries("masks"))
	every mask in entries("masks") {
		object.keys(mask) - {"functions", "unless_groups", "request", "response"} == set()
		object.keys(mask) & {"request", "response"} != set()
		patterns_valid(mask.functions)
		groups_valid(object.get(mask, "unless_groups", []))
		filled(object.get(mask, "request", [{}]))
		filled(object.get(mask, "response", [{}]))
	}
}

windows_valid if {
	is_array(entries("windows"))
	every window in entries("windows") {
		object.keys(window) == {"rule", "functions", "zone", "days", "from", "to"}
		is_string(window.rule)
		patterns_valid(window.functions)
		zone_valid(window.zone)
		filled(window.days)
		{day | some day in window.days} - days == set()
		regex.match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`, window.from)
		regex.match(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`, window.to)
		window.from < window.to
	}
}

# "" and "Local" would be the machine's zone.
zone_valid(zone) if zone == "UTC"

zone_valid(zone) if {
	contains(zone, "/")
	is_array(time.clock([0, zone]))
}

duties_valid if {
	is_array(entries("duties"))
	every duty in entries("duties") {
		object.keys(duty) == {"rule", "functions", "not_with"}
		is_string(duty.rule)
		patterns_valid(duty.functions)
		patterns_valid(duty.not_with)
	}
}

limits_valid if {
	is_array(entries("limits"))
	every limit in entries("limits") {
		object.keys(limit) == {"rule", "functions", "of", "per", "calls"}
		is_string(limit.rule)
		patterns_valid(limit.functions)
		limit.of in {"caller", "function"}
		limit.per in {"minute", "hour", "day"}
		at_least(limit.calls, 1)
	}
}

responses_valid if {
	is_array(entries("responses"))
	every condition in entries("responses") {
		response_valid(condition)
	}
}

response_valid(condition) if {
	is_string(condition.rule)
	patterns_valid(condition.functions)
	groups_valid(object.get(condition, "unless_groups", []))
	filled(object.get(condition, "mask", [{}]))
	is_boolean(object.get(condition, "optional", false))
	found_valid(object.get(condition, "at_most_found", {}))
	asked := object.keys(condition) - {"rule", "functions", "unless_groups", "mask", "at_most_found", "path", "optional"}
	asked - tests == set()
	tests_valid(condition)
	path_valid(condition, asked)
}

found_valid(limits) if {
	is_object(limits)
	every most in limits {
		at_least(most, 0)
	}
}

# A path with its tests, or neither of them and another condition.
path_valid(condition, asked) if {
	steps_valid(condition.path)
	count(asked) > 0
}

path_valid(condition, asked) if {
	object.keys(condition) & {"path"} == set()
	count(asked) == 0
	not condition.optional
	count(condition.at_most_found) > 0
}

masked_values_valid if {
	given := object.get(data.guard, "masked_values", {"allowed": ["*"]})
	is_object(given)
	object.keys(given) == {"allowed"}
	patterns_valid(given.allowed)
}

protocol_messages_valid if {
	given := object.get(data.guard, "protocol_messages", {"denied": []})
	is_object(given)
	object.keys(given) == {"denied"}
	is_array(given.denied)
	every message in given.denied {
		message_valid(message)
	}
}

# A message that is denied has its whole name: a pattern would let those pass that it does not match. Whether there is
# such a connection is not known here.
message_valid(message) if {
	is_string(message)
	[connection, name] := split(message, ".")
	regex.match(`^[a-z][a-z0-9_-]*$`, connection)
	name in messages
}

actions := {"allow", "hold", "deny"}

definitions_valid if {
	given := object.get(data.guard, "definitions", {})
	is_object(given)
	object.keys(given) - {"changed", "unseen", "list_changed"} == set()
	{object.get(given, "changed", "hold"), object.get(given, "unseen", "allow")} - actions == set()
	is_boolean(object.get(given, "list_changed", true))
}

# If no rule has the name, the intended rule stays enforced, and its author waits for records in vain.
shadow_valid if {
	shadow := object.get(data.guard, "shadow", [])
	is_array(shadow)
	{name | some name in shadow} - (rules | {"masked-value", "definition-changed", "definition-unseen"}) == set()
}

rules contains rule if {
	some kind in ["arguments", "windows", "duties", "limits", "responses"]
	some condition in data.guard[kind]
	rule := condition.rule
}

rules contains rule if {
	some threshold in data.guard.hold
	rule := data.extproc.approvals.name(threshold)
}
