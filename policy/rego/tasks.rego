# The results of MCP's tasks: that of `tasks/result`, and that in the answer to `tasks/get`, once there is one. Nothing
# tells whose result it is: it may be that of any function of the connection.
package extproc.tasks

methods := {"tasks/get", "tasks/result"}

returns_results if {
	input.call.protocol == "mcp"
	is_method(input.call.name)
}

is_method(name) if name in methods

# A task that has no result yet tells how it stands, and nothing else.
has_result if {
	returns_results
	not is_status
}

is_status if {
	is_get(input.call.name)
	is_object(input.response.body.result)
	not inside
}

is_get(name) if name == "tasks/get"

# The result in a task.
inside := result if {
	returns_results
	result := input.response.body.result.result
	is_object(result)
}

# What a client answers to the questions of a task is the input of any function.
answers if {
	input.call.protocol == "mcp"
	input.call.method == "tasks/update"
}
