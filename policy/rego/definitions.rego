# The definition of a called tool: what its server tells a model about it. The guard compares each listing with the ones
# before. data.guard.definitions has the action where nobody accepted a definition (`changed`), and where no listing had
# one yet (`unseen`).
package extproc.definitions

defaults := {"changed": "hold", "unseen": "allow"}

rules := {"changed": "definition-changed", "unseen": "definition-unseen"}

state := input.call.definition.state

# Functions of other protocols have no definition, nor have those of a connection that does not pin them. A state of
# another name has no action, so it is denied.
wanted := "allow" if {
	not input.call.definition
} else := "allow" if {
	state == "accepted"
} else := given if {
	of_state := state
	defaults[of_state]
	given := data.guard.definitions[of_state]
} else := by_default if {
	of_state := state
	by_default := defaults[of_state]
}

action := "allow" if {
	name := rule
	data.extproc.shadow.marked[name]
} else := asked if {
	asked := wanted
}

rule := rules[state]

acceptable if action == "allow"

acceptable if action == "hold"

held if action == "hold"

# A model reads the definitions that a listing shows. A changed one stays in it, unless the data takes it out.
listed if not state == "changed"

listed if {
	name := rule
	data.extproc.shadow.marked[name]
}

listed if not data.guard.definitions

listed if object.get(data.guard.definitions, "list_changed", true)
