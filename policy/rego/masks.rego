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

# For what is sent on a connection without calling a function of it (MCP's own methods): whatever comes back there may
# be any function's result, so that everything masked for one of them is masked.
on_connection := {
	"request": [],
	"response": [rule |
		some mask in data.guard.masks
		some pattern in mask.functions
		data.extproc.names.about(pattern, input.connection.name)
		not exempt(mask)
		some rule in object.get(mask, "response", [])
	],
}

plan := {"request": [], "response": []} if {
	not data.guard.masks
} else := {
	"request": [rule | some rule in applicable[_].request],
	"response": [rule | some rule in applicable[_].response],
}
