"""What OPA's status plugin says of bundles is read, or an error."""

import pytest

from extproc.model.errors import PolicyError
from extproc.policy.opa.bundle_status import PROBLEM_SHOWN, BundleStatus, read_statuses

GOOD = {"active_revision": "2026-08-01-abc", "last_successful_activation": "2026-08-01T10:00:00Z"}


def test_each_bundle_has_its_revision_and_time():
    found = read_statuses({"bundles": {"shared": GOOD, "main": GOOD | {"code": "bundle_error", "message": "no"}}})
    assert found == (
        BundleStatus("main", "2026-08-01-abc", "2026-08-01T10:00:00Z", "bundle_error: no"),
        BundleStatus("shared", "2026-08-01-abc", "2026-08-01T10:00:00Z", ""),
    )


def test_one_that_was_never_in_force():
    status = {"last_successful_activation": "0001-01-01T00:00:00Z", "code": "bundle_error", "message": "x" * 1_000}
    [found] = read_statuses({"bundles": {"main": status}})
    assert (found.revision, found.activated) == ("", "")
    assert len(found.problem) == PROBLEM_SHOWN


def test_an_opa_without_bundles():
    assert read_statuses({}) == read_statuses({"bundles": None}) == read_statuses({"bundles": []}) == ()


@pytest.mark.parametrize("junk", [None, [], "x", {"bundles": {"a": 1}}, {"bundles": "x"}])
def test_junk_is_an_error(junk):
    with pytest.raises(PolicyError, match="cannot be read"):
        read_statuses(junk)
