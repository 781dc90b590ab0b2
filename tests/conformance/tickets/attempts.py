"""A tool that waits for approval, called until it is done, by any of the Python clients. Each attempt is a line of JSON."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

TOOL = "test_structured_content"
"""It has an output schema, by which clients check results."""
MOST = 12
PAUSE_S = 1.0


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def call_until_done(call: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> None:
    """Make the same call again while it is answered with a ticket, as its text says."""
    for _ in range(MOST):
        began = time.monotonic()
        try:
            result = await call(TOOL, {})
        except BaseException as error:
            tell(raised=f"{type(error).__name__}: {error}", seconds=round(time.monotonic() - began, 1))
            if not isinstance(error, Exception):
                raise
            return
        shown = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        text = " ".join(each.get("text", "") for each in shown["content"])
        meta = (shown.get("_meta") or {}).get("extproc/approval")
        tell(text=text, error=shown.get("isError", False), meta=meta, seconds=round(time.monotonic() - began, 1))
        if not shown.get("isError"):
            return
        await asyncio.sleep(PAUSE_S)
