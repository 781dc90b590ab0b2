# Rules in shadow mode, by name: data.guard.shadow. They are evaluated and recorded as "would have", never enforced.
package extproc.shadow

marked contains name if some name in data.guard.shadow

names := [] if {
	not data.guard.shadow
} else := [name | some name in would]

would contains rule if {
	some condition in data.guard.arguments
	data.extproc.arguments.fails(condition)
	rule := condition.rule
	marked[rule]
}

would contains "masked-value" if {
	count(data.extproc.masked_values.carried) > 0
	not data.extproc.masked_values.allowed
	marked["masked-value"]
}

would contains rule if {
	data.extproc.definitions.wanted != "allow"
	rule := data.extproc.definitions.rule
	marked[rule]
}

would contains rule if {
	some condition in data.extproc.conditions.broken
	rule := condition.rule
	marked[rule]
}

would contains rule if {
	some threshold in data.guard.hold
	data.extproc.risk.score >= threshold.at
	rule := data.extproc.approvals.name(threshold)
	marked[rule]
}
