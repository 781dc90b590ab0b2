# Conditions on responses, from data.guard.responses. A condition that cannot be tested counts as not met.
package extproc.responses

absent := {"absent": "this value stands for a field that is not there"}

verdict := {"action": "deny", "reason": "sensitive-data", "rule": rule} if {
	some condition in refusing
	rule := condition.rule
} else := {"action": "allow", "rule": "response", "mask": {"request": [], "response": masks}, "shadow": shadowed} if {
	count(refusing) == 0
}

# Only the first rule that refuses.
refusing := array.slice([condition | some condition in enforced; not masking(condition)], 0, 1)

masking(condition) if {
	is_array(condition.mask)
	count(condition.mask) > 0
}

masks := [rule |
	some condition in enforced
	masking(condition)
	some rule in condition.mask
]

enforced := [condition |
	some condition in broken
	rule := condition.rule
	not data.extproc.shadow.marked[rule]
]

shadowed := [rule |
	some condition in broken
	rule := condition.rule
	data.extproc.shadow.marked[rule]
]

broken := [condition |
	some condition in data.guard.responses
	concerns(condition)
	not data.extproc.masks.exempt(condition)
	not met(condition)
]

concerns(condition) if data.extproc.names.some_matches(condition.functions, input.call.function)

concerns(condition) if {
	data.extproc.tasks.has_result
	data.extproc.names.some_about(condition.functions, input.connection.name)
}

met(condition) if {
	findings_within(object.get(condition, "at_most_found", {}))
	body_fits(condition)
}

# An accepted message has no answer: there is nothing to find.
met(_) if {
	input.response.status == 202
	input.response.size == 0
	input.response.body == null
	not input.response.uninspectable
}

findings_within(limits) if limits == {}

findings_within(limits) if {
	is_object(limits)
	is_array(input.response.findings)
	every entity, most in limits {
		is_number(most)
		found(entity) <= most
	}
}

found(entity) := sum([finding.count |
	some finding in input.response.findings
	finding.entity == entity
])

body_fits(condition) if object.get(condition, "path", absent) == absent

body_fits(condition) if {
	condition.optional == true
	value(condition) == absent
	not input.response.uninspectable
}

body_fits(condition) if {
	value(condition) != absent
	every test, limit in object.remove(condition, ["rule", "functions", "path", "optional", "unless_groups", "at_most_found", "mask"]) {
		data.extproc.arguments.passes(test, limit, value(condition))
	}
}

value(condition) := object.get(document, condition.path, absent) if is_object(document)

value(_) := absent if {
	body := document
	not is_object(body)
}

document := {"result": data.extproc.tasks.inside} if {
	data.extproc.tasks.inside
} else := input.response.body
