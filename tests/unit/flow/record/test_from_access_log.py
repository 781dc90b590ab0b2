"""What Envoy reports of requests that no guard saw to their end."""

import pytest

from extproc.flow.record.from_access_log import entry_from_access_log
from extproc.wire.access_log import AccessLogEntry
from extproc.wire.local_replies import BROKEN_OFF
from tests.support.maskers import make_masker

HOSTS = {"crm.test": "crm", "*.crm.test": "crm"}
CLUSTERS = {"upstream-docs-0123456789ab": "docs"}


def entry_of(authority="crm.test", cluster="", call_id="", details="x"):
    ended = AccessLogEntry(
        "r", call_id, "GET", authority, cluster, "/a?x=1", "10.0.0.1:1", 503, details, 1, 1, guarded=False
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


def test_a_caller_who_leaves_a_call_that_was_let_go_is_recorded_by_the_worker_alone():
    assert entry_of(call_id="c", details="downstream_remote_disconnect") is None


def test_a_response_that_the_guard_broke_off_is_recorded_by_the_worker_alone():
    details = f"ext_proc_error_gRPC_error_13{{{BROKEN_OFF}{{via_upstream}}}}"
    assert entry_of(call_id="c", details=details) is None
    assert entry_of(call_id="", details=details) is not None
    assert entry_of(call_id="c", details=f"upstream_reset{{{BROKEN_OFF}}}") is not None


@pytest.mark.parametrize(
    ("call_id", "details", "reason"),
    [
        ("", "downstream_remote_disconnect", "caller-gone"),
        ("c", "upstream_reset_after_response_started{protocol_error}", "response-abandoned"),
        ("c", "ext_proc_error_grpc_error_14", "guard-error"),
        ("c", "", "guard-error"),
        ("", "route_not_found", "unknown-function"),
    ],
)
def test_every_other_end_is_recorded_with_its_reason(call_id, details, reason):
    entry = entry_of(call_id=call_id, details=details)
    assert (entry.kind, entry.reason, entry.detail) == ("call.reported", reason, details)
