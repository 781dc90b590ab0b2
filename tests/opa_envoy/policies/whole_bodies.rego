# A body that was cut is not decided about.
package envoy.authz

default allow := {"allowed": false, "http_status": 413}

allow := {"allowed": true} if {
	not input.truncated_body
	input.parsed_body != null
}

allow := {"allowed": true} if input.attributes.request.http.method == "GET"
