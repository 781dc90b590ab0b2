"""Recorded calls as inputs again, as far as evidence keeps them: arguments are masked, other things are not kept.

Kept are who called, which function, with which (masked) arguments, what was found, and when. Headers, the query,
claims and the body are not: a rule that reads them finds nothing.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.model.decision import ApprovalTerms, Decision
from extproc.model.entries import DID_NOT_END, EntryKind
from extproc.model.errors import PolicyError
from extproc.model.reasons import Reason
from extproc.policy.contract.input_document import VERSION, rfc3339
from extproc.policy.contract.read_decision import read_decision
from extproc.policy.regorus.evaluator import EmbeddedEngine

COLUMNS = (
    *("kind", "call_id", "time_ns", "connection", "function", "protocol", "method", "path", "session", "issuer"),
    *("subject", "groups", "actor", "action", "reason", "rule", "risk", "shadow", "policy_revision"),
    *("uninspectable", "arguments", "request_bytes", "request_sha256", "findings", "detail"),
)
"""What is read of an entry."""
DECIDED = ("call.decided", "call.held", "call.denied")
"""Entries that were made when policy had answered, and nothing else had happened yet."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recalled:
    """One recorded call as an input."""

    document: bytes
    gaps: tuple[str, ...]
    """Why a decision on it may differ from the one that was made; empty: nothing that is known."""


def recall(row: Row, method_protocols: Collection[str]) -> Recalled:
    """Make the input of a recorded call again.

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
    http = {"path": row["path"]} | ({} if has_method else {"method": row["method"]})
    document: dict[str, Any] = {
        "attributes": {"request": {"http": http}},
        "version": VERSION,
        "identity": {key: row[key] for key in ("issuer", "subject", "groups", "actor")},
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
    if row["uninspectable"]:
        document["body"]["uninspectable"] = row["uninspectable"]
    return Recalled(orjson.dumps(document), tuple(gaps))


def _finding(finding: Any) -> dict[str, Any]:
    entity, path, _, count = finding.values() if isinstance(finding, Mapping) else finding
    return {"entity": entity, "path": path, "count": int(count)}


@dataclass(frozen=True, slots=True)
class Difference:
    """Calls that two policies decide differently in the same way."""

    function: str
    subject: str
    old: str
    """``allow granted``, with its masks."""
    new: str


@dataclass
class Comparison:
    """What would change."""

    method_protocols: Collection[str]
    """As ``recall`` takes them."""
    calls: int = 0
    inexact: int = 0
    """Calls whose recorded input has gaps."""
    changed: Counter[Difference] | None = None

    def add(self, row: Row, old: EmbeddedEngine, new: EmbeddedEngine) -> None:
        """Decide one recorded call under both."""
        recalled = recall(row, self.method_protocols)
        self.calls += 1
        self.inexact += bool(recalled.gaps)
        before, after = (decide_again(engine, recalled.document) for engine in (old, new))
        if summary(before) != summary(after):
            self.changed = self.changed if self.changed is not None else Counter()
            self.changed[Difference(row["function"], row["subject"], summary(before), summary(after))] += 1


def decide_again(engine: EmbeddedEngine, document: bytes) -> Decision:
    """The decision, as the guard would read it: no answer denies."""
    try:
        answer = engine.evaluate_now(document)
    except PolicyError:
        answer = None
    return read_decision(answer, revision=engine.revision, defaults=ApprovalTerms(("approvers",)))


def summary(decision: Decision) -> str:
    """What people compare: action, reason and rule, the terms of a hold, and all that is masked."""
    words = [decision.action.value, decision.rule]
    if decision.reason not in (Reason.POLICY_ALLOWED, Reason.POLICY_DENIED):
        words.append(f"({decision.reason.value})")
    if decision.approval:
        words.append(f"{decision.approval.minimum} of {','.join(decision.approval.groups)}")
    for way, rules in (("request", decision.mask.request), ("response", decision.mask.response)):
        words += sorted(f"mask {way} {rule.path or rule.entity} {rule.how.value}" for rule in rules)
    if decision.shadow:
        words.append(f"shadow {','.join(decision.shadow)}")
    return " ".join(word for word in words if word)


def first_decisions(rows: Iterable[Row]) -> list[Row]:
    """The earliest entry of each call in which policy had answered."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["kind"] in DECIDED and row["action"]:
            found.setdefault(str(row["call_id"]), row)
    return list(found.values())


def failed_evaluations(rows: Iterable[Row]) -> list[Row]:
    """Entries of calls that were denied because policy failed on them; not those on which it never ended."""
    return [
        row
        for row in rows
        if (row["kind"], row["reason"], row["rule"]) == (EntryKind.DENIED, Reason.POLICY_ERROR, "policy")
        and row["detail"] != DID_NOT_END
    ]


def sql_text(text: str) -> str:
    """A text as a literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def pretty(document: bytes) -> str:
    """An input as people read it."""
    return json.dumps(orjson.loads(document), indent=2, ensure_ascii=True)
