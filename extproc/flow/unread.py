"""Refuse requests and withhold responses that cannot be read, unless policy certainly reads that fact.

A deny rule about a body does not match a body that nobody could read, so an answer of policy would say nothing. As
for a malformed request in opa-envoy-plugin, dry-run softens none of this.
"""

from typing import Any

from extproc.flow.stages import IdentifiedCall
from extproc.model.call import RequestHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.policy.contract.parsed_body import shows_form
from extproc.policy.contract.uninspectable_reads import UninspectableReads

RULE = "policy.uninspectable"
FACTS_RULE = "envoy.attributes"


def check_request(identified: IdentifiedCall, reads: UninspectableReads) -> None:
    """Refuse a request of which policy would see less than there is, without knowing it.

    Args:
        identified: the request and its call.
        reads: what the policy in force reads.

    Raises:
        Refused: with ``uninspectable``.
    """
    call = identified.call
    if call.uninspectable is None:
        if call.is_streamed and not reads.streams:
            raise _refused("policy reads input.parsed_body, which has no messages of a client that streams")
    elif not (reads.request or (reads.forms and _shows_form(identified))):
        why = f" ({call.remedy})" if call.remedy else ""
        raise _refused(f"{call.uninspectable}{why}, and policy does not read input.body.uninspectable")


def _shows_form(identified: IdentifiedCall) -> bool:
    request, call = identified.request, identified.call
    return bool(request.plain) and shows_form(request.head.headers.get("content-type"), call)


def check_response(response: dict[str, Any], reads: UninspectableReads) -> None:
    """Withhold a response of which policy would see less than there is, without knowing it.

    Args:
        response: the value of ``input.response``.
        reads: what the policy in force reads.

    Raises:
        Refused: with ``response-uninspectable``.
    """
    missing = reads.missing_parts(response)
    if missing:
        names = " and ".join(f"input.response.{name}" for name in missing)
        detail = f"{response['uninspectable']}: there is no {names} for policy, which does not read uninspectable"
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule=RULE, detail=detail)


def check_facts(head: RequestHead, reads: frozenset[str]) -> None:
    """Refuse a request about whose connection Envoy does not say what policy reads: a deny rule would not apply.

    Args:
        head: the request's head.
        reads: the facts that the policy in force reads.

    Raises:
        Refused: with ``policy-error``.
    """
    if unsent := head.attributes.unsent & reads:
        names = ", ".join(f"input.{name}" for name in sorted(unsent))
        detail = f"policy reads {names}, which Envoy's filter does not send: see `extproc envoy check`"
        raise Refused(Reason.POLICY_ERROR, rule=FACTS_RULE, detail=detail)


def _refused(detail: str) -> Refused:
    return Refused(Reason.UNINSPECTABLE, rule=RULE, detail=detail)
