"""What masking costs grows with a body's size, never with the product of two things that its author chooses."""

import json
import time
from urllib.parse import quote_plus

import pytest
from google.protobuf import json_format, struct_pb2

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.detectors.engine import Detectors
from extproc.masking.frames import Framing
from extproc.masking.paths import RENDERED_MAX
from extproc.masking.rewrite import TextMasker
from extproc.model.masking import How, MaskRule

ALL = (MaskRule(How.REDACT, entity="*"),)
MASKER = TextMasker(Detectors(), pseudonym_key=b"k" * 32, pseudonym_key_id="k1", max_depth=64, event_limit=1 << 20)
NUMBERS = [str(2_000_000 + each) for each in range(300)]


def in_json(key):
    body = json.dumps({key: NUMBERS}).encode()
    return lambda: MASKER.find(body, "application/json")


def in_one_text(key):
    body = json.dumps({key: " is ".join(NUMBERS)}).encode()
    return lambda: MASKER.find(body, "application/json")


def in_json_in_json(key):
    body = json.dumps({key: [json.dumps([each]) for each in NUMBERS]}).encode()
    return lambda: MASKER.find(body, "application/json")


def in_a_form(key):
    body = f"{quote_plus(key)}={'+is+'.join(NUMBERS)}".encode()
    return lambda: MASKER.find(body, "application/x-www-form-urlencoded")


def in_messages(key):
    message = json_format.ParseDict({key: NUMBERS}, struct_pb2.Struct()).SerializeToString()
    framing = Framing(Messages(struct_pb2.Struct.DESCRIPTOR, False, ""), 1 << 20, 20)
    return lambda: MASKER.frames(framing, ALL).feed(Frame(False, message).raw)


def cost(work):
    """Seconds that this process computes, of several tries the least."""

    def once():
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("body", [in_json, in_one_text, in_json_in_json, in_a_form, in_messages])
@pytest.mark.parametrize("key", ["phone" + 20_000 * "k", 20_000 * "k" + " phone", 20_000 * "é" + " phone"])
def test_a_long_key_costs_once_and_not_for_every_value(body, key):
    short = key[:100] + key[-100:]
    assert cost(body(key)) < 6 * cost(body(short))


def test_the_end_of_a_long_key_tells_what_is_below():
    found = {
        at: len(MASKER.find(json.dumps({"k" * 300 + "phone" + "k" * at: "2000000"}).encode(), "application/json"))
        for at in (0, 251, 252)
    }
    assert found == {0: 1, 251: 1, 252: 0}


def test_findings_keep_hardly_more_of_a_place_than_they_show():
    """A stream of places that are as long as events may be does not fill the memory with them."""
    stream = MASKER.stream("text/event-stream", ALL)
    for number in range(20):
        deep = {f"{number}{'d' * 200}": {"e" * 200: {"f" * 200: {"g" * 200: "219-09-9999"}}}}
        for place in ({f"{number}{'k' * 50_000}": "219-09-9999"}, deep, {str(number): "219-09-9999"}):
            stream.feed(b"data: " + json.dumps(place).encode() + b"\n\n")
    kept = {path for _, path, _ in stream._masker._walk._counts}
    assert max(sum(map(len, map(str, path))) for path in kept) < 2 * RENDERED_MAX
    shown = {finding.path: finding.count for finding in stream.findings}
    assert shown["$['…']"] == 20
    assert len(shown) == 41
    assert max(map(len, shown)) <= RENDERED_MAX + 1
