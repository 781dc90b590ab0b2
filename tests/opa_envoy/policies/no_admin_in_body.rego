# Knows nothing of bodies that cannot be read.
package envoy.authz

default allow := false

allow if not input.parsed_body.admin
