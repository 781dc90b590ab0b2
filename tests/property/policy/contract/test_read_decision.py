"""No JSON value makes the reader raise, and only shapes that are exactly right allow."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.model.decision import Action, ApprovalTerms, Decision
from extproc.model.quorum import Quorum
from extproc.policy.contract.opa_envoy_decision import KEYS as PLUGIN_KEYS
from extproc.policy.contract.read_decision import KEYS, read_decision

WORDS = st.sampled_from(
    [*KEYS, *PLUGIN_KEYS, "allow", "deny", "hold", "request", "response", "path", "entity", "how", "groups", "min"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


def read(answer):
    return read_decision(answer, revision="r", defaults=ApprovalTerms(Quorum.any_of("x")))


@given(VALUES)
def test_any_value_is_a_decision(answer):
    decision = read(answer)
    assert isinstance(decision, Decision)
    if decision.action is Action.ALLOW:
        assert answer is True or answer.get("action") == "allow" or answer.get("allowed") is True


@given(st.dictionaries(WORDS | st.text(max_size=4), VALUES, max_size=4))
def test_an_allow_has_known_keys_only(more):
    answer = {**more, "action": "allow"}
    if read(answer).action is Action.ALLOW:
        assert answer.keys() <= KEYS - {"approval"}


@given(st.text(min_size=1, max_size=20).filter(lambda key: key not in KEYS))
def test_one_unknown_key_is_enough_to_deny(key):
    assert read({"action": "allow", key: 1}).action is Action.DENY
