# As it would be written for opa-envoy-plugin: one answer for each value of x-case.
package envoy.authz

allow := answers[input.attributes.request.http.headers["x-case"]]

answers := {
	"cookies": {
		"allowed": true,
		"headers": {"x-many": ["1", "2"], "x-own": "policy's", "x-both": "set"},
		"request_headers_to_remove": ["X-Both"],
		"response_headers_to_add": [{"set-cookie": ["p=1", "p=2"], "x-back": "policy's"}, {"x-name": "Zoë"}],
		"http_status": 999,
	},
	"query": {
		"allowed": true,
		"query_parameters_to_set": {"a": ["1", "2"], "gone": "1"},
		"query_parameters_to_remove": ["gone"],
	},
	"denied": {
		"allowed": false,
		"http_status": 401,
		"headers": {"set-cookie": ["p=1", "p=2"], "www-authenticate": ["Basic", "Bearer"], "x-name": "Zoë"},
		"body": "später",
	},
	"typed": {"allowed": false, "headers": {"content-type": "application/json"}, "body": "{}"},
	"nothing": {"allowed": false, "http_status": 204, "body": "left over"},
	"status-0": {"allowed": false, "http_status": 0},
	"status-299": {"allowed": false, "http_status": 299},
	"status-600": {"allowed": false, "http_status": 600},
	"status-text": {"allowed": false, "http_status": "200"},
	"body-number": {"allowed": false, "body": 1},
	"no-allowed": {"headers": {}},
	"not-boolean": {"allowed": "true"},
	"list": [true],
}
