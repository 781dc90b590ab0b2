# Small orders pass.
package envoy.authz

default allow := false

allow if {
	is_number(input.parsed_body.amount)
	input.parsed_body.amount <= 100
}

allow if input.parsed_body.id == 9007199254740993

allow if input.attributes.request.http.method == "GET"
