# Undefined for some requests, and contradicting itself for others.
package envoy.authz

allow := true if input.parsed_path[0] in {"people", "orders"}

allow := false if input.attributes.request.http.method in {"POST", "DELETE"}
