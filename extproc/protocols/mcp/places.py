"""The places in MCP's messages where a function's arguments and results are. Rules for paths are rebased there.

A rule is written against the arguments or the result: ``$.ssn``. In a message that belongs to no known function, a
result may be any function's, so the places of all are taken. Arguments are in other places, too, where a client
answers the server's questions with a call, and where it completes one of them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from extproc.model.call import Call
from extproc.model.masking import Listed, MaskRule
from extproc.protocols.mcp.functions import INPUTS
from extproc.protocols.mcp.methods import (
    COMPLETE,
    OF_RESOURCES,
    PROMPTS_GET,
    PROTOCOL_MESSAGES,
    RESPONSE,
    TOOLS_CALL,
)

ROOT = "$"
SPOKEN = ("", ".text", "[*].text")
"""What a client's answer has below its content: data, or a model's text, which may be JSON."""
OF_INPUTS = tuple(f"$.{INPUTS}.*.content{each}" for each in SPOKEN)
"""A client's answers with a call, in its arguments."""
OF_ANSWERS = (*(f"$.content{each}" for each in SPOKEN), "$.data")
"""A client's answer to the server: its content, or the data of an error."""
OF_COMPLETED = ("$.argument.value", "$.context")
"""The data in the parameters of a completion."""
CHOSEN = "$.context.arguments"
"""The arguments that are chosen already, in the parameters of a completion."""
PARAMS = "$.params"
ARGUMENTS = (
    "$.params.arguments",
    *(PARAMS + each[1:] for each in OF_INPUTS),
    *(f"$.result.content{each}" for each in SPOKEN),
    "$.error.data",
)
"""Arguments; the client's answers with a retry; and its answers to the server: content, an error."""
FIRST = re.compile(
    r"""\$(?:\.\.?(?P<name>[^\W\d]\w*)|(?:\.\.)?\[(?P<quote>['"])(?P<quoted>[^'"\\]*)(?P=quote)\]|(?P<all>\.\*|\[\*\]))"""
)
"""The first step of a path. An escaped name is none of the protocol's."""
Paths: TypeAlias = Callable[[str], Iterable[str]]
"""Returns the places of a path."""
OF_TOOLS = (
    "$.result.structuredContent",
    "$.result.content[*].text",
    "$.result.content[*].resource.text",
    "$.result.content[*].resource.blob",
)
"""A tool's result: data, JSON text, an embedded resource as text or as a blob of text."""
RESULT = "result"
STRUCTURED = "structuredContent"
LISTS_OF_CONTENT = ("content", "contents", "messages")
"""Members of results that are lists, in which a path goes on with an index or a star."""
OF_TASKS = tuple(root.replace("$.result", "$.result.result") for root in OF_TOOLS)
OF_PROMPTS = (
    "$.result.messages[*].content.text",
    "$.result.messages[*].content.resource.text",
    "$.result.messages[*].content.resource.blob",
    "$.result.messages[*].content[*].text",
    "$.result.messages[*].content[*].resource.text",
    "$.result.messages[*].content[*].resource.blob",
)
OF_CONTENTS = ("$.result.contents[*].text", "$.result.contents[*].blob")
OF_COMPLETION = ("$.result.completion",)
OF_ALL = ("$.error.data", "$.params.data")
"""An error, and a log message."""
ANY_RESULT = (*OF_TOOLS, *OF_TASKS, *OF_PROMPTS, *OF_CONTENTS, *OF_COMPLETION, *OF_ALL)
RESULTS = {
    TOOLS_CALL: (*OF_TOOLS, *OF_ALL),
    PROMPTS_GET: (*OF_PROMPTS, *OF_ALL),
    COMPLETE: (*OF_COMPLETION, *OF_ALL),
    **dict.fromkeys(OF_RESOURCES, (*OF_CONTENTS, *OF_ALL)),
}


def in_arguments(call: Call) -> Paths:
    """Return how a path is followed in the arguments of a call, as policy sees them."""
    if call.method == COMPLETE:
        return lambda path: (path, *_below((CHOSEN,), path), *_completed(call, path))
    places = OF_ANSWERS if call.name == RESPONSE else OF_INPUTS
    return lambda path: (path, *_below(places, path))


def in_message(call: Call) -> Paths:
    """Return how a path is followed in the message of a call."""
    if _is_known(call) and call.method != COMPLETE and call.method not in OF_RESOURCES:
        return lambda path: (*_of_inputs(path), *(place + path[1:] for place in ARGUMENTS))
    whole = {COMPLETE: OF_COMPLETED, **dict.fromkeys(OF_RESOURCES, ("$.uri", OF_INPUTS[0]))}.get(call.method)
    inside = in_arguments(call)
    return lambda path: (PARAMS + each[1:] for each in (whole if whole and path == ROOT else inside(path)))


def _below(places: Iterable[str], path: str) -> tuple[str, ...]:
    """Return a path below places; none for the whole, which has the places in it."""
    return () if path == ROOT else tuple(place + path[1:] for place in places)


def _of_inputs(path: str) -> tuple[str, ...]:
    """Return a path into the client's answers, which are no argument in the message."""
    return (PARAMS + path[1:],) if _leads_to(path, INPUTS) else ()


def _completed(call: Call, path: str) -> tuple[str, ...]:
    """Return the value that is completed, where a path leads to its argument."""
    argument = call.arguments.get("argument") if isinstance(call.arguments, dict) else None
    name = argument.get("name") if isinstance(argument, dict) else None
    first = FIRST.match(path)
    if first is None or not (first["all"] or _leads_to(path, name)):
        return ()
    return (OF_COMPLETED[0] + path[first.end() :],)


def _leads_to(path: str, name: object) -> bool:
    first = FIRST.match(path)
    return first is not None and name in (first["name"], first["quoted"])


def in_answers(call: Call) -> Paths:
    """Return how a path is followed in the messages that answer a call."""
    return lambda path: (place + path[1:] for place in _result_places(call))


def _result_places(call: Call) -> tuple[str, ...]:
    if call.method in RESULTS:
        return RESULTS[call.method]
    if _is_known(call):
        return ANY_RESULT
    return ("$.result", *ANY_RESULT) if not call.method.startswith("tasks/") else ANY_RESULT


def _is_known(call: Call) -> bool:
    """Return whether the call is a message of MCP's own, and no method that the settings register."""
    return call.method in RESULTS or call.name in PROTOCOL_MESSAGES


def rebased(rules: Iterable[MaskRule], paths: Paths, from_message: Paths) -> tuple[MaskRule, ...]:
    """Return the rules, each rule for a path once for every place.

    A path can also be written as it is in the message, as findings show it: ``$.result.structuredContent.ssn``. A
    mask then applies there as well. What lets a value pass, an exemption or a declared path, does not.
    """
    found: list[MaskRule] = []
    for rule in rules:
        masks = rule.exempt is None and rule.listed is Listed.NOT
        places = (*paths(rule.path), *(from_message(rule.path) if masks else ())) if rule.path else ("",)
        found += [replace(rule, path=path) for path in dict.fromkeys(places)]
    return tuple(found)


def written_in_answer(path: str) -> tuple[str, ...]:
    """Return the place of a path that is written from an answer's message, or from its result."""
    name, rest = _first_step(path)
    if name in (RESULT, "error", "params") and rest:
        return (path,)
    is_of_result = name == STRUCTURED or (name in LISTS_OF_CONTENT and rest.startswith("["))
    return (f"$.{RESULT}.{name}{rest}",) if is_of_result else ()


def written_in_request(path: str) -> tuple[str, ...]:
    """Return the place of a path that is written from a request's message, or from its parameters."""
    name, rest = _first_step(path)
    if name in ("params", RESULT, "error") and rest:
        return (path,)
    return (f"{PARAMS}.arguments{rest}",) if name == "arguments" and rest else ()


def written_in_arguments(path: str) -> tuple[str, ...]:
    """Return the place in the arguments of a path that is written from the request's message."""
    (*_, place) = written_in_request(path) or ("",)
    for start in (f"{PARAMS}.arguments", PARAMS):
        if place.startswith(start) and place[len(start) : len(start) + 1] in (".", "["):
            return ("$" + place[len(start) :],)
    return ()


def _first_step(path: str) -> tuple[str, str]:
    """Return the name of a path's first step, and the rest; no name where it is not one name."""
    first = FIRST.match(path)
    if first is None or path.startswith("$.."):
        return "", ""
    return first["name"] or first["quoted"] or "", path[first.end() :]
