package extproc.settings_test

import data.extproc.settings

good := {
	"roles": {"support": {"functions": ["crm.get_*"]}},
	"arguments": [{"rule": "r", "functions": ["db.*"], "path": ["sql"], "read_only_sql": true}],
	"risk": {"default": 10, "functions": {"deploy.*": 80}, "findings": {"US_SSN": 30}},
	"hold": [{"at": 70, "groups": ["sre"], "min": 2, "expires_in": "15m", "mode": "wait"}],
	"masks": [{"functions": ["crm.*"], "unless_groups": ["fraud"], "response": [{"entity": "*"}]}],
	"windows": [{"rule": "w", "functions": ["deploy.*"], "zone": "Europe/Zurich", "days": ["Monday"], "from": "08:00", "to": "24:00"}],
	"duties": [{"rule": "d", "functions": ["pay.request"], "not_with": ["pay.approve"]}],
	"limits": [{"rule": "l", "functions": ["*"], "of": "caller", "per": "minute", "calls": 60}],
	"responses": [
		{"rule": "c", "functions": ["crm.*"], "unless_groups": ["fraud"], "at_most_found": {"CREDIT_CARD": 3}},
		{"rule": "o", "functions": ["crm.*"], "path": ["status"], "one_of": ["open"], "optional": true, "mask": [{"path": "$.notes"}]},
	],
	"protocol_messages": {"denied": ["docs.ping", "docs.response", "docs.notifications/progress"]},
	"shadow": ["r", "w", "d", "l", "c", "o", "risk-70"],
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

wrong := [
	["role", {}],
	["roles", []],
	["roles/support/function", []],
	["roles/ support", {"functions": ["crm.*"]}],
	["roles/", {"functions": ["crm.*"]}],
	["roles/support/functions", []],
	["roles/support/functions", "crm.*"],
	["roles/support/functions/0", "crm*"],
	["arguments/0/functions", ["*.x"]],
	["arguments/0/read_only_sql", false],
	["arguments/0/read_only", true],
	["arguments", {"a": good.arguments[0]}],
	["arguments/0/path", "sql"],
	["arguments/0/path", []],
	["arguments/0/path", [null]],
	["arguments/0/path", [-1]],
	["arguments/0/path", [0.5]],
	["arguments/0/at_most", "1000"],
	["arguments/0/at_most", [1000]],
	["arguments/0/at_most", null],
	["arguments/0/at_least", "1"],
	["arguments/0/at_least", false],
	["arguments/0/one_of", []],
	["arguments/0/one_of", "live"],
	["arguments/0/one_of", null],
	["arguments/0/matches", "["],
	["arguments/0/matches", ["a"]],
	["arguments/0/matches", null],
	["arguments/0/optional", "yes"],
	["arguments/-", {"rule": "r", "functions": ["db.*"], "path": []}],
	["arguments/-", {"functions": ["db.*"], "path": [], "at_most": 1}],
	["risk/functions/deploy*", 1],
	["risk/default", "high"],
	["risk/finding", {}],
	["risk/default", -80],
	["risk/default", 800],
	["risk/default", "80"],
	["risk/default", null],
	["risk/functions", []],
	["risk/functions/deploy.*", 0.5],
	["risk/functions/deploy.*", true],
	["risk/findings", [30]],
	["risk/findings/US_SSN", -1],
	["risk/findings/US_SSN", "30"],
	["hold", {"a": {"at": 70}}],
	["hold/0/at", 700],
	["hold/0/at", -1],
	["hold/0/at", 70.5],
	["hold/0/at", "70"],
	["hold/0/at", null],
	["hold/0/groups", {"sre": true}],
	["hold/0/groups", "sre"],
	["hold/0/groups", []],
	["hold/0/groups", [" sre"]],
	["hold/0/groups", [""]],
	["hold/0/groups", [1]],
	["hold/0/min", 0],
	["hold/0/min", "2"],
	["hold/0/min", 11],
	["hold/0/expires_in", 15],
	["hold/0/expires_in", "15 minutes"],
	["hold/0/mode", "ticket"],
	["hold/0/mode", null],
	["hold/0/threshold", 1],
	["hold/-", {"at": 70, "groups": ["other"]}],
	["hold/-", {"groups": ["other"]}],
	["masks/0/reponse", []],
	["masks/0/response", {}],
	["masks/0/functions", []],
	["masks/0/request", []],
	["masks/0/response", []],
	["masks/-", {"functions": ["crm.*"]}],
	["masks/0/unless_groups", "fraud"],
	["masks/0/unless_groups", ["fraud "]],
	["masks", {"a": good.masks[0]}],
	["windows", {"a": good.windows[0]}],
	["windows/0/days", []],
	["windows/0/days", {"x": "Monday"}],
	["duties", {"a": good.duties[0]}],
	["limits", {"a": good.limits[0]}],
	["limits/0/calls", 0],
	["limits/0/calls", 1.5],
	["limits/0/calls", "60"],
	["limits/0/calls", null],
	["windows/0/rule", 1],
	["windows/0/functions", []],
	["windows/0/zone", "Local"],
	["windows/0/zone", ""],
	["windows/0/zone", "CET"],
	["windows/0/days", ["monday"]],
	["windows/0/from", "8:00"],
	["windows/0/from", "24:00"],
	["windows/0/to", "24:01"],
	["windows/0/to", "08:00"],
	["windows/0/until", "08:00"],
	["duties/0/not_with", []],
	["duties/0/with", []],
	["duties/0/rule", null],
	["limits/0/of", "group"],
	["limits/0/per", "week"],
	["limits/0/calls", "60"],
	["limits/0/most", 1],
	["limits/0/functions", []],
	["limits/0/rule", 1],
	["responses/0/rule", null],
	["responses/0/functions", []],
	["responses/0/at_most_found/CREDIT_CARD", "3"],
	["responses/0/at_most_found", {}],
	["responses/0/at_least_found", {}],
	["responses/0/one_of", ["x"]],
	["responses/0/optional", true],
	["responses/0/unless_groups", "fraud"],
	["responses/0/mask", {}],
	["responses/0/mask", []],
	["responses/0/mask", null],
	["responses/0/mask", false],
	["responses/0/path", false],
	["responses/0/unless_groups", [" fraud"]],
	["responses/0/at_most_found/CREDIT_CARD", -1],
	["responses/0/at_most_found/CREDIT_CARD", 0.5],
	["responses/0/at_most_found/CREDIT_CARD", null],
	["responses/1/path", []],
	["responses/1/at_most", "5"],
	["responses/1/at_least", null],
	["responses/1/matches", "(?=a)"],
	["responses/1/one_of", {}],
	["responses/1/path", "status"],
	["responses/1/one_off", ["x"]],
	["responses/1/optional", "yes"],
	["responses", {}],
	["protocol_messages", ["docs.ping"]],
	["protocol_messages/allowed", ["docs.ping"]],
	["protocol_messages/denied", "docs.ping"],
	["protocol_messages/denied/0", 1],
	["protocol_messages/denied/0", "ping"],
	["protocol_messages/denied/0", "*"],
	["protocol_messages/denied/0", "docs.*"],
	["protocol_messages/denied/0", "*.ping"],
	["protocol_messages/denied/0", ".ping"],
	["protocol_messages/denied/0", " docs.ping"],
	["protocol_messages/denied/0", "Docs.ping"],
	["protocol_messages/denied/0", "docs.pign"],
	["protocol_messages/denied/0", "docs.Ping"],
	["protocol_messages/denied/0", "docs.search"],
	["protocol_messages/denied/0", "docs.tools/call"],
	["protocol_messages/denied/0", "docs.notifications/*"],
	["shadow", ["x"]],
	["shadow", ["risk-71"]],
	["shadow", "r"],
]

test_the_shape_is_right if settings.valid with data.guard as good

test_roles_are_enough if settings.valid with data.guard as {"roles": {}}

right := [
	["arguments/0/path", ["orders", 0, "amount"]],
	["arguments/0/at_most", 1000.5],
	["arguments/0/at_least", -1],
	["arguments/0/one_of", [1, null]],
	["arguments/0/matches", `^[a-z]+$`],
	["risk/default", 0],
	["risk/default", 100],
	["hold/0/at", 70],
	["hold/-", {"at": 0}],
	["hold/-", {"at": 100, "min": 10, "expires_in": "1h"}],
	["limits/0/calls", 1],
	["masks/0/request", [{"entity": "*"}]],
	["responses/0/at_most_found/CREDIT_CARD", 0],
	["protocol_messages/denied", []],
	["protocol_messages/denied/0", "docs.tools/list"],
	["protocol_messages/denied/0", "docs.session/end"],
]

test_every_value_in_its_range_is_right if {
	every value in right {
		settings.valid with data.guard as changed(concat("", ["/", value[0]]), value[1])
	}
}

test_every_mistake_is_found if {
	every mistake in wrong {
		not settings.valid with data.guard as changed(concat("", ["/", mistake[0]]), mistake[1])
	}
}

test_no_settings_are_not_valid if {
	not settings.valid with data.guard as {}
}

test_what_is_wrong_is_named if {
	settings.wrong == set() with data.guard as good
	settings.wrong == {"hodl"} with data.guard as changed("/hodl", [])
	settings.wrong == {"hold", "masks", "shadow"} with data.guard as object.union(good, {"hold": [{}], "masks": [{}]})
	settings.wrong == {"roles"} with data.guard as {}
	all_but_roles := {
		"roles": {}, "arguments": [{}], "risk": {"x": 1}, "windows": [{}], "duties": [{}], "limits": [{}],
		"responses": [{}], "protocol_messages": {}, "shadow": ["x"],
	}
	names := {"arguments", "risk", "windows", "duties", "limits", "responses", "protocol_messages", "shadow"}
	settings.wrong == names with data.guard as all_but_roles
}
