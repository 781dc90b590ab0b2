# Both kinds of forms.
package envoy.authz

default allow := false

allow if input.parsed_body.user == ["ann"]

allow if {
	input.parsed_body.meta[0].tags == ["a"]
	input.parsed_body.file == ["hi"]
}
