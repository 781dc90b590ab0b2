"""What policy is told of a function's definition."""

from dataclasses import replace

import pytest

from extproc.model.pinning import Pinning
from extproc.pinning.pin_rules import fact_of, is_accepted
from extproc.pinning.pins import Acceptance, PinFact, PinnedDefinition, PinState, Verdict

ONE, TWO = "sha256:1", "sha256:2"
FIRST = PinnedDefinition("docs", "search", ONE, Verdict.FIRST_SIGHT, 1, 1)
CHANGED = PinnedDefinition("docs", "search", TWO, Verdict.CHANGED, 2, 2)
ACCEPTED = replace(CHANGED, verdict=Verdict.ACCEPTED, acceptances=(Acceptance("iss|ann", "read it", 3),))
REJECTED = replace(CHANGED, verdict=Verdict.REJECTED)
ANY, CONFIGURED = Pinning(), Pinning(first_sight=False)


@pytest.mark.parametrize(
    ("definitions", "state", "digest"),
    [
        ((), PinState.UNSEEN, ""),
        ((FIRST,), PinState.ACCEPTED, ONE),
        ((FIRST, CHANGED), PinState.CHANGED, TWO),
        ((FIRST, ACCEPTED), PinState.ACCEPTED, TWO),
        ((FIRST, REJECTED), PinState.ACCEPTED, ONE),
        ((REJECTED,), PinState.CHANGED, TWO),
        ((replace(FIRST, last_seen_ns=9), CHANGED), PinState.CHANGED, TWO),  # the server went back: still changed
        ((replace(FIRST, last_seen_ns=9), ACCEPTED), PinState.ACCEPTED, ONE),
    ],
)
def test_one_definition_that_nobody_accepted_is_a_change(definitions, state, digest):
    fact = fact_of(definitions, ANY)
    assert (fact.state, fact.digest) == (state, digest)


def test_who_accepted_it_is_told():
    assert fact_of((FIRST, ACCEPTED), ANY) == PinFact(PinState.ACCEPTED, TWO, ("iss|ann",), "read it")
    assert fact_of((FIRST,), ANY).accepted_by == ()


def test_where_definitions_are_configured_the_first_is_not_accepted():
    assert fact_of((FIRST,), CONFIGURED).state is PinState.CHANGED
    assert fact_of((ACCEPTED,), CONFIGURED).state is PinState.ACCEPTED


def test_a_configured_digest_replaces_first_sight_for_its_function():
    other = replace(FIRST, name="read")
    pinning = Pinning(digests={"search": frozenset({TWO})})
    assert fact_of((FIRST,), pinning).state is PinState.CHANGED
    assert fact_of((CHANGED,), pinning).state is PinState.ACCEPTED
    assert fact_of((other,), pinning).state is PinState.ACCEPTED
    assert is_accepted(REJECTED, pinning)
