"""Read a request: its body, and the fields that describe a body."""

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, sends

ENCODINGS = ["gzip", "br", "zstd", "deflate", "unknown"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_content_encoding_without_a_body_says_nothing(tmp_path, encoding):
    """Some clients send the field with every request. Without a body there is nothing to decode."""
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}))
    peer = await play(services, asks(content_encoding=encoding), answers(end=True))
    assert peer.marks() == [("req", "done"), ("resp", "done")]
    [asked] = services.engine.asked
    assert asked["call"]["arguments"] == {"id": "7"}
    assert "uninspectable" not in asked["body"]
    assert services.recorder.last.uninspectable == ""


@pytest.mark.parametrize("encoding", [each for each in ENCODINGS if each != "unknown"])
async def test_an_empty_body_in_a_known_encoding_is_empty(tmp_path, encoding):
    """Many clients name an encoding for an empty body, too."""
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}))
    request = asks("POST", "/customers", content_type="application/json", content_encoding=encoding)
    await play(services, request, sends(b""), answers(end=True))
    [asked] = services.engine.asked
    assert "uninspectable" not in asked["body"]
    assert services.recorder.last.reason == "policy-allowed"


async def test_an_empty_body_in_an_unknown_encoding_is_uninspectable(tmp_path):
    services = make_services(tmp_path, engine=ScriptedEngine({"action": "allow"}))
    request = asks("POST", "/customers", content_type="application/json", content_encoding="unknown")
    await play(services, request, sends(b""))
    [asked] = services.engine.asked
    assert asked["body"]["uninspectable"] == "content-encoding"
    assert services.recorder.last.reason == "masking-failed"
