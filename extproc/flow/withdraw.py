"""A caller withdraws its held calls: it cancels one, or ends the session. Any worker may hold them.

The approvals store finds them by keys that bind identity, connection, session and the call's own id: nobody else's
call has the same key. The worker that holds a call learns of it from the store, as it learns of votes.
"""

from extproc.concurrency.threads import to_its_end
from extproc.flow.record.call_record import CallRecord
from extproc.flow.services import Services
from extproc.flow.stages import IdentifiedCall
from extproc.model.errors import ApprovalError, Refused
from extproc.model.reasons import Reason


async def withdraw(identified: IdentifiedCall, services: Services, record: CallRecord) -> None:
    """Withdraw the held calls that this call cancels, if it cancels any.

    Policy is not asked: nothing is forwarded by it, and a caller may always give up its own calls.

    Raises:
        Refused: with ``approval-unavailable``, or with ``overloaded`` where the caller withdraws more at once than
            it may hold: the calls may still be waiting, and the caller must not be told otherwise.
    """
    withdrawal = identified.connection.protocol.withdraws(identified.call)
    if withdrawal is None or identified.identity.is_anonymous:
        return
    if withdrawal.rpc_id is None and not identified.call.session:
        return
    key = _key(identified, services, withdrawal.rpc_id)
    try:
        with services.withdrawal_limiter.counted(identified.identity.name, services.limits):
            # A client that ends may close its connection at once: what it has said still counts.
            count = await to_its_end(services.approvals.withdraw, key, withdrawal.by, services.clock())
    except ApprovalError as error:
        raise Refused(Reason.APPROVAL_UNAVAILABLE, rule="approvals", detail=str(error)) from error
    if count:
        record.noted(f"withdrew held calls: {count}")


def withdrawal_keys(identified: IdentifiedCall, services: Services) -> tuple[str, ...]:
    """Return the keys by which its caller can withdraw this call: by its id, and with its session."""
    call = identified.call
    by_id = (_key(identified, services, call.rpc_id),) if call.rpc_id is not None else ()
    return (*by_id, _key(identified, services)) if call.session else by_id


def _key(identified: IdentifiedCall, services: Services, rpc_id: int | str | None = None) -> str:
    return services.sessions.withdrawal_key(
        identified.identity, identified.connection.name, identified.call.session, rpc_id
    )
