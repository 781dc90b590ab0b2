"""The places in MCP's messages where a function's arguments and results are. Rules for paths are rebased there.

A rule is written against the arguments or the result: ``$.ssn``. In a message that belongs to no known function, a
result may be any function's, so the places of all are taken.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from extproc.model.call import Call
from extproc.model.masking import MaskRule
from extproc.protocols.mcp.functions import INPUTS
from extproc.protocols.mcp.methods import COMPLETE, OF_RESOURCES, PROMPTS_GET, PROTOCOL_MESSAGES, TOOLS_CALL

PARAMS = ("$.params",)
ARGUMENTS = ("$.params.arguments", f"$.params.{INPUTS}.*.content", "$.result.content", "$.error.data")
"""Arguments; the client's answers with a retry; and its answers to the server: content, an error."""
AT_HOME = re.compile(rf"\$\.{INPUTS}(?![\w])")
"""A path into the client's answers, which are no argument in the message."""
OF_TOOLS = (
    "$.result.structuredContent",
    "$.result.content[*].text",
    "$.result.content[*].resource.text",
    "$.result.content[*].resource.blob",
)
"""A tool's result: data, JSON text, an embedded resource as text or as a blob of text."""
OF_TASKS = tuple(root.replace("$.result", "$.result.result") for root in OF_TOOLS)
OF_PROMPTS = (
    "$.result.messages[*].content.text",
    "$.result.messages[*].content.resource.text",
    "$.result.messages[*].content.resource.blob",
    "$.result.messages[*].content[*].text",
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


def argument_places(call: Call) -> tuple[str, ...]:
    """Return the paths of the arguments, in the message of a call."""
    whole = call.method in OF_RESOURCES or call.method == COMPLETE or not _is_known(call)
    return PARAMS if whole else ARGUMENTS


def result_places(call: Call) -> tuple[str, ...]:
    """Return the paths of the results, in the messages that answer a call."""
    if call.method in RESULTS:
        return RESULTS[call.method]
    if _is_known(call):
        return ANY_RESULT
    return ("$.result", *ANY_RESULT) if not call.method.startswith("tasks/") else ANY_RESULT


def _is_known(call: Call) -> bool:
    """Return whether the call is a message of MCP's own, and no method that the settings register."""
    return call.method in RESULTS or call.name in PROTOCOL_MESSAGES


def rebased(rules: Iterable[MaskRule], places: tuple[str, ...]) -> tuple[MaskRule, ...]:
    """Return the rules, each rule for a path once for every place."""
    found: list[MaskRule] = []
    for rule in rules:
        found += [replace(rule, path=path) for path in _paths(rule.path, places)] if rule.path else [rule]
    return tuple(found)


def _paths(path: str, places: tuple[str, ...]) -> list[str]:
    at_home = [f"$.params{path[1:]}"] if AT_HOME.match(path) and places == ARGUMENTS else []
    return at_home + [place + path[1:] for place in places]
