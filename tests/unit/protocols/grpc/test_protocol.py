"""gRPC: which method is called with which message, and how it says no."""

import base64
import hashlib

import pytest
from google.rpc import status_pb2

from extproc.codecs.descriptors import Messages
from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.reasons import ANSWERS, Reason, Uninspectable
from extproc.model.reply import Reply
from extproc.protocols.grpc.protocol import GrpcProtocol
from extproc.protocols.grpc.settings import GrpcConnection
from extproc.protocols.grpc.status_reply import CODES, grpc_refusal, speaks_grpc, spoken
from extproc.settings.limits import LimitSettings
from tests.integration.support.shop import ALL_METHODS, GET_ITEM, HOST, SERVICE, Item, framed

NAMES = [f"{SERVICE}/{name}" for name in ("GetItem", "AddItems")]


def protocol(**more):
    settings = GrpcConnection.model_validate(
        {
            "protocol": "grpc",
            "hosts": [HOST],
            "upstream": {"address": "127.0.0.1:9"},
            "descriptors": "shop.pb",
            "methods": NAMES,
            **more,
        }
    )
    methods = {name: ALL_METHODS[f"/{name}"] for name in NAMES}
    return GrpcProtocol("shop", settings, methods, limits=LimitSettings())


def head(path=f"/{SERVICE}/GetItem", method="POST", **fields):
    fields = {"content_type": "application/grpc", **fields}
    pairs = tuple((name.replace("_", "-"), value.encode()) for name, value in fields.items())
    return RequestHead(method, "http", HOST, path, Headers(pairs))


def read(body=None, **more):
    body = framed(Item()) if body is None else body
    return protocol(session_header="x-session").identify(head(**more), body, call_id="c", unreadable=None)


def test_a_method_is_a_function():
    call = read(framed(Item(id="1", unit_price=2)), x_session="s1")
    assert (call.function, call.protocol, call.session) == (f"shop.{SERVICE}/GetItem", "grpc", "s1")
    assert call.arguments == call.document == {"id": "1", "unitPrice": 2.0}
    assert call.uninspectable is None


def test_a_client_that_streams_calls_with_a_list():
    call = read(framed(Item(id="1"), Item()), path=f"/{SERVICE}/AddItems")
    assert (call.arguments, call.document) == ([{"id": "1"}, {}], None)
    assert read(b"", path=f"/{SERVICE}/AddItems").arguments == []


def test_messages_are_told_of_by_their_types():
    made, call, gzip = protocol(), read(), Headers((("grpc-encoding", b"gzip"),))
    assert made.messages(call, gzip, response=True) == Messages(GET_ITEM.response, encoding="gzip")
    streaming = read(path=f"/{SERVICE}/AddItems")
    assert made.messages(streaming, Headers(), response=False) == Messages(GET_ITEM.request, listed=True)
    assert made.messages(read(content_type="text/plain"), gzip, response=False) is None


UNKNOWN = {
    "a method that is not registered": {"path": f"/{SERVICE}/ListItems"},
    "another case": {"path": f"/{SERVICE}/getitem"},
    "no method": {"path": "/"},
    "a path around it": {"path": f"/x/{SERVICE}/GetItem"},
    "a slash behind it": {"path": f"/{SERVICE}/GetItem/"},
    "percent-encoded": {"path": f"/{SERVICE}%2FGetItem"},
    "GET": {"method": "GET"},
}


@pytest.mark.parametrize("more", UNKNOWN.values(), ids=UNKNOWN)
def test_all_else_is_unknown(more):
    with pytest.raises(Refused) as refused:
        read(**more)
    assert refused.value.reason is Reason.UNKNOWN_FUNCTION
    assert refused.value.call is not None


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto", " Application/gRPC "])
def test_content_types_that_are_read(kind):
    assert read(content_type=kind).uninspectable is None


UNREADABLE = [
    ({"content_type": "application/grpc+json"}, Uninspectable.CONTENT_TYPE),
    ({"content_type": "application/grpc; charset=utf-8"}, Uninspectable.CONTENT_TYPE),
    ({"content_type": "application/grpc-web+proto"}, Uninspectable.CONTENT_TYPE),
    ({"content_type": ""}, Uninspectable.CONTENT_TYPE),
    ({"te": "deflate"}, Uninspectable.HEADERS),
    ({"grpc_encoding": "zstd"}, Uninspectable.CONTENT_ENCODING),
    ({"grpc_encoding": "gzip,gzip"}, Uninspectable.CONTENT_ENCODING),
    ({"content_length": "99"}, Uninspectable.TRUNCATED),
    ({"x_session": "a b"}, Uninspectable.HEADERS),
    ({"x_http_method_override": "GET"}, Uninspectable.HEADER_BODY_MISMATCH),
]


@pytest.mark.parametrize(("more", "why"), UNREADABLE)
def test_what_is_read_otherwise_elsewhere_is_uninspectable(more, why):
    call = read(**more)
    assert (call.uninspectable, call.arguments, call.document) == (why, None, None)


def test_many_compressed_messages_do_not_unfold_beyond_the_limit():
    item = Item(notes=[hashlib.sha256(bytes([each])).hexdigest() for each in range(200)])
    body = framed(*[item] * 100, compressed=True)
    assert len(body) < 1 << 20 < 100 * item.ByteSize() < 20 * len(body)
    assert (
        read(body, path=f"/{SERVICE}/AddItems", grpc_encoding="deflate").uninspectable is Uninspectable.TOO_LARGE
    )


def test_many_small_messages_do_not_hold_the_worker():
    body = framed(Item()) * 25_001
    assert read(body, path=f"/{SERVICE}/AddItems").uninspectable is Uninspectable.TOO_LARGE


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto"])
def test_what_streams(kind):
    assert protocol().streams(ResponseHead(200, Headers((("content-type", kind.encode()),))))
    page = ResponseHead(502, Headers((("content-type", b"text/html"),)))
    assert not protocol().streams(page)
    assert not protocol().streams_text(page, whole=0)


@pytest.mark.parametrize(("status", "told"), [("0", "grpc-status 0"), ("16", "grpc-status 16"), ("", "no grpc-status"), ("x", "no grpc-status"), ("123", "no grpc-status"), ("²", "no grpc-status")])  # fmt: skip
def test_the_record_has_the_status(status, told):
    assert protocol().ending(Headers((("grpc-status", status.encode("latin-1")),))) == told


def test_every_reason_has_a_code():
    for reason in Reason:
        if ANSWERS[reason].status == 200:
            continue
        fields = dict(grpc_refusal(reason, "id").headers)
        assert 0 < int(fields["grpc-status"]) < 17
        status = status_pb2.Status.FromString(base64.b64decode(fields["grpc-status-details-bin"] + "=="))
        assert (status.code, status.message) == (int(fields["grpc-status"]), fields["grpc-message"])
    assert CODES[401] == 16


def test_an_answer_in_other_words_is_a_status_for_who_speaks_grpc():
    reply = Reply(403, (("content-type", "text/plain"), ("x-a", "b")), "50% é\n".encode())
    assert spoken(Headers((("content-type", b"text/plain"),)), reply) is reply
    said = spoken(Headers((("content-type", b"application/grpc"),)), reply)
    assert dict(said.headers) == {
        "content-type": "application/grpc", "grpc-status": "7", "grpc-message": "50%25 %C3%A9%0A", "x-a": "b",
    }  # fmt: skip
    assert (said.status, said.body) == (200, b"")


@pytest.mark.parametrize(("status", "code"), [(302, 2), (400, 13), (401, 16), (404, 12), (413, 2), (429, 14)])
def test_a_denial_of_policy_has_the_code_that_envoy_makes_of_its_status(status, code):
    said = spoken(Headers((("content-type", b"application/grpc"),)), Reply(status, (), b""))
    assert dict(said.headers)["grpc-status"] == str(code)


@pytest.mark.parametrize(("kind", "speaks"), [(b"application/grpc", True), (b"application/grpc+json", True), (b"application/grpc-web", False), (b"", False)])  # fmt: skip
def test_who_speaks_grpc(kind, speaks):
    assert speaks_grpc(Headers((("content-type", kind),))) is speaks
