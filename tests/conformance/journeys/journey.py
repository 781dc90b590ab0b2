"""A client's whole way through a server of ours, from initialize to DELETE, on any SDK for Python.

Each step prints a line of JSON: its name, and what went wrong, if anything did. It imports no SDK: the adapters beside
it give an object with the methods that are called here.
"""

import asyncio
import json
import logging as logs
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

LATE_S, CANCEL_S = 10.0, 0.3
ANSWERS = {"name": "Alice", "response": "yes", "ok": True, "context": "tests"}


def plain(result: Any) -> Any:
    """Return a result as the JSON that it was."""
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def answer(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Fill a form; None: there is none, but a URL."""
    return {name: ANSWERS[name] for name in schema["properties"]} if schema else None


async def kind_of(client: Any, tool: str, kind: str) -> None:
    content = plain(await client.call(tool, {}))["content"]
    assert kind in [each["type"] for each in content], content


async def says(client: Any, tool: str, given: dict[str, Any], part: str) -> None:
    content = json.dumps(plain(await client.call(tool, given))["content"])
    assert part in content, content


async def listing(client: Any) -> None:
    assert len(plain(await client.list_tools())["tools"]) > 20


async def structured(client: Any) -> None:
    assert plain(await client.call("test_structured_content", {}))["structuredContent"]["count"] == 3


async def tool_error(client: Any) -> None:
    assert plain(await client.call("test_error_handling", {}))["isError"]


async def prompts(client: Any) -> None:
    assert len(plain(await client.list_prompts())["prompts"]) == 5
    got = plain(await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"}))
    assert "one and two" in json.dumps(got), got


async def resources(client: Any) -> None:
    for uri in ("test://static-text", "test://static-binary", "test://template/7/data"):
        assert len(plain(await client.read_resource(uri))["contents"]) == 1, uri


async def pagination(client: Any) -> None:
    found, cursor = [], None
    while True:
        page = plain(await client.list_resources(cursor))
        found += page["resources"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    assert len(found) == 3, found


async def completion(client: Any) -> None:
    got = plain(await client.complete("test_prompt_with_arguments", "arg1", "t"))
    assert got["completion"]["values"] == ["testValue1"], got


async def progress(client: Any) -> None:
    seen: list[float] = []

    async def note(now: float, _total: float | None = None, _message: str | None = None) -> None:
        seen.append(now)

    await client.call("test_tool_with_progress", {}, note)
    assert len(seen) == 3, seen


async def cancel(client: Any) -> None:
    call = asyncio.create_task(client.call("test_slow", {}))
    await asyncio.sleep(CANCEL_S)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await kind_of(client, "test_simple_text", "text")


async def logging(client: Any) -> None:
    await client.set_logging_level("debug")
    await client.call("test_tool_with_logging", {})
    await asyncio.sleep(0)
    assert len(client.logged) == 3, client.logged


async def subscriptions(client: Any) -> None:
    await client.subscribe("test://watched-resource")
    await client.unsubscribe("test://watched-resource")


async def tasks(client: Any) -> None:
    got = plain(await client.call_as_task("test_simple_text", {}))
    assert got["content"][0]["text"] == "A text.", got


def calls(function: Callable[..., Awaitable[None]], *given: Any) -> Callable[[Any], Awaitable[None]]:
    return lambda client: function(client, *given)


COMMON = {
    "tools/list": listing,
    "text": calls(kind_of, "test_simple_text", "text"),
    "image": calls(kind_of, "test_image_content", "image"),
    "audio": calls(kind_of, "test_audio_content", "audio"),
    "embedded resource": calls(kind_of, "test_embedded_resource", "resource"),
    "resource link": calls(kind_of, "test_resource_link", "resource_link"),
    "structured content": structured,
    "tool error": tool_error,
    "prompts": prompts,
    "resources": resources,
    "pagination": pagination,
    "completion": completion,
    "progress": progress,
    "cancel": cancel,
}
WITH_SESSION = {
    "logging": logging,
    "subscriptions": subscriptions,
    "elicitation, form": calls(says, "test_elicitation", {"message": "Well?"}, "accept"),
    "elicitation, URL": calls(says, "test_elicitation_url", {}, "accept"),
    "sampling": calls(says, "test_sampling", {"prompt": "The capital of France?"}, "Paris"),
    "roots": calls(says, "test_roots", {}, "alice"),
    "tasks": tasks,
    "resumption": calls(says, "test_reconnection", {}, "after the stream"),
}
WITHOUT_SESSION = {
    "elicitation, form": calls(kind_of, "test_input_required_result_elicitation", "text"),
    "elicitation, URL": calls(kind_of, "test_input_required_result_url", "text"),
    "sampling": calls(kind_of, "test_input_required_result_sampling", "text"),
    "roots": calls(kind_of, "test_input_required_result_list_roots", "text"),
    "rounds with state": calls(kind_of, "test_input_required_result_request_state", "text"),
    "Mcp-Param": calls(says, "test_x_mcp_header", {"region": "Bern"}, "Bern"),
}


class Complaints(logs.Handler):
    """What an SDK only logs: that a session could not be ended."""

    def __init__(self) -> None:
        super().__init__(logs.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logs.LogRecord) -> None:
        if "terminat" in (message := record.getMessage()):
            self.heard.append(message)


def told(step: str, error: BaseException | None = None) -> None:
    print(json.dumps({"step": step, **({"error": f"{type(error).__name__}: {error}"[:300]} if error else {})}))


async def travel(opened: Any, *, modern: bool = False, without: Iterable[str] = ()) -> None:
    """Go through every step.

    Args:
        opened: the context of an adapter.
        modern: the protocol has no sessions.
        without: steps for which this SDK has nothing.
    """
    steps = COMMON | (WITHOUT_SESSION if modern else WITH_SESSION)
    complaints = Complaints()
    logs.getLogger().addHandler(complaints)
    try:
        async with opened as client:
            told("initialize")
            for step in [each for each in steps if each not in without]:
                await tried(step, steps[step](client))
    except BaseException as error:  # noqa: BLE001 (an SDK may raise anything, and the table has to say so)
        told("close" if modern else "DELETE", error)
        return
    told("close" if modern else "DELETE", RuntimeError(*complaints.heard) if complaints.heard else None)


async def tried(step: str, doing: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(LATE_S):
            await doing
    except Exception as error:  # noqa: BLE001 (the same)
        told(step, error)
        return
    told(step)
