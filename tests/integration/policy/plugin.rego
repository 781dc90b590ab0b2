# As it would be written for opa-envoy-plugin.
package envoy.authz

default allow := {"allowed": false, "dynamic_metadata": {"team": "nobody"}}

allow := {
	"allowed": true,
	"headers": {"x-team": "blue"},
	"query_parameters_to_set": {"tenant": "a&b"},
	"query_parameters_to_remove": ["debug"],
	"dynamic_metadata": {"team": "blue"},
} if {
	input.attributes.request.http.method == "GET"
	input.parsed_path == ["lookup"]
}
