# Headers as an array of objects; a name is set twice, and one is set and removed.
package envoy.authz

allow := {
	"allowed": true,
	"headers": [{"x-step": "1"}, {"x-step": "2", "x-gone": "1"}, {"x-many": ["a", "b"]}],
	"request_headers_to_remove": ["x-gone"],
	"response_headers_to_add": [{"set-cookie": ["a=1", "b=2"]}, {"set-cookie": "c=3"}],
	"http_status": 299,
	"body": "not used on allow",
} if {
	input.attributes.request.http.method == "GET"
}

else := {
	"allowed": false,
	"headers": [{"set-cookie": ["a=1", "b=2"]}, {"set-cookie": "c=3"}],
	"response_headers_to_add": {"x-unused": 1},
}
