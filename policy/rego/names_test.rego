package extproc.names_test

import data.extproc.names

test_a_whole_name_matches_itself if names.matches("crm.get_customer", "crm.get_customer")

test_a_star_matches_what_begins_alike if {
	names.matches("crm.get_*", "crm.get_customer")
	names.matches("crm.*", "crm.a.b")
	names.matches("*", "crm.get_customer")
}

test_a_kind_is_matched_by_patterns_that_name_it_and_by_those_of_all if {
	every pattern in ["*", "docs.*", "docs.prompt:*", "docs.prompt:sum*", "docs.prompt:summarize"] {
		names.matches(pattern, "docs.prompt:summarize")
	}
	every pattern in ["docs.p*", "docs.pr*", "docs.resource:*"] {
		not names.matches(pattern, "docs.prompt:summarize")
	}
}

test_the_pattern_of_a_resource_is_a_name if {
	resource := "docs.resource:file:///docs/**"
	names.valid(resource)
	names.matches(resource, resource)
	names.matches("docs.resource:*", resource)
	names.matches("docs.*", resource)
	not names.matches("docs.resource:file:///*", resource)
	not names.matches("docs.resource:file:///docs/*", resource)
	not names.matches("docs.resource:file:///docs/*", "docs.resource:file:///docs/private/*")
	not names.matches("docs.resource:https://docs.*", "docs.resource:https://docs.example/**")
	names.matches("docs.resource:file:///docs/*", "docs.resource:file:///docs/*")
	names.valid("docs.resource:https://*/page")
	names.matches("docs.resource:https://*/page", "docs.resource:https://*/page")
}

test_nothing_else_matches if {
	not names.matches("crm.get_customer", "crm.get_customers")
	not names.matches("crm.get_*", "crm.set_customer")
	not names.matches("crm.*", "crm2.get_customer")
	not names.matches("crm.GET_*", "crm.get_customer")
}

test_a_star_elsewhere_is_not_a_pattern if {
	names.valid("crm.*")
	not names.valid("crm*")
	not names.valid("*.get")
	not names.valid("crm.*_customer")
	not names.valid("crm.**")
	not names.valid("")
}

test_a_pattern_is_about_one_connection if {
	names.about("crm.*", "crm")
	names.about("*", "crm")
	not names.about("crm2.*", "crm")
	not names.about("crm", "crm")
}

test_some_pattern_is_about_a_connection if {
	names.some_about(["erp.*", "crm.get_customer"], "crm")
	not names.some_about(["erp.*"], "crm")
	not names.some_about([], "crm")
}
