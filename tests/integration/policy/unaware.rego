# Denies admins, as it would be written for opa-envoy-plugin. It knows nothing of what cannot be read.
package unaware

default allow := false

allow if not admin

admin if input.parsed_body.admin

admin if input.parsed_body.admin[_] == "true"
