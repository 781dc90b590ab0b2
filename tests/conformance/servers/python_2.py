"""The features on version 2 of the Python SDK, in both eras: ``python python_2.py PORT``."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged
from pydantic import RootModel

FEATURES = json.loads(Path(__file__).with_name("features.json").read_text())
NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
TYPES = {"string": str, "boolean": bool}
CHANGES = {"tools": ToolsListChanged, "prompts": PromptsListChanged}
PAGE, RETRY_MS = 2, 500
bus = InMemorySubscriptionBus()
Context = ServerRequestContext[Any, Any]


class Events(EventStore):
    """Keeps events in memory, so that a client may resume a stream."""

    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        last = int(last_event_id)
        stream_id = self._events[last][0]
        for number, (of, message) in enumerate(self._events):
            if number > last and of == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id


def fill(value: Any, names: dict[str, Any]) -> Any:
    """Fill ``{name}`` in each string of a value."""
    match value:
        case str():
            return re.sub(r"\{(\w+)\}", lambda found: str(names.get(found[1], found[0])), value)
        case list():
            return [fill(each, names) for each in value]
        case dict():
            return {key: fill(each, names) for key, each in value.items()}
        case _:
            return value


def is_answered(asked: dict[str, Any], answer: Any) -> bool:
    given = answer.model_dump(by_alias=True, mode="json", exclude_none=True) if answer else {}
    if asked["method"] == "roots/list":
        return isinstance(given.get("roots"), list)
    if asked["method"] == "sampling/createMessage":
        return "content" in given
    schema, content = asked["params"].get("requestedSchema", {}), given.get("content") or {}
    required = schema.get("required", [])
    right = (isinstance(content.get(key), TYPES[schema["properties"][key]["type"]]) for key in required)
    return given.get("action") == "accept" and all(right)


def missing_input(feature: dict[str, Any], context: Context, params: Any) -> types.InputRequiredResult | None:
    """Return the result that asks for the input of the first round without answers; None after the last round."""
    rounds, state = feature.get("rounds", []), json.loads(params.request_state or "{}")
    number, answers = state.get("round", 0), params.input_responses or {}
    if number < len(rounds) and all(
        is_answered(asked, answers.get(key)) for key, asked in askable(feature, number, context).items()
    ):
        number += 1
    if number >= len(rounds):
        return None
    kept = {"requestState": json.dumps({"round": number})} if feature.get("keepsState") else {}
    asked = askable(feature, number, context)
    return types.InputRequiredResult.model_validate({"inputRequests": asked, **kept})


def askable(feature: dict[str, Any], number: int, context: Context) -> dict[str, Any]:
    """Return what a round asks, as far as the client can answer."""
    declared, asked = context.session.client_capabilities, feature["rounds"][number]
    lacking = {NEEDS[each["method"]] for each in asked.values()}
    lacking = {each for each in lacking if declared is None or getattr(declared, each) is None}
    if lacking and feature.get("insists"):
        needed = {each: {} for each in lacking}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "lacking", {"requiredCapabilities": needed})
    return {key: each for key, each in asked.items() if NEEDS[each["method"]] not in lacking}


async def ask(context: Context, asked: dict[str, Any]) -> str:
    """Ask the client on the stream of its own request, and return the answer as JSON."""
    request = types.server_request_adapter.validate_python(asked)
    metadata = ServerMessageMetadata(related_request_id=context.request_id)
    answer = await context.session.send_request(request, RootModel[dict[str, Any]], metadata=metadata)
    return json.dumps(answer.root)


async def call_tool(
    context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    tool, given = FEATURES["tools"].get(params.name), params.arguments or {}
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"no tool {params.name}")
    if asking := missing_input(tool, context, params):
        return asking
    for text in tool.get("log", []):
        await context.session.send_log_message("info", text, related_request_id=context.request_id)
    for progress in tool.get("progress", []):
        await context.session.report_progress(progress, 100)
    if "changes" in tool:
        await bus.publish(CHANGES[tool["changes"]]())
    if "closesStream" in tool and context.close_sse_stream:
        await context.close_sse_stream()
    await asyncio.sleep(tool.get("wait", 0) / 1000)
    answer = await ask(context, fill(tool["asks"], given)) if "asks" in tool else None
    result = {key: tool[key] for key in ("structuredContent", "isError") if key in tool}
    content = fill(tool["content"], {**given, "answer": answer})
    return types.CallToolResult.model_validate({**result, "content": content})


def described(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": f"A feature: {name}.", **more}


def tool_of(name: str) -> types.Tool:
    tool = FEATURES["tools"][name]
    schemas = {key: tool[key] for key in ("inputSchema", "outputSchema") if key in tool}
    return types.Tool.model_validate(described(name, **{"inputSchema": {"type": "object"}, **schemas}))


async def list_tools(context: Context, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[tool_of(name) for name in FEATURES["tools"]])


async def list_prompts(context: Context, params: Any) -> types.ListPromptsResult:
    prompts = [
        described(name, arguments=[{"name": each, "required": True} for each in prompt.get("arguments", [])])
        for name, prompt in FEATURES["prompts"].items()
    ]
    return types.ListPromptsResult.model_validate({"prompts": prompts})


async def get_prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    prompt = FEATURES["prompts"].get(params.name)
    if prompt is None:
        raise MCPError(types.INVALID_PARAMS, f"no prompt {params.name}")
    messages = fill(prompt["messages"], params.arguments or {})
    asking = missing_input(prompt, context, params)
    return asking or types.GetPromptResult.model_validate({"messages": messages})


def name_of(uri: str) -> str:
    return re.sub(r"\W+", "-", uri.removeprefix("test://"))


async def list_resources(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    start = int((params and params.cursor) or 0)
    every = [
        {"uri": uri, "name": name_of(uri), "mimeType": each["mimeType"]}
        for uri, each in FEATURES["resources"].items()
    ]
    following = {"nextCursor": str(start + PAGE)} if start + PAGE < len(every) else {}
    page = {"resources": every[start : start + PAGE], **following}
    return types.ListResourcesResult.model_validate(page)


async def list_templates(context: Context, params: Any) -> types.ListResourceTemplatesResult:
    templates = [
        {"uriTemplate": uri, "name": name_of(uri), "mimeType": each["mimeType"]}
        for uri, each in FEATURES["templates"].items()
    ]
    return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": templates})


async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    found = FEATURES["resources"].get(uri)
    for template, resource in FEATURES["templates"].items():
        if match := re.fullmatch(template.replace("{id}", "([^/]+)"), uri):
            found = fill(resource, {"id": match[1]})
    if found is None:
        raise MCPError(types.INVALID_PARAMS, "no such resource", {"uri": uri})
    return types.ReadResourceResult.model_validate({"contents": [{"uri": uri, **found}]})


async def complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    return types.CompleteResult(completion=types.Completion(values=["testValue1"], total=1, has_more=False))


async def done(context: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


def make_server() -> Server[Any]:
    server: Server[Any] = Server(
        "features",
        version="1.0.0",
        get_tool_input_schema=lambda name: FEATURES["tools"].get(name, {}).get("inputSchema"),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=done,
        on_unsubscribe_resource=done,
        on_subscriptions_listen=ListenHandler(bus),
        on_completion=complete,
    )
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, done)
    security = RequestStateSecurity(keys=[b"a key of tests, of 32 bytes or more"])
    server.middleware.append(RequestStateBoundary(security, default_audience="features"))
    return server


if __name__ == "__main__":
    app = make_server().streamable_http_app(event_store=Events(), retry_interval=RETRY_MS)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
