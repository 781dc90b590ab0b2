# Conditions on a granted call: its time (data.guard.windows), its rate (data.guard.limits), and the separation of
# duties (data.guard.duties). A condition that cannot be tested counts as broken.
package extproc.conditions

met if {
	not data.guard.windows
	not data.guard.duties
	not data.guard.limits
} else if count(enforced) == 0

enforced := [condition |
	some condition in broken
	rule := condition.rule
	not data.extproc.shadow.marked[rule]
]

first := enforced[0]

# For a listing: the caller may call the function now, whatever the arguments are. A listing is not counted as a call,
# so limits do not apply.
open_to_caller if {
	count([reason |
		some condition in enforced
		reason := condition.reason
		not reasons_of_limits[reason]
	]) == 0
}

reasons_of_limits contains reason if some reason in reasons

broken contains {"reason": "outside-hours", "rule": rule} if {
	some window in data.guard.windows
	data.extproc.names.some_matches(window.functions, input.call.function)
	not open(window)
	rule := window.rule
}

broken contains {"reason": "separation-of-duties", "rule": rule} if {
	some duty in data.guard.duties
	data.extproc.names.some_matches(duty.functions, input.call.function)
	may_also(duty)
	rule := duty.rule
}

broken contains {"reason": reason, "rule": rule} if {
	some limit in data.guard.limits
	data.extproc.names.some_matches(limit.functions, input.call.function)
	not within(limit)
	reason := reasons[limit.per]
	rule := limit.rule
}

reasons := {"minute": "rate-exceeded", "hour": "rate-exceeded", "day": "budget-exceeded"}

# If calls are not counted, a limit denies.
within(limit) if {
	calls := input.usage[limit.of][limit.per]
	is_number(calls)
	is_number(limit.calls)
	calls <= limit.calls
}

# The time in the window's zone. Days and daylight saving are those of the zone.
open(window) if {
	is_array(window.days)
	is_string(window.from)
	is_string(window.to)
	now := time.parse_rfc3339_ns(input.time)
	today := time.weekday([now, window.zone])
	today in window.days
	[hour, minute, _] := time.clock([now, window.zone])
	clock := sprintf("%02d:%02d", [hour, minute])
	clock >= window.from
	clock < window.to
}

# A caller with a function of one kind must not have one of the other. Two patterns conflict if a name could match both.
may_also(duty) if {
	some other in duty.not_with
	some held in data.extproc.roles.patterns
	overlap(other, held)
}

overlap(a, b) if {
	data.extproc.names.matches(a, b)
} else if {
	data.extproc.names.matches(b, a)
}
