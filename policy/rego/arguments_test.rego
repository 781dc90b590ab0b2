package extproc.arguments_test

import data.extproc.arguments

guard := {"arguments": [
	{"rule": "read-only", "functions": ["db.query"], "path": ["sql"], "read_only_sql": true},
	{"rule": "amount", "functions": ["pay.*"], "path": ["order", "amount"], "at_least": 1, "at_most": 500},
	{"rule": "where", "functions": ["deploy.*"], "path": ["env"], "one_of": ["test", "live"]},
	{"rule": "find", "functions": ["db.find"], "path": ["sql"], "read_only_sql": true, "optional": true},
	{"rule": "author", "functions": ["note.*"], "path": ["by", "id"], "one_of": ["ada"], "optional": true},
	{"rule": "ticket", "functions": ["deploy.*"], "path": ["ticket"], "matches": `^OPS-\d+$`, "optional": true},
]}

call(function, given) := {"call": {"function": function, "arguments": given}}

accepted := [
	["db.query", {"sql": "select 1"}],
	["db.other", null],
	["pay.refund", {"order": {"amount": 500}}],
	["pay.refund", {"order": {"amount": 1}}],
	["deploy.run", {"env": "test"}],
	["deploy.run", {"env": "live", "ticket": "OPS-12"}],
	["deploy.run", {"env": "live", "tickets": "x"}],
	["note.add", {}],
	["note.add", null],
	["note.add", {"by": null}],
	["note.add", {"by": {"id": "ada"}}],
	["note.add", {"by": {"name": "ada"}, "ID": "x"}],
]

refused := [
	["db.query", {"sql": "drop table x"}, "read-only"],
	["db.query", {"sql": ["select 1"]}, "read-only"],
	["db.query", {}, "read-only"],
	["db.query", null, "read-only"],
	["db.query", "select 1", "read-only"],
	["db.query", ["select 1"], "read-only"],
	["pay.refund", {"order": {"amount": 501}}, "amount"],
	["pay.refund", {"order": {"amount": 0}}, "amount"],
	["pay.refund", {"order": {"amount": "500"}}, "amount"],
	["pay.refund", {"order": {"amount": null}}, "amount"],
	["pay.refund", {"order": 5}, "amount"],
	["deploy.run", {"env": "Live"}, "where"],
	["deploy.run", {"env": "live", "ticket": "OPS-12; x"}, "ticket"],
	["deploy.run", {"env": "live", "ticket": "OPS-٣"}, "ticket"],
	["deploy.run", {"env": "live", "ticket": null}, "ticket"],
	["deploy.run", {"env": "live", "Ticket": "x"}, "ticket"],
	["deploy.run", {"env": "live", "ticket[]": "x"}, "ticket"],
	["deploy.run", {"env": "live", " ticket": "x"}, "ticket"],
	["deploy.run", {"env": "live", "tic\u212aet": "x"}, "ticket"],
	["note.add", {"by": {"\uff49d": "bob"}}, "author"],
	["db.find", {"\u017fql": "drop table x"}, "find"],
	["note.add", {"by": {"id": "bob"}}, "author"],
	["note.add", {"by": {"Id": "bob"}}, "author"],
	["note.add", {"BY": {"id": "bob"}}, "author"],
	["note.add", {"by": [{"id": "bob"}]}, "author"],
	["note.add", {"by": "bob"}, "author"],
	["note.add", [{"by": {"id": "bob"}}], "author"],
	["note.add", "bob", "author"],
]

test_what_meets_all_conditions_is_acceptable if {
	every case in accepted {
		arguments.acceptable with input as call(case[0], case[1]) with data.guard as guard
		arguments.unmet == [] with input as call(case[0], case[1]) with data.guard as guard
	}
}

test_what_misses_one_is_refused_by_its_name if {
	every case in refused {
		not arguments.acceptable with input as call(case[0], case[1]) with data.guard as guard
		arguments.first_refused == case[2] with input as call(case[0], case[1]) with data.guard as guard
	}
}

# Values of different types have an order, too.
bounds := [
	["at_most", "1000", 5000000],
	["at_most", [1000], 5000000],
	["at_least", null, 5],
	["at_least", false, 5],
	["one_of", {"a": "live"}, "live"],
	["one_of", "live", "live"],
	["one_of", null, null],
	["matches", 5, "5"],
	["matches", null, "x"],
	["read_only_sql", "yes", "select 1"],
]

test_a_bound_of_a_wrong_type_is_never_kept if {
	every bound in bounds {
		condition := {"rule": "bound", "functions": ["pay.*"], "path": ["x"], bound[0]: bound[1]}
		arguments.first_refused == "bound" with input as call("pay.out", {"x": bound[2]}) with data.guard as {"arguments": [condition]}
	}
}
