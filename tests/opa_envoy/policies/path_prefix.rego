# By segments of the path. One rule asks for the exact path.
package envoy.authz

default allow := false

allow if input.parsed_path[0] in {"people", "static", "account"}

allow if input.parsed_path == ["people", "7"]

allow if input.parsed_path == ["healthz"]
