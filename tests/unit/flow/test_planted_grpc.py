"""Values planted in every place of gRPC's messages and fields: none comes out, none is kept anywhere."""

import base64
import json
from urllib.parse import quote

import pytest
from google.rpc import error_details_pb2, status_pb2

from extproc.codecs.grpc_frames import FrameReader
from extproc.model.call import Headers
from extproc.model.errors import ResponseBrokenOff
from extproc.wire.events import ResponseTrailersReceived
from tests.integration.support import shop
from tests.integration.support.shop import SERVICE, Item, framed
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    ScriptedPeer,
    answers,
    asks,
    make_services,
    play,
    returns,
    sends,
)
from tests.unit.flow.test_planted import ALLOW, HOLD, PLANTED, TRACES, escaped, leaks, readable

pytestmark = pytest.mark.slow

TRAILERS = ResponseTrailersReceived(Headers((("grpc-status", b"0"),)))


def wrapped(item):
    outer = Item()
    outer.details.Pack(item)
    return outer


def items(value):
    """A message for each place that a value can have."""
    inner = json.dumps({"a": value})
    yield Item(id=f"it is {value}.")
    yield Item(notes=["a", value], unit_price=1.5)
    yield Item(owner=Item(owner=Item(notes=[value])))
    yield Item(labels={value: "a"})
    yield Item(labels={"a": value})
    yield Item(data=value.encode())
    yield Item(cap={"value": value})
    yield Item(small=value)
    yield Item(meta={"a": [1, {"b": value}]})
    yield Item(meta={value: 1})
    yield wrapped(Item(notes=[value]))
    yield wrapped(wrapped(Item(labels={"a": value})))
    yield Item(id=inner)
    yield Item(id=json.dumps({"text": inner}), data=inner.encode())
    yield Item(id=f'{{"a": "{escaped(value)}"}}')
    yield Item(id=f"https://x.test/?q={quote(value)}")
    yield Item(id=base64.b64encode(f"the value is {value}".encode()).decode())


ITEMS = [(value, item) for value in PLANTED for item in items(value)]
NUMBERS = [
    Item(owner_ssn=219099999), Item(stock=4111111111111111), Item(owner=Item(stock=4111111111111111)),
    Item(meta={"ssn": 219099999}), Item(unit_price=4111111111111111.0),
]  # fmt: skip


def services_of(tmp_path, answer=ALLOW):
    return make_services(
        tmp_path, engine=ScriptedEngine(answer), changes={"connections.shop": shop.settings(tmp_path)}
    )


def calls(method="ListItems"):
    return asks("POST", f"/{SERVICE}/{method}", shop.HOST, content_type="application/grpc")


@pytest.mark.parametrize("compressed", [False, True])
async def test_no_planted_value_comes_back_or_is_kept(tmp_path, capsys, compressed):
    services = services_of(tmp_path)
    head = answers(content_type="application/grpc", grpc_encoding="deflate")
    body = framed(*(item for _, item in ITEMS), *NUMBERS, compressed=compressed)
    third = len(body) // 3
    pieces = [returns(part, end=False) for part in (body[:third], body[third:-9], body[-9:])]
    peer = await play(services, calls(), sends(framed(Item())), head, *pieces, TRAILERS)
    frames = FrameReader(limit=1 << 20).feed(peer.delivered)
    assert len(frames) == len(ITEMS) + len(NUMBERS)
    shown = [Item.FromString(frame.payload) for frame in frames]
    for (value, item), after in zip(ITEMS, shown, strict=False):
        assert not [trace for trace in TRACES if trace in readable(repr(after))], (value, item)
    assert shown[-len(NUMBERS) :] == [Item()] * 2 + [Item(owner=Item()), Item(meta={"ssn": 0}), Item()]
    assert not [trace for trace in TRACES if trace in peer.transcript]
    assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_comes_back_in_an_error(tmp_path, capsys):
    services = services_of(tmp_path)
    for value in PLANTED:
        status = status_pb2.Status(message=value)
        status.details.add().Pack(error_details_pb2.DebugInfo(stack_entries=[value]))
        status.details.add().Pack(Item(notes=[value]))
        details = base64.b64encode(status.SerializeToString())
        fields = (
            ("grpc-status", b"5"), ("grpc-message", quote(f"no {value}").encode()), ("x-note", value.encode()),
            ("grpc-status-details-bin", details), ("x-a-bin", base64.b64encode(b"\xff " + value.encode())),
        )  # fmt: skip
        trailers = ResponseTrailersReceived(Headers(fields))
        peer = await play(
            services, calls(), sends(framed(Item())), answers(content_type="application/grpc"), trailers
        )
        seen = readable(peer.transcript)
        assert not [trace for trace in TRACES if trace in seen], value
        assert "grpc-message" in seen
    assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_of_a_request_is_kept(tmp_path, capsys):
    """In every outcome: allowed, denied, unknown, unreadable."""
    for answer in (ALLOW, HOLD, {"action": "?"}):
        services = services_of(tmp_path, answer)
        for _, item in ITEMS:
            for method, body in (
                ("GetItem", framed(item)),
                ("Hidden", framed(item)),
                ("GetItem", framed(item) + b"\0"),
            ):
                await play(services, calls(method), sends(body), answers(end=True))
        assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_of_a_body_that_cannot_be_masked_is_kept(tmp_path, capsys):
    services = services_of(tmp_path)
    for value, item in ITEMS:
        raw = item.SerializeToString()
        url = Item(details={"type_url": f"{value}/shop.v1.Item"}).SerializeToString()
        for damaged in (framed(raw + b"\x98\x06\x01"), framed(raw + b"\x0b"), framed(raw)[:-1], framed(url)):
            peer = ScriptedPeer()
            pieces = (answers(content_type="application/grpc"), returns(damaged, end=False), TRAILERS)
            with pytest.raises(ResponseBrokenOff) as broken:
                await play(services, calls(), sends(framed(Item())), *pieces, peer=peer)
            seen = readable(str(broken.value) + peer.transcript)
            assert not [trace for trace in TRACES if trace in seen], item
    assert leaks(tmp_path, services, capsys) == []
