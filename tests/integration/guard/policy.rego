# Decides by function and by argument, so that a test can ask for any decision.
package extproc

default decision := {"action": "deny", "reason": "not-in-scope", "rule": "default"}

decision := {"action": "deny", "reason": "uninspectable", "rule": "uninspectable"} if input.body.uninspectable

else := {"action": "deny", "reason": "forbidden-argument", "rule": "argument"} if input.call.arguments.env == "forbidden"

else := {"action": "hold", "reason": "high-risk", "rule": "quick", "approval": {"groups": ["sre"], "expires_in": "1s"}} if {
	input.call.function in held
	input.call.arguments.env == "quick"
}

else := {"action": "hold", "reason": "high-risk", "rule": "slow", "approval": {"groups": ["sre"], "expires_in": "4s"}} if {
	input.call.function in held
	input.call.arguments.env == "slow"
}

else := {"action": "hold", "reason": "high-risk", "rule": "mode", "approval": {"groups": ["sre"], "mode": input.call.arguments.env}} if {
	input.call.function in held
	input.call.arguments.env in {"ticket", "wait"}
}

else := {"action": "hold", "reason": "high-risk", "rule": "held", "approval": {"groups": ["sre"]}} if {
	input.call.function in held
}

else := {"action": "allow", "rule": "masked", "mask": {"request": [{"path": "$.unitPrice"}, {"entity": "*"}]}} if {
	input.call.name == "shop.v1.Inventory/GetItem"
	input.call.arguments.env == "masked"
}

else := {"action": "allow", "rule": "masked", "mask": {"request": [{"path": "$.note", "how": "redact"}]}} if {
	input.call.function == "crm.annotate"
}

else := {"action": "allow", "rule": "allowed"} if input.call.function in allowed

held := {"crm.deploy", "plain.deploy", "docs.publish", "shop.shop.v1.Inventory/Restock"}

allowed := {
	"crm.get_customer", "crm.head_customer", "crm.update_customer", "crm.events", "crm.lookup", "plain.get_customer",
	"plain.update_customer", "masked.get_customer", "masked.lookup", "masked.update_customer", "docs.search", "docs.initialize", "docs.tools/list",
	"docs.notifications/cancelled", "docs.session/end", "docs.stream",
	"shop.shop.v1.Inventory/GetItem", "shop.shop.v1.Inventory/ListItems", "shop.shop.v1.Inventory/AddItems", "shop.shop.v1.Inventory/Chat",
}
