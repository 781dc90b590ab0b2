"""A listing of functions shows its caller those that they may call, and no others.

Policy is asked once for each registered function in the listing, with ``input.direction`` ``list`` and no other
arguments than those that the listing itself has. A function that is denied, cannot be decided, has no name or is
not registered is taken out.
"""

from collections.abc import Mapping

from extproc.codecs.unreadable import Unreadable
from extproc.concurrency.few_at_once import few_at_once
from extproc.flow.decide import Question, ask
from extproc.flow.pinned import changed_among, definitions_seen, fact_for
from extproc.flow.record.call_record import CallRecord
from extproc.flow.record.masked_request import dump
from extproc.flow.services import Services
from extproc.flow.stages import DecidedCall
from extproc.model.call import Call, ResponseHead
from extproc.model.decision import Action
from extproc.model.errors import DefinitionError, PolicyError, Refused
from extproc.model.reasons import Reason
from extproc.pinning.pins import PinFact
from extproc.protocols.function_protocol import Listing

ERRORS = 400
"""HTTP statuses from here on say that there is no listing. Clients go by the status, whatever the body is (404:
the session is gone). The status is kept, and a body that cannot be read is left out."""
NAMED = 10
"""Functions with a changed definition that an entry names."""


async def cut_listing(
    decided: DecidedCall, services: Services, record: CallRecord, head: ResponseHead, plain: bytes | None
) -> bytes:
    """Return the response without the functions that this caller may not call.

    Args:
        decided: a call whose response lists functions.
        services: the worker's services.
        record: is told how many functions are shown.
        head: the response's head.
        plain: its whole body, content-encoding undone; None where that cannot be.

    Returns:
        The body; nothing of an error that cannot be read.

    Raises:
        Refused: with ``response-uninspectable``: the listed functions cannot be told for certain. With
            ``policy-error``: their definitions cannot be compared.
    """
    if plain is None:
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail="content-encoding")
    try:
        listing = decided.connection.protocol.read_listing(decided.call.answered, head, plain)
    except Unreadable as error:
        if head.status >= ERRORS:
            record.noted(f"an unreadable answer to a listing was left out: {error.kind.value}")
            return b""
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="listing", detail=error.kind.value) from error
    facts = await _definitions(decided, services, listing)
    kept = await _kept(decided, services, listing.items, facts)
    if listing.noun:
        record.noted(f"{sum(kept)} of {len(kept)} listed {listing.noun} shown{_changes(facts)}")
    return listing.keep(kept)


async def _kept(
    decided: DecidedCall, services: Services, items: tuple[Call | None, ...], facts: Mapping[str, PinFact]
) -> list[bool]:
    """Return for each listed thing whether the caller may call it. Policy is asked once for all that are alike."""
    keys = [None if each is None else (each.name, dump(each.arguments)) for each in items]
    distinct = {key: each for key, each in zip(keys, items, strict=True) if key and each}
    answers = await few_at_once(_may_call(decided, services, each, facts) for each in distinct.values())
    may_call = dict(zip(distinct, answers, strict=True))
    return [key is not None and may_call[key] for key in keys]


async def _definitions(decided: DecidedCall, services: Services, listing: Listing) -> Mapping[str, PinFact]:
    """Compare the listed definitions with those that were seen before.

    Raises:
        Refused: they cannot be compared, so nobody may see them.
    """
    try:
        return await definitions_seen(decided.connection, decided.call.answered, listing, services)
    except DefinitionError as error:
        raise Refused(Reason.RESPONSE_UNINSPECTABLE, rule="definitions", detail=str(error)) from error
    except PolicyError as error:
        raise Refused(Reason.POLICY_ERROR, rule="definitions", detail=str(error)) from error


def _changes(facts: Mapping[str, PinFact]) -> str:
    """Name the functions whose definition nobody accepted, for the record."""
    changed = changed_among(facts)
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return f"; definitions changed: {', '.join(changed[:NAMED])}{more}" if changed else ""


async def _may_call(decided: DecidedCall, services: Services, listed: Call, facts: Mapping[str, PinFact]) -> bool:
    """Return whether policy would allow or hold a call of this function. No answer is no."""
    definition = fact_for(facts, listed, decided.connection)
    try:
        decision = await ask(Question(decided.identified, decided.usage, definition, about=listed), services)
    except (PolicyError, Refused):
        return False
    return decision.action is not Action.DENY
