# A denial of its own for each group of paths.
package envoy.authz

allow := {"allowed": true} if input.parsed_path[0] == "people"

else := {"allowed": false, "http_status": 302, "headers": {"location": "/login"}} if {
	input.parsed_path[0] in {"account", "login"}
}

else := {
	"allowed": false,
	"http_status": 429,
	"body": "slower, Zoë",
	"headers": {"retry-after": "7"},
	"dynamic_metadata": {"why": "rate", "limit": 5.5, "tags": ["a", null, true]},
} if {
	input.parsed_path[0] == "orders"
}

else := {"allowed": false, "http_status": 404, "body": "{}", "headers": {"content-type": "application/json"}} if {
	input.parsed_path[0] == "api"
}

else := {"allowed": false, "body": ""}
