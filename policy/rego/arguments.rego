# What arguments may be, from data.guard.arguments. A condition that cannot be tested counts as not met.
package extproc.arguments

import data.extproc.sql

absent := {"absent": "this value stands for an argument that is not there"}

unmet := [condition |
	some condition in data.guard.arguments
	fails(condition)
	rule := object.get(condition, "rule", "")
	not data.extproc.shadow.marked[rule]
]

fails(condition) if {
	data.extproc.names.some_matches(condition.functions, input.call.function)
	not met(condition)
}

value(condition) := object.get(input.call.arguments, condition.path, absent) if is_object(input.call.arguments)

value(_) := absent if {
	given := input.call.arguments
	not is_object(given)
}

met(condition) if {
	condition.optional == true
	value(condition) == absent
}

met(condition) if {
	value(condition) != absent
	every test, limit in object.remove(condition, ["rule", "functions", "path", "optional"]) {
		passes(test, limit, value(condition))
	}
}

passes("read_only_sql", true, given) if sql.read_only(given)

passes("at_most", limit, given) if {
	is_number(given)
	given <= limit
}

passes("at_least", limit, given) if {
	is_number(given)
	given >= limit
}

passes("one_of", limit, given) if given in limit

passes("matches", limit, given) if {
	is_string(given)
	regex.match(limit, given)
}

acceptable if {
	not data.guard.arguments
} else if count(unmet) == 0

first_refused := unmet[0].rule
