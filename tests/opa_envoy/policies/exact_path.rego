# Allowed are exact paths, as text and as segments.
package envoy.authz

default allow := false

allow if input.attributes.request.http.path in {"/", "/people/7", "/orders"}

allow if input.parsed_path == ["login"]

allow if input.parsed_path == ["people", "7"]
