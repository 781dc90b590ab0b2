# By addresses and by what Envoy says of the connection.
package envoy.authz

default allow := false

allow if {
	net.cidr_contains("10.0.0.0/8", input.attributes.source.address.socketAddress.address)
	input.attributes.source.address.socketAddress.portValue > 1024
	input.attributes.destination.address.socketAddress.portValue == 8080
	input.attributes.request.http.protocol == "HTTP/1.1"
	input.attributes.request.http.scheme == "http"
	input.attributes.request.http.host == "shop.example.com"
	input.version == {"encoding": "protojson", "ext_authz": "v3"}
}

allow if startswith(input.attributes.request.http.headers["x-forwarded-for"], "10.0.0.9")
