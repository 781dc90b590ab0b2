# The token is verified here, and not by Envoy.
package envoy.authz

default allow := {"allowed": false, "http_status": 401, "headers": {"www-authenticate": "Bearer"}}

allow := {"allowed": true, "headers": {"x-role": token.role}} if {
	token.role == "guest"
	input.attributes.request.http.method == "GET"
}

token := payload if {
	bearer := input.attributes.request.http.headers.authorization
	startswith(bearer, "Bearer ")
	[valid, _, payload] := io.jwt.decode_verify(substring(bearer, 7, -1), {"secret": "secret", "time": 1700000000000000000})
	valid
}
