package extproc.conditions_test

import data.extproc.conditions

office := {
	"rule": "office", "functions": ["deploy.*"], "zone": "Europe/Zurich",
	"days": ["Monday", "Friday"], "from": "08:00", "to": "18:00",
}

at(moment) := {"time": moment, "call": {"function": "deploy.run"}, "identity": {"groups": []}}

inside := [
	"2026-11-20T07:00:00.000000000Z",
	"2026-11-20T16:59:59.999999999Z",
	# Summer: two hours ahead of UTC.
	"2026-07-03T06:00:00.000000000Z",
	"2026-07-03T15:59:00.000000000Z",
]

outside := [
	"2026-11-20T06:59:59.999999999Z",
	"2026-11-20T17:00:00.000000000Z",
	"2026-11-21T10:00:00.000000000Z",
	"2026-07-03T05:59:59.000000000Z",
	"2026-07-03T16:00:00.000000000Z",
	# Monday in Zurich, but not yet eight o'clock; in UTC it is Sunday.
	"2026-11-22T23:30:00.000000000Z",
]

test_the_window_is_open_at_its_hours_in_its_zone if {
	every moment in inside {
		conditions.met with input as at(moment) with data.guard as {"windows": [office]}
	}
}

test_it_is_closed_at_all_others if {
	every moment in outside {
		not conditions.met with input as at(moment) with data.guard as {"windows": [office]}
		conditions.first == {"reason": "outside-hours", "rule": "office"} with input as at(moment) with data.guard as {"windows": [office]}
	}
}

test_the_whole_day_ends_at_twenty_four if {
	day := object.union(office, {"days": ["Sunday"], "from": "00:00", "to": "24:00", "zone": "Asia/Tokyo"})
	conditions.met with input as at("2026-11-21T15:00:00.000000000Z") with data.guard as {"windows": [day]}
	conditions.met with input as at("2026-11-22T14:59:59.000000000Z") with data.guard as {"windows": [day]}
	not conditions.met with input as at("2026-11-22T15:00:00.000000000Z") with data.guard as {"windows": [day]}
}

test_other_functions_have_no_window if {
	conditions.met with input as object.union(at(outside[0]), {"call": {"function": "crm.get"}}) with data.guard as {"windows": [office]}
}

test_without_a_time_it_is_closed if {
	not conditions.met with input as object.remove(at(""), ["time"]) with data.guard as {"windows": [office]}
}

duties := {
	"roles": {
		"clerk": {"functions": ["pay.request"]}, "chief": {"functions": ["pay.approve"]},
		"boss": {"functions": ["pay.*"]}, "reader": {"functions": ["crm.*"]},
	},
	"duties": [{"rule": "four-eyes", "functions": ["pay.request", "pay.approve"], "not_with": ["pay.approve"]}],
}

pays(groups) := {"call": {"function": "pay.request"}, "identity": {"groups": groups}}

test_who_may_do_the_one_must_not_hold_the_other if {
	conditions.met with input as pays(["clerk"]) with data.guard as duties
	conditions.met with input as pays(["clerk", "reader"]) with data.guard as duties
	conditions.first == {"reason": "separation-of-duties", "rule": "four-eyes"} with input as pays(["clerk", "chief"]) with data.guard as duties
	not conditions.met with input as pays(["boss"]) with data.guard as duties
}

test_without_conditions_all_is_met if conditions.met with input as {} with data.guard as {}

limited := {"limits": [
	{"rule": "often", "functions": ["crm.*"], "of": "function", "per": "minute", "calls": 3},
	{"rule": "much", "functions": ["*"], "of": "caller", "per": "day", "calls": 100},
]}

used(minute, day) := {
	"call": {"function": "crm.get"},
	"usage": {"function": {"minute": minute, "hour": 9, "day": 9}, "caller": {"minute": 50, "hour": 50, "day": day}},
}

test_up_to_the_limit_is_within_it if conditions.met with input as used(3, 100) with data.guard as limited

test_beyond_the_limit_is_refused_by_rate_or_budget if {
	conditions.first == {"reason": "rate-exceeded", "rule": "often"} with input as used(4, 100) with data.guard as limited
	conditions.first == {"reason": "budget-exceeded", "rule": "much"} with input as used(3, 101) with data.guard as limited
}

test_uncounted_calls_are_refused if {
	not conditions.met with input as {"call": {"function": "crm.get"}} with data.guard as limited
	not conditions.met with input as used("3", 100) with data.guard as limited
	not conditions.met with input as used(null, 100) with data.guard as limited
}

test_a_limit_of_a_wrong_type_is_never_kept if {
	every calls in ["3", [3], {}, null, false] {
		limit := {"rule": "often", "functions": ["crm.*"], "of": "function", "per": "minute", "calls": calls}
		conditions.first.rule == "often" with input as used(3, 3) with data.guard as {"limits": [limit]}
	}
}

test_a_window_with_ends_of_a_wrong_type_is_closed if {
	every ends in [{"from": 0}, {"from": null}, {"to": ["24:00"]}, {"days": "Monday Friday"}, {"days": {"a": "Friday"}}] {
		window := object.union(office, ends)
		conditions.first.rule == "office" with input as at(inside[0]) with data.guard as {"windows": [window]}
	}
}
