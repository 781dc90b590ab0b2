# Holds every deployment; the argument `env` says on which terms.
package extproc

default decision := {"action": "allow", "rule": "allowed"}

decision := {"action": "hold", "reason": "high-risk", "rule": "held", "risk": 80, "approval": object.union({"groups": ["sre"], "mode": "wait"}, terms)} if {
	input.call.function == "crm.deploy"
}

terms := {"min": 2} if input.call.arguments.env == "two"

else := {"expires_in": "3s"} if input.call.arguments.env == "quick"

else := {"groups": ["dba"], "break_glass": ["sre"]} if input.call.arguments.env == "glass"

else := {}
