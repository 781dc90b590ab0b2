package extproc.protocol_messages_test

import data.extproc.protocol_messages

guard := {
	"roles": {"support": {"functions": ["docs.search", "erp.*"]}, "all": {"functions": ["*"]}, "sales": {"functions": ["docs2.*"]}},
	"protocol_messages": {"denied": ["docs.ping"]},
}

mcp(name, method, groups) := {
	"identity": {"subject": "s", "groups": groups},
	"connection": {"name": "docs"},
	"call": {"protocol": "mcp", "name": name, "method": method, "function": concat("", ["docs.", name]), "arguments": {}},
}

listen(notifications) := json.patch(
	mcp("subscriptions/listen", "subscriptions/listen", ["support"]),
	[{"op": "add", "path": "/call/arguments/notifications", "value": notifications}],
)

test_messages_need_one_function_on_the_connection if {
	every name, method in {"tools/list": "tools/list", "response": "response", "stream": "GET", "session/end": "DELETE"} {
		every group in ["support", "all"] {
			protocol_messages.allowed with input as mcp(name, method, [group]) with data.guard as guard
		}
		every groups in [[], ["sales"], ["Support"]] {
			not protocol_messages.allowed with input as mcp(name, method, groups) with data.guard as guard
		}
	}
}

test_every_method_of_the_list_is_a_message if {
	every method in protocol_messages.methods - {"subscriptions/listen"} {
		protocol_messages.allowed with input as mcp(method, method, ["support"]) with data.guard as guard
	}
}

# Methods that read or run something, or that nobody knows: of MCP until 2026-07-28, and beyond.
functions := {
	"tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe",
	"completion/complete", "tasks/get", "tasks/list", "tasks/result",
	"tasks/cancel", "tasks/update", "sampling/createMessage", "elicitation/create", "roots/list", "notifications/new",
	"notifications/", "Ping", "ping ", "tools/list/all", "GET", "DELETE", "unreadable", "",
}

test_no_other_method_is_a_message if {
	every method in functions {
		not protocol_messages.allowed with input as mcp(method, method, ["all"]) with data.guard as guard
	}
}

test_a_tool_with_the_name_of_a_message_is_none if {
	every name in protocol_messages.names {
		not protocol_messages.allowed with input as mcp(name, "tools/call", ["all"]) with data.guard as guard
	}
	not protocol_messages.allowed with input as mcp("search", "ping", ["all"]) with data.guard as guard
	not protocol_messages.allowed with input as mcp("stream", "POST", ["all"]) with data.guard as guard
	not protocol_messages.allowed with input as mcp("response", "GET", ["all"]) with data.guard as guard
}

test_other_protocols_have_no_messages if {
	ping := mcp("ping", "ping", ["all"])
	not protocol_messages.allowed with input as json.patch(ping, [{"op": "replace", "path": "/call/protocol", "value": "http-json"}])
		with data.guard as guard
}

test_listening_for_changes_of_lists_is_a_message if {
	every asked in [{}, {"toolsListChanged": true, "promptsListChanged": false}, {"resourceSubscriptions": []}] {
		protocol_messages.allowed with input as listen(asked) with data.guard as guard
	}
}

test_listening_for_changes_of_resources_is_none if {
	every asked in [{"resourceSubscriptions": ["file:///a"]}, {"resourceSubscriptions": null}, {"ResourceSubscriptions": ["a"]}, {"taskIds": []}, {"toolsListChanged": ["file:///a"]}, null, "x"] {
		not protocol_messages.allowed with input as listen(asked) with data.guard as guard
	}
	not protocol_messages.allowed with input as mcp("subscriptions/listen", "subscriptions/listen", ["all"]) with data.guard as guard
	beside := json.patch(listen({}), [{"op": "add", "path": "/call/arguments/resourceSubscriptions", "value": ["file:///a"]}])
	not protocol_messages.allowed with input as beside with data.guard as guard
}

test_a_message_is_denied_by_its_whole_name if {
	protocol_messages.denied with input as mcp("ping", "ping", ["support"]) with data.guard as guard
	not protocol_messages.denied with input as mcp("response", "response", ["support"]) with data.guard as guard
	not protocol_messages.denied with input as mcp("ping", "ping", ["support"]) with data.guard as object.remove(guard, ["protocol_messages"])
}

test_a_condition_makes_a_message_conditional_by_its_whole_name_alone if {
	conditions := [
		{"arguments": [{"functions": ["docs.response"]}]},
		{"windows": [{"functions": ["docs.search", "docs.response"]}]},
		{"duties": [{"functions": ["docs.response"]}]},
		{"limits": [{"functions": ["docs.response"]}]},
		{"risk": {"functions": {"docs.response": 0}}},
	]
	every condition in conditions {
		not protocol_messages.unconditional with input as mcp("response", "response", ["support"]) with data.guard as object.union(guard, condition)
		protocol_messages.unconditional with input as mcp("ping", "ping", ["support"]) with data.guard as object.union(guard, condition)
	}
	every condition in [{"arguments": [{"functions": ["docs.*"]}]}, {"risk": {"functions": {"docs.*": 90}}}] {
		protocol_messages.unconditional with input as mcp("response", "response", ["support"]) with data.guard as object.union(guard, condition)
	}
}
