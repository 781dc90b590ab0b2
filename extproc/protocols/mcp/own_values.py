"""The shapes of MCP's messages: which of their values are the protocol's own.

Sources: JSON-RPC 2.0 sections 4 and 5; the schemas of MCP 2024-11-05 to 2026-07-28; JSON Schema 2020-12, core and
validation. A value is named here only if its receiver has to give it back, or would refuse the whole message if it
were masked. All others are data, the texts that people or models read above all.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Final

from extproc.model.call import Call, Json
from extproc.model.message_shape import Holds, MessageShape, Place
from extproc.protocols.mcp.answers import KEYS
from extproc.protocols.mcp.methods import RESPONSE, STREAM

VERSION = re.compile(r"(?:DRAFT-)?[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[a-z]{1,16})?")
MIME_TYPE = re.compile(r"(?!.*[0-9][0-9.+_-]{6})[a-z]{1,16}/[a-z0-9.+_-]{0,64}(?:; ?charset=[A-Za-z0-9_-]{1,24})?")
ROLE = re.compile("user|assistant")
KIND = re.compile("text|image|audio|resource|resource_link|tool_use|tool_result|ref/resource|ref/prompt")
JSON_TYPE = re.compile("array|boolean|integer|null|number|object|string")

SUBSCHEMAS = (
    *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
"""Keywords whose value is a schema; that of ``items`` was a list of them before 2020-12."""
LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS_OF_SCHEMAS = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
NUMBERS = (
    *("exclusiveMaximum", "exclusiveMinimum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"),
    *("minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf"),
)
STRINGS = (
    *("$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "contentEncoding"),
    *("contentMediaType", "format", "pattern", "x-mcp-header"),
)
ANYTHING = ("const", "default")

BLOCK: Final = {"data": "blob", "mimeType": "mime", "uri": "uri", "type": "kind", "resource": "contents"}
"""The members of a content block. Its text, name, title and description are data."""
IN_EVERY = {"_meta": "meta"}
TASK = {"taskId": "opaque", "ttl": "number", "pollInterval": "number"}
REQUIRED_INPUT = {"inputRequests": "input_requests", "requestState": "opaque"}
"""What a result asks of the client first (2026-07-28, multi-round-trip requests)."""
RETRY = {"inputResponses": "input_responses", "requestState": "opaque"}

PLACES: Mapping[str, Place] = {
    "token": Place(Holds.TOKEN),
    "opaque": Place(Holds.OPAQUE),
    "number": Place(Holds.NUMBER),
    "uri": Place(Holds.URI),
    "uris": Place(elements="uri"),
    "blob": Place(Holds.BLOB),
    "verbatim": Place(Holds.VERBATIM, others="verbatim", elements="verbatim", keeps_keys=True),
    "version": Place(Holds.OPAQUE, VERSION),
    "versions": Place(elements="version"),
    "mime": Place(Holds.OPAQUE, MIME_TYPE),
    "role": Place(Holds.OPAQUE, ROLE),
    "kind": Place(Holds.OPAQUE, KIND),
    "meta": Place(
        members={
            "progressToken": "token",
            "io.modelcontextprotocol/protocolVersion": "version",
            "io.modelcontextprotocol/related-task": "task",
            "io.modelcontextprotocol/subscriptionId": "token",
        }
    ),
    # JSON Schema
    "schema": Place(
        members={
            **dict.fromkeys(SUBSCHEMAS, "schema"),
            **dict.fromkeys(LISTS_OF_SCHEMAS, "schemas"),
            **dict.fromkeys(MAPS_OF_SCHEMAS, "named_schemas"),
            **dict.fromkeys(NUMBERS, "number"),
            **dict.fromkeys(STRINGS, "opaque"),
            **dict.fromkeys(ANYTHING, "verbatim"),
            "enum": "values",
            "type": "json_type",
            "required": "names",
            "dependentRequired": "lists_of_names",
        },
        elements="schema",
    ),
    "schemas": Place(elements="schema"),
    "named_schemas": Place(others="schema", keeps_keys=True),
    "values": Place(elements="verbatim"),
    "json_type": Place(Holds.OPAQUE, JSON_TYPE, elements="json_type"),
    "names": Place(elements="opaque"),
    "lists_of_names": Place(others="names", keeps_keys=True),
    # content
    "contents": Place(members={"blob": "blob", "mimeType": "mime", "uri": "uri"}),
    "content": Place(elements="block"),
    "block": Place(members={**BLOCK, "icons": "icons", "size": "number"}),
    "messages": Place(elements="message"),
    "message": Place(members={"role": "role", "content": "spoken"}),
    "spoken": Place(
        members={**BLOCK, "id": "opaque", "toolUseId": "opaque", "content": "content"}, elements="spoken_block"
    ),
    "spoken_block": Place(members={**BLOCK, "id": "opaque", "toolUseId": "opaque", "content": "content"}),
    "icons": Place(elements="icon"),
    "icon": Place(members={"src": "uri", "mimeType": "mime"}),
    # listings
    "tools": Place(elements="tool"),
    "tool": Place(members={"inputSchema": "schema", "outputSchema": "schema", "icons": "icons"}),
    "prompts": Place(elements="prompt"),
    "prompt": Place(members={"icons": "icons"}),
    "resources": Place(elements="block"),
    "templates": Place(elements="template"),
    "template": Place(members={"uriTemplate": "uri", "mimeType": "mime", "icons": "icons"}),
    "read": Place(elements="contents"),
    "task": Place(members=TASK),
    "tasks": Place(elements="task"),
    "roots": Place(elements="root"),
    "root": Place(members={"uri": "uri"}),
    "reference": Place(members={"type": "kind", "uri": "uri"}),
    "registered_reference": Place(members={"type": "kind", "uri": "uri", "name": "opaque"}),
    "completion": Place(members={"total": "number"}),
    "subscriptions": Place(members={"resourceSubscriptions": "uris"}),
    # what a server asks of its client
    "input_requests": Place(others="input_request", keeps_keys=True),
    "input_request": Place(members={"params": "asked"}),
    "asked": Place(
        members={
            **IN_EVERY,
            "elicitationId": "opaque",
            "messages": "messages",
            "requestedSchema": "schema",
            "task": "task",
            "tools": "tools",
            "url": "uri",
        }
    ),
    "input_responses": Place(others="input_response", keeps_keys=True),
    "input_response": Place(members={**IN_EVERY, "content": "answered", "role": "role", "roots": "roots"}),
    "answered": Place(members=BLOCK, elements="block"),
    # messages
    "error": Place(members={"code": "number", "data": "error_data"}),
    "error_data": Place(members={"elicitations": "elicitations", "requested": "version", "supported": "versions"}),
    "elicitations": Place(elements="asked"),
    "result:sampling": Place(members={**IN_EVERY, "role": "role", "content": "spoken", "task": "task"}),
    "result:client": Place(
        members={
            **IN_EVERY,
            **TASK,
            "task": "task",
            "tasks": "tasks",
            "nextCursor": "opaque",
            "roots": "roots",
        }
    ),
}
"""The places that messages of several methods have in common."""
CLIENTS: Mapping[str, Mapping[str, str]] = {
    "initialize": {"protocolVersion": "version"},
    "tools/call": {**RETRY, "task": "task"},
    "prompts/get": RETRY,
    "resources/read": {**RETRY, "uri": "uri"},
    "resources/subscribe": {"uri": "uri"},
    "resources/unsubscribe": {"uri": "uri"},
    "completion/complete": {"ref": "reference"},
    "tools/list": {"cursor": "opaque"},
    "prompts/list": {"cursor": "opaque"},
    "resources/list": {"cursor": "opaque"},
    "resources/templates/list": {"cursor": "opaque"},
    "tasks/list": {"cursor": "opaque"},
    "tasks/get": TASK,
    "tasks/result": TASK,
    "tasks/cancel": TASK,
    "tasks/update": {**TASK, **RETRY},
    "subscriptions/listen": {"notifications": "subscriptions"},
    "notifications/cancelled": {"requestId": "token", "taskId": "opaque"},
    "notifications/progress": {"progressToken": "token", "progress": "number", "total": "number"},
    "notifications/tasks/status": TASK,
}
"""The members of ``params`` that are the protocol's in a client's message, by method."""
CALLERS: Mapping[str, Mapping[str, str]] = {
    **CLIENTS,
    "tools/call": {**CLIENTS["tools/call"], "name": "opaque"},
    "prompts/get": {**CLIENTS["prompts/get"], "name": "opaque"},
    "completion/complete": {"ref": "registered_reference"},
}
"""The same in a client's message that calls a registered function: such a name is the operator's, or no entity."""
SERVERS: Mapping[str, Mapping[str, str]] = {
    "sampling/createMessage": {"messages": "messages", "tools": "tools", "task": "task"},
    "elicitation/create": {
        "requestedSchema": "schema",
        "elicitationId": "opaque",
        "url": "uri",
        "task": "task",
    },
    "tasks/list": {"cursor": "opaque"},
    "tasks/get": TASK,
    "tasks/result": TASK,
    "tasks/cancel": TASK,
    "notifications/cancelled": {"requestId": "token"},
    "notifications/elicitation/complete": {"elicitationId": "opaque"},
    "notifications/progress": {"progressToken": "token", "progress": "number", "total": "number"},
    "notifications/resources/updated": {"uri": "uri"},
    "notifications/subscriptions/acknowledged": {"notifications": "subscriptions"},
    "notifications/tasks/status": TASK,
}
"""The same for a server's."""
CALLED = {"content": "content", **REQUIRED_INPUT, **TASK, "task": "task"}
RESULTS: Mapping[str, Mapping[str, str]] = {
    "initialize": {"protocolVersion": "version"},
    "server/discover": {"supportedVersions": "versions"},
    "tools/list": {"tools": "tools", "nextCursor": "opaque"},
    "prompts/list": {"prompts": "prompts", "nextCursor": "opaque"},
    "resources/list": {"resources": "resources", "nextCursor": "opaque"},
    "resources/templates/list": {"resourceTemplates": "templates", "nextCursor": "opaque"},
    "tools/call": CALLED,
    "prompts/get": {"messages": "messages", **REQUIRED_INPUT},
    "resources/read": {"contents": "read", **REQUIRED_INPUT},
    "completion/complete": {"completion": "completion"},
    "tasks/list": {"tasks": "tasks", "nextCursor": "opaque"},
    "tasks/get": {**TASK, **REQUIRED_INPUT, "result": "result:tools/call"},
    "tasks/result": CALLED,
    "tasks/cancel": TASK,
    "tasks/update": TASK,
}
"""The members of a server's ``result`` that are the protocol's, by the method that was called."""
ANY_RESULT = "*"
"""Stands for the method of a call that is not known: a stream may repeat answers to earlier ones."""
OTHER = ""
"""Stands for all methods that are not named here."""


_ANSWERS = ("sampling", "client")
"""The kinds of a client's answer: see ``_kind_of_answer``."""


def _tables() -> dict[str, Place]:
    """Return all places: those of whole messages, by direction and method, as well."""
    places = dict(PLACES)
    for side, methods in (("client", CLIENTS), ("caller", CALLERS), ("server", SERVERS)):
        for method, members in {**methods, OTHER: {}}.items():
            places[f"params:{side}:{method}"] = Place(members={**IN_EVERY, **members})
            own = {"id": "token", **({"method": "opaque"} if side == "caller" else {})}
            places[f"{side}:{method}"] = Place(members={**own, "params": f"params:{side}:{method}"})
    every = {key: name for members in RESULTS.values() for key, name in members.items()}
    for method, members in {**RESULTS, OTHER: {}, ANY_RESULT: every}.items():
        places[f"result:{method}"] = Place(members={**IN_EVERY, **members})
        places[f"answer:{method}"] = Place(members={"id": "token", "result": f"result:{method}", "error": "error"})
    for kind in _ANSWERS:
        places[f"answer:{kind}"] = Place(members={"id": "token", "result": f"result:{kind}", "error": "error"})
    return places


ALL_PLACES = _tables()


def _begins(roots: Iterable[str]) -> dict[str, frozenset[str] | None]:
    """Return ``MessageShape.begins`` of messages whose places are among these."""
    found: dict[str, frozenset[str] | None] = {}
    for root in roots:
        for key, name in ALL_PLACES[root].members.items():
            place, known = ALL_PLACES[name], found.get(key, frozenset())
            if known is None or place.others or place.elements:
                found[key] = None
            else:
                found[key] = known | place.members.keys()
    return found


def shape(call: Call, *, response: bool) -> MessageShape:
    """Return the shape of the messages of a call.

    Args:
        call: as ``identify`` read it.
        response: of the messages that the server sends; else of the one that the client sent.
    """
    if not response:
        return _CLIENT if call.document is None else _CALLER
    return _responses(ANY_RESULT if call.name == STREAM else call.method if call.method in RESULTS else OTHER)


def arguments_shape(call: Call) -> MessageShape | None:
    """Return the shape of the arguments of a call, where they are a message of the protocol; else None.

    The arguments of a client's answer to the server are its result or error.
    """
    return _ARGUMENTS if call.name == RESPONSE else None


@lru_cache(maxsize=len(RESULTS) + 2)
def _responses(method: str) -> MessageShape:
    roots = (f"answer:{method}", *(f"server:{each}" for each in (*SERVERS, OTHER)))
    return MessageShape(ALL_PLACES, partial(_root, "server", SERVERS, f"answer:{method}"), _begins(roots))


def _root(side: str, methods: Iterable[str], answer: str, message: Json) -> str:
    """Return the name of the place of a message; empty if it is not exactly one of JSON-RPC."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not message.keys() <= KEYS:
        return ""
    if "method" in message:
        method = message["method"]
        if not isinstance(method, str):
            return ""
        is_request = message.keys().isdisjoint({"result", "error"})
        return f"{side}:{method if method in methods else OTHER}" if is_request else ""
    if "params" in message or ("result" in message) == ("error" in message):
        return ""
    return answer or f"answer:{_kind_of_answer(message.get('result'))}"


def _kind_of_answer(result: Json) -> str:
    """Return which request of the server a client's result answers, as far as that tells about its places.

    The values in the answer to an elicitation are data, under whatever names.
    """
    return "sampling" if isinstance(result, dict) and {"role", "model"} <= result.keys() else "client"


def _root_of_arguments(arguments: Json) -> str:
    return f"result:{_kind_of_answer(arguments)}"


def _of_client(side: str, methods: Iterable[str]) -> MessageShape:
    """Return the shape of what a client sends: requests, notifications, and answers to the server."""
    roots = (*(f"answer:{each}" for each in _ANSWERS), *(f"{side}:{each}" for each in (*methods, OTHER)))
    return MessageShape(ALL_PLACES, partial(_root, side, methods, ""), _begins(roots))


_CLIENT, _CALLER = _of_client("client", CLIENTS), _of_client("caller", CALLERS)
_ARGUMENTS = MessageShape(ALL_PLACES, _root_of_arguments, _begins(f"result:{each}" for each in _ANSWERS))
