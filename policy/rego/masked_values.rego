# Values that masking left, in a request: [EMAIL_ADDRESS], a pseudonym. Who reads a masked record and writes it back
# destroys the data. Functions of data.guard.masked_values.allowed may have them, such as a model's prompt.
package extproc.masked_values

carried := [finding |
	some finding in input.findings
	finding.entity == "MASKED_VALUE"
]

acceptable if count(carried) == 0

acceptable if allowed

acceptable if data.extproc.shadow.marked["masked-value"]

allowed if data.extproc.names.some_matches(data.guard.masked_values.allowed, input.call.function)
