"""Change query parameters where policy asks for it, without changing which function is called."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, unquote_plus

from extproc.codecs.json_keys import fold_parameter
from extproc.flow.case import Case
from extproc.model.call import Call
from extproc.model.decision import QueryChanges
from extproc.model.errors import Refused
from extproc.model.reasons import Reason

RULE = "query-parameters"


def with_query(path: str, changes: QueryChanges) -> str:
    """The path with other parameters. Those that stay keep their bytes and their order.

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


def change_query(case: Case) -> bool:
    """Make the changes that policy asks for: the case's head and call are then those that go to the backend.

    Returns:
        Whether there were any.

    Raises:
        Refused: with ``policy-error``: the changed query is not one of the same function, or cannot be read.
    """
    call, connection, decision = case.call, case.connection, case.decision
    assert call is not None  # noqa: S101 - identified before
    assert connection is not None  # noqa: S101 - identified before
    assert decision is not None  # noqa: S101 - decided before
    path = with_query(case.head.path, decision.headers.query) if decision.headers.query else case.head.path
    if path == case.head.path:
        return False
    head = replace(case.head, path=path)
    try:
        changed = connection.protocol.identify(head, case.plain, call_id=case.call_id, unreadable=case.unreadable)
    except Refused as refusal:
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="the changed query names no function") from refusal
    if _what(changed) != _what(call):
        raise Refused(Reason.POLICY_ERROR, rule=RULE, detail="the changed query is another call, or unreadable")
    case.head, case.call = head, replace(changed, session=call.session)
    return True


def _what(call: Call) -> Mapping[str, object]:
    return {"function": call.function, "method": call.method, "uninspectable": call.uninspectable}
