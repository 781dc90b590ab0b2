"""Answers are read back by a second implementation (betterproto2)."""

import pytest
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import (
    ProcessingModeBodySendMode,
    ProcessingModeHeaderSendMode,
)
from envoy_data_plane.envoy.service.auth.v3 import CheckResponse
from envoy_data_plane.envoy.service.ext_proc.v3 import ProcessingResponse

from extproc.model.errors import ProtocolViolation
from extproc.model.permit import Forwarding, HeaderEdits, Permit
from extproc.model.reasons import Reason
from extproc.model.reply import Reply
from extproc.wire import encode, ext_authz

EDITS = HeaderEdits(set=(("authorization", b"Bearer s"),), remove=("accept-encoding",))


def permit(edits=EDITS, body=None, *, has_body=True, **more):
    """Leave to forward this until the hundredth nanosecond."""
    return Permit("call", Forwarding(edits, has_body, body, **more), Reason.POLICY_ALLOWED, 100)


def read(message):
    return ProcessingResponse.parse(message)


def marker(response):
    fields = response.dynamic_metadata.fields if response.dynamic_metadata else {}
    return (
        {key: value.string_value for key, value in fields["guard"].struct_value.fields.items()}
        if "guard" in fields
        else {}
    )


def test_forwarding_marks_and_edits():
    """The request marker goes with the body answer, and with it the edits and the new length."""
    response = read(encode.forward(permit(body=b"{}"), now_ns=99))
    assert marker(response) == {"req": "done", "call": "call"}
    common = response.request_body.response
    assert common.body_mutation.body == b"{}"
    assert common.header_mutation.remove_headers == ["accept-encoding"]
    fields = {each.header.key: each.header.raw_value for each in common.header_mutation.set_headers}
    assert fields == {"authorization": b"Bearer s", "content-length": b"2"}


def test_envoys_own_answer_to_the_call_goes_with_the_marker():
    """Policy's metadata cannot replace it."""
    forwarding = Forwarding(
        HeaderEdits(), has_body=False, body=None, metadata={"cut_off": "x"}, if_cut_off='{"a":1}'
    )
    response = read(encode.forward(Permit("call", forwarding, Reason.POLICY_ALLOWED, 100), now_ns=99))
    told = {key: value for key, value in marker(response).items() if key != "policy"}
    assert told == {"req": "done", "call": "call", "cut_off": '{"a":1}'}


def test_an_untouched_body_is_not_sent_back():
    """None leaves the caller's bytes and their length alone."""
    common = read(encode.forward(permit(), now_ns=99)).request_body.response
    assert common.body_mutation is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: encode.forward(permit(body=b"x", has_body=False), now_ns=99),
        lambda: ext_authz.allow(permit(body=b"other"), now_ns=99),
        lambda: encode.forward(permit(), now_ns=100),
        lambda: encode.forward(permit(has_body=False), now_ns=100),
        lambda: ext_authz.allow(permit(), now_ns=100),
    ],
)
def test_a_permit_forwards_only_what_it_can_and_in_its_time(call):
    """A body where there is none, a body over ext_authz, and a permit whose time is over are refused."""
    with pytest.raises(ProtocolViolation):
        call()


@pytest.mark.parametrize(
    "message",
    [encode.AWAIT_REQUEST_BODY, encode.AWAIT_RESPONSE_BODY, encode.hold(5)],
)
def test_messages_that_only_wait_carry_no_marker(message):
    """The second lines of defence let nothing out on the strength of these."""
    assert marker(read(message)) == {}


def test_a_hold_only_lengthens_the_wait():
    """No other field is set: it is not an answer."""
    response = read(encode.hold(7.5))
    assert response.override_message_timeout.total_seconds() == 7.5
    assert response.request_body is None


def test_a_stream_begins_strict_but_for_the_response_body():
    """An override that omits a mode means NONE there: each is named."""
    response = read(encode.begin_stream(EDITS))
    mode = response.mode_override
    assert marker(response) == {"resp": "hdr"}
    assert mode.response_body_mode == ProcessingModeBodySendMode.STREAMED
    assert mode.request_body_mode == ProcessingModeBodySendMode.BUFFERED
    assert mode.response_trailer_mode == mode.request_trailer_mode == ProcessingModeHeaderSendMode.SEND


def test_pieces_are_marked_apart_and_empty_ones_withhold():
    """Every piece has its own marker; an empty piece clears Envoy's."""
    first, second = (
        read(encode.release_piece(1, b"data: 1\n\n", last=False)),
        read(encode.release_piece(2, b"", last=False)),
    )
    assert marker(first) != marker(second)
    assert first.response_body.response.body_mutation.body == b"data: 1\n\n"
    assert second.response_body.response.body_mutation.clear_body is True


def test_a_refusal_is_an_immediate_response_with_the_response_marker():
    """Without the marker the second line of defence would replace it."""
    response = read(encode.refuse(Reply(403, (("content-type", "application/problem+json"),), b"{}")))
    assert marker(response) == {"resp": "done"}
    assert response.immediate_response.status.code == 403
    assert response.immediate_response.body == b"{}"


def test_check_answers_say_their_status():
    """An empty CheckResponse means allow; neither of ours is empty."""
    allowed = ext_authz.allow(permit(response_headers=(("x-a", b"1"),)), now_ns=99)
    denied = CheckResponse.parse(ext_authz.deny(Reply(404, (), b"no")))
    assert allowed != b""
    assert CheckResponse.parse(allowed).dynamic_metadata.fields["guard"].string_value == "done"
    told = ext_authz.allow(permit(metadata={"team": "x", "guard": "forged"}), now_ns=99)
    fields = CheckResponse.parse(told).dynamic_metadata.fields
    assert (fields["team"].string_value, fields["guard"].string_value) == ("x", "done")
    assert fields["decision_id"].string_value == "call"
    refused = CheckResponse.parse(
        ext_authz.deny(Reply(404, (), b"no"), {"team": "x"}, "d")
    ).dynamic_metadata.fields
    assert (refused["team"].string_value, refused["decision_id"].string_value) == ("x", "d")
    assert "guard" not in refused
    assert denied.status.code == 7
    assert denied.denied_response.status.code == 404
