# The decision. The first line that applies decides; the last line denies.
#
# Everything that lets a call through is asked for positively (it is granted, its arguments are acceptable), so that
# a rule that cannot be evaluated denies.
#
# The settings do not change between decisions: where the loader has looked at them, it says so, and once is enough.
package extproc

# What is decided here besides calls: which tools a listing may show, and, where the data has rules about them,
# responses. The guard asks once, when it loads the policy, and asks about nothing else.
directions contains "request"

directions contains "list"

directions contains "response" if count(data.guard.responses) > 0

default decision := {"action": "deny", "reason": "policy-denied", "rule": "default"}

decision := {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} if {
	input.body.uninspectable
} else := {"action": "deny", "reason": "policy-denied", "rule": "settings-invalid"} if {
	not data.extproc_loaded.settings_valid
	not data.extproc.settings.valid
} else := data.extproc.responses.verdict if {
	input.direction == "response"
} else := {"action": "allow", "rule": "protocol-method", "mask": data.extproc.masks.on_connection} if {
	data.extproc.roles.protocol_method
} else := {"action": "allow", "rule": "listed"} if {
	input.direction == "list"
	data.extproc.roles.granted
	data.extproc.conditions.open_to_caller
} else := {"action": "deny", "reason": "not-in-scope", "rule": "not-listed"} if {
	input.direction == "list"
} else := verdict if {
	data.extproc.roles.granted
	data.extproc.arguments.acceptable
	data.extproc.conditions.met
	verdict := data.extproc.approvals.verdict
} else := {"action": "deny", "reason": "not-in-scope", "rule": "not-granted"} if {
	not data.extproc.roles.granted
} else := {"action": "deny", "reason": "forbidden-argument", "rule": rule, "risk": data.extproc.risk.score} if {
	rule := data.extproc.arguments.first_refused
} else := {"action": "deny", "reason": condition.reason, "rule": condition.rule, "risk": data.extproc.risk.score} if {
	condition := data.extproc.conditions.first
}
