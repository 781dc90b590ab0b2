# Masks in addition to the connection's own, from data.guard.masks.
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

# For a message that calls no function of its connection (MCP's own methods): the response may be the result of any
# function, so the masks of all functions apply.
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
	"request": [rule | some mask in applicable; some rule in mask.request],
	"response": [rule | some mask in applicable; some rule in mask.response],
}
