"""A pattern of functions matches the same names in the starter policies as in the checks of names."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.names.known_names import KnownConnection, KnownNames
from extproc.policy.regorus.evaluator import EmbeddedEngine

ASKED = "package t\n\ndefault r := false\n\nr if data.extproc.names.matches(input.pattern, input.name)\n"
PARTS = st.sampled_from(["prompt:", "resource:", "a", "b", ".", "*", "**", "/", ":", "p", "r", "file:///"])
NAMES = st.lists(PARTS, max_size=5).map("".join)
POLICIES = read_sources([], [], "data.t.r")
ENGINE = EmbeddedEngine.from_sources(Sources((*POLICIES.modules, Module("t.rego", ASKED)), {}, "data.t.r"))


@given(NAMES, NAMES)
@example("resource:file:///docs/*", "resource:file:///docs/private/*")
@example("resource:https://a.*", "resource:https://a.example/**")
@example("p*", "prompt:a")
def test_both_match_the_same_names(pattern, name):
    known = KnownNames({"docs": KnownConnection("docs", (name,))}, frozenset())
    document = json.dumps({"pattern": f"docs.{pattern}", "name": f"docs.{name}"}).encode()
    found = known.matching(f"docs.{pattern}")
    assert bool(found) == ENGINE.evaluate_now(document)
