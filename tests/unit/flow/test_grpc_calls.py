"""gRPC calls as dialogues: masked message by message, answered in gRPC's own terms."""

import base64
import contextlib
import gzip
import json
import zlib
from dataclasses import asdict, replace

import pytest
from google.rpc import error_details_pb2, status_pb2

from extproc.codecs.grpc_frames import Frame
from extproc.credentials.credential import make_credential
from extproc.masking.masker import Masker
from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.entries import EntryKind
from extproc.model.errors import ResponseBrokenOff
from extproc.wire.events import ResponseHeadersReceived, ResponseTrailersReceived
from tests.integration.support import shop
from tests.integration.support.shop import SERVICE, Item, framed
from tests.support.maskers import make_masker
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, headers, make_services, play, returns, sends

SSN = "219-09-9999"
SECRET = "canary-credential"
OK = ResponseTrailersReceived(headers(grpc_status="0"))


def services_of(tmp_path, answer=None, **more):
    engine = ScriptedEngine(answer or {"action": "allow"})
    return make_services(tmp_path, engine=engine, changes={"connections.shop": shop.settings(tmp_path, **more)})


def calls(method="GetItem", **fields):
    fields = {"content_type": "application/grpc", "te": "trailers", **fields}
    return asks("POST", f"/{SERVICE}/{method}", shop.HOST, **fields)


def begins(**fields):
    return answers(content_type="application/grpc", **fields)


async def test_policy_sees_the_message_as_json(tmp_path):
    services = services_of(tmp_path)
    item = Item(id="1", unit_price=2.5, stock=1 << 60, kind=1, data=b"x", owner=Item(notes=["a"]))
    await play(services, calls(), sends(framed(item)), begins(), returns(framed(Item()), end=False), OK)
    [asked] = services.engine.asked
    assert asked["call"]["arguments"] == asked["parsed_body"]
    assert asked["parsed_body"] == {
        "id": "1", "unitPrice": 2.5, "stock": str(1 << 60), "kind": "BOOK", "data": "eA==", "owner": {"notes": ["a"]},
    }  # fmt: skip
    assert asked["call"]["function"] == f"shop.{SERVICE}/GetItem"
    assert asked["connection"] == {"name": "shop", "protocol": "grpc"}
    assert "uninspectable" not in asked["body"]


async def test_policy_sees_all_messages_of_a_client_that_streams(tmp_path):
    services = services_of(tmp_path)
    body = framed(Item(id="1"), Item(id="2", notes=[SSN]))
    await play(services, calls("AddItems"), sends(body), begins(), OK)
    [asked] = services.engine.asked
    assert asked["call"]["arguments"] == [{"id": "1"}, {"id": "2", "notes": [SSN]}]
    assert asked["parsed_body"] is None
    assert asked["findings"] == [{"entity": "US_SSN", "path": "$[1].notes[0]", "count": 1}]


async def test_a_request_is_masked_and_framed_anew(tmp_path):
    mask = [{"path": "$.unitPrice"}, {"entity": "US_SSN"}]
    services = services_of(tmp_path, {"action": "allow", "mask": {"request": mask}})
    item = Item(id="1", unit_price=2.5, notes=[SSN, "é"])
    packed = Frame(True, zlib.compress(item.SerializeToString())).raw
    peer = await play(services, calls(grpc_encoding="deflate"), sends(packed), begins(), OK)
    assert peer.upstream_body == framed(Item(id="1", unit_price=0.0, notes=["[US_SSN]", "é"]).SerializeToString()[:3] + b"\x11" + bytes(8) + Item(notes=["[US_SSN]", "é"]).SerializeToString())  # fmt: skip
    assert services.recorder.last.arguments == json.dumps(
        {"id": "1", "unitPrice": "[REDACTED]", "notes": ["[US_SSN]", "é"]},
        ensure_ascii=False,
        separators=(",", ":"),
    )


@pytest.mark.parametrize("path", ["$.unitPrice", "$[*].unitPrice", "$..unitPrice"])
async def test_a_field_of_each_message_is_masked_where_the_client_streams(tmp_path, path):
    """A connection's rules are for all of its methods, whatever they take."""
    services = services_of(tmp_path, masking={"request": [{"path": path}]})
    body = framed(Item(unit_price=2.5), Item(unit_price=3.5, id="2"))
    peer = await play(services, calls("AddItems"), sends(body), begins(), OK)
    zero = b"\x11" + bytes(8)
    assert peer.upstream_body == framed(zero, b"\x0a\x012" + zero)
    assert services.recorder.last.arguments == '[{"unitPrice":"[REDACTED]"},{"id":"2","unitPrice":"[REDACTED]"}]'


async def test_allow_list_mode_is_for_each_message(tmp_path):
    services = services_of(tmp_path, masking={"declared": {"request": ["$.id"]}})
    peer = await play(services, calls("AddItems"), sends(framed(Item(id="1", notes=["x"]))), begins(), OK)
    assert peer.upstream_body == framed(Item(id="1", notes=["[REDACTED]"]))


async def test_a_path_by_the_name_of_the_proto_file_denies(tmp_path):
    services = services_of(tmp_path, {"action": "allow", "mask": {"request": [{"path": "$.unit_price"}]}})
    await play(services, calls(), sends(framed(Item(unit_price=1))))
    assert services.recorder.last.reason == "masking-failed"
    assert "unitPrice" in services.recorder.last.detail


async def test_messages_that_come_back_are_masked_one_by_one(tmp_path):
    services = services_of(tmp_path)
    raw = framed(Item(notes=[SSN]), Item(id="2"))
    peer = await play(
        services, calls("ListItems"), sends(framed(Item())), begins(), *(returns(bytes([one]), end=False) for one in raw), OK,
    )  # fmt: skip
    assert [each for each in peer.delivered_pieces if each] == [
        framed(Item(notes=["[US_SSN]"])),
        framed(Item(id="2")),
    ]
    entry = services.recorder.last
    assert (entry.kind.value, entry.status, entry.detail) == ("call.completed", 200, "grpc-status 0")
    assert entry.response == '{"notes": ["[US_SSN]"]}\n{"id": "2"}\n'
    assert entry.protocol == "grpc"


async def test_a_path_to_the_default_key_of_a_map_masks_where_the_key_is_left_out(tmp_path):
    services = services_of(tmp_path, masking={"response": [{"path": "$.counts['false']"}]})
    left_out = b"\x82\x01\x02\x10\x05"
    assert Item.FromString(left_out) == Item(counts={False: 5})
    peer = await play(services, calls(), sends(framed(Item())), begins(), returns(framed(left_out), end=False), OK)
    assert peer.delivered == framed(b"\x82\x01\x02\x10\x00")


async def test_a_message_in_two_parts_is_not_masked_by_indexes_of_each(tmp_path):
    services = services_of(tmp_path, masking={"response": [{"path": "$.owner.notes[1]"}]})
    parts = b"".join(Item(owner=Item(notes=[note])).SerializeToString() for note in ("a", "b"))
    assert Item.FromString(parts) == Item(owner=Item(notes=["a", "b"]))
    with pytest.raises(ResponseBrokenOff, match="duplicate-keys"):
        await play(services, calls(), sends(framed(Item())), begins(), returns(framed(parts), end=False), OK)


async def test_the_credential_is_taken_out_of_messages_and_lengths_stay_right(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    services = services_of(tmp_path, masking={"response": []}, credential={"file": str(tmp_path / "secret")})
    assert make_credential(services.hosts[shop.HOST].settings.credential)
    back = framed(Item(id=SECRET, notes=[f"x {SECRET}"], data=SECRET.encode()), Item(id="2"))
    peer = await play(services, calls(), sends(framed(Item())), begins(), returns(back, end=False), OK)
    hidden = Item(id="[CREDENTIAL]", notes=["x [CREDENTIAL]"], data=b"[CREDENTIAL]")
    assert peer.delivered == framed(hidden, Item(id="2"))


@pytest.mark.parametrize("secret", ["plainoldword", "7345129066"])
async def test_the_credential_is_taken_out_where_no_detector_finds_anything(tmp_path, secret):
    """A number that is the credential goes as well."""
    (tmp_path / "secret").write_text(secret)
    services = services_of(tmp_path, masking={"response": []}, credential={"file": str(tmp_path / "secret")})
    number = int(secret) if secret.isdigit() else 1
    back = Item(owner=Item(labels={secret: f"is {secret}"}), stock=number)
    peer = await play(services, calls(), sends(framed(Item())), begins(), returns(framed(back), end=False), OK)
    [after] = [Item.FromString(each[5:]) for each in peer.delivered_pieces if each]
    hidden = Item(labels={"[CREDENTIAL]": "is [CREDENTIAL]"})
    assert after == Item(owner=hidden, stock=0 if secret.isdigit() else 1)


@pytest.mark.parametrize("gzipped", [False, True])
async def test_the_record_names_no_location_by_the_credential(tmp_path, gzipped):
    secret = "tok-bob@example.com-9c0ffee5c3f1aa77"
    (tmp_path / "secret").write_text(secret)
    masking = {"request": [{"entity": "*"}], "response": [{"entity": "*"}]}
    services = services_of(tmp_path, masking=masking, credential={"file": str(tmp_path / "secret")})
    telling = Item(labels={secret: "ada@example.com"}, id=f"{secret} ada@example.com")
    asked = Frame(True, gzip.compress(telling.SerializeToString())).raw if gzipped else framed(telling)
    head = calls(grpc_encoding="gzip") if gzipped else calls()
    await play(services, head, sends(asked), begins(), returns(framed(telling), end=False), OK)
    assert services.recorder.last.kind is EntryKind.COMPLETED
    assert {each.entity for each in services.recorder.last.findings} == {"EMAIL_ADDRESS"}
    assert "c0ffee" not in repr(services.recorder.entries)


BROKEN = {
    "half a frame": framed(Item(id="1"))[:-1],
    "a field that nobody knows": framed(b"\x98\x06\x01"),
    "no message": framed(b"\xff"),
    "bytes that are not text": framed(Item(data=b"\xff\xfe")),
    "an unknown flag": b"\x07" + framed(Item())[1:],
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_message_that_cannot_be_read_breaks_the_response_off(tmp_path, body):
    services = services_of(tmp_path)
    with pytest.raises(ResponseBrokenOff):
        await play(services, calls(), sends(framed(Item())), begins(), returns(body, end=False), OK)
    assert (services.recorder.last.kind.value, services.recorder.last.reason) == (
        "call.failed",
        "response-abandoned",
    )


async def test_a_coding_that_cannot_be_undone_is_refused_before_anything_goes(tmp_path):
    services = services_of(tmp_path)
    peer = await play(services, calls(), sends(framed(Item())), begins(grpc_encoding="snappy"))
    assert peer.refusal.headers["grpc-status"] == b"13"


async def test_bytes_that_are_not_text_pass_where_the_connection_says_so(tmp_path):
    services = services_of(tmp_path, masking={"undecodable": "pass-unmasked"})
    item = Item(data=b"\xff\xfe", notes=[SSN])
    peer = await play(services, calls(), sends(framed(item)), begins(), returns(framed(item), end=False), OK)
    assert peer.delivered == framed(Item(data=b"\xff\xfe", notes=["[US_SSN]"]))
    [asked] = services.engine.asked
    assert {"entity": "UNDECODABLE", "path": "$.data", "count": 1} in asked["findings"]
    assert services.recorder.last.arguments == '{"notes":["[US_SSN]"],"data":"[REDACTED]"}'
    assert services.recorder.last.response == '{"notes": ["[US_SSN]"], "data": "[REDACTED]"}\n'
    assert any(
        each.entity == "UNDECODABLE" and each.how == "pass-unmasked" for each in services.recorder.last.findings
    )


HELD = {"action": "hold", "reason": "high-risk", "approval": {"groups": ["sre"], "min": 1, "expires_in": "1ms"}}


@pytest.mark.parametrize("value", [SSN.encode(), f"it is {SSN}".encode(), b"\xff\xfe " + SSN.encode()])
@pytest.mark.parametrize("answer", [{"action": "allow"}, {"action": "deny"}, HELD], ids=["allow", "deny", "hold"])
@pytest.mark.parametrize("undecodable", ["deny", "pass-unmasked"])
async def test_the_record_keeps_no_sensitive_value_in_base64(tmp_path, value, answer, undecodable):
    services = services_of(tmp_path, answer, masking={"undecodable": undecodable, "response": []})
    item = Item(id="1", data=value)
    body = framed(item, item)
    with contextlib.suppress(ResponseBrokenOff):
        await play(services, calls("AddItems"), sends(body), begins(), returns(body, end=False), OK)
    kept = json.dumps([asdict(each) for each in services.recorder.entries])
    stored = b"".join(each.read_bytes() for each in tmp_path.rglob("*.db*"))
    encoded = base64.b64encode(value).decode()
    assert encoded not in kept
    assert encoded.encode() not in stored
    told = '{"id":"1","data":"[REDACTED]"}'
    assert services.recorder.last.arguments == f"[{told},{told}]"


@pytest.mark.parametrize("shown", [KeyError("x"), float("nan")], ids=["an error", "no JSON"])
async def test_a_call_whose_message_cannot_be_shown_is_recorded(tmp_path, monkeypatch, shown):
    def show(_message, _kind):
        if isinstance(shown, Exception):
            raise shown
        return shown

    monkeypatch.setattr("extproc.masking.protobuf.frames.show_message", show)
    services = services_of(tmp_path)
    item = framed(Item(notes=[SSN]))
    peer = await play(services, calls(), sends(item), begins(), returns(item, end=False), OK)
    assert peer.delivered == framed(Item(notes=["[US_SSN]"]))
    assert (services.recorder.last.kind.value, services.recorder.last.arguments) == ("call.completed", "")


class ShowingMasker(Masker):
    """Remembers the messages that were made ready to be shown."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.shown = []

    def hidden(self, message, *others, **options):
        self.shown.append(message)
        return super().hidden(message, *others, **options)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_message_that_is_not_kept_is_not_shown(tmp_path, kept):
    masker = make_masker(kind=ShowingMasker)
    services = replace(services_of(tmp_path, recording={"response": kept}), masker=masker)
    answer = Item(id="of-the-backend")
    await play(services, calls(), sends(framed(Item())), begins(), returns(framed(answer), end=False), OK)
    assert (answer.SerializeToString() in masker.shown) is kept
    assert services.recorder.last.response == ('{"id": "of-the-backend"}\n' if kept else "")


def status_field(*details, message="no"):
    made = status_pb2.Status(code=5, message=message)
    for each in details:
        made.details.add().Pack(each)
    return base64.b64encode(made.SerializeToString()).decode().rstrip("=")


def status_of(fields):
    """The status that these fields hold in binary form."""
    value = fields["grpc-status-details-bin"]
    return status_pb2.Status.FromString(base64.b64decode(value + b"=" * (-len(value) % 4)))


def trailers(**fields):
    return ResponseTrailersReceived(headers(grpc_status="5", **fields))


async def answered_with(tmp_path, last):
    services = services_of(tmp_path)
    peer = await play(services, calls(), sends(framed(Item())), begins(), last)
    return services, peer


async def test_the_message_and_the_details_of_an_error_are_masked(tmp_path):
    details = status_field(Item(notes=[SSN]), error_details_pb2.DebugInfo(detail=SSN), message=SSN)
    last = trailers(grpc_message=f"no%20{SSN}", grpc_status_details_bin=details)
    services, peer = await answered_with(tmp_path, last)
    assert peer.delivered_trailers["grpc-message"] == b"no%20[US_SSN]"
    status = status_of(peer.delivered_trailers)
    inner = Item()
    assert status.message == "[US_SSN]"
    assert status.details[0].Unpack(inner)
    assert inner == Item(notes=["[US_SSN]"])
    assert b"[US_SSN]" in status.details[1].value
    assert services.recorder.last.detail == "grpc-status 5"
    assert services.recorder.last.status == 200


UNREADABLE_DETAILS = {
    "an unknown type": base64.b64encode(b"\x1a\x0a\x0a\x05x/y.Z\x12\x01a").decode(),
    "no Base64": "%%%",
    "no message": base64.b64encode(b"\xff").decode(),
}


@pytest.mark.parametrize("value", UNREADABLE_DETAILS.values(), ids=UNREADABLE_DETAILS)
async def test_details_that_nobody_can_read_are_removed(tmp_path, value):
    _, peer = await answered_with(tmp_path, trailers(grpc_status_details_bin=value))
    assert peer.trailers_removed == ["grpc-status-details-bin"]


async def test_other_binary_fields_are_removed_where_they_hold_an_entity(tmp_path):
    telling = base64.b64encode(b"\x01\xff " + SSN.encode() + b"\x02").decode()
    _, peer = await answered_with(tmp_path, trailers(x_note_bin=telling, x_plain_bin="AAEC"))
    assert peer.trailers_removed == ["x-note-bin"]


async def test_an_answer_of_trailers_alone_is_masked(tmp_path):
    services = services_of(tmp_path)
    peer = await play(
        services, calls(), sends(framed(Item())), begins(end=True, grpc_status="5", grpc_message=f"no {SSN}")
    )
    assert peer.delivered_headers["grpc-message"] == b"no [US_SSN]"
    assert services.recorder.last.detail == "grpc-status 5"


async def test_a_page_of_html_is_masked_whole(tmp_path):
    services = services_of(tmp_path)
    page = answers(status=502, content_type="text/html")
    peer = await play(services, calls(), sends(framed(Item())), page, returns(f"<p>{SSN}</p>".encode()))
    assert peer.delivered_pieces == [b"<p>[US_SSN]</p>"]


async def test_a_refusal_is_a_status(tmp_path):
    services = services_of(tmp_path, {"action": "deny", "reason": "rate-exceeded"})
    peer = await play(services, calls(), sends(framed(Item(id=SSN))))
    found = peer.refusal.headers
    assert (peer.refusal.status, peer.refusal.body) == (200, b"")
    assert (found["content-type"], found["grpc-status"]) == (b"application/grpc", b"8")
    message = f"Too many calls (rate-exceeded, call {services.recorder.last.call_id})"
    assert found["grpc-message"] == message.encode()
    status = status_of(found)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("RATE_EXCEEDED", "extproc")
    assert info.metadata["call_id"] == services.recorder.last.call_id


async def test_a_caller_that_does_not_speak_grpc_gets_a_problem_document(tmp_path):
    services = services_of(tmp_path, {"action": "deny"})
    for fields in ({"content_type": "application/json"}, {"content_type": "application/json", "path": "/x"}):
        method = fields.pop("path", "GetItem")
        peer = await play(services, calls(method, **fields), sends(b"{}"))
        assert peer.refusal.status in (403, 404)
        assert peer.refusal.document["call_id"]


async def test_a_policys_own_answer_is_a_status_too(tmp_path):
    services = services_of(
        tmp_path, {"allowed": False, "http_status": 429, "body": "zu viel é", "headers": {"x-a": "b"}}
    )
    peer = await play(services, calls(), sends(framed(Item())))
    found = peer.refusal.headers
    assert (peer.refusal.status, found["grpc-status"], found["x-a"]) == (200, b"14", b"b")
    assert found["grpc-message"] == b"zu viel %C3%A9"
    assert found["content-type"] == b"application/grpc"


async def test_a_grpc_caller_that_is_refused_before_its_protocol_is_known_gets_a_status(tmp_path):
    services = services_of(tmp_path)
    request = asks("POST", f"/{SERVICE}/GetItem", "nobody.example", content_type="application/grpc")
    peer = await play(services, request, sends(framed(Item())))
    assert peer.refusal.headers["grpc-status"] == b"12"
    elsewhere = asks("POST", "/nowhere", content_type="application/grpc")
    peer = await play(services, elsewhere, sends(framed(Item())))
    assert peer.refusal.headers["content-type"] == b"application/grpc"
    peer = await play(
        services, asks("POST", "/x", shop.HOST, metadata={}, content_type="application/grpc+proto"), sends(b"")
    )
    assert peer.refusal.headers["grpc-status"] == b"16"


@pytest.mark.parametrize(
    ("told", "reason"), [("16", "unauthenticated"), ("7", "token-rejected"), ("14", "guard-error")]
)
async def test_envoys_own_answers_to_grpc_are_recorded_by_their_status(tmp_path, told, reason):
    services = services_of(tmp_path)
    head = ResponseHead(200, headers(grpc_status=told), "jwt_authn_access_denied{x}")
    about = RequestHead("POST", "http", shop.HOST, f"/{SERVICE}/GetItem", Headers())
    await play(services, ResponseHeadersReceived(head, True, about))
    assert services.recorder.last.reason == reason
    assert services.recorder.last.status in (401, 403, 503)


async def test_a_masked_value_that_comes_back_is_found(tmp_path):
    services = services_of(tmp_path)
    body = framed(Item(id="1"), Item(id="[EMAIL_ADDRESS]", notes=["a", "<US_SSN:k1:ABCDEFGHIJKLMNOP>"]))
    await play(services, calls("AddItems"), sends(body), begins(), OK)
    assert services.engine.asked[0]["findings"] == [
        {"entity": "MASKED_VALUE", "path": "$[1].id", "count": 1},
        {"entity": "MASKED_VALUE", "path": "$[1].notes[1]", "count": 1},
    ]
