"""Values planted in every position of every shape that is masked: none comes out, none is kept anywhere."""

import base64
import gzip
import json
import re
import zlib
from urllib.parse import quote

import brotli
import pytest

from extproc.model.call import Headers
from extproc.model.errors import ResponseBrokenOff
from extproc.wire.events import ResponseTrailersReceived
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

pytestmark = pytest.mark.slow

SSN, CARD, MAIL, KEY = "219-09-9999", "4111 1111 1111 1111", "ada@example.org", "AKIAQ3EGT7XW2LPNV5RC"
PLANTED = (SSN, CARD, MAIL, KEY)
TRACES = ("09-9999", "1111 1111", "ada@", "Q3EGT7XW2", "219%2D09", "ada%40")
ALLOW = {"action": "allow", "reason": "policy-allowed", "rule": "test"}
HOLD = {"action": "deny", "reason": "policy-denied", "rule": "test"}
MULTIPART = "multipart/form-data; boundary=b"


def escaped(text):
    return "".join(f"\\u{ord(each):04x}" for each in text)


def part(head, content):
    return f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n"


def shapes(value):
    """A content-type and a body, for each position that a value can have."""
    inner = json.dumps({"a": value})
    json_type, text, events, lines = "application/json", "text/plain", "text/event-stream", "application/x-ndjson"
    yield json_type, json.dumps({"note": f"it is {value}."})
    yield json_type, json.dumps([[{"deep": [1, {"er": value}]}]])
    yield json_type, json.dumps({value: 1})
    yield json_type, json.dumps(value)
    yield json_type, json.dumps({"text": inner})
    yield json_type, json.dumps({"text": json.dumps({"text": json.dumps([inner])})})
    yield json_type, f'{{"note": "{escaped(value)}"}}'
    yield json_type, json.dumps({"text": f'{{"a": "{escaped(value)}"}}'})
    yield json_type, json.dumps({"url": f"https://x.test/?q={quote(value)}"})
    yield json_type, json.dumps({"html": f"<b>{value.replace('-', '&#45;').replace('@', '&commat;')}</b>"})
    yield json_type, json.dumps({"data": base64.b64encode(f"the value is {value}".encode()).decode()})
    yield "application/problem+json", json.dumps({"detail": f"no such customer: {value}"})
    yield (
        json_type,
        json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": value, "data": [value]}}),
    )
    content = [{"type": "text", "text": inner}, {"type": "resource", "resource": {"text": value}}]
    yield json_type, json.dumps({"id": 1, "result": {"content": content, "structuredContent": {"a": value}}})
    yield json_type, json.dumps({"id": 1, "result": {"tools": [{"name": "t", "description": f"say {value}"}]}})
    yield json_type, json.dumps({"method": "notifications/progress", "params": {"message": value}})
    yield text, f"it is {value}"
    yield text, inner
    yield "text/html", f"<p title='{value}'>{value}</p>"
    yield events, f"data: {value}\n\n"
    yield events, f"data: {inner}\n\n"
    yield events, f"event: {value}\ndata: 1\n\n"
    yield events, f"id: {value}\r\ndata: 1\r\n\r\n"
    yield events, f": {value}\ndata: 1\n\n"
    yield events, f"{value}: 1\ndata: 1\n\n"
    yield lines, f'{{"a": 1}}\n{inner}\n{inner}'
    yield "application/x-www-form-urlencoded", f"a={quote(value)}&b={quote(inner)}&{quote(value)}=1"
    yield MULTIPART, part('name="a"', value) + part(f'name="c"; filename="{value}"', inner) + "--b--\r\n"


SHAPES = [(value, *shape) for value in PLANTED for shape in shapes(value)]
ENCODINGS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


def leaks(tmp_path, services, capsys):
    """Every place where something is kept: entries, logs, and whatever files there are."""
    said = capsys.readouterr()
    kept = repr(services.recorder.entries) + said.out + said.err
    kept += "".join(file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file())
    kept = readable(kept)
    return [trace for trace in TRACES if trace in kept]


def readable(text):
    """A text with the usual spellings undone, so that nothing hides from the search."""
    text = re.sub(r"\\+u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return text + "".join(
        base64.b64decode(run + "=" * (-len(run) % 4)).decode("latin-1")
        for run in re.findall(r"[A-Za-z0-9+/]{15,}", text)
        if len(run) % 4 != 1
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_no_planted_value_comes_back_or_is_kept(tmp_path, capsys, encoding):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    for value, content_type, body in SHAPES:
        streamed = content_type in ("text/event-stream", "application/x-ndjson")
        if encoding and streamed:
            continue
        fields = {"content_encoding": encoding} if encoding else {}
        packed = ENCODINGS[encoding](body.encode())
        peer = await play(services, asks(), answers(content_type=content_type, **fields), returns(packed))
        assert not peer.refusals, (content_type, body)
        assert not peer.response_body_is_untouched, "nothing was rewritten: " + body
        assert peer.delivered
        assert [trace for trace in TRACES if trace in readable(peer.delivered.decode())] == [], (
            content_type,
            body,
            value,
        )
    assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_comes_back_in_header_fields_or_trailers(tmp_path, capsys):
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    names = ("location", "set-cookie", "www-authenticate", "x-note", "link", "content-disposition", "warning")
    for value in PLANTED:
        for text in (
            value,
            f'x="{value}"; y',
            f"/a?b={quote(value)}",
            json.dumps({"a": value}),
            f'["{escaped(value)}"]',
        ):
            fields = {name.replace("-", "_"): text for name in names}
            trailers = ResponseTrailersReceived(Headers((("grpc-message", text.encode()), ("x-t", text.encode()))))
            peer = await play(services, asks(), answers(**fields), returns(b"{}", end=False), trailers)
            seen = readable(peer.transcript)
            for name in names:
                assert name in seen
            assert not [trace for trace in TRACES if trace in seen], text
    assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_of_a_request_is_kept(tmp_path, capsys):
    """In every outcome: allowed, denied, unknown, unreadable."""
    for engine in (ScriptedEngine(ALLOW), ScriptedEngine(HOLD), ScriptedEngine({"action": "?"})):
        services = make_services(tmp_path, engine=engine)
        for value, content_type, body in SHAPES:
            for path in ("/customers", f"/customers?q={quote(value)}", f"/{quote(value)}"):
                await play(
                    services,
                    asks("POST", path, content_type=content_type),
                    sends(body.encode()),
                    answers(end=True),
                )
        assert leaks(tmp_path, services, capsys) == []


async def test_no_planted_value_of_a_body_that_cannot_be_masked_is_kept(tmp_path, capsys):
    """Damaged bodies and streams: refused or broken off, and nothing of them is told."""
    services = make_services(tmp_path, engine=ScriptedEngine(ALLOW))
    for _, content_type, body in SHAPES:
        for damaged in (body.encode() + b"{", b"\xff" + body.encode(), body.encode() + b"\x00"):
            peer = ScriptedPeer()
            try:
                await play(services, asks(), answers(content_type=content_type), returns(damaged), peer=peer)
            except ResponseBrokenOff as error:
                told = str(error)
            else:
                told = ""
            out = told + peer.delivered.decode("latin-1") + repr([each.body for each in peer.refusals])
            assert not [trace for trace in TRACES if trace in readable(out)], (content_type, damaged)
    assert leaks(tmp_path, services, capsys) == []
