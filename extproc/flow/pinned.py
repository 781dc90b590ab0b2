"""The definitions of functions that a backend lists, compared with those that were seen before.

A store that cannot be used is an error of policy, which denies: an unseen change must not pass for none.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from extproc.flow.services import Connection, Services
from extproc.model.call import Call, Json
from extproc.model.errors import DefinitionError, MaskingError, PolicyError
from extproc.model.masking import MASK_EVERYTHING
from extproc.model.pinning import Pinning
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.pinning.definition_digest import definition_digest
from extproc.pinning.pin_rules import NOTHING_SEEN, fact_of, is_accepted
from extproc.pinning.pins import PinFact, PinnedDefinition, PinState, SeenDefinition, Verdict
from extproc.protocols.function_protocol import Listing

T = TypeVar("T")
SEEN_AGAIN_NS = 60 * NANOSECONDS_PER_SECOND
"""The age of a definition's last sight from which another is stored: a younger one is left as it is."""
TEXT_MAX = 64 << 10
"""Characters of a masked definition that are kept for people."""


async def definition_of(connection: Connection, call: Call, services: Services) -> PinFact | None:
    """Return what is known of the definition of a called function, now; None where definitions are not pinned.

    Raises:
        PolicyError: the store cannot be used in time.
    """
    pinning = connection.protocol.pinning(call)
    if pinning is None or connection.protocol.lists(call):
        return None
    found = await _asked(services, lambda: services.pins.of(connection.name, (call.name,)))
    return fact_of(found.get(call.name, ()), pinning)


async def definitions_seen(
    connection: Connection, call: Call, listing: Listing, services: Services
) -> Mapping[str, PinFact]:
    """Store the definitions that a listing shows, before its caller sees them.

    Args:
        connection: whose backend answered.
        call: the call that is answered.
        listing: its answer.
        services: the worker's services. Its observer is told of each definition that is a change.

    Returns:
        What is known of each listed function by now; nothing where definitions are not pinned.

    Raises:
        DefinitionError: a definition has no digest.
        PolicyError: the store cannot be used in time.
    """
    pinning = connection.protocol.pinning(call)
    if pinning is None or not listing.definitions:
        return {}
    name, names = connection.name, sorted({each for each, _ in listing.definitions})
    digests = [
        (each, definition_digest(definition, pinning.ignored), definition)
        for each, definition in listing.definitions
    ]
    before = await _asked(services, lambda: services.pins.of(name, names))
    now_ns = services.clock()
    if _shows_news(before, digests, now_ns):
        seen = tuple(
            SeenDefinition(
                each, digest, "" if _knows(before, each, digest) else _text(definition, connection, services)
            )
            for each, digest, definition in digests
        )
        await _asked(services, lambda: _saw(services, name, seen, now_ns, pinning))
        after = await _asked(services, lambda: services.pins.of(name, names))
        _tell(before, after, pinning, services)
        before = after
    return {each: fact_of(before.get(each, ()), pinning) for each in names}


def changed_among(facts: Mapping[str, PinFact]) -> list[str]:
    """Return the names of the functions whose definition nobody accepted."""
    return sorted(name for name, fact in facts.items() if fact.state is PinState.CHANGED)


def fact_for(facts: Mapping[str, PinFact], candidate: Call, connection: Connection) -> PinFact | None:
    """Return what policy is told of a function in a listing; None where definitions are not pinned."""
    if connection.protocol.pinning(candidate) is None:
        return None
    return facts.get(candidate.name, NOTHING_SEEN)


def _saw(services: Services, name: str, seen: tuple[SeenDefinition, ...], now_ns: int, pinning: Pinning) -> None:
    """Store what was seen. Functions with configured digests are never pinned at first sight."""
    configured = tuple(each for each in seen if each.name in pinning.digests)
    others = tuple(each for each in seen if each.name not in pinning.digests)
    for part, first_sight in ((configured, False), (others, pinning.first_sight)):
        if part:
            services.pins.saw(name, part, now_ns, first_sight=first_sight)


def _knows(known: Mapping[str, tuple[PinnedDefinition, ...]], name: str, digest: str) -> bool:
    return any(each.digest == digest for each in known.get(name, ()))


def _shows_news(
    known: Mapping[str, tuple[PinnedDefinition, ...]],
    digests: list[tuple[str, str, Mapping[str, Json]]],
    now_ns: int,
) -> bool:
    """Return whether the store has to be told."""
    fresh = {
        (name, each.digest)
        for name, definitions in known.items()
        for each in definitions
        if each.verdict is not Verdict.REJECTED and now_ns - each.last_seen_ns < SEEN_AGAIN_NS
    }
    return any((name, digest) not in fresh for name, digest, _ in digests)


def _text(definition: Mapping[str, Json], connection: Connection, services: Services) -> str:
    """Return the definition as people may read it: masked, without the credential; empty where that fails."""
    plain = json.dumps(definition, indent=2, ensure_ascii=False, sort_keys=True)
    try:
        masked = services.masker.mask(plain.encode(), "application/json", MASK_EVERYTHING).body
    except (MaskingError, UnicodeEncodeError):
        return ""
    text = connection.without_credential(masked.decode("utf-8", "replace"))
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"


def _tell(
    before: Mapping[str, tuple[PinnedDefinition, ...]],
    after: Mapping[str, tuple[PinnedDefinition, ...]],
    pinning: Pinning,
    services: Services,
) -> None:
    """Tell the observer of each definition that waits for people since now."""
    waited = {(each.name, each.digest) for each in _waiting(before, pinning)}
    for each in _waiting(after, pinning):
        if (each.name, each.digest) not in waited:
            services.observer.definition_changed(each.connection, each.name, each.digest)


def _waiting(known: Mapping[str, tuple[PinnedDefinition, ...]], pinning: Pinning) -> Iterator[PinnedDefinition]:
    for definitions in known.values():
        for each in definitions:
            if not is_accepted(each, pinning) and each.verdict is not Verdict.REJECTED:
                yield each


async def _asked(services: Services, question: Callable[[], T]) -> T:
    """Ask the store in a thread.

    Raises:
        PolicyError: it fails, or gives no answer in time.
    """
    try:
        async with asyncio.timeout(services.limits.decision_timeout):
            return await asyncio.to_thread(question)
    except TimeoutError:
        raise PolicyError("the store of definitions did not answer in time") from None
    except DefinitionError as error:
        raise PolicyError(str(error)) from None
