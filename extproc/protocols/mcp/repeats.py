"""Calls that are made again, because the guard answered them with a ticket.

What stays the same is the message, but for what belongs to the attempt: its id, and the members of ``_meta`` that
clients make anew each time. In MCP 2026-07-28 clients also give back the guard's ``requestState``, and an answer
to the guard's question in ``inputResponses``. Both are taken out of the message before anything else reads it. The
other bytes stay as they are, and so does the state of a server, whose beginning is another.

Sources: MCP 2026-07-28, multi round-trip requests; MCP 2025-11-25 and 2026-07-28, progress; SEP-414 (trace
context); the clients for the rest. RFC 8785 for the form, but for numbers: those stay as they are written.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rfc8785

from extproc.codecs.json_children import children, without
from extproc.codecs.json_keys import read_document
from extproc.codecs.strict_json import mark_of, read_utf8
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Headers, Json, RequestHead
from extproc.protocols.mcp.functions import INPUTS, META, STATE
from extproc.protocols.repeated_call import RepeatedCall
from extproc.protocols.request_checks import check_readable

QUESTION = "extproc-approval"
"""The key of the guard's question in ``inputRequests``, and of the client's answer to it."""
ACCEPTED, DECLINED = "accept", "decline"
"""What the person at the client may do: open the page, or give the call up. A ``cancel`` says neither."""
OF_AN_ATTEMPT = frozenset(
    {
        "progressToken",
        *("traceparent", "tracestate", "baggage"),
        "claudecode/toolUseId",  # of Claude Code: another one for each call that the model makes
        "vscode.requestId",  # of Visual Studio Code: likewise
    }
)
"""Members of ``_meta`` that name an attempt. Neither policy nor approvers see ``_meta``."""
LENGTH = "content-length"
SPELLED = (STATE.encode(), b"\\u")
"""One of them is in each body that has a state: the name, or an escaped character of it."""


def repeated(head: RequestHead, body: bytes, prefix: str, *, max_depth: int) -> RepeatedCall | None:
    """Take the guard's state, and the answer to its question, out of a message; see ``FunctionProtocol``."""
    if not any(each in body for each in SPELLED):
        return None
    try:
        check_readable(head.headers, body, None)
        params = _params(read_document(body, max_depth=max_depth))
    except Unreadable:
        return None
    state, answers = params.get(STATE), params.get(INPUTS)
    if not isinstance(state, str) or not state.startswith(prefix):
        return None
    answer = answers.get(QUESTION, ...) if isinstance(answers, dict) else ...
    gone = {STATE} if answer is ... or answers != {QUESTION: answer} else {STATE, INPUTS}
    text = _without(read_utf8(body), ("params",), gone)
    rest = mark_of(body) + _without(text, ("params", INPUTS), {QUESTION}).encode()
    action = ACCEPTED if answer is ... else answer.get("action") if isinstance(answer, dict) else None
    is_dismissed = action not in (ACCEPTED, DECLINED)
    return RepeatedCall(_with_length(head, len(rest)), rest, state, action == DECLINED, is_dismissed)


def same_call(call: Call, body: bytes) -> bytes:
    """Return what stays the same when the same call is made again; see ``FunctionProtocol``.

    A GET that resumes the answer to another call is another one. A message that could not be read is the same only
    where all of its bytes are.
    """
    if call.resumes:
        return b"resumed:" + json.dumps([call.resumes, call.rpc_id]).encode()
    if isinstance(call.document, dict):
        try:
            return b"message:" + _canonical(body)
        except (ValueError, TypeError, RecursionError):  # no canonical form: half a surrogate pair, deep nesting
            pass
    return b"body:" + body


def _params(document: Json) -> dict[str, Json]:
    params = document.get("params") if isinstance(document, dict) else None
    return params if isinstance(params, dict) else {}


def _without(text: str, path: tuple[str, ...], names: set[str]) -> str:
    """Return the text without some members of the object at a path; all other bytes stay."""
    parts = children(text, path)
    return without(text, parts, [part.key not in names for part in parts])


def _with_length(head: RequestHead, length: int) -> RequestHead:
    """Return the head of a request with a body of this length, where it says one."""
    fields = ((name, b"%d" % length if name == LENGTH else value) for name, value in head.headers)
    return replace(head, headers=Headers(tuple(fields)))


class _Number(str):
    """A number as it is written, which no other text equals."""

    __slots__ = ()


def _canonical(body: bytes) -> bytes:
    """Return the message without what belongs to the attempt, in a form that no other message has.

    Numbers are listed beside it as they are written, with their JSON pointers (RFC 6901): ``1``, ``1.0`` and
    ``1.00000000000000000001`` are three arguments for some servers.
    """
    message = json.loads(read_utf8(body), parse_int=_Number, parse_float=_Number)
    message.pop("id", None)
    params = message.get("params")
    meta = params.get(META) if isinstance(params, dict) else None
    if isinstance(meta, dict):
        rest = {key: value for key, value in meta.items() if not (key in OF_AN_ATTEMPT and isinstance(value, str))}
        message["params"] = {**params, META: rest}
        if not rest:
            del message["params"][META]
    return rfc8785.dumps({"message": _without_numbers(message), "numbers": sorted(_numbers(message, ""))})


def _without_numbers(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_without_numbers(item) for item in value]
    return None if isinstance(value, _Number) else value


def _numbers(value: object, pointer: str) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _numbers(member, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{pointer}/{index}")
    elif isinstance(value, _Number):
        yield [pointer, str(value)]
