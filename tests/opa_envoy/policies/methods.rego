# Reading is free, writing is for administrators.
package envoy.authz

default allow := false

allow if input.attributes.request.http.method in {"GET", "HEAD", "OPTIONS"}

allow if "admin" in input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].claims.groups
