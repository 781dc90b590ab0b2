# Allows what its tests call, and says something of what comes back, of listings, of the query and to Envoy.
package extproc

directions := {"request", "list", "response"}

default decision := {"action": "deny", "reason": "not-in-scope", "rule": "default"}

decision := {"action": "deny", "reason": "sensitive-data", "rule": "too_many"} if {
	input.direction == "response"
	count(input.response.findings) > 1
}

else := {"action": "deny", "reason": "sensitive-data", "rule": "unseen"} if {
	input.direction == "response"
	input.response.uninspectable == "streamed"
}

else := {"action": "allow", "mask": {"response": [{"path": "$.note", "how": "remove"}]}} if {
	input.direction == "response"
}

else := {"action": "deny", "reason": "not-in-scope", "rule": "hidden"} if {
	input.direction == "list"
	input.call.name == "publish"
}

else := {"action": "allow"} if {
	input.call.function in {"crm.get_customer", "crm.events", "plain.get_customer", "docs.search", "docs.tools/list"}
}
