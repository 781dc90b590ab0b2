# What is masked besides the connection's own rules, from data.guard.masks.
package extproc.masks

import data.extproc.names

exempt(mask) if {
	some group in object.get(mask, "unless_groups", [])
	group in input.identity.groups
}

applicable := [mask |
	some mask in object.get(data.guard, "masks", [])
	names.some_matches(mask.functions, input.call.function)
	not exempt(mask)
]

plan := {way: rules |
	some way in ["request", "response"]
	rules := [rule | some mask in applicable; some rule in object.get(mask, way, [])]
}
