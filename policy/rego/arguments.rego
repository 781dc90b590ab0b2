# Conditions on arguments, from data.guard.arguments. A condition that cannot be tested counts as not met.
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
	path := condition.path
	not somewhere(path)
}

met(condition) if {
	value(condition) != absent
	every test, limit in object.remove(condition, ["rule", "functions", "path", "optional"]) {
		passes(test, limit, value(condition))
	}
}

# An argument that is absent under its name, but may be present for the backend: inside a value that is not an object,
# or under a name that a lenient reader takes for the same (Env, env[]).
somewhere(path) if {
	some index, _ in path
	within := parent(path, index)
	within != null
	not is_object(within)
}

somewhere(path) if {
	some index, name in path
	within := parent(path, index)
	is_object(within)
	some other, _ in within
	other != name
	alike(other, name)
}

parent(_, 0) := input.call.arguments

parent(path, index) := object.get(input.call.arguments, array.slice(path, 0, index), {}) if {
	index > 0
	is_object(input.call.arguments)
}

alike(other, name) if lenient(other) == lenient(name)

# Letters that some readers take for others: the long s for s, full-width letters. No condition needs them.
alike(other, name) if {
	regex.match(`^[\x00-\x7f]*$`, name)
	not regex.match(`^[\x00-\x7f]*$`, other)
}

lenient(name) := replace(replace(trim_space(lower(split(name, "[")[0])), ".", "_"), " ", "_")

passes("read_only_sql", true, given) if sql.read_only(given)

# Values of different types have an order, too: 5 is less than "3". So a limit of another type must not be compared.
passes("at_most", limit, given) if {
	is_number(limit)
	is_number(given)
	given <= limit
}

passes("at_least", limit, given) if {
	is_number(limit)
	is_number(given)
	given >= limit
}

passes("one_of", limit, given) if {
	is_array(limit)
	given in limit
}

passes("matches", limit, given) if {
	is_string(limit)
	is_string(given)
	regex.match(limit, given)
}

acceptable if {
	not data.guard.arguments
} else if count(unmet) == 0

first_refused := unmet[0].rule
