"""Policy may change the query; the call stays the one that was decided on."""

import pytest

from extproc.flow.request.query import with_query
from extproc.model.decision import QueryChanges
from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns

CHANGES = {"connections.crm.functions.lookup": {"method": "GET", "path": "/lookup"}}


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/a", "/a?new=1"),
        ("/a?", "/a?new=1"),
        ("/a?b=%7E+x&c", "/a?b=%7E+x&c&new=1"),
        ("/a?new=0&b=2", "/a?b=2&new=1"),
        ("/a?gone=1", "/a?new=1"),
        ("/a?%67one=1&GONE=2&gone[]=3&gone%5Bx%5D=4&+gone=5&gone&ungone=6", "/a?ungone=6&new=1"),
        ("/a?%6Eew=0&N%65W=0", "/a?new=1"),
        ("/a?x=gone", "/a?x=gone&new=1"),
    ],
)
def test_parameters_that_stay_keep_their_bytes(path, changed):
    assert with_query(path, QueryChanges((("new", "1"),), ("gone",))) == changed


def test_names_and_values_are_encoded():
    changes = QueryChanges((("a&b", "c=d&e #é"), ("a&b", "+")))
    assert with_query("/x", changes) == "/x?a%26b=c%3Dd%26e%20%23%C3%A9&a%26b=%2B"


def test_removing_all_leaves_no_question_mark():
    assert with_query("/x?a=1", QueryChanges((), ("a",))) == "/x"


async def forwarded(tmp_path, answer, path, **more):
    services = make_services(tmp_path, engine=ScriptedEngine({"allowed": True, **answer}), changes=CHANGES | more)
    peer = await play(services, asks(path=path), answers(), returns(b"{}"))
    if peer.refusals:
        return services.recorder.last, None
    return services.recorder.last, peer.upstream_headers.get(":path")


async def test_the_path_goes_upstream_changed(tmp_path):
    _, path = await forwarded(tmp_path, {"query_parameters_to_set": {"tenant": "7"}}, "/lookup?debug=1&q=x")
    assert path == b"/lookup?debug=1&q=x&tenant=7"
    _, path = await forwarded(tmp_path, {"query_parameters_to_remove": ["debug"]}, "/lookup?debug=1&q=x")
    assert path == b"/lookup?q=x"


async def test_an_answer_that_changes_no_parameter_leaves_the_path_alone(tmp_path):
    for answer in ({}, {"query_parameters_to_remove": ["debug"]}, {"query_parameters_to_set": {}}):
        assert (await forwarded(tmp_path, answer, "/lookup?q=x"))[1] is None


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"query_parameters_to_set": {"q": "1", "Q": "2"}}, "/lookup"),
        ({"query_parameters_to_set": {"id": "8"}}, "/customers/7"),
        ({"query_parameters_to_set": {"_method": "DELETE"}}, "/lookup"),
        ({"query_parameters_to_set": {"q": "\u0000"}}, "/lookup"),
    ],
)
async def test_a_query_that_makes_another_call_denies(tmp_path, answer, path):
    entry, _ = await forwarded(tmp_path, answer, path)
    assert (entry.kind.value, entry.reason, entry.rule) == ("call.denied", "policy-error", "query-parameters")


async def test_a_change_of_an_mcp_calls_query_denies(tmp_path):
    services = make_services(
        tmp_path, engine=ScriptedEngine({"allowed": True, "query_parameters_to_set": {"a": "1"}}), changes=CHANGES
    )
    peer = await play(services, asks("GET", "/mcp", "docs.internal"))
    assert len(peer.refusals) == 1
    assert services.recorder.last.rule == "query-parameters"


async def test_a_parameter_that_must_be_masked_denies(tmp_path):
    masking = {"connections.crm.masking": {"request": [{"path": "$.ssn"}]}}
    entry, _ = await forwarded(tmp_path, {"query_parameters_to_set": {"ssn": "x"}}, "/lookup", **masking)
    assert entry.reason == "masking-failed"
