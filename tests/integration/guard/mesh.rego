# An existing mesh under policy: by method, path and caller, with one function for everything.
package extproc

default decision := {"action": "deny", "reason": "not-in-scope", "rule": "default"}

decision := {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} if input.body.uninspectable

else := {"action": "deny", "reason": "policy-denied", "rule": "admin"} if input.parsed_path == ["admin"]

else := {"action": "deny", "reason": "policy-denied", "rule": "delete"} if input.attributes.request.http.method == "DELETE"

else := {"action": "hold", "reason": "high-risk", "rule": "held", "approval": {"groups": ["sre"]}} if {
	input.call.arguments.held == "yes"
}

else := {"action": "deny", "reason": "not-in-scope", "rule": "nobody"} if {
	input.identity.subject == ""
	input.parsed_path == ["health", "private"]
}

else := {"action": "allow", "rule": "allowed"}
