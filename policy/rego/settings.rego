# Check that data.guard has the shape that the other rules read. A misspelled key must not switch a rule off.
package extproc.settings

import data.extproc.names

keys := {"roles", "arguments", "risk", "hold", "masks", "windows", "duties", "limits", "responses", "shadow"}

days := {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

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

wrong contains "shadow" if not shadow_valid

patterns_valid(patterns) if {
	is_array(patterns)
	count(patterns) > 0
	every pattern in patterns {
		names.valid(pattern)
	}
}

roles_valid if {
	is_object(data.guard.roles)
	every role in data.guard.roles {
		object.keys(role) == {"functions"}
		patterns_valid(role.functions)
	}
}

arguments_valid if {
	every condition in object.get(data.guard, "arguments", []) {
		condition_valid(condition)
	}
}

condition_valid(condition) if {
	is_string(condition.rule)
	is_array(condition.path)
	patterns_valid(condition.functions)
	asked := object.keys(condition) - {"rule", "functions", "path", "optional"}
	count(asked) > 0
	asked - tests == set()
	object.get(condition, "read_only_sql", true) == true
	is_boolean(object.get(condition, "optional", false))
}

risk_valid if {
	risk := object.get(data.guard, "risk", {})
	object.keys(risk) - {"default", "functions", "findings"} == set()
	is_number(object.get(risk, "default", 0))
	every pattern, score in object.get(risk, "functions", {}) {
		names.valid(pattern)
		is_number(score)
	}
	every score in object.get(risk, "findings", {}) {
		is_number(score)
	}
}

hold_valid if {
	hold := object.get(data.guard, "hold", [])
	every threshold in hold {
		is_number(threshold.at)
		object.keys(threshold) - {"at", "groups", "min", "expires_in", "mode"} == set()
	}
	count({threshold.at | some threshold in hold}) == count(hold)
}

masks_valid if {
	every mask in object.get(data.guard, "masks", []) {
		object.keys(mask) - {"functions", "unless_groups", "request", "response"} == set()
		patterns_valid(mask.functions)
		is_array(object.get(mask, "unless_groups", []))
		is_array(object.get(mask, "request", []))
		is_array(object.get(mask, "response", []))
	}
}

windows_valid if {
	every window in object.get(data.guard, "windows", []) {
		object.keys(window) == {"rule", "functions", "zone", "days", "from", "to"}
		is_string(window.rule)
		patterns_valid(window.functions)
		zone_valid(window.zone)
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
	every duty in object.get(data.guard, "duties", []) {
		object.keys(duty) == {"rule", "functions", "not_with"}
		is_string(duty.rule)
		patterns_valid(duty.functions)
		patterns_valid(duty.not_with)
	}
}

limits_valid if {
	every limit in object.get(data.guard, "limits", []) {
		object.keys(limit) == {"rule", "functions", "of", "per", "calls"}
		is_string(limit.rule)
		patterns_valid(limit.functions)
		limit.of in {"caller", "function"}
		limit.per in {"minute", "hour", "day"}
		is_number(limit.calls)
	}
}

responses_valid if {
	responses := object.get(data.guard, "responses", [])
	is_array(responses)
	every condition in responses {
		response_valid(condition)
	}
}

response_valid(condition) if {
	is_string(condition.rule)
	patterns_valid(condition.functions)
	is_array(object.get(condition, "unless_groups", []))
	is_array(object.get(condition, "mask", []))
	is_boolean(object.get(condition, "optional", false))
	found_valid(object.get(condition, "at_most_found", {}))
	asked := object.keys(condition) - {"rule", "functions", "unless_groups", "mask", "at_most_found", "path", "optional"}
	asked - tests == set()
	object.get(condition, "read_only_sql", true) == true
	path_valid(condition, asked)
}

found_valid(limits) if {
	is_object(limits)
	every most in limits {
		is_number(most)
	}
}

# A path with its tests, or neither of them and another condition.
path_valid(condition, asked) if {
	is_array(condition.path)
	count(asked) > 0
}

path_valid(condition, asked) if {
	not condition.path
	count(asked) == 0
	not condition.optional
	count(condition.at_most_found) > 0
}

# If no rule has the name, the intended rule stays enforced, and its author waits for records in vain.
shadow_valid if {
	shadow := object.get(data.guard, "shadow", [])
	is_array(shadow)
	{name | some name in shadow} - rules == set()
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
