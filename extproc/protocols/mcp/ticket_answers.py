"""The answers to MCP calls that wait for approval: a ticket in a form that the client and its model understand.

A tool's ticket is a result, since clients show errors of the protocol to no model. It is an error (``isError``),
so that no client holds it against the tool's output schema. In MCP 2026-07-28 a client that can open pages is
asked to open the approval's, and to make the call again by itself (``input_required``).

Sources: MCP 2024-11-05 to 2025-11-25, tools, "Error Handling"; MCP 2026-07-28, multi round-trip requests, and
elicitation, "URL Mode".
"""

import json

from extproc.model.call import Call, Json
from extproc.model.pending_approval import PendingApproval
from extproc.model.reasons import Reason
from extproc.model.reply import Reply
from extproc.protocols.mcp import refusals
from extproc.protocols.mcp.functions import INPUTS, META, STATE, TASK
from extproc.protocols.mcp.methods import PROMPTS_GET, RESOURCES_READ, TOOLS_CALL
from extproc.protocols.mcp.repeats import QUESTION

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
MULTI_ROUND = frozenset({TOOLS_CALL, PROMPTS_GET, RESOURCES_READ})
"""Methods that may be answered with ``input_required``."""
FACTS = "extproc/approval"
"""The member of a result's ``_meta`` with the facts for programs."""


def ticket(call: Call, pending: PendingApproval, call_id: str) -> Reply | None:
    """Answer a call that waits for approval.

    Returns:
        The answer. None where no ticket can be given: no reply is awaited, or the request's id is not known.
    """
    if not call.awaits_reply or call.rpc_id is None:
        return None
    words = _words(call, pending)
    if _may_ask(call, pending):
        return _result(call, _input_required(call, pending))
    if call.method == TOOLS_CALL and TASK not in _params(call):  # a task is answered with a task, or an error
        return _result(call, _tool_result(call, pending, words, call_id))
    return refusals.pending_error(call, call_id, words, {**pending.facts, "retry_after": pending.retry_after_s})


def _may_ask(call: Call, pending: PendingApproval) -> bool:
    """Return whether the client may be asked to make the call again by itself.

    A call that already gives back a server's state would lose it: a client gives back only the last one.
    """
    params = _params(call)
    if not (call.modern and pending.state_token and call.method in MULTI_ROUND):
        return False
    if STATE in params or INPUTS in params:
        return False
    return pending.was_shown or bool(pending.url and _opens_pages(params))


def _opens_pages(params: dict[str, Json]) -> bool:
    """Return whether the client says of this request that it opens pages for its user."""
    found: Json = params
    for key in (META, CAPABILITIES, "elicitation", "url"):
        found = found.get(key) if isinstance(found, dict) else None
    return isinstance(found, dict)


def _params(call: Call) -> dict[str, Json]:
    params = call.document.get("params") if isinstance(call.document, dict) else None
    return params if isinstance(params, dict) else {}


def _words(call: Call, pending: PendingApproval) -> str:
    where = f" at {pending.url}" if pending.url else ""
    return (
        f"This call of {call.name} was not made yet: a person has to approve it. Approvers decide{where} until "
        f"{pending.expires}. Tell the user so, with the link if there is one. Then make the same call again, in "
        f"{pending.retry_after_s} seconds or later, with exactly the same arguments: it goes on waiting, and "
        "returns the result once it is approved. Other arguments are another call, which has to be approved by "
        "itself."
    )


def _input_required(call: Call, pending: PendingApproval) -> dict[str, Json]:
    state: dict[str, Json] = {"resultType": "input_required", STATE: pending.state_token}
    if pending.was_shown:
        return state
    said = (
        f"A person has to approve the call of {call.name}, until {pending.expires}. The page shows it. Decline to "
        "give the call up."
    )
    params: dict[str, Json] = {"mode": "url", "message": said, "url": pending.url}
    return {**state, "inputRequests": {QUESTION: {"method": "elicitation/create", "params": params}}}


def _tool_result(call: Call, pending: PendingApproval, words: str, call_id: str) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "reason": Reason.APPROVAL_REQUIRED.value,
        "call_id": call_id,
        **pending.facts,
        "retry_after": pending.retry_after_s,
    }
    era: dict[str, Json] = {"resultType": "complete"} if call.modern else {}
    return {**era, "content": [{"type": "text", "text": words}], "isError": True, META: {FACTS: facts}}


def _result(call: Call, result: dict[str, Json]) -> Reply:
    document = {"jsonrpc": "2.0", "id": call.rpc_id, "result": result}
    return Reply(refusals.OK, refusals.JSON_FIELDS, json.dumps(document, separators=(",", ":")).encode())
