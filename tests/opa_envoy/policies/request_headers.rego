# Tells the backend who calls, and takes away what it must not see.
package envoy.authz

allow := {
	"allowed": true,
	"headers": {
		"X-Subject": claims.sub,
		"x-groups": claims.groups,
		"x-team": "policy",
		"x-name": "Zoë",
	},
	"request_headers_to_remove": ["x-forwarded-user", "X-Api-Key", "cookie"],
} if claims.sub

claims := input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].claims
