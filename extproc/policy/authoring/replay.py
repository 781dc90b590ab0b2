"""Decide recorded calls again: rebuild their inputs from evidence, as far as evidence has them.

Evidence has the caller, the function, the (masked) arguments, the findings and the time. It does not have headers,
the query, claims and the body: a rule that reads them finds nothing.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from extproc.model.call import Json
from extproc.model.decision import ApprovalTerms, Decision
from extproc.model.entries import DID_NOT_END, EntryKind
from extproc.model.errors import PolicyError
from extproc.model.identity import ANONYMOUS_NAME
from extproc.model.quorum import Quorum
from extproc.model.reasons import Reason
from extproc.policy.contract.input_document import VERSION, rfc3339
from extproc.policy.contract.read_decision import read_decision

_NAMES = (
    *("kind", "call_id", "time_ns", "connection", "function", "protocol", "method", "path", "session", "issuer"),
    *("subject", "groups", "actor", "action", "reason", "rule", "risk", "shadow", "policy_revision"),
    *("uninspectable", "arguments", "request_bytes", "request_sha256", "findings", "detail"),
)
COLUMNS: Mapping[str, str] = {name: name for name in _NAMES} | {
    name: f"JSONExtractString(document, '{name}')" for name in ("definition_state", "definition_digest")
}
"""The facts of an entry that are read, each with its SQL: a column, or a part of the document."""
DECIDED = ("call.decided", "call.held", "call.denied")
"""Kinds of entries that are made right after policy has answered."""
Row = Mapping[str, Any]


class Decider(Protocol):
    """A policy that decides at once."""

    @property
    def revision(self) -> str:
        """The revision of the policy that gave the latest answer."""
        ...

    def evaluate_now(self, document: bytes) -> Json:
        """Evaluate the query over one input. Raises ``PolicyError`` without a usable answer."""
        ...


@dataclass(frozen=True, slots=True)
class Recalled:
    """The rebuilt input of one recorded call."""

    document: bytes
    gaps: tuple[str, ...]
    """Why a decision on it may differ from the recorded one; empty if there is no known reason."""


def recall(row: Row, method_protocols: Collection[str]) -> Recalled:
    """Rebuild the input of a recorded call.

    Args:
        row: an entry's columns, with one of the kinds ``DECIDED``.
        method_protocols: names of the protocols whose entries have the protocol's method in place of HTTP's.
    """
    has_method = row["protocol"] in method_protocols
    gaps = []
    arguments: Any = None
    try:
        arguments = orjson.loads(row["arguments"]) if row["arguments"] else None
    except ValueError:
        gaps.append("the arguments were cut at the recording limit")
    if not row["arguments"] and not row["uninspectable"]:
        gaps.append("the arguments were not recorded")
    if row["findings"]:
        gaps.append("sensitive arguments were masked before they were recorded")
    name = str(row["function"]).removeprefix(f"{row['connection']}.")
    http = _host_and_path(row["path"]) | ({} if has_method else {"method": row["method"]})
    document: dict[str, Any] = {
        "attributes": {"request": {"http": http}},
        "version": VERSION,
        "identity": _identity(row),
        "connection": {"name": row["connection"], "protocol": row["protocol"]},
        "call": {
            "id": row["call_id"],
            "protocol": row["protocol"],
            "function": row["function"],
            "name": name,
            "method": row["method"] if has_method else "",
            "arguments": arguments,
            "session": row["session"],
        },
        "findings": [_finding(finding) for finding in row["findings"]],
        "body": {"size": int(row["request_bytes"]), "sha256": row["request_sha256"]},
        "direction": "request",
        "time": rfc3339(int(row["time_ns"])),
    }
    if state := row.get("definition_state"):
        document["call"]["definition"] = {"state": state, "digest": row.get("definition_digest", "")}
    if row["uninspectable"]:
        document["body"]["uninspectable"] = row["uninspectable"]
    return Recalled(orjson.dumps(document), tuple(gaps))


def _host_and_path(recorded: str) -> dict[str, str]:
    """Separate the host that the record keeps before a path where a wildcard leaves it open."""
    host, slash, path = recorded.removeprefix("//").partition("/")
    return {"path": slash + path, "host": host} if recorded.startswith("//") else {"path": recorded}


def _identity(row: Row) -> dict[str, Any]:
    """Return who called. Nobody is ``anonymous`` in the record, and nothing in the input."""
    subject = "" if row["subject"] == ANONYMOUS_NAME and not row["issuer"] else row["subject"]
    return {"issuer": row["issuer"], "subject": subject, "groups": row["groups"], "actor": row["actor"]}


def _finding(finding: Any) -> dict[str, Any]:
    entity, path, _, count = finding.values() if isinstance(finding, Mapping) else finding
    return {"entity": entity, "path": path, "count": int(count)}


@dataclass(frozen=True, slots=True)
class Difference:
    """A group of calls that two policies decide differently, with the same two decisions."""

    function: str
    subject: str
    old: str
    """``allow granted``, with its masks."""
    new: str


@dataclass
class Comparison:
    """The decisions that would change from one policy to another."""

    method_protocols: Collection[str]
    """As ``recall`` takes them."""
    calls: int = 0
    inexact: int = 0
    """Calls whose recorded input has gaps."""
    changed: Counter[Difference] | None = None

    def add(self, row: Row, old: Decider, new: Decider) -> None:
        """Decide one recorded call under both policies."""
        recalled = recall(row, self.method_protocols)
        self.calls += 1
        self.inexact += bool(recalled.gaps)
        before, after = (decide_again(engine, recalled.document) for engine in (old, new))
        if summary(before) != summary(after):
            self.changed = self.changed if self.changed is not None else Counter()
            self.changed[Difference(row["function"], row["subject"], summary(before), summary(after))] += 1


def decide_again(engine: Decider, document: bytes) -> Decision:
    """The decision, as the guard would read it: without an answer it denies."""
    try:
        answer = engine.evaluate_now(document)
    except PolicyError:
        answer = None
    return read_decision(answer, revision=engine.revision, defaults=ApprovalTerms(Quorum.any_of("approvers")))


def summary(decision: Decision) -> str:
    """The decision for comparison: action, rule and reason, the terms of a hold, and all masks."""
    words = [decision.action.value, decision.rule]
    if decision.reason not in (Reason.POLICY_ALLOWED, Reason.POLICY_DENIED):
        words.append(f"({decision.reason.value})")
    if decision.approval:
        words.append(str(decision.approval.quorum))
    for way, rules in (("request", decision.mask.request), ("response", decision.mask.response)):
        words += sorted(f"mask {way} {rule.path or rule.entity} {rule.how.value}" for rule in rules)
    if decision.shadow:
        words.append(f"shadow {','.join(decision.shadow)}")
    return " ".join(word for word in words if word)


def first_decisions(rows: Iterable[Row]) -> list[Row]:
    """For each call, the earliest entry with policy's answer."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["kind"] in DECIDED and row["action"]:
            found.setdefault(str(row["call_id"]), row)
    return list(found.values())


def failed_evaluations(rows: Iterable[Row]) -> list[Row]:
    """Entries of calls that were denied because policy failed on them; not those whose evaluation did not end."""
    return [
        row
        for row in rows
        if (row["kind"], row["reason"], row["rule"]) == (EntryKind.DENIED, Reason.POLICY_ERROR, "policy")
        and row["detail"] != DID_NOT_END
    ]


def sql_text(text: str) -> str:
    """The text as a string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def pretty(document: bytes) -> str:
    """The input, indented for people."""
    return json.dumps(orjson.loads(document), indent=2, ensure_ascii=True)
