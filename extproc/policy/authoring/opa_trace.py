"""Decide on one input in an OPA server, and show which rules led to the decision, from OPA's own explanation."""

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from extproc.model.call import Json
from extproc.model.decision import Action, ApprovalTerms, Decision
from extproc.model.errors import PolicyError, PolicyUnreachable
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.authoring.trace import Fired, Stopped, Trace
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.opa.bundles import read_bundles
from extproc.policy.opa.opa_client import OpaClient
from extproc.policy.opa.opa_engine import ASK, OpaEngine
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.evaluator import UNDEFINED

EXPLAINED = 64 << 20
"""Bytes of an answer with its explanation."""
WITHIN_S = 30.0
RULES_SHOWN = 100
OK = 200
LINE = re.compile(r"(?P<file>.*?):(?P<line>\d+) +(?P<bars>(?:\| )*)(?P<event>Enter|Exit|Fail|Redo) (?P<what>.*)")
RULE = re.compile(r"data(\.[A-Za-z_][A-Za-z0-9_]*)+")
QUERY = "query"
"""The file of the question itself."""


@dataclass(slots=True)
class Frame:
    """A rule's body while OPA evaluates it."""

    rule: str
    file: str
    line: int
    """Of the last statement that failed; of the rule, if none did."""
    statement: str = ""
    held: bool = False


@dataclass
class Explained:
    """The rules of an explanation."""

    frames: list[Frame] = field(default_factory=list)
    """Each body that was evaluated, in OPA's order."""
    open: dict[int, Frame] = field(default_factory=dict)
    """The latest frame of each depth."""
    fired: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Rules that have a value, with their places."""


async def trace_in_opa(server: OpaServer, query: str, document: bytes) -> Trace:
    """Decide on one input in an OPA server.

    Args:
        server: the OPA server. It is asked for the decision, its policies, and the values of the rules that fired.
        query: ``data.<package>.<rule>``.
        document: the input, JSON.

    Raises:
        PolicyUnreachable: OPA gives no answer.
    """
    client = OpaClient(server, EXPLAINED)
    engine = OpaEngine(server, query)
    try:
        answer, error = await _decide(client, query, document)
        texts = await _texts(client)
        bundles = read_bundles(answer.get("provenance"), query)
        revision = bundles.revision or (await engine.refresh() if texts else "")
        found = _decision(answer, error, revision)
        rules = explained(answer.get("explanation") or [], texts)
        fired = [one async for one in _valued(client, rules, document)]
        return Trace(
            answer.get("result"),
            error,
            replace(found, bundles=bundles.names),
            tuple(sorted(fired, key=lambda one: (one.file, one.line))),
            tuple(_stopped(rules, texts)),
        )
    finally:
        client.close()
        await engine.close()


def _decision(answer: Mapping[str, Json], error: str, revision: str) -> Decision:
    if error:
        return Decision(Action.DENY, Reason.POLICY_ERROR, rule="policy", revision=revision)
    return read_decision(answer["result"], revision=revision, defaults=ApprovalTerms(Quorum.any_of("approvers")))


async def _decide(client: OpaClient, query: str, document: bytes) -> tuple[dict[str, Any], str]:
    """OPA's answer, and why it has no result. OPA's words about an error may quote the input: for authors."""
    status, answer = await _post(client, f"/v1/{query.replace('.', '/')}?{ASK}&explain=full&pretty=true", document)
    if status != OK:
        reasons = [answer.get("message"), *(_error(one) for one in answer.get("errors") or [])]
        return answer, "; ".join(str(one) for one in reasons if one) or f"OPA answered with status {status}"
    return answer, "" if "result" in answer else UNDEFINED


def _error(error: Mapping[str, Any]) -> str:
    place = error.get("location") or {}
    return f"{place.get('file', '')}:{place.get('row', '')}: {error.get('message', '')}"


async def _post(client: OpaClient, target: str, document: bytes) -> tuple[int, dict[str, Any]]:
    try:
        async with asyncio.timeout(WITHIN_S):
            answer = await client.ask("POST", target, b'{"input":' + document + b"}")
    except TimeoutError:
        raise PolicyUnreachable(f"OPA gave no answer within {WITHIN_S:g} s") from None
    try:
        found = orjson.loads(answer.body)
    except ValueError:
        found = {}
    return answer.status, found if isinstance(found, dict) else {}


async def _texts(client: OpaClient) -> dict[str, list[str]]:
    """The lines of OPA's policies, by name; empty if OPA does not show them."""
    try:
        async with asyncio.timeout(WITHIN_S):
            answer = await client.ask("GET", "/v1/policies")
        found = orjson.loads(answer.body)["result"] if answer.status == OK else []
        return {str(one["id"]): str(one["raw"]).split("\n") for one in found}
    except (PolicyError, TimeoutError, ValueError, KeyError, TypeError):
        return {}


def explained(lines: Iterable[str], files: Collection[str] = ()) -> Explained:
    """Read OPA's explanation, as it prints it: one event on each line, indented by the depth of evaluation.

    Args:
        lines: the explanation.
        files: the names of OPA's policies: the explanation shortens long ones.
    """
    found = Explained()
    for line in lines:
        event = LINE.fullmatch(line)
        if event and event["file"] != QUERY:
            _add(found, event, _whole_name(event["file"], files), depth=len(event["bars"]) // 2)
    return found


def _whole_name(shown: str, files: Collection[str]) -> str:
    """The name of a file, of which an explanation may have the beginning and the end alone.

    OPA names policies without the slash at the beginning of a path.
    """
    begin, shortened, end = shown.lstrip("/").partition("...")
    if not shortened:
        return begin if begin in files else shown
    fits = [name for name in files if name.startswith(begin) and name.endswith(end)]
    return fits[0] if len(fits) == 1 else shown


def _add(found: Explained, event: re.Match[str], file: str, depth: int) -> None:
    place = file, int(event["line"])
    within = found.open.get(depth - 1)
    match event["event"]:
        case "Enter" if RULE.match(event["what"]):
            found.open[depth] = Frame(event["what"], *place)
            found.frames.append(found.open[depth])
        case "Enter" | "Redo":
            found.open.pop(depth, None)  # no rule of its own, or one that has held before
        case "Exit" if RULE.match(event["what"]):
            rule = event["what"].removesuffix(" early")
            found.fired.setdefault(rule, place)
            if within:
                within.held = True
        case "Fail" if within:
            within.file, within.line, within.statement = *place, event["what"]
        case _:
            pass


async def _valued(client: OpaClient, rules: Explained, document: bytes) -> Any:
    """The rules that fired, with their values; functions have none."""
    for rule, (file, line) in list(rules.fired.items())[:RULES_SHOWN]:
        if RULE.fullmatch(rule):
            status, answer = await _post(client, f"/v1/{rule.replace('.', '/')}?{ASK}", document)
            if status == OK and "result" in answer:
                yield Fired(rule, file, line, answer["result"])


def _stopped(rules: Explained, texts: Mapping[str, list[str]]) -> Iterator[Stopped]:
    """The bodies that did not hold, each with the last statement that failed."""
    seen = set()
    for frame in rules.frames:
        stop = Stopped(frame.rule, frame.file, frame.line, _text(frame, texts))
        if not frame.held and frame.statement and stop not in seen:
            seen.add(stop)
            yield stop


def _text(frame: Frame, texts: Mapping[str, list[str]]) -> str:
    """The line as its author wrote it, if OPA shows it; else as OPA rewrote it."""
    lines = texts.get(frame.file, [])
    return lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else frame.statement
