"""Change query parameters where policy asks for it, without changing which function is called."""

from dataclasses import replace
from urllib.parse import quote, unquote_plus

from extproc.codecs.json_keys import fold_parameter
from extproc.flow.stages import DecidedCall
from extproc.model.call import Call
from extproc.model.decision import QueryChanges
from extproc.model.errors import Refused
from extproc.model.reasons import Reason

RULE = "query-parameters"


def with_query(path: str, changes: QueryChanges) -> str:
    """Return the path with changed parameters. Those that stay keep their bytes and their order.

    A parameter goes that any server could take for one of that name: ``%41``, ``a`` and ``a[]`` for ``A``.

    Args:
        path: with its query.
        changes: what policy asks for.
    """
    gone = {fold_parameter(name) for name in (*changes.remove, *(name for name, _ in changes.set))}
    before, _, query = path.partition("?")
    pairs = [
        pair
        for pair in query.split("&")
        if pair and fold_parameter(unquote_plus(pair.partition("=")[0])) not in gone
    ]
    pairs += [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in changes.set]
    return f"{before}?{'&'.join(pairs)}" if pairs else before


def change_query(decided: DecidedCall) -> DecidedCall:
    """Return the call with the query that policy asks for: its head and arguments are those that go upstream.

    Raises:
        Refused: with ``policy-error``: the changed query is not one of the same function, or cannot be read.
    """
    request, call, changes = decided.request, decided.call, decided.decision.headers.query
    path = with_query(request.head.path, changes) if changes else request.head.path
    if path == request.head.path:
        return decided
    head = replace(request.head, path=path)
    try:
        changed = decided.connection.protocol.identify(
            head, request.plain, call_id=request.call_id, unreadable=request.unreadable
        )
    except Refused as refusal:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="the changed query names no function") from refusal
    if _sameness(changed) != _sameness(call):
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="the changed query is another call, or unreadable")
    identified = replace(
        decided.identified, request=replace(request, head=head), call=replace(changed, session=call.session)
    )
    return replace(decided, identified=identified)


def _sameness(call: Call) -> tuple[object, ...]:
    """The parts of a call that a changed query must leave as they are."""
    return call.function, call.method, call.uninspectable
