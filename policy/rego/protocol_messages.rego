# MCP's own messages. They carry no function of their connection, so a caller who may call any function of it may send
# them, unless data.guard.protocol_messages.denied names them. All other names are functions, which a role must grant:
# so is a method that MCP gets later, until it is listed here.
package extproc.protocol_messages

methods := {
	"initialize",
	"logging/setLevel",
	"notifications/cancelled",
	"notifications/initialized",
	"notifications/progress",
	"notifications/roots/list_changed",
	"notifications/tasks/status",
	"ping",
	"prompts/list",
	"resources/list",
	"resources/templates/list",
	"server/discover",
	"subscriptions/listen",
	"tools/list",
}

# What a server asks of a client. It may ask for more; these can be denied by name.
requests_of_servers := {"elicitation/create", "ping", "roots/list", "sampling/createMessage"}

# The guard's own names for messages without a method of MCP, by what stands for their method: the client's answer to a
# request of the server, and the two requests without a body, the event stream and a session's end.
others := {"response": "response", "GET": "stream", "DELETE": "session/end"}

names := (methods | requests_of_servers) | {name | some name in others}

is_message if {
	input.call.protocol == "mcp"
	known
}

# Whatever a server asks of a client calls no function of the server.
is_message if {
	input.call.protocol == "mcp"
	input.direction == "server"
}

known if {
	input.call.method in methods
	input.call.name == input.call.method
}

known if others[input.call.method] == input.call.name

# A GET that asks for the answer to such a message again.
known if {
	input.call.method == "GET"
	is_method(input.call.name)
}

is_method(name) if name in methods

# A GET that asks for the rest of a function's answer (MCP's `Last-Event-ID`). The call itself was decided when it was
# made, by its arguments, which the GET does not have.
resumes if {
	input.call.protocol == "mcp"
	input.call.method == "GET"
	not is_message
}

denied if input.call.function in data.guard.protocol_messages.denied

allowed if {
	is_message
	names_no_resource
	data.extproc.names.some_about(data.extproc.roles.patterns, input.connection.name)
}

# Allowed, and no condition of the data is about it. If one names the message in full, the message is decided by all
# conditions, like a function.
unconditional if {
	allowed
	count(conditions) == 0
}

conditions contains kind if {
	some kind in ["arguments", "windows", "duties", "limits"]
	some condition in data.guard[kind]
	input.call.function in condition.functions
}

conditions contains "risk" if data.guard.risk.functions[input.call.function]

# `subscriptions/listen` asks for changes of lists, or of resources. Resources are the backend's.
changes_of_lists := {"toolsListChanged", "promptsListChanged", "resourcesListChanged"}

names_no_resource if input.call.method != "subscriptions/listen"

names_no_resource if {
	is_object(input.call.arguments)
	object.keys(input.call.arguments) - {"notifications", "_meta"} == set()
	asked := input.call.arguments.notifications
	is_object(asked)
	object.get(asked, "resourceSubscriptions", []) == []
	every change, wanted in object.remove(asked, ["resourceSubscriptions"]) {
		change in changes_of_lists
		is_boolean(wanted)
	}
}
