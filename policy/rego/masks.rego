# What is masked besides the connection's own rules, from data.guard.masks.
package extproc.masks

exempt(mask) if {
	some group in object.get(mask, "unless_groups", [])
	group in input.identity.groups
}

applicable := [mask |
	some mask in data.guard.masks
	data.extproc.names.some_matches(mask.functions, input.call.function)
	not exempt(mask)
]

plan := {"request": [], "response": []} if {
	not data.guard.masks
} else := {
	"request": [rule | some rule in applicable[_].request],
	"response": [rule | some rule in applicable[_].response],
}
