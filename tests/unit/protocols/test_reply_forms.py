"""A call that waits for approval is answered in the form that its caller reads, and as no success."""

import base64
import json
from dataclasses import replace

from google.rpc.error_details_pb2 import ErrorInfo, Help, RetryInfo
from google.rpc.status_pb2 import Status

from extproc.model.call import Call, Headers
from extproc.model.pending_approval import PendingApproval
from extproc.protocols.base_protocol import BaseProtocol
from extproc.protocols.reply_forms import pending_reply

URL = "https://approve.test/approvals/a1"
PENDING = PendingApproval("a1", URL, 5, 1_000_000_000_000_000_000, "canary-state")
CALL = Call("c1", "crm", "delete", "http-json")
NO_FIELDS = Headers()
GRPC = Headers((("content-type", b"application/grpc"),))


def answer(headers=NO_FIELDS, pending=PENDING):
    reply = pending_reply(headers, pending, "c1", BaseProtocol(), CALL)
    assert "canary" not in repr(reply)
    return reply


def details(reply):
    status = Status.FromString(base64.b64decode(dict(reply.headers)["grpc-status-details-bin"] + "=="))
    found = {}
    for each in status.details:
        for kind in (ErrorInfo, RetryInfo, Help):
            if each.Is(kind.DESCRIPTOR):
                found[kind] = kind.FromString(each.value)
    return status, found


def test_over_http_it_is_a_conflict_that_says_when_to_call_again():
    reply = answer()
    fields = dict(reply.headers)
    assert (reply.status, fields["retry-after"], fields["cache-control"]) == (409, "5", "no-store")
    assert fields["content-type"] == "application/problem+json"
    said = json.loads(reply.body)
    assert "the same bytes" in said.pop("detail")
    assert said == {
        "type": "urn:extproc:reason:approval-required",
        "title": "A human must approve this call",
        "status": 409,
        "reason": "approval-required",
        "call_id": "c1",
        "approval": "a1",
        "approval_url": URL,
        "expires": "2001-09-09T01:46:40Z",
    }


def test_no_link_is_made_up():
    reply = answer(pending=replace(PENDING, url=""))
    assert b"url" not in reply.body
    reply = answer(GRPC, replace(PENDING, url=""))
    assert Help not in details(reply)[1]


def test_over_grpc_it_is_a_failed_precondition():
    reply = answer(GRPC)
    fields = dict(reply.headers)
    assert (reply.status, fields["grpc-status"], reply.body) == (200, "9", b"")
    status, found = details(reply)
    assert status.code == 9
    assert found[RetryInfo].retry_delay.seconds == 5
    assert [link.url for link in found[Help].links] == [URL]
    info = found[ErrorInfo]
    assert (info.reason, info.domain) == ("APPROVAL_REQUIRED", "extproc")
    assert dict(info.metadata) == {
        "call_id": "c1", "approval": "a1", "approval_url": URL, "expires": "2001-09-09T01:46:40Z",
    }  # fmt: skip


def test_without_a_state_of_its_own_the_same_call_has_the_same_body():
    protocol = BaseProtocol()
    assert protocol.same_call(CALL, b"body") == b"body"
    assert protocol.repeated(None, b'{"requestState":"extproc-approval-x.y"}', "extproc-approval-x.") is None
