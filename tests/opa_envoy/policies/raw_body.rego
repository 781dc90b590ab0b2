# Looks at the body as Envoy packs it, as text or as bytes, and at its size.
package envoy.authz

default allow := false

allow if {
	contains(input.attributes.request.http.body, "ann")
	to_number(input.attributes.request.http.headers["content-length"]) < 1000
}

allow if input.attributes.request.http.size == 0

allow if endswith(base64.decode(input.attributes.request.http.rawBody), `"amount":1}`)
