"""Names of a policy that no call had; a denial that did not have to deny is none of them."""

from extproc.policy.contract.policy_sources import Sources
from extproc.policy.names.never_matched import Occurred, named_in, never_matched

GUARD = {
    "roles": {"sre": {"functions": ["docs.search", "docs.purge"]}},
    "protocol_messages": {"denied": ["docs.sampling/createMessage"]},
}


def test_what_is_only_denied_is_not_called_unused():
    sources = Sources((), {"guard": GUARD}, "data.extproc.decision")
    occurred = Occurred(frozenset({"docs.search"}), frozenset({"sre"}), frozenset(), frozenset())
    found = never_matched(named_in(sources, ()), occurred)
    assert [each.name for each in found] == ["docs.purge"]
