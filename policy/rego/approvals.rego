# Allowed at once, or held until people approve: data.guard.hold, the highest threshold that the risk reaches.
package extproc.approvals

import data.extproc.masks
import data.extproc.risk

thresholds := object.get(data.guard, "hold", [])

reached := [threshold.at | some threshold in thresholds; risk.score >= threshold.at]

highest := max(reached)

verdict := {"action": "allow", "rule": "granted", "risk": risk.score, "mask": masks.plan} if count(reached) == 0

verdict := {
	"action": "hold", "reason": "high-risk", "rule": concat("", ["risk-", format_int(highest, 10)]),
	"risk": risk.score, "mask": masks.plan, "approval": object.remove(threshold, ["at"]),
} if {
	some threshold in thresholds
	threshold.at == highest
}
