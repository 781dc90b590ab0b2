# Function names and patterns. A pattern is a whole name, or a beginning followed by one `*` at its end:
# `crm.get_customer`, `crm.get_*`, `crm.*`, or `*` for everything. A name may have a kind, `docs.prompt:summarize`; a
# beginning without a kind, such as `docs.p*`, matches no name that has one. Stars are part of a resource's name, so such
# a pattern is a whole name, or `docs.resource:*`.
package extproc.names

matches(pattern, name) if {
	pattern == name
} else if {
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
	same_kind(pattern, name)
}

same_kind(pattern, name) if {
	not contains(name, ":")
} else if {
	contains(pattern, ":")
	not names_one_resource(pattern)
} else if {
	pattern == "*"
} else if {
	parts := split(pattern, ".")
	count(parts) == 2
	parts[1] == "*"
}

names_one_resource(pattern) if {
	startswith(split(pattern, ".")[1], "resource:")
	not endswith(pattern, ".resource:*")
}

some_matches(patterns, name) if {
	some pattern in patterns
	startswith(name, trim_suffix(pattern, "*")) # true for all that match, and cheap
	matches(pattern, name)
}

# A `*` before the dot would match other connections whose names begin alike.
valid(pattern) if pattern == "*"

valid(pattern) if {
	is_string(pattern)
	parts := split(pattern, ".")
	count(parts) > 1
	connection := parts[0]
	not contains(connection, "*")
	not contains(trim_suffix(pattern, "*"), "*")
}

# The pattern of a resource is a name with stars of its own: docs.resource:file:///docs/**
valid(pattern) if {
	is_string(pattern)
	parts := split(pattern, ".")
	connection := parts[0]
	not contains(connection, "*")
	startswith(parts[1], "resource:")
}

# The connection of a pattern.
about(pattern, _) if pattern == "*"

about(pattern, connection) if startswith(pattern, concat("", [connection, "."]))

some_about(patterns, connection) if {
	some pattern in patterns
	about(pattern, connection)
}
