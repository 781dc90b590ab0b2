"""Two quorums together are met only by people who meet each of them."""

from hypothesis import example, given
from hypothesis import strategies as st

from extproc.model.quorum import Quorum

GROUPS = st.sampled_from("abc")
ALTERNATIVES = st.lists(st.lists(GROUPS, min_size=1, max_size=3, unique=True).map(tuple), max_size=3, unique=True)
QUORUMS = st.builds(Quorum, ALTERNATIVES.map(tuple), st.integers(1, 3))
PEOPLE = st.dictionaries(st.sampled_from("wxyz"), st.frozensets(GROUPS))
TWO_OF_A = Quorum.any_of("a", minimum=2)
A_OR_BOTH = Quorum((("a",), ("b", "c")), 2)


@given(QUORUMS, QUORUMS, PEOPLE)
@example(A_OR_BOTH, TWO_OF_A, {"x": frozenset("a"), "y": frozenset("b")})
def test_who_meets_both_together_meets_each(one: Quorum, other: Quorum, people: dict[str, frozenset[str]]) -> None:
    if one.and_also(other).met_by(people):
        assert one.met_by(people)
        assert other.met_by(people)


def test_quorums_of_the_same_people_can_be_met_together() -> None:
    both = A_OR_BOTH.and_also(Quorum((("a",), ("b", "c"), ("b",)), 2))
    assert both.met_by({"x": frozenset("a"), "y": frozenset("b")})
