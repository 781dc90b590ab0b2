# No mutations.
package envoy.authz

default allow := false

allow if {
	input.parsed_path == ["graphql"]
	query := object.get(input.parsed_body, "query", object.get(input.parsed_query, ["query", 0], ""))
	not startswith(trim_space(query), "mutation")
}

allow if {
	input.parsed_path == ["graphql"]
	input.attributes.request.http.method == "GET"
	startswith(input.parsed_query.query[0], "{")
}
