# The decision. The first line that applies decides; the last line denies.
#
# Every condition for letting a call through is positive (it is granted, its arguments are acceptable), so a rule that
# cannot be evaluated denies.
#
# The settings do not change between decisions. If the loader has checked them, it says so, and they are not checked
# again.
package extproc

# The other directions that this policy decides: which tools a listing may show, what a server may ask of a client, and
# responses if the data has rules about them. The guard reads this once, when it loads the policy, and does not ask about other directions.
directions contains "request"

directions contains "list"

directions contains "server"

directions contains "response" if count(data.guard.responses) > 0

# The names of rules that the data has, or that decide about definitions. The guard reads them once, for its metrics: a
# rule that never matched has the value 0 there.
rules := data.extproc.settings.rules | {rule | some rule in data.extproc.definitions.rules}

# METADATA
# entrypoint: true
default decision := {"action": "deny", "reason": "policy-denied", "rule": "default"}

decision := {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} if {
	input.body.uninspectable
} else := {"action": "deny", "reason": "policy-denied", "rule": "settings-invalid"} if {
	not data.extproc_loaded.settings_valid
	not data.extproc.settings.valid
} else := data.extproc.responses.verdict if {
	input.direction == "response"
} else := {"action": "deny", "reason": "not-in-scope", "rule": "protocol-message-denied"} if {
	data.extproc.protocol_messages.denied
} else := {"action": "allow", "rule": "protocol-message", "mask": data.extproc.masks.plan} if {
	data.extproc.protocol_messages.unconditional
} else := {"action": "allow", "rule": "listed"} if {
	input.direction == "list"
	data.extproc.roles.granted
	data.extproc.conditions.open_to_caller
	data.extproc.definitions.acceptable
	data.extproc.definitions.listed
} else := {"action": "deny", "reason": "not-in-scope", "rule": "not-listed"} if {
	input.direction == "list"
} else := {"action": "allow", "rule": "resumed", "mask": data.extproc.masks.plan} if {
	data.extproc.protocol_messages.resumes
	data.extproc.roles.granted
	data.extproc.conditions.open_to_caller
} else := verdict if {
	granted
	data.extproc.masked_values.acceptable
	data.extproc.definitions.acceptable
	data.extproc.arguments.acceptable
	data.extproc.conditions.met
	verdict := data.extproc.approvals.verdict
} else := {"action": "deny", "reason": "not-in-scope", "rule": "not-granted"} if {
	not granted
} else := {"action": "deny", "reason": "masked-value", "rule": "masked-value", "risk": data.extproc.risk.score} if {
	not data.extproc.masked_values.acceptable
} else := {"action": "deny", "reason": "policy-denied", "rule": rule, "risk": data.extproc.risk.score} if {
	not data.extproc.definitions.acceptable
	rule := data.extproc.definitions.rule
} else := {"action": "deny", "reason": "forbidden-argument", "rule": rule, "risk": data.extproc.risk.score} if {
	rule := data.extproc.arguments.first_refused
} else := {"action": "deny", "reason": condition.reason, "rule": condition.rule, "risk": data.extproc.risk.score} if {
	condition := data.extproc.conditions.first
}

granted if data.extproc.roles.granted

granted if data.extproc.protocol_messages.allowed
