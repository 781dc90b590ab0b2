# Allow the call at once, or hold it until people approve: the highest threshold of data.guard.hold that the risk
# reaches, or else the connection's approvers where the tool's definition asks for people. If a threshold is no number,
# nothing is allowed.
#
# Rules of other packages have their full names: for an imported name the embedded engine evaluates the whole package.
package extproc.approvals

verdict := {
	"action": "allow", "rule": "granted", "risk": score,
	"mask": data.extproc.masks.plan, "shadow": data.extproc.shadow.names,
} if {
	score := data.extproc.risk.score
	comparable
	count(reached(score)) == 0
	not data.extproc.definitions.held
} else := {
	"action": "hold", "reason": "high-risk", "rule": rule, "risk": score,
	"mask": plan, "shadow": shadow, "approval": object.remove(threshold, ["at"]),
} if {
	score := data.extproc.risk.score
	plan := data.extproc.masks.plan
	shadow := data.extproc.shadow.names
	comparable
	highest := max(reached(score))
	some threshold in data.guard.hold
	threshold.at == highest
	rule := name(threshold)
} else := {
	"action": "hold", "reason": "approval-required", "rule": rule, "risk": score,
	"mask": plan, "shadow": shadow,
} if {
	score := data.extproc.risk.score
	plan := data.extproc.masks.plan
	shadow := data.extproc.shadow.names
	comparable
	data.extproc.definitions.held
	rule := data.extproc.definitions.rule
}

comparable if {
	every threshold in object.get(data.guard, "hold", []) {
		is_number(threshold.at)
	}
}

reached(score) := {threshold.at |
	some threshold in data.guard.hold
	score >= threshold.at
	rule := name(threshold)
	not data.extproc.shadow.marked[rule]
}

name(threshold) := concat("", ["risk-", format_int(threshold.at, 10)]) if is_number(threshold.at)
