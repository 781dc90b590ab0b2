"""What Envoy reports of requests that no guard saw to their end."""

import pytest

from extproc.flow.record.from_access_log import entry_from_access_log
from extproc.wire.access_log import AccessLogEntry
from tests.support.maskers import make_masker

HOSTS = {"crm.test": "crm", "*.crm.test": "crm"}
CLUSTERS = {"upstream-docs-0123456789ab": "docs"}


def entry_of(authority, cluster=""):
    ended = AccessLogEntry(
        "r", "", "GET", authority, cluster, "/a?x=1", "10.0.0.1:1", 503, "x", 1, 1, guarded=False
    )
    return entry_from_access_log(ended, make_masker(), hosts=HOSTS, clusters=CLUSTERS)


@pytest.mark.parametrize(
    ("authority", "connection", "path"),
    [
        ("crm.test", "crm", "/a"),
        ("CRM.test", "crm", "/a"),
        ("B.crm.test", "crm", "//b.crm.test/a"),
        ("078-05-1120.x.crm.test", "crm", "//[US_SSN].x.crm.test/a"),
        ("other.test", "", "/a"),
        ("evil.test,b.crm.test", "", "/a"),
    ],
)
def test_the_host_that_a_wildcard_leaves_open_stands_before_the_path(authority, connection, path):
    entry = entry_of(authority)
    assert (entry.connection, entry.path) == (connection, path)


@pytest.mark.parametrize("authority", ["backend.test", "a.crm.test", "crm.test"])
def test_a_host_of_the_backends_own_names_no_other_connection(authority):
    """The route has replaced the caller's host by then."""
    entry = entry_of(authority, cluster="upstream-docs-0123456789ab")
    assert (entry.connection, entry.path) == ("docs", "/a")
