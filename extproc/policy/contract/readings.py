"""The readings of a request: the guard's own and, where it is another, that of opa-envoy-plugin.

The guard reads more than the plugin: JSON under any content-type of JSON, compressed gRPC messages, ``/a/`` as
``/a``. So a deny rule is not dodged. But an allow rule could let pass here what it does not let pass there. So
policy is asked about both readings, and what it lets pass in both goes on, with all that either of them asks for.
"""

from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from extproc.model.call import RequestHead
from extproc.model.decision import Action, ApprovalTerms, Decision, HeaderChanges, QueryChanges
from extproc.model.masking import MaskPlan
from extproc.model.reasons import Reason

PARSED_TYPES = ("application/json", "application/grpc", "application/x-www-form-urlencoded", "multipart/form-data")
"""Parts of a content-type, in lower case, by which opa-envoy-plugin parses a body. It leaves all others alone."""
GRPC = "application/grpc"
STRICTNESS = (Action.ALLOW, Action.HOLD, Action.DENY)
NO_COMMON_GROUP = "policy-readings"
"""The rule in the record of a call that no group may approve in both readings."""


T = TypeVar("T")


class Reading(StrEnum):
    """Who reads a request."""

    GUARD = "guard"
    PLUGIN = "plugin"


def has_last_empty_segment(path: str) -> bool:
    """True if opa-envoy-plugin sees an empty segment at the path's end, which the guard leaves out."""
    return path.endswith("/") and path.strip("/") != ""


def plugin_parses(content_type: str, body: bytes) -> bool:
    """True if opa-envoy-plugin parses this body; false if ``parsed_body`` is null there.

    Args:
        content_type: the header field's value.
        body: not empty.
    """
    if GRPC in content_type and "application/json" not in content_type:
        return body[0] == 0  # the flag of a compressed message
    return any(each in content_type for each in PARSED_TYPES)


def may_be_read_otherwise(head: RequestHead, body: bytes) -> bool:
    """True if opa-envoy-plugin may read the path or the body of this request in another way. Cheap.

    Args:
        head: the request's head.
        body: the decoded body.
    """
    if has_last_empty_segment(head.path_only):
        return True
    return bool(body) and not plugin_parses(head.headers.get("content-type"), body)


def for_both(guards: Decision, plugins: Decision) -> Decision:
    """Return the decision that holds in both readings.

    The stricter action counts, and the guard's reading where both have the same. What takes something away is done
    if either asks for it: masking, and the removal of fields and query parameters. A hold ends as both want it.

    Args:
        guards: in the guard's reading.
        plugins: in that of opa-envoy-plugin.
    """
    stricter = max(guards, plugins, key=lambda each: STRICTNESS.index(each.action))
    if stricter.action is Action.DENY:
        return stricter
    approval = _terms(guards.approval, plugins.approval)
    if approval is not None and not approval.quorum.alternatives:
        detail = "no group may approve the call in both readings"
        return replace(
            stricter, action=Action.DENY, reason=Reason.POLICY_ERROR, rule=NO_COMMON_GROUP, detail=detail
        )
    return replace(
        stricter,
        approval=approval,
        risk=max(guards.risk, plugins.risk),
        mask=MaskPlan(
            _joined(guards.mask.request, plugins.mask.request),
            _joined(guards.mask.response, plugins.mask.response),
        ),
        headers=_changes(stricter.headers, guards.headers, plugins.headers),
        shadow=_joined(guards.shadow, plugins.shadow),
    )


def _joined(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _terms(one: ApprovalTerms | None, other: ApprovalTerms | None) -> ApprovalTerms | None:
    """Return terms that fulfil both."""
    if one is None or other is None:
        return one or other
    return one.and_also(other)


def _changes(stricter: HeaderChanges, one: HeaderChanges, other: HeaderChanges) -> HeaderChanges:
    """Return the stricter decision's changes, and the removals of both. A removal wins."""
    gone, query_gone = _joined(one.remove, other.remove), _joined(one.query.remove, other.query.remove)
    kept = tuple(pair for pair in stricter.set if pair[0] not in gone)
    query_kept = tuple(pair for pair in stricter.query.set if pair[0] not in query_gone)
    return replace(stricter, set=kept, remove=gone, query=QueryChanges(query_kept, query_gone))
