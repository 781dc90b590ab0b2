# Decides at once, but for one argument: then it goes through what has no end.
package extproc

default decision := {"action": "deny", "reason": "not-in-scope", "rule": "default"}

decision := {"action": "allow"} if {
	input.call.name == "get_customer"
} else := {"action": "allow"} if {
	input.call.arguments.q == "endless"
	all := numbers.range(1, 5000)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) > 0
}
