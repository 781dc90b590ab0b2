"""A response is released masked, and with no field that describes other bytes."""

import pytest

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.response.excerpt import ResponseExcerpt
from extproc.flow.response.fed import Fed, MaskedPieces
from extproc.flow.response.stream import ResponseStream
from extproc.masking.event_stream import Unmasked
from extproc.model.errors import ResponseBrokenOff
from extproc.wire.events import ResponseTrailersReceived
from tests.unit.flow.dialogue import answers, asks, headers, make_services, play, returns

SECRET = "backend-secret-0123456789"
SSN = b"219-09-9999"
DESCRIBE_THE_BYTES = {"etag": '"1"', "digest": "sha-256=x", "content_md5": "x", "content_length": "21"}


def with_secret(tmp_path, **masking):
    (tmp_path / "secret").write_text(SECRET)
    changes = {"connections.crm.credential": {"file": str(tmp_path / "secret")}}
    return make_services(tmp_path, changes={**changes, "connections.crm.masking": masking})


async def test_fields_that_describe_other_bytes_go_with_them(tmp_path):
    services = make_services(tmp_path)
    peer = await play(services, asks(), answers(**DESCRIBE_THE_BYTES), returns(b'{"ssn":"%s"}' % SSN))
    assert b"[US_SSN]" in peer.delivered
    assert [peer.delivered_values(name) for name in ("etag", "digest", "content-md5")] == [[], [], []]
    assert peer.delivered_values("content-length") == [str(len(peer.delivered)).encode()]


async def test_fields_that_describe_the_backends_bytes_stay_where_these_go(tmp_path):
    peer = await play(
        make_services(tmp_path), asks(), answers(**DESCRIBE_THE_BYTES), returns(b'{"note":"harmless"}')
    )
    assert peer.response_body_is_untouched
    assert [peer.delivered_values(name) for name in ("etag", "digest")] == [[b'"1"'], [b"sha-256=x"]]


async def test_a_stream_has_no_length_and_no_digest(tmp_path):
    """They are sent before anybody knows what is masked."""
    head = answers(content_type="application/x-ndjson", **DESCRIBE_THE_BYTES)
    peer = await play(make_services(tmp_path), asks(), head, returns(b"{}\n"))
    for name in ("content-length", "etag", "digest", "content-md5"):
        assert peer.delivered_values(name) == []


PARTS = [
    ("text/plain", b"hunter2\nx", "bytes 9-17/40"),
    ("text/plain", b"password=hu", "bytes 0-10/40"),
    ("application/json", b'"hunter2"', "bytes 13-21/22"),
    ("application/x-ndjson", b'"hunter2"\n', "bytes 13-22/*"),
    ("text/plain", b"hunter2\nx", "Bytes 9-17/40"),
    ("text/plain", b"hunter2\nx", ""),
]


@pytest.mark.parametrize(("content_type", "body", "content_range"), PARTS)
async def test_a_part_of_a_document_is_refused(tmp_path, content_type, body, content_range):
    """What tells of a value may be in another part. A backend may have been asked for it in its own way."""
    services = make_services(tmp_path)
    fields = {"content_range": content_range} if content_range else {}
    peer = await play(services, asks(), answers(206, content_type=content_type, **fields), returns(body))
    assert peer.refusal.reason == "response-uninspectable"
    assert peer.delivered == b""


@pytest.mark.parametrize(
    ("status", "content_range"),
    [(206, "bytes 0-21/22"), (206, "0-14/*"), (206, "items 0-9/66"), (200, "bytes 3-9/20"), (416, "bytes */22")],
)
async def test_a_whole_document_is_masked_whatever_it_is_a_page_of(tmp_path, status, content_range):
    head = answers(status, content_range=content_range)
    peer = await play(make_services(tmp_path), asks(), head, returns(b'{"password":"hunter2"}'))
    assert peer.delivered == b'{"password":"[NAMED_SECRET]"}'


@pytest.mark.parametrize("masking", [{"response": []}, {"undecodable": "pass-unmasked"}])
async def test_a_part_passes_where_nothing_is_masked_or_the_operator_says_so(tmp_path, masking):
    head = answers(206, content_type="text/plain", content_range="bytes 9-17/40")
    peer = await play(with_secret(tmp_path, **masking), asks(), head, returns(f"hunter2 {SECRET}".encode()))
    assert peer.delivered == b"hunter2 [CREDENTIAL]"


@pytest.mark.parametrize("encoding", ["gzip", "br", "unknown"])
async def test_an_encoded_stream_never_leaves(tmp_path, encoding):
    """Nobody looks into it, whatever is to be masked."""
    changes = {"connections.crm.masking": {"response": []}}
    services = make_services(tmp_path, changes=changes)
    head = answers(content_type="application/x-ndjson", content_encoding=encoding)
    peer = await play(services, asks(), head, returns(b"\x1f\x8b\n"))
    assert peer.refusal.reason == "response-uninspectable"
    assert peer.delivered == b""


async def test_a_whole_response_that_has_trailers_and_no_body_is_refused(tmp_path):
    """Envoy takes no edits of its head any more."""
    services = make_services(tmp_path)
    peer = await play(services, asks(), answers(), ResponseTrailersReceived(headers(x_a="1")))
    assert peer.refusal.reason == "response-uninspectable"
    assert services.recorder.last.rule == "trailers"


async def test_the_credential_does_not_pass_in_a_response_of_an_unknown_encoding(tmp_path):
    services = with_secret(tmp_path, undecodable="pass-unmasked")
    body = b"\x00" + SECRET.encode() + b"\xff"
    peer = await play(services, asks(), answers(content_encoding="compress"), returns(body))
    assert peer.delivered == b"\x00[CREDENTIAL]\xff"


async def test_a_stream_that_ends_within_a_word_is_broken_off_at_its_trailers(tmp_path):
    """Envoy takes no more of the body: the word would be lost, and the response would look whole."""
    services = with_secret(tmp_path, response=[])
    head = answers(content_type="application/x-ndjson")
    trailers = ResponseTrailersReceived(headers(x_a="1"))
    with pytest.raises(ResponseBrokenOff):
        await play(services, asks(), head, returns(b"{}\nback", end=False), trailers)
    assert services.recorder.last.reason == "response-abandoned"


async def test_no_word_is_held_back_beyond_the_limit():
    """A backend must not fill the worker's memory with a line that does not end."""
    redactor = CredentialRedactor(SECRET.encode(), SECRET.encode())
    stream = ResponseStream(MaskedPieces(Unmasked()), redactor, 100, ResponseExcerpt())
    assert await stream.feed(b"x" * 100, last=False) == Fed(b"")
    assert (await stream.feed(b"x", last=False)).broken is not None
