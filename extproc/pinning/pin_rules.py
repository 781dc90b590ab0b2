"""The rules of pinning. Pure functions."""

from extproc.model.pinning import Pinning
from extproc.pinning.pins import PinFact, PinnedDefinition, PinState, Verdict

NOTHING_SEEN = PinFact(PinState.UNSEEN)


def is_accepted(definition: PinnedDefinition, pinning: Pinning) -> bool:
    """Return whether a definition is accepted: by people, by the configuration, or because it was the first.

    Configured digests replace first sight for their function. They come before a person's rejection: they are the
    operator's, who can take them out.
    """
    configured = pinning.digests.get(definition.name)
    if configured and definition.digest in configured:
        return True
    if definition.verdict is Verdict.FIRST_SIGHT:
        return pinning.first_sight and not configured
    return definition.verdict is Verdict.ACCEPTED


def fact_of(definitions: tuple[PinnedDefinition, ...], pinning: Pinning) -> PinFact:
    """Return what policy is told about a function.

    One definition that nobody accepted is enough for ``changed``, whatever was seen since: a server that shows a
    changed definition to one caller, and the accepted one to the next, has still changed it.

    Args:
        definitions: all of the function.
        pinning: of its connection.
    """
    if not definitions:
        return NOTHING_SEEN
    accepted = [each for each in definitions if is_accepted(each, pinning)]
    refused = [each for each in definitions if not is_accepted(each, pinning)]
    pending = [each for each in refused if each.verdict is not Verdict.REJECTED]
    if pending or not accepted:
        return PinFact(PinState.CHANGED, _newest(pending or refused).digest)
    newest = _newest(accepted)
    people = newest.acceptances if newest.verdict is Verdict.ACCEPTED else ()
    note = "; ".join(each.note for each in people)
    return PinFact(PinState.ACCEPTED, newest.digest, tuple(each.person for each in people), note)


def _newest(definitions: list[PinnedDefinition]) -> PinnedDefinition:
    return max(definitions, key=lambda each: (each.last_seen_ns, each.first_seen_ns, each.digest))
