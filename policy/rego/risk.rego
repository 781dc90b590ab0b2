# The risk of a call, 0 to 100: the highest that data.guard.risk gives for the function and the findings. If one of them
# is no number, the call has no risk, and is denied.
package extproc.risk

scores contains object.get(data.guard, ["risk", "default"], 0)

scores contains risk if {
	some pattern, risk in data.guard.risk.functions
	data.extproc.names.matches(pattern, input.call.function)
}

scores contains risk if {
	some finding in input.findings
	risk := data.guard.risk.findings[finding.entity]
}

score := 0 if {
	not data.guard.risk
} else := max(scores) if {
	every given in scores {
		is_number(given)
	}
}
