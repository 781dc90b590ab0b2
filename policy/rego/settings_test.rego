package extproc.settings_test

import data.extproc.settings

good := {
	"roles": {"support": {"functions": ["crm.get_*"]}},
	"arguments": [{"rule": "r", "functions": ["db.*"], "path": ["sql"], "read_only_sql": true}],
	"risk": {"default": 10, "functions": {"deploy.*": 80}, "findings": {"US_SSN": 30}},
	"hold": [{"at": 70, "groups": ["sre"], "min": 2, "expires_in": "15m", "mode": "wait"}],
	"masks": [{"functions": ["crm.*"], "unless_groups": ["fraud"], "response": []}],
	"windows": [{"rule": "w", "functions": ["deploy.*"], "zone": "Europe/Zurich", "days": ["Monday"], "from": "08:00", "to": "24:00"}],
	"duties": [{"rule": "d", "functions": ["pay.request"], "not_with": ["pay.approve"]}],
	"limits": [{"rule": "l", "functions": ["*"], "of": "caller", "per": "minute", "calls": 60}],
	"responses": [
		{"rule": "c", "functions": ["crm.*"], "unless_groups": ["fraud"], "at_most_found": {"CREDIT_CARD": 3}},
		{"rule": "o", "functions": ["crm.*"], "path": ["status"], "one_of": ["open"], "optional": true, "mask": []},
	],
	"shadow": ["r", "w", "d", "l", "c", "o", "risk-70"],
}

changed(path, value) := json.patch(good, [{"op": "add", "path": path, "value": value}])

wrong := [
	["role", {}],
	["roles", []],
	["roles/support/function", []],
	["roles/support/functions", []],
	["roles/support/functions", "crm.*"],
	["roles/support/functions/0", "crm*"],
	["arguments/0/functions", ["*.x"]],
	["arguments/0/read_only_sql", false],
	["arguments/0/read_only", true],
	["arguments/0/path", "sql"],
	["arguments/0/optional", "yes"],
	["arguments/-", {"rule": "r", "functions": ["db.*"], "path": []}],
	["arguments/-", {"functions": ["db.*"], "path": [], "at_most": 1}],
	["risk/functions/deploy*", 1],
	["risk/default", "high"],
	["risk/finding", {}],
	["hold/0/threshold", 1],
	["hold/-", {"at": 70, "groups": ["other"]}],
	["hold/-", {"groups": ["other"]}],
	["masks/0/reponse", []],
	["masks/0/response", {}],
	["masks/0/functions", []],
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
	["responses/1/path", "status"],
	["responses/1/one_off", ["x"]],
	["responses/1/optional", "yes"],
	["responses", {}],
	["shadow", ["x"]],
	["shadow", ["risk-71"]],
	["shadow", "r"],
]

test_the_shape_is_right if settings.valid with data.guard as good

test_roles_are_enough if settings.valid with data.guard as {"roles": {}}

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
		"responses": [{}], "shadow": ["x"],
	}
	names := {"arguments", "risk", "windows", "duties", "limits", "responses", "shadow"}
	settings.wrong == names with data.guard as all_but_roles
}
