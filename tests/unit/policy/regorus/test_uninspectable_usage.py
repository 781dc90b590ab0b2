"""What counts as reading the fact that a request or response cannot be read: only what is certain."""

import pytest

from extproc.assembly.try_policy import try_policy
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.uninspectable_reads import ALL_READ, NONE_READ, UninspectableReads
from extproc.policy.regorus.evaluator import EmbeddedEngine

QUERY = "data.tryout.allow"
FACTS = {"body": lambda found: found.request, "response": lambda found: found.response}


def reads(text, *more, query=QUERY):
    modules = tuple(Module(f"m{i}.rego", each) for i, each in enumerate((f"package tryout\n\n{text}", *more)))
    return EmbeddedEngine.from_sources(Sources(modules, {}, query)).uninspectable_reads


@pytest.mark.parametrize("part", FACTS)
@pytest.mark.parametrize(
    "text",
    [
        "allow if not input.PART.uninspectable",
        'allow if input["PART"]["uninspectable"] == "query"',
        'allow if input.PART["uninspectable"]',
        "allow if input[`PART`].uninspectable",
        "default allow := false\n\nallow := false if input.PART.uninspectable\nelse := true",
        "allow := false if true\nelse := x if {\n\tx := input.PART.uninspectable\n}",
        'allow if object.get(input, ["PART", "uninspectable"], "") == ""',
        'allow if object.get(input.PART, "uninspectable", "") == ""',
        'allow if {\n\tseen := input\n\tobject.get(seen, ["PART", "uninspectable"], "") == ""\n}',
        "import input.PART as part\n\nallow if part.uninspectable",
        "import input.PART.uninspectable\n\nallow if uninspectable",
        "import input.PART.uninspectable as why\n\nallow if why == `batch`",
        "allow if {\n\tpart := input.PART\n\tnot part.uninspectable\n}",
        "allow if {\n\twhole := input\n\twhole.PART.uninspectable\n}",
        "part := input.PART\n\nallow if not part.uninspectable",
        "unread(part) if part.uninspectable\n\nallow if {\n\tpart := input.PART\n\tunread(part)\n}",
        "unread(all) if all.PART.uninspectable\n\nallow if unread(input)",
        "has(part, key) if part[key]\n\nallow if has(input.PART, `uninspectable`)",
        "allow if `uninspectable` in object.keys(input.PART)",
        "allow if {\n\tsome key, _ in input.PART\n\tkey == `uninspectable`\n}",
        "allow if every key, _ in input.PART { key != `uninspectable` }",
        "allow := [1 | input.PART.uninspectable] == []",
        "allow if a\n\na if b\n\nb if not c\n\nc if input.PART.uninspectable",
        "allow if data.tryout.c\n\nc if input.PART.uninspectable",
        "allow if data.tryout[`c`]\n\nc if input.PART.uninspectable",
        "allow contains input.PART.uninspectable",
    ],
)
def test_what_names_the_fact_reads_it(text, part):
    found = reads(text.replace("PART", part))
    assert FACTS[part](found)
    assert [name for name, reads_fact in FACTS.items() if reads_fact(found)] == [part]


@pytest.mark.parametrize("part", FACTS)
@pytest.mark.parametrize(
    "text",
    [
        "allow := true",
        "allow if not input.parsed_body.admin",
        "allow if input.PART.size < 5",
        "allow if input.PART",
        "allow if count(input.PART) < 3",
        "allow if count(input) < 30",
        "allow if print(input)",
        "f(x) := x.call\n\nallow if f(input)",
        "allow if {\n\tpart := input.PART\n\tpart.size < 5\n}",
        "import input.PART.uninspectable\n\nallow if true",
        "allow if input.call.arguments.uninspectable",
        "allow if data.PART.uninspectable",
        "allow if {\n\tcount(input.PART) < 3\n\tdata.PART.uninspectable\n}",
        "allow if {\n\tuninspectable := input.call.name\n\tuninspectable == `x`\n}",
        "allow if {\n\tcount(input) < 30\n\tinput.call.name != `uninspectable`\n}",
        'allow := {"reason": "uninspectable"} if count(input.PART) < 3',
        'allow if {\n\tcount(input.PART) < 3\n\tsprintf("%s", ["uninspectable"]) != ""\n}',
        "allow if {\n\tcount(input) < 3\n\tx := input.call.arguments\n\tx.uninspectable\n}",
        "allow if {\n\tpart := input.body\n\tother := input.response\n\tsome x in [part, other]\n\tx.uninspectable\n}",
        "allow if {\n\tcount(input.PART) < 3\n\tflags := data.flags\n\tflags.uninspectable\n}",
        "allow if {\n\tcount(input.PART) < 3\n\tgiven := input.parsed_body\n\tgiven.uninspectable\n}",
        "allow if {\n\tsome name, _ in input.PART\n\tname == `size`\n\tinput.parsed_body.state == `uninspectable`\n}",
        "allow if {\n\tcount(input.PART) < 3\n\t`uninspectable` in data.words\n}",
        "allow := true\n\nother if input.PART.uninspectable",
        "allow if other\n\nother := true\n\nanother if {\n\tother\n\tinput.PART.uninspectable\n}",
        "f(input_) if input_.PART.uninspectable\n\nallow := true",
        "allow if {\n\tinput_ := data.x\n\tinput_.PART.uninspectable\n}",
    ],
)
def test_what_is_not_certain_does_not_count(text, part):
    found = reads(text.replace("PART", part))
    assert not FACTS[part](found)


def test_a_name_for_one_part_says_nothing_of_the_other():
    found = reads(
        "allow if {\n\tpart := input.body\n\tother := input.response\n\tcount(part) > 0\n\tother.uninspectable\n}"
    )
    assert (found.request, found.response) == (False, True)


def test_only_rules_that_the_query_reaches_count():
    allow, other = "allow if not input.parsed_body.a", "package other\n\nx if input.body.uninspectable"
    assert not reads(allow, other).request
    assert not reads(allow, other.replace("other", "tryout.deep")).request
    assert reads("import data.other\n\nallow if not other.x", other).request
    assert reads(allow, other, query="data.other.x").request
    assert reads(allow, other.replace("other", "tryout.deep"), query="data.tryout").request


def test_tests_do_not_count():
    test = Module(
        "m_test.rego", "package tryout\n\ntest_a if allow with input as {}\n\nb if input.body.uninspectable"
    )
    policy = Module("m.rego", "package tryout\n\nallow := true")
    assert not EmbeddedEngine.from_sources(Sources((policy,), {}, QUERY, (test,))).uninspectable_reads.request


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("allow if not input.parsed_body.admin", True),
        ("allow if input.parsed_body.a[_] == `x`", True),
        ("import input.parsed_body as body\n\nallow if body.a == [`x`]", True),
        ("allow if {\n\tinput.parsed_body.a\n\tinput.body.size < 9\n\tinput.identity.subject\n}", True),
        ("allow := true", False),
        ("allow if input.parsed_path == [`a`]", False),
        ("allow if {\n\tnot input.parsed_body.a\n\tnot input.call.arguments.a\n}", False),
        ("allow if {\n\tnot input.parsed_body.a\n\tcount(input.findings) == 0\n}", False),
        ("allow if {\n\tnot input.parsed_body.a\n\tcount(input) > 0\n}", False),
        ("allow := true\n\nother if input.parsed_body.a", False),
        ("allow if not input.parsed_body.a\n\nother if input.findings", False),
    ],
)
def test_forms_are_seen_by_what_reads_them_and_nothing_that_lacks_them(text, forms):
    assert reads(text).forms is forms


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        ("allow := true", True),
        ("allow if input.call.arguments[0].role == `guest`", True),
        ("allow if {\n\tnot input.parsed_body.admin\n\tnot input.call.arguments.admin\n}", True),
        ("allow if not input.parsed_body.admin", False),
        ("allow if {\n\tnot input.parsed_body.admin\n\tinput.call.name == `x`\n}", False),
        ("allow if count(input) > 3", False),
    ],
)
def test_messages_of_a_stream_are_seen_in_the_arguments_or_not_missed(text, streams):
    assert reads(text).streams is streams


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("allow if input.response.status == 200", set()),
        ("allow if not input.response.headers.a", set()),
        ("allow if not input.response.body.a", {"body"}),
        ("allow if count(input.response.findings) == 0", {"findings"}),
        ("allow if not input.response[`body`]", {"body"}),
        ("import input.response\n\nallow if not response.body.a", {"body"}),
        ("allow if {\n\tanswer := input.response\n\tnot answer.status\n}", {"body", "findings"}),
        ("allow if some x in input.response", {"body", "findings"}),
        ("f(x) := x\n\nallow := f(input)", {"body", "findings"}),
        ("allow := true\n\nother if input.response.body", {"body"}),
    ],
)
def test_parts_of_a_response_that_may_be_missed(text, parts):
    assert reads(text).response_parts == parts


def test_the_starter_policies_read_the_facts():
    sources = read_sources([], [starter_folder() / "data.example.yaml"], "data.extproc.decision")
    found = try_policy(sources).uninspectable_reads
    assert (found.request, found.response, found.streams) == (True, True, True)
    assert found == EmbeddedEngine.from_sources(sources).uninspectable_reads


def test_the_setting_overrules_what_is_found():
    found = UninspectableReads(
        request=True, forms=True, streams=True, response=True, response_parts=frozenset({"body"})
    )
    assert found.configured("auto") == found
    assert found.configured("ask") == NONE_READ.configured("ask") == ALL_READ
    refusing = found.configured("refuse")
    assert refusing == UninspectableReads(streams=True, response_parts=frozenset({"body"}))
    assert refusing.missing_parts({"uninspectable": "streamed", "body": None}) == ["body"]
    assert refusing.missing_parts({"body": None}) == []
