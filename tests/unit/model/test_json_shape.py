"""Paths are followed in what a description says, and no further."""

import pytest

from extproc.model.json_shape import ANYTHING, Described, JsonShape, Reach, follow

LEAF = JsonShape()
PERSON = JsonShape(members={"name": LEAF})
PERSON.members["parent"] = PERSON
LOOSE = JsonShape(Described.SOME, members={"id": LEAF})
ROOT = JsonShape(
    members={
        "person": PERSON,
        "people": JsonShape(elements=PERSON),
        "labels": JsonShape(others=LEAF),
        "any": ANYTHING,
        "loose": LOOSE,
        "either": JsonShape(alternatives=[PERSON, LOOSE]),
    }
)


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        ((), Reach.FOUND),
        (("person", "parent", "parent", "name"), Reach.FOUND),
        (("person", "namee"), Reach.IMPOSSIBLE),
        (("person", "name", "x"), Reach.IMPOSSIBLE),
        (("people", 0, "name"), Reach.FOUND),
        (("people", None, "name"), Reach.FOUND),
        (("people", "name"), Reach.IMPOSSIBLE),
        (("person", 0), Reach.IMPOSSIBLE),
        (("labels", "whatever"), Reach.FOUND),
        (("labels", "whatever", "x"), Reach.IMPOSSIBLE),
        (("any", "x", 3, "y"), Reach.UNKNOWN),
        (("loose", "id"), Reach.FOUND),
        (("loose", "di"), Reach.UNDESCRIBED),
        (("either", "id"), Reach.FOUND),
        (("either", "name"), Reach.FOUND),
        (("either", "x"), Reach.UNDESCRIBED),
        ((None, "name"), Reach.FOUND),
    ],
)
def test_a_path_is_followed(path, reach):
    assert follow(ROOT, path).reach is reach


def test_the_names_at_the_step_that_could_not_be_taken_are_told():
    found = follow(ROOT, ("person", "parent", "namee"))
    assert (found.names, found.at) == ({"name", "parent"}, 2)


@pytest.mark.parametrize(
    ("shape", "name", "reach"),
    [
        (PERSON, "name", Reach.FOUND),
        (PERSON, "namee", Reach.IMPOSSIBLE),
        (JsonShape(members={"a": PERSON, "b": LOOSE}), "namee", Reach.UNDESCRIBED),
        (ROOT, "namee", Reach.FOUND),  # as a label
        (JsonShape(members={"a": PERSON, "b": ANYTHING}), "namee", Reach.UNKNOWN),
    ],
)
def test_a_step_at_any_depth_is_looked_for_everywhere(shape, name, reach):
    assert follow(shape, (name,), anywhere=frozenset({0})).reach is reach
