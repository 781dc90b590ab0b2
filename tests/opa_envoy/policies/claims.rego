# By the token's groups, which Envoy verified.
package envoy.authz

default allow := false

allow if {
	some group in input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].claims.groups
	group in {"admin", "support"}
	not input.attributes.request.http.method == "DELETE"
}

allow if {
	claims := input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].claims
	claims.groups == ["admin"]
	claims.exp > 1
}
