"""A small part of the labelled corpus: recall, precision and wrong edits do not get worse.

``python -m benchmarks.quality --only KIND --explain`` tells what is missed. Raise a floor when the figure has risen.
"""

import pytest

from benchmarks.quality.cases import may, must, text_case
from benchmarks.quality.documents import documents
from benchmarks.quality.finders import extproc
from benchmarks.quality.negatives import negatives
from benchmarks.quality.positives import positives
from benchmarks.quality.scores import score
from benchmarks.quality.streams import changes

SEED = 11
RECALL = {
    "0 ordinary forms": 1.0,
    "1 own name says secret": 0.96,
    "1 env and ini": 1.0,
    "1 maps under a name": 1.0,
    "1 structures under a name": 1.0,
    "1 Kubernetes Secret": 1.0,
    "1 files of many tools": 0.98,
    "1 names of switches": 1.0,
    "2 name beside value": 0.98,
    "2 two keys together": 1.0,
    "3 header tells for column": 0.98,
    "4 words in ten languages": 0.98,
    "4 names, addresses, births by key": 0.98,
    "5 commands, headers, files": 1.0,
    "5 SQL": 1.0,
    "5 shells": 1.0,
    "5 token alone": 0.98,
    "5 token in prose": 0.98,
    "5 token under api_key": 0.99,
    "5 token by its name alone": 0.98,
    "5 keys of other services in text": 0.95,
    "9 identifiers without a name": 0.98,
    "6 connection strings": 1.0,
    "7 case and spelling": 0.98,
    "8 phones under a key": 0.98,
    "8 phones international": 0.98,
    "8 phones beside a word": 0.98,
    "9 identifiers under a key": 0.98,
    "9 identifiers beside a word": 0.98,
    "9 identifiers under a general key": 0.98,
    "10 base64": 1.0,
    "10 beside a spelling": 1.0,
    "10 base64 in lines": 1.0,
    "10 base64 twice": 1.0,
    "10 br between digits": 1.0,
    "10 full width": 1.0,
    "10 gzip in base64": 1.0,
    "10 hex": 1.0,
    "10 html": 1.0,
    "10 html hex": 1.0,
    "10 invisible": 1.0,
    "10 invisible in mail": 1.0,
    "10 percent": 1.0,
    "10 percent twice": 1.0,
    "10 quoted-printable": 1.0,
    "10 tags between digits": 1.0,
    "11 streams of Anthropic messages": 0.9,
    "11 streams of Gemini": 0.9,
    "11 streams of OpenAI chat": 0.9,
    "11 streams of OpenAI responses": 0.9,
}
"""The least share of marked parts that are masked, by kind."""
LEFT_ALONE = {
    "n a telling word further away": 0.95,
    "n names about a secret": 0.97,
    "n names of ordinary things": 0.97,
    "n objects about a secret": 1.0,
    "n SQL": 1.0,
    "n shells": 1.0,
    "n paging and idempotency tokens": 0.97,
    "n names with a part of a word": 0.95,
    "n numbers and ids": 0.98,
    "n keys of ordinary things": 0.98,
    "n values without a name": 0.95,
    "n product numbers": 0.9,
    "n prose and tables": 0.98,
    "n uuids and digests": 1.0,
    "n git addresses": 1.0,
    "n odata and json-ld": 1.0,
    "n versions": 1.0,
}
"""The least share of cases without a wrong edit, by kind."""
PRECISION = 0.99
MOST_WRONG_PER_100_KB = 3.0


@pytest.fixture(scope="module")
def kinds():
    cases = [*positives(1, SEED), *negatives(1, SEED)]
    return score(cases, extproc()(cases), "kind")


@pytest.mark.parametrize(("kind", "least"), RECALL.items())
def test_recall(kinds, kind, least):
    assert kinds[kind].recall >= least, kinds[kind].misses


@pytest.mark.parametrize(("kind", "least"), LEFT_ALONE.items())
def test_ordinary_values_stay(kinds, kind, least):
    assert kinds[kind].left_alone >= least, kinds[kind].wrongs


def test_precision(kinds):
    found = [each for each in kinds.values() if each.parts]
    masked, wrong = sum(each.masked for each in found), sum(each.wrong for each in found)
    assert masked / (masked + wrong) >= PRECISION


def test_whole_documents_stay():
    cases = list(documents(1, SEED))
    scores = score(cases, extproc()(cases), "entity")["document"]
    assert scores.per_100_kb <= MOST_WRONG_PER_100_KB, scores.wrongs


def test_marks_become_ranges():
    case = text_case("kind", "SECRET", f"a {may('user:' + must('pw'))} b")
    assert (case.body, case.must, case.may) == ("a user:pw b", ((7, 9),), ((2, 9),))


@pytest.mark.parametrize(
    ("found", "masked", "wrong"),
    [
        ([(7, 9, "SECRET")], 1, 0),
        ([(2, 9, "SECRET")], 1, 0),
        ([(7, 8, "SECRET")], 0, 0),
        ([(7, 11, "SECRET")], 1, 1),
        ([(0, 1, "SECRET")], 0, 1),
        ([(9, 10, "SECRET")], 0, 0),
    ],
)
def test_what_counts(found, masked, wrong):
    """All letters of a marked part, and no other letter: a blank beside it does not matter."""
    case = text_case("kind", "SECRET", f"a {may('user:' + must('pw'))} b")
    counted = score([case], [found], "kind")["kind"]
    assert (counted.masked, counted.wrong) == (masked, wrong)


def test_a_stream_is_compared_by_its_text():
    """A masker may hold a text back and send it with a later event."""
    before = 'data: {"text": "to bob@exa"}\n\ndata: {"text": "mple.com now"}\n\n'
    after = 'data: {"text": "to "}\n\ndata: {"text": "[EMAIL_ADDRESS] now"}\n\n'
    changed = "".join(before[start:end] for start, end in changes(before, after))
    assert changed == "bob@example.com"
