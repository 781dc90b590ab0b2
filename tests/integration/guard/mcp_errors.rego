# Refuses by the argument `case`, so that a test can ask for any refusal of an MCP message.
package extproc

default decision := {"action": "allow", "rule": "allowed"}

decision := {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} if input.body.uninspectable

else := {"action": "deny", "reason": "not-in-scope", "rule": "message"} if {
	input.call.name in {"notifications/progress", "response"}
}

else := {"action": "deny", "reason": "sensitive-data", "rule": "withheld"} if {
	input.direction == "response"
	input.call.arguments.case == "withheld"
	not input.response.uninspectable
}

else := {"action": "deny", "reason": "forbidden-argument", "rule": "denied"} if {
	input.direction == "request"
	input.call.arguments.case == "denied"
}

else := hold("60s") if input.call.arguments.case == "refused by people"

else := hold("1s") if input.call.arguments.case == "expired"

hold(expires_in) := {
	"action": "hold", "reason": "high-risk", "rule": "held",
	"approval": {"groups": ["sre"], "expires_in": expires_in},
}
