# For Envoy's access log and other filters.
package envoy.authz

allow := {
	"allowed": true,
	"dynamic_metadata": {
		"who": object.get(claims, "sub", "nobody"),
		"path": input.parsed_path,
		"query": input.parsed_query,
		"count": 3,
		"nested": {"list": [1, "two", false], "nothing": null},
	},
}

claims := object.get(input.attributes, ["metadataContext", "filterMetadata", "envoy.filters.http.jwt_authn", "claims"], {})
