"""Which registered function a message calls, with which arguments."""

import pytest

from extproc.codecs.unreadable import Unreadable
from extproc.protocols.mcp.functions import Functions
from extproc.protocols.mcp.message import Message, read_message
from extproc.protocols.mcp.settings import McpConnection

CALLABLE = {"tools": ["search", "fs_*", "2fa"], "prompts": ["summarize", "re*"], "resources": ["file:///docs/**"]}

OF_SUMMARIZE = {"ref": {"type": "ref/prompt", "name": "summarize"}}


def functions(**changes):
    settings = {"tools": [], "prompts": [], "resources": [], "methods": []} | CALLABLE | changes
    return Functions(**settings)


def called(method, params, **changes):
    found = functions(**changes).called_by(Message(method, params, 1))
    return found.name, found.arguments, found.is_registered


@pytest.mark.parametrize("name", ["search", "fs_read", "2fa", "fs_"])
def test_a_tool_is_called_by_its_name(name):
    arguments = {"q": 1}
    assert called("tools/call", {"name": name, "arguments": arguments}) == (name, arguments, True)


@pytest.mark.parametrize(
    "name", ["Search", "search ", "fs", "3fa", "fs_a b", "fs_\x00", "fs_a:b", "fs_" + "a" * 200, ""]
)
def test_no_other_name_is_a_registered_tool(name):
    assert called("tools/call", {"name": name}) == (name, {}, False)


@pytest.mark.parametrize(
    "name", ["ping", "tools/call", "stream", "response", "session/end", "prompts/get", "tasks/get"]
)
def test_a_tool_that_is_registered_by_a_star_has_no_methods_name(name):
    assert not called("tools/call", {"name": name}, tools=["*"], methods=["tasks/*"])[2]
    assert called("tools/call", {"name": f"{name}_"}, tools=["*"])[2]


@pytest.mark.parametrize("name", ["ping", "tools/call", "stream", "response", "unreadable", "prompts/get"])
def test_a_star_registers_no_method_that_has_a_meaning(name):
    assert not functions(methods=["*"]).has_method(name)


def test_prompts_and_resources_have_names_that_no_tool_can_have():
    assert called("prompts/get", {"name": "review", "arguments": {"a": "b"}}) == (
        "prompt:review",
        {"a": "b"},
        True,
    )
    read = {"uri": "file:///docs/4111111111111111"}
    for method in ("resources/read", "resources/subscribe", "resources/unsubscribe"):
        assert called(method, read) == ("resource:file:///docs/**", read, True)
    assert called("prompts/get", {"name": "deploy"})[2] is False
    assert called("resources/read", {"uri": "file:///etc/passwd"})[2] is False


def test_a_uri_that_is_not_registered_is_in_no_name():
    for method in ("resources/read", "resources/subscribe", "resources/unsubscribe"):
        assert called(method, {"uri": "crm://customers/jane-doe"})[::2] == ("resource:crm:", False)
        assert called(method, {"uri": "/customers/jane-doe"})[::2] == ("resource:", False)
    ref = {"type": "ref/resource", "uri": "crm://customers/jane-doe"}
    completion = {"ref": ref, "argument": {"name": "a", "value": "b"}}
    assert called("completion/complete", completion)[::2] == ("resource:crm:", False)


def test_a_completion_reads_what_it_refers_to():
    of_prompt = {"ref": {"type": "ref/prompt", "name": "summarize"}, "argument": {"name": "a", "value": "b"}}
    assert called("completion/complete", of_prompt | {"_meta": {}}) == ("prompt:summarize", of_prompt, True)
    of_resource = of_prompt | {"ref": {"type": "ref/resource", "uri": "file:///docs/{name}"}, "context": {}}
    assert called("completion/complete", of_resource) == ("resource:file:///docs/**", of_resource, True)
    other = of_prompt | {"ref": {"type": "ref/resource", "uri": "file:///{name}"}}
    assert not called("completion/complete", other)[2]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": "search", "task": {"ttl": 1, "x": 2}}),
        ("tools/call", {"name": "search", "task": {"ttl": True}}),
        ("tools/call", {"name": "search", "task": {"pollInterval": "4111"}}),
        ("tools/call", {"name": "search", "task": 1}),
        ("tools/call", {"name": "search", "requestState": {}}),
        ("tools/call", {"name": "search", "inputResponses": []}),
        ("tools/call", {"name": "search", "inputResponses": {}, "arguments": {"inputResponses": 1}}),
        ("tools/call", {"name": "search", "extra": 1}),
        ("prompts/get", {"name": "summarize", "task": {}}),
        ("prompts/get", {"name": "summarize", "arguments": []}),
        ("prompts/get", {"uri": "summarize"}),
        ("resources/read", {"uri": ["file:///docs/a"]}),
        ("resources/read", {"uri": "file:///docs/a", "Uri": "file:///etc/passwd"}),
        ("completion/complete", {"ref": "summarize"}),
        ("completion/complete", {"ref": {"type": "ref/other", "name": "summarize"}}),
        ("completion/complete", {"ref": {"type": ["ref/prompt"], "name": "summarize"}}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "summarize", "uri": "file:///etc"}}),
        ("completion/complete", OF_SUMMARIZE | {"argument": {"name": "a", "value": "b"}, "extra": 1}),
        ("completion/complete", OF_SUMMARIZE),
        ("completion/complete", OF_SUMMARIZE | {"argument": {"name": "a", "value": {"b": 1}}}),
        ("completion/complete", OF_SUMMARIZE | {"argument": {"name": "a", "value": "b", "more": "c"}}),
        ("completion/complete", OF_SUMMARIZE | {"argument": {"name": "a", "value": "b"}, "context": []}),
        ("completion/complete", OF_SUMMARIZE | {"argument": {"name": "a", "value": "b"}, "context": {"x": 1}}),
        ("subscriptions/listen", {"notifications": ["file:///etc/passwd"]}),
        ("subscriptions/listen", {"Notifications": {"resourceSubscriptions": ["file:///etc/passwd"]}}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": "file:///etc/passwd"}}),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": [["file:///etc/passwd"]]}}),
        ("subscriptions/listen", {"notifications": {"resource_subscriptions": ["file:///etc/passwd"]}}),
        ("subscriptions/listen", {"notifications": {"ResourceSubscriptions": ["file:///etc/passwd"]}}),
    ],
)
def test_what_policy_would_not_see_cannot_be_read(method, params):
    with pytest.raises(Unreadable):
        called(method, params)


def test_the_clients_answers_are_an_argument_and_the_state_is_none():
    inputs = {"name": {"action": "accept", "content": {"first": "Ada"}}}
    params = {
        "name": "search",
        "arguments": {"q": 1},
        "inputResponses": inputs,
        "requestState": "s",
        "task": {"ttl": 5, "pollInterval": None},
    }
    assert called("tools/call", params)[1] == {"q": 1, "inputResponses": inputs}
    read = {"uri": "file:///docs/a", "inputResponses": inputs}
    assert called("resources/read", read | {"_meta": {}, "requestState": "s"})[1] == read


def test_other_methods_are_functions_where_they_are_registered():
    assert called("tasks/get", {"taskId": "1"}, methods=["tasks/*"]) == ("tasks/get", {"taskId": "1"}, True)
    assert called("acme/x", {}, methods=["acme/x"])[2]
    assert not called("tasks/get", {"taskId": "1"})[2]
    assert not called("Tools/Call", {"name": "search"})[2]


@pytest.mark.parametrize(
    ("method", "key"),
    [("tools/list", "tools"), ("prompts/list", "prompts"), ("resources/list", "resources"),
     ("resources/templates/list", "resources")],
)  # fmt: skip
def test_a_list_is_known_where_something_of_its_kind_is_registered(method, key):
    assert called(method, {})[2]
    assert not called(method, {}, **{key: []})[2]


def test_listening_is_known_where_all_its_resources_are_registered():
    def listens(*uris):
        return called("subscriptions/listen", {"notifications": {"resourceSubscriptions": list(uris)}})[2]

    assert listens()
    assert listens("file:///docs/a")
    assert not listens("file:///docs/a", "file:///etc/passwd")


@pytest.mark.parametrize("method", ["response", "stream", "unreadable", "session/end"])
def test_a_method_with_a_name_of_ours_is_none(method):
    assert not called(method, {}, methods=["*"])[2]
    answer = functions().called_by(read_message({"jsonrpc": "2.0", "id": 1, "result": {}}))
    assert (answer.name, answer.is_registered) == ("response", True)


def test_a_setting_for_a_function_names_no_pattern_of_them():
    """Exemptions are found by the name of a call: one for a pattern would never hold."""
    resources, upstream = ["file:///docs/*"], {"address": "127.0.0.1:9"}
    settings = McpConnection.model_validate(
        {"protocol": "mcp", "hosts": ["d"], "upstream": upstream, "tools": ["get_*"], "resources": resources}
    )
    assert settings.has_function("get_page")
    assert settings.has_function("resource:file:///docs/*")
    assert not settings.has_function("get_*")
    assert not settings.has_function("resource:*")
