"""JWT: texts in which it is found, and texts in which it is not."""

import pytest

from extproc.detectors.entities import jwt
from tests.unit.detectors.entities.checks import ANALYZER, AROUND, check_found, check_nothing_found

ENTITY = "JWT"
FOUND = [
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y3Q.dGFn",
]
NOT_FOUND = [
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9.x",
    "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxIn0.c2ln",  # no alg
    "eyJ.a.b",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_is_found_exactly(text, around):
    check_found(ENTITY, text, around)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(text):
    check_nothing_found(text)


@pytest.mark.parametrize("joined", ["eyJ.", "eyJ-", "eyJ", "eyJhbGciOiJIUzI1NiJ9."])
def test_text_joined_to_a_token_does_not_hide_it(joined):
    """No part of the token is left, whatever it is joined to."""
    text = joined + FOUND[0] + "." + FOUND[0]
    [match] = ANALYZER.scan(text)
    assert match.entity == ENTITY
    assert match.end == len(text)
    assert match.start <= len(joined)


@pytest.mark.parametrize("text", ["/" + "eyJ" * 20_000 + "/eyJ.a.", "eyJ." * 20_000, ("eyJ" * 15 + ".") * 1_000])
def test_many_beginnings_of_a_token_cost_no_more_than_their_length(text, monkeypatch):
    """Decoding stays linear in the text, however many beginnings of tokens it has."""
    decoded = []
    monkeypatch.setattr(jwt, "has_algorithm", lambda part: decoded.append(len(part)))
    list(jwt.find(text, ""))
    assert sum(decoded) <= len(text) * jwt.STARTS_MAX
