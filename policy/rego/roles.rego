# Who may call which functions: those of the caller's groups, from data.guard.roles. Everybody with an identity has the
# role `*`. Nobody, a call without an identity, has the role `anonymous` alone, which no group of a token gives.
package extproc.roles

granted if {
	name := input.call.function
	some group in input.identity.groups
	group != "anonymous"
	some pattern in data.guard.roles[group].functions
	startswith(name, trim_suffix(pattern, "*")) # true for all that match, and cheap
	data.extproc.names.matches(pattern, name)
} else if {
	some pattern in data.guard.roles[everybody].functions
	data.extproc.names.matches(pattern, input.call.function)
}

everybody := "anonymous" if {
	input.identity.subject == ""
} else := "*"

patterns contains pattern if {
	some group in input.identity.groups
	group != "anonymous"
	some pattern in data.guard.roles[group].functions
}

patterns contains pattern if some pattern in data.guard.roles[everybody].functions
