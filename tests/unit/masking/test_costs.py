"""What masking costs grows with a body's size, never with the product of two things that its author chooses."""

import json
import time
import tracemalloc
from urllib.parse import quote_plus

import pytest
from google.protobuf import json_format, struct_pb2

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.masking.plan.json_path import RENDERED_MAX
from extproc.masking.protobuf.frames import Framing
from extproc.model.masking import MaskOperator, MaskRule
from tests.support.maskers import make_masker

pytestmark = pytest.mark.slow

ALL = (MaskRule(MaskOperator.REDACT, entity="*"),)
MASKER = make_masker(event_limit=1 << 20)
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
    tracemalloc.start()
    for number in range(20):
        deep = {f"{number}{'d' * 200}": {"e" * 200: {"f" * 200: {"g" * 200: "219-09-9999"}}}}
        for place in ({f"{number}{'k' * 100_000}": "219-09-9999"}, deep, {str(number): "219-09-9999"}):
            stream.feed(b"data: " + json.dumps(place).encode() + b"\n\n")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 20 * 20_000
    shown = {finding.path: finding.count for finding in stream.findings}
    assert shown["$['…']"] == 20
    assert len(shown) == 41
    assert max(map(len, shown)) <= RENDERED_MAX + 1


def test_what_looks_like_one_entity_after_masking_many_costs_as_much_as_they_did():
    rules = (MaskRule(MaskOperator.REMOVE, entity="US_SSN"), MaskRule(MaskOperator.REDACT, entity="PRIVATE_KEY"))
    key = "-----BEGIN 219-09-9999PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"

    def masks(count):
        text = "219-09-9999 " * count + key.format("aGk 219-09-9999 " * count)
        return lambda: MASKER.mask(text.encode(), "text/plain", rules)

    assert masks(10)().body.endswith(b"[PRIVATE_KEY]\n")
    assert cost(masks(4_000)) < 16 * cost(masks(500))
