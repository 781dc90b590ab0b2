# Decides requests at once; about one response it goes through what has no end.
package extproc

directions := {"request", "response"}

default decision := {"action": "allow"}

decision := {"action": "deny", "reason": "sensitive-data"} if {
	input.direction == "response"
	input.call.arguments.q == "endless"
	all := numbers.range(1, 5000)
	count([1 | some a in all; some b in all; some c in all; a + b == c]) > 0
}
