# Who may call which functions: those of the caller's groups, from data.guard.roles. Everybody with an identity has the
# role `*`. Nobody, a call without an identity, has the role `anonymous` alone, which no group of a token gives.
package extproc.roles

granted if {
	name := input.call.function
	some group in input.identity.groups
	group != "anonymous"
	some pattern in data.guard.roles[group].functions
	startswith(name, trim_suffix(pattern, "*")) # true for all that match, and cheap
	data.extproc.names.matches(pattern, name)
} else if {
	some pattern in data.guard.roles[everybody].functions
	data.extproc.names.matches(pattern, input.call.function)
}

everybody := "anonymous" if {
	input.identity.subject == ""
} else := "*"

# Messages of MCP clients other than tool calls. They reach no tool, so a caller who may call any function of the
# connection may send them.
protocol_methods := {
	"initialize",
	"logging/setLevel",
	"notifications/cancelled",
	"notifications/initialized",
	"notifications/progress",
	"notifications/roots/list_changed",
	"ping",
	"server/discover",
	"subscriptions/listen",
	"tools/list",
}

# The guard's own names for MCP's two requests without a body: the event stream, and a session's end.
protocol_requests := {"GET": "stream", "DELETE": "session/end"}

is_protocol if {
	input.call.method in protocol_methods
	input.call.name == input.call.method
}

is_protocol if protocol_requests[input.call.method] == input.call.name

protocol_method if {
	input.call.protocol == "mcp"
	is_protocol
	some pattern in patterns
	data.extproc.names.about(pattern, input.connection.name)
}

patterns contains pattern if {
	some group in input.identity.groups
	group != "anonymous"
	some pattern in data.guard.roles[group].functions
}

patterns contains pattern if some pattern in data.guard.roles[everybody].functions
