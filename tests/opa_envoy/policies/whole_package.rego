# path: envoy/authz
# The query is the whole package: its other rules are further keys of the answer.
package envoy.authz

default allowed := false

allowed if is_reading

is_reading if input.attributes.request.http.method in {"GET", "HEAD"}

headers := {"x-checked": "yes"}

segments := input.parsed_path

reason := "because" if not allowed
