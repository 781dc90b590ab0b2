# By the caller's certificate, under both of its names, and by the header that repeats it.
package envoy.authz

default allow := false

allow if {
	input.source_principal == "spiffe://example.com/ns/default/sa/web"
	input.attributes.source.principal == input.source_principal
	[_, _, uri] := split(input.attributes.request.http.headers["x-forwarded-client-cert"], "=")
	endswith(uri, "/sa/web")
}
