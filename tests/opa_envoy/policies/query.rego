# Reads the query, and changes it.
package envoy.authz

default allow := {"allowed": false}

allow := {
	"allowed": true,
	"query_parameters_to_set": {"tenant": "blue", "page": ["1", "2"]},
	"query_parameters_to_remove": ["debug"],
} if {
	input.parsed_path == ["lookup"]
	not input.parsed_query.a
}

allow := {"allowed": true} if {
	input.parsed_query.a == ["1", "2"]
	input.parsed_query.b == ["&"]
	input.parsed_query.flag == [""]
	input.parsed_query["c d"] == ["e f"]
}

allow := {"allowed": true} if input.parsed_query.watch[0] == "true"
