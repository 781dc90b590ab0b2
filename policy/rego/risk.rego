# How risky a call is, 0 to 100: the highest of what data.guard.risk says about the function and the findings.
package extproc.risk

import data.extproc.names

settings := object.get(data.guard, "risk", {})

default_score := object.get(settings, "default", 0)

of_functions := [risk |
	some pattern, risk in object.get(settings, "functions", {})
	names.matches(pattern, input.call.function)
]

of_findings := [risk |
	some finding in input.findings
	risk := object.get(settings, "findings", {})[finding.entity]
]

score := max(array.concat([default_score], array.concat(of_functions, of_findings)))
