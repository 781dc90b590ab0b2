"""Render ``sample_inputs.json`` from the sample calls of every protocol: ``make reference`` writes it."""

import json

from extproc.model.call import Headers, RequestHead
from extproc.model.identity import Identity
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.response_input import ResponseFacts, response_part
from extproc.policy.regorus.trial import SampleInputs
from extproc.protocols.catalogue import PROTOCOLS
from extproc.protocols.protocol_definition import SampleCall

SAMPLE_DEPTH = 8
"""More levels than a sample has."""


def render_samples() -> str:
    """Return the file: the protocols' names, and the inputs as JSON."""
    samples = make_samples()
    document = {
        "protocols": sorted(each.name for each in PROTOCOLS),
        "requests": [json.loads(raw) for raw in samples.requests],
        "responses": [json.loads(raw) for raw in samples.responses],
    }
    return json.dumps(document, indent=1) + "\n"


def make_samples() -> SampleInputs:
    """An input for each sample call of each protocol, and for two responses: one read whole, one streamed."""
    samples = [sample for protocol in PROTOCOLS for sample in protocol.samples]
    read = ResponseFacts(200, Headers((("content-type", b"application/json"),)), b'{"id":"1"}', ())
    streamed = ResponseFacts(200, Headers(), unseen=Uninspectable.STREAMED)
    return SampleInputs(
        tuple(_input(sample) for sample in samples),
        tuple(_input(samples[0], response) for response in (read, streamed)),
    )


def _input(sample: SampleCall, response: ResponseFacts | None = None) -> bytes:
    content_type = Headers((("content-type", sample.content_type),))
    return build_document(
        head=RequestHead("POST", "https", "sample", sample.path, content_type),
        call=sample.call,
        identity=Identity("https://issuer.example", "sample", ("sample",)),
        findings=(),
        body=sample.body,
        body_sha256="0" * 64,
        uninspectable=sample.call.uninspectable,
        now_ns=0,
        max_depth=SAMPLE_DEPTH,
        response=response_part(response, max_depth=SAMPLE_DEPTH) if response else None,
    )
