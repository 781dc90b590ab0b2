# By service, method and message.
package envoy.authz

default allow := false

allow if {
	input.parsed_path[0] == "shop.v1.Inventory"
	input.parsed_body.id == "7"
	input.parsed_body.stock == "9007199254740993"
	input.parsed_body.kind == "BOOK"
}

allow if {
	input.attributes.request.http.path == "/shop.v1.Inventory/Restock"
	input.parsed_body.role != "admin"
}
