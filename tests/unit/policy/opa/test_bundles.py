"""The bundles of an answer are named, and their digest has all of each name and revision."""

import pytest

from extproc.policy.opa.bundles import NAME_SHOWN, SHOWN, BundlesInForce, read_bundles


def bundles(**revisions: object) -> dict[str, object]:
    return {"bundles": {name: {"revision": revision} for name, revision in revisions.items()}}


def test_the_revision_is_over_all_names_and_revisions_and_the_query():
    both = read_bundles(bundles(a="1", b="2"), "data.q")
    assert len(both.revision) == 64
    assert both == read_bundles(bundles(b="2", a="1"), "data.q")
    others = [read_bundles(bundles(a="2", b="1"), "data.q"), read_bundles(bundles(a="1", b="2"), "data.p")]
    assert both.revision not in {each.revision for each in others}


def test_bundles_are_named_as_people_know_them():
    assert read_bundles(bundles(shared="7", main="2026-08-01-abc"), "data.q").names == (
        "main@2026-08-01-abc",
        "shared@7",
    )


def test_names_are_bounded_and_printable():
    many = read_bundles({"bundles": {f"b{number:03}": {"revision": "r"} for number in range(100)}}, "data.q")
    assert len(many.names) == SHOWN
    long = read_bundles(bundles(a="x" * 1_000), "data.q")
    assert len(long.names[0]) == NAME_SHOWN
    assert long.revision != read_bundles(bundles(a="x" * 1_001), "data.q").revision
    assert read_bundles(bundles(a="1\x1b[2J\n"), "data.q").names == ("a@1?[2J?",)


@pytest.mark.parametrize(
    "none",
    [
        None,
        {},
        {"bundles": {}},
        {"bundles": {"a": {}}},
        {"bundles": {"a": {"revision": ""}}},
        {"bundles": {"a": {"revision": "1"}, "b": {"revision": ""}}},
        {"bundles": []},
        [],
    ],
)
def test_without_a_revision_of_each_there_is_none(none):
    assert read_bundles(none, "data.q") == BundlesInForce()
