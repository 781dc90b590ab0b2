package extproc.roles_test

import data.extproc.roles

guard := {"roles": {
	"support": {"functions": ["crm.get_*"]},
	"*": {"functions": ["status.read"]},
	"anonymous": {"functions": ["status.health"]},
}}

call(function, groups) := {"identity": {"groups": groups}, "call": {"function": function}}

test_a_group_grants_its_functions if {
	roles.granted with input as call("crm.get_customer", ["support"]) with data.guard as guard
}

test_everybody_has_the_role_star if {
	roles.granted with input as call("status.read", []) with data.guard as guard
}

test_no_group_no_function if {
	not roles.granted with input as call("crm.get_customer", []) with data.guard as guard
	not roles.granted with input as call("crm.get_customer", ["Support"]) with data.guard as guard
	not roles.granted with input as call("crm.delete_customer", ["support"]) with data.guard as guard
}

nobody(function, groups) := {"identity": {"subject": "", "groups": groups}, "call": {"function": function}}

test_nobody_has_the_role_anonymous_alone if {
	roles.granted with input as nobody("status.health", []) with data.guard as guard
	not roles.granted with input as nobody("status.read", []) with data.guard as guard
	not roles.granted with input as nobody("status.health", []) with data.guard as {"roles": object.remove(guard.roles, ["anonymous"])}
	roles.patterns == {"status.health"} with input as nobody("status.health", []) with data.guard as guard
}

test_a_caller_with_an_identity_never_has_it if {
	not roles.granted with input as call("status.health", []) with data.guard as guard
	not roles.granted with input as call("status.health", ["anonymous"]) with data.guard as guard
	roles.patterns == {"status.read"} with input as call("status.health", ["anonymous"]) with data.guard as guard
}

test_no_data_grants_nothing if {
	not roles.granted with input as call("crm.get_customer", ["support"]) with data.guard as {}
}
