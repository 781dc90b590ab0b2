"""What Envoy reports of requests that no guard saw to their end."""

import pytest

from extproc.flow.record.from_access_log import entry_from_access_log
from extproc.wire.access_log import AccessLogEntry
from tests.support.maskers import make_masker

HOSTS = {"crm.test": "crm", "*.crm.test": "crm"}


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
    ended = AccessLogEntry("r", "", "GET", authority, "/a?x=1", "10.0.0.1:1", 503, "x", 1, 1, guarded=False)
    entry = entry_from_access_log(ended, make_masker(), hosts=HOSTS)
    assert (entry.connection, entry.path) == (connection, path)
