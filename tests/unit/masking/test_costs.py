"""The work of masking grows with the size of a body, never with the product of two things that its author chooses.

Work is counted in characters that the analyzer searches, so that a busy machine changes nothing.
``benchmarks.worst_cases`` measures the growth of CPU time.
"""

import json
import random
from urllib.parse import quote_plus

import pytest
from google.protobuf import json_format, struct_pb2

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame
from extproc.detectors.analyzer import Analyzer
from extproc.detectors.prefilter import Prefilter
from extproc.detectors.vocabulary.key_roles import KEY_LONGEST
from extproc.masking.json.position import CONTEXT_KEYS
from extproc.masking.protobuf.frames import Framing
from extproc.masking.text_stream import CONTEXT_SPELLED, CREDIT, WORK
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from tests.support.analyzers import CountingAnalyzer
from tests.support.maskers import DETECTORS, make_masker

pytestmark = pytest.mark.slow

NUMBERS = [str(2_000_000 + each) for each in range(300)]
JSON = "application/json"


def in_json(masker, key):
    masker.find(json.dumps({key: NUMBERS}, ensure_ascii=False).encode(), JSON)


def in_one_text(masker, key):
    masker.find(json.dumps({key: " is ".join(NUMBERS)}, ensure_ascii=False).encode(), JSON)


def in_json_in_json(masker, key):
    masker.find(json.dumps({key: [json.dumps([each]) for each in NUMBERS]}, ensure_ascii=False).encode(), JSON)


def in_a_form(masker, key):
    body = f"{quote_plus(key)}={'+is+'.join(NUMBERS)}".encode()
    masker.find(body, "application/x-www-form-urlencoded")


def in_messages(masker, key):
    message = json_format.ParseDict({key: NUMBERS}, struct_pb2.Struct()).SerializeToString()
    framing = Framing(Messages(struct_pb2.Struct.DESCRIPTOR, False, ""), 1 << 20, 20)
    masker.frames(framing, MASK_EVERYTHING).feed(Frame(False, message).raw)


def searched(work, *args, **settings):
    """Characters that are searched, contexts included."""
    analyzer = CountingAnalyzer()
    work(make_masker(analyzer, **settings), *args)
    return analyzer.characters


@pytest.mark.parametrize("body", [in_json, in_one_text, in_json_in_json, in_a_form, in_messages])
@pytest.mark.parametrize("key", ["phone" + 20_000 * "k", 20_000 * "k" + " phone", 20_000 * "é" + " phone"])
def test_a_long_key_is_searched_a_few_times_and_not_for_every_value(body, key):
    short = key[:100] + key[-100:]
    contexts = 3 * len(NUMBERS) * CONTEXT_KEYS * (KEY_LONGEST + 1)
    assert searched(body, key) < searched(body, short) + 10 * len(key) + contexts
    assert contexts < len(NUMBERS) * len(key) / 10


def test_the_end_of_a_long_key_is_context():
    masker = make_masker()
    found = {
        at: len(masker.find(json.dumps({"k" * 300 + " phone" + " " * at: "2000000"}).encode(), JSON))
        for at in (0, 251, 252)
    }
    assert found == {0: 1, 251: 1, 252: 0}


def test_one_new_entity_after_masking_many_costs_as_much_as_they_did():
    rules = (MaskRule(MaskOperator.REMOVE, entity="US_SSN"), MaskRule(MaskOperator.REDACT, entity="PRIVATE_KEY"))
    key = "-----BEGIN 219-09-9999PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"

    def masks(masker, count):
        text = "219-09-9999 " * count + key.format("aGk 219-09-9999 " * count)
        assert masker.mask(text.encode(), "text/plain", rules).body.endswith(b"[PRIVATE_KEY]\n")

    assert searched(masks, 4_000) < 9 * searched(masks, 500)


def feed(masker, unit, length, size):
    text = (unit * length)[:length].encode()
    stream = masker.stream("text/plain", MASK_EVERYTHING)
    for at in range(0, length, size):
        stream.feed(text[at : at + size])
    stream.finish()


@pytest.mark.parametrize(
    "unit",
    [
        "clean words, and more of them\n",
        "1234\n",
        "1234\r\n",
        "1 2 3 4 ",
        "-----BEGIN PRIVATE KEY-----\n",
        "a%20b ",
        "\\",
        r"\u",
        r"\u0034",
        r"\/ ",
        "\\n \\u0034\n",
        "[[",
        "x",
    ],
)
@pytest.mark.parametrize("size", [1, 1_000])
def test_a_stream_is_searched_a_bounded_number_of_times(unit, size):
    """However it is cut: each character a few times, and not again with each piece."""
    length = CREDIT // 8 if size == 1 else CREDIT
    scans = 2 * (WORK * length + CREDIT) + 4 * length
    contexts = CONTEXT_SPELLED * length // 8
    assert searched(feed, unit, length, size, text_limit=1 << 30) < scans + contexts


@pytest.mark.parametrize("piece", ["&x\n", "4111\n", "411\n", "&#65;\n", "&xxxxxxxxxxxxxxxxx\n"])
def test_tiny_pieces_cost_no_more_than_words_do(piece):
    """The text that has to be scanned again does not depend on what the backend writes."""

    def feeds(masker, piece):
        stream = masker.stream("text/plain", MASK_EVERYTHING)
        stream.feed(b"No JSON.\n")
        for _ in range(1_000):
            stream.feed(piece.encode())

    assert searched(feeds, piece) < 3 * searched(feeds, "hello \n")


UNITS = [
    "%34",
    "%2534",
    "&#52;",
    r"\u0034",
    r"\x34",
    "=34",
    "=3D34",
    "34",
    "34 ",
    "4<b>",
    "TTTT",
    "MjE5LTA5LTk5OTkg",
    "H4sI",
]


def searched_in_views(text, monkeypatch):
    """Characters of a text and of all its views that the prefilter searches."""
    lengths = []
    which = Prefilter.which
    monkeypatch.setattr(Prefilter, "which", lambda self, data: lengths.append(len(data)) or which(self, data))
    DETECTORS.scan(text)
    monkeypatch.undo()
    return sum(lengths)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("end", ["", "3", "\n"])
def test_views_of_a_text_are_a_few_times_as_long(unit, end, monkeypatch):
    """However spellings are nested. An end that does not fit makes no decoder try again and again."""
    few, many = (searched_in_views(unit * (size // len(unit)) + end, monkeypatch) for size in (5_000, 20_000))
    assert many < 5 * few
    assert many < 8 * 20_000


def test_views_of_many_kinds_together_do_not_multiply(monkeypatch):
    text = "".join(UNITS) * 200
    assert searched_in_views(text, monkeypatch) < 24 * len(text)


def test_few_values_of_ordinary_documents_are_searched():
    """Ids, times, random hexadecimal digits and fractions: a pattern that matches in each of them costs the most."""
    chance = random.Random(1)
    rows = [
        {
            "id": chance.randrange(10**9),
            "uuid": f"{chance.getrandbits(128):032x}",
            "at": f"2026-11-{chance.randint(10, 28)}T12:00:00Z",
            "score": chance.random(),
            "note": "order shipped customer and paid card please call back today",
        }
        for _ in range(1_000)
    ]
    candidates = Analyzer().prescan(json.dumps(rows)).candidates
    assert candidates is not None
    assert len(candidates) < len(rows) / 5
