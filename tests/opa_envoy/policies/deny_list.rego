# Everything passes but what is listed.
package envoy.authz

default allow := true

allow := false if input.parsed_path[0] == "admin"

allow := false if regex.match(`^/(internal|people;)`, input.attributes.request.http.path)

allow := false if input.parsed_query.debug

allow := false if input.attributes.request.http.headers["x-http-method-override"]

allow := false if input.attributes.request.http.headers["x-forwarded-host"]

allow := false if input.parsed_body.role == "guest"

allow := false if input.parsed_body[_].admin

allow := false if startswith(input.attributes.request.http.headers["content-type"], "multipart/")
