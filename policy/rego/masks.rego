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

on_connection := [mask |
	some mask in data.guard.masks
	data.extproc.names.some_about(mask.functions, input.connection.name)
	not exempt(mask)
]

# For a message that calls no function of its connection (MCP's own messages): the response may be the result of any
# function, and what the client tells the server about the server's own requests (an answer, its progress, its task's
# status) the input of any, so the masks of all functions apply. Other messages are no input; a mask that names one in
# full applies to it.
plan := {"request": [], "response": []} if {
	not data.guard.masks
} else := {
	"request": [rule | some mask in on_connection; is_input(mask); some rule in mask.request],
	"response": [rule | some mask in on_connection; some rule in mask.response],
} if {
	data.extproc.protocol_messages.is_message
} else := {
	"request": [rule | some mask in applicable; some rule in mask.request],
	"response": [rule | some mask in on_connection; some rule in mask.response],
} if {
	data.extproc.tasks.returns_results
} else := {
	"request": [rule | some mask in on_connection; some rule in mask.request],
	"response": [rule | some mask in applicable; some rule in mask.response],
} if {
	data.extproc.tasks.answers
} else := {
	"request": [rule | some mask in applicable; some rule in mask.request],
	"response": [rule | some mask in applicable; some rule in mask.response],
}

is_input(_) if input.call.method in {"response", "notifications/progress", "notifications/tasks/status"}

is_input(mask) if input.call.function in mask.functions
