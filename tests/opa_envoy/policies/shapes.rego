# Answers of many shapes, one for each path.
package envoy.authz

allow := shapes[input.attributes.request.http.path]

shapes := {
	"/": {"allowed": false, "http_status": 401.0},
	"/static/app.3f2a.js": {"allowed": false, "http_status": 0},
	"/api/orders": {"allowed": false, "http_status": 600},
	"/login": {"allowed": false, "http_status": "403"},
	"/account": {"allowed": false, "http_status": 418},
	"/people/7": {"allowed": "true"},
	"/people": {"headers": {"x": "1"}},
	"/people/1/reviews": [true],
	"/people/1": {"allowed": false, "http_status": 299},
	"/internal/status": {"allowed": true, "headers": {"x": 1}},
	"/healthz": {"allowed": true, "headers": "x"},
	"/api/v1/namespaces/default/pods?limit=500": {"allowed": true, "request_headers_to_remove": "x"},
	"/api/v1/namespaces/default/pods?resourceVersion=1034&watch=true": {"allowed": true, "query_parameters_to_set": {"a": 1}},
	"/apis/apps/v1/namespaces/prod/deployments/web?fieldManager=kubectl&fieldValidation=Strict": {"allowed": true, "dynamic_metadata": []},
	"/validate": {"allowed": false, "body": {"a": 1}},
	"/graphql": {"allowed": false, "http_status": 200, "body": "answered"},
	"/graphql?query=%7Bme%7Bid%7D%7D": {"allowed": false, "http_status": 204, "body": "left over"},
	"/orders": {"allowed": true, "http_status": 999, "body": 7},
	"/notes": {"allowed": true, "response_headers_to_add": {"x": ["1", 2]}},
	"/files/1": {"allowed": true, "headers": null},
	"/upload": {"allowed": true, "dynamic_metadata": {"n": 12345678901234567890123}},
	"/shop.v1.Inventory/GetItem": {"allowed": false, "http_status": 401, "body": "who?"},
	"/shop.v1.Inventory/Restock": {"allowed": false},
	"/people%2F7": {"allowed": true, "headers": {"x-control": "a\u0001b"}},
	"//admin//users": {"allowed": true, "headers": {"x-lines": "a\r\nx-injected: 1"}},
	"/people/7/": {"allowed": true, "headers": {":path": "/admin"}},
	"/people/../admin": {"allowed": true, "headers": {"host": "evil.example"}},
	"/people;v=1/7": {"allowed": true, "headers": {"authorization": "Bearer of-policy"}},
	"/a/b/c/d/e/f/g/h/i/j?x=1": {"allowed": true, "headers": {"x-envoy-retry-on": "5xx"}},
	"/p%C3%A9ople/caf%65": {"allowed": true, "dynamic_metadata": {"guard": "done", "decision_id": "mine"}},
	"/lookup?debug=1&tenant=other&q=x": {"allowed": true, "query_parameters_to_set": {"q": "a&b=c"}},
}
