"""Requests for approval as stores keep them: JSON text."""

import json
from dataclasses import asdict
from typing import Any

from extproc.approvals.approval import ApprovalRequest
from extproc.model.decision import HoldMode, Reuse
from extproc.model.masking import Finding, Side
from extproc.model.quorum import Quorum


def dump_request(request: ApprovalRequest) -> str:
    """Return a request as JSON text."""
    fields = asdict(request)
    if request.reuse:
        fields["reuse"] = {"for_s": request.reuse.for_s, "same": sorted(request.reuse.same)}
    return json.dumps(fields)


def load_request(text: str) -> ApprovalRequest:
    """Return the request of this JSON text, also of one that an earlier version stored."""
    fields = json.loads(text)
    if "quorum" not in fields:  # before alternatives of several groups
        fields["quorum"] = {
            "alternatives": [[group] for group in fields.pop("groups")],
            "minimum": fields.pop("minimum"),
        }
    quorum = fields["quorum"]
    fields["quorum"] = Quorum(tuple(tuple(each) for each in quorum["alternatives"]), quorum["minimum"])
    fields["findings"] = tuple(map(_load_finding, fields["findings"]))
    fields["mode"] = HoldMode(fields.get("mode", HoldMode.WAIT))
    fields["break_glass"] = tuple(fields.get("break_glass", ()))
    reuse = fields.get("reuse")
    fields["reuse"] = Reuse(reuse["for_s"], frozenset(reuse["same"])) if reuse else None
    return ApprovalRequest(**fields)


def _load_finding(values: dict[str, Any]) -> Finding:
    """Return a finding; versions before this one stored it without its side."""
    return Finding(**(values | {"side": Side(values.get("side", ""))}))
