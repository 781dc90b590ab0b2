# By the session's cookie.
package envoy.authz

default allow := {"allowed": false, "http_status": 401}

allow := {"allowed": true, "response_headers_to_add": {"set-cookie": "seen=1; Path=/"}} if {
	some part in split(input.attributes.request.http.headers.cookie, ";")
	trim_space(part) == "session=abc123"
}
