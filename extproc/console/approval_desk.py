"""The one service through which people act on approvals: for the API, the pages, Slack and the command line.

It says who may see a request, checks that a voter saw the very call that the vote is for, and records each act. No
vote counts without a record: its entry is durable before the store is asked to count it. The store decides, by
``approvals/rules.py``, and its compare-and-swap is the only place where a vote counts.

====================  ==========================================================================
right                 who
====================  ==========================================================================
see a request         its caller, members of its groups, auditors, admins, the socket's owner
vote                  a person who is a member of its groups; not the caller, under no account
take a vote back      the person who gave it
cancel                its caller
====================  ==========================================================================

Its methods block: call them from a thread that may wait.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from extproc.approvals.approval import Approval, State, Vote
from extproc.approvals.port import PREFIX_MIN, ApprovalStore, Filter
from extproc.approvals.rules import is_own, why_refused
from extproc.console.act_entries import NOBODY, Act, Occasion
from extproc.console.act_log import ActLog
from extproc.console.lately import Lately
from extproc.console.recent_calls import CallSeen, RecentCalls
from extproc.console.roles import Role
from extproc.console.visitor import Visitor
from extproc.model.errors import ApprovalError, Refused, VoteRefused, WhyRefused
from extproc.model.ids import Clock
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND

LOOKED_AT = 1_000
"""The newest approvals, among which prefixes of ids are searched, and the most that a queue has."""
PER_CALLER = 50
"""The most waiting requests of one caller in a queue: thousands of one caller hide nobody else's."""
HISTORY_SCANNED = 2_000
"""Requests that one look into the history reads at most, to find those that the visitor may see."""
CHUNK_FIRST, CHUNK = 20, 500
"""Requests that it reads first, and then at once."""
SIMILAR_MOST = 20
LOOK_NS = 300 * NANOSECONDS_PER_SECOND
"""A person who looks at a request again within this time is recorded once."""
REFUSED_NS = 60 * NANOSECONDS_PER_SECOND
"""Attempts of one person about one request that are refused for one reason within this time are one entry."""
DECIDED = (State.APPROVED, State.DENIED)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A whole id (RFC 9562 section 4), as the guard writes it."""
PREFIX = re.compile(rf"[0-9a-f-]{{{PREFIX_MIN},36}}")


@dataclass(frozen=True)
class DeskMemory:
    """What the desk remembers; it outlives a change of the configuration."""

    looks: Lately
    refusals: Lately

    @classmethod
    def make(cls) -> "DeskMemory":
        """Begin without a memory."""
        return cls(Lately(LOOK_NS), Lately(REFUSED_NS))


class ApprovalDesk:
    """Serves visitors, who are verified already. Safe to use from any thread; its methods block."""

    def __init__(
        self,
        store: ApprovalStore,
        log: ActLog,
        clock: Clock,
        mask_note: Callable[[str], str],
        *,
        calls: RecentCalls | None = None,
        memory: DeskMemory | None = None,
        joins_accounts: bool = False,
    ) -> None:
        """Make a desk.

        Args:
            store: shared with the workers.
            log: records acts.
            clock: wall clock that does not go back.
            mask_note: masks a person's note before anything keeps it.
            calls: finds the recent calls of a caller; None: nothing is known of them.
            memory: of the desk of the configuration before.
            joins_accounts: ``claims.person`` is configured: a voter without it could be anybody.
        """
        self._store, self._log, self._clock, self._mask_note = store, log, clock, mask_note
        self._calls = calls
        self._memory = memory or DeskMemory.make()
        self._joins_accounts = joins_accounts

    def check(self) -> None:
        """Return if the store answers. Raises ``ApprovalError``."""
        self._store.closed_among([])

    # Reading

    def queue(self, by: Visitor) -> list[Approval]:
        """Return the requests that wait and that the visitor may see, newest first.

        At most ``PER_CALLER`` of one caller, and ``LOOKED_AT`` in all.
        """
        now_ns = self._clock()
        wanted = Filter(states=(State.PENDING,), per_requester=PER_CALLER, limit=LOOKED_AT)
        return [
            each
            for each in self._store.search(wanted)
            if now_ns < each.request.expires_ns and self.may_see(by, each)
        ]

    def history(self, by: Visitor, wanted: Filter) -> list[Approval]:
        """Return the requests that the visitor may see, newest first.

        Where most are of other groups, it may return fewer than there are: it reads ``HISTORY_SCANNED`` at most.
        """
        return self.history_page(by, wanted)[0]

    def history_page(self, by: Visitor, wanted: Filter) -> tuple[list[Approval], str]:
        """Return what ``history`` does, and the id to go on with as ``before_id``; empty at the end."""
        found: list[Approval] = []
        before, left = wanted.before_id, HISTORY_SCANNED
        size = min(max(wanted.limit, CHUNK_FIRST), CHUNK, left)
        while left > 0:
            chunk = self._store.search(replace(wanted, before_id=before, limit=size))
            for each in chunk:
                before = each.request.approval_id
                found += [each] if self.may_see(by, each) else []
                if len(found) >= wanted.limit:
                    return found, before
            if len(chunk) < size:
                return found, ""
            left -= size
            size = min(CHUNK, left)
        return found, before

    def get(self, by: Visitor, approval_id: str) -> Approval:
        """Return a request by its id, without recording a look: for pages that refresh themselves.

        Raises:
            VoteRefused: ``unknown``: there is none, or the visitor may not know.
        """
        found = self._find(by, approval_id)
        if found is None or not self.may_see(by, found):
            raise VoteRefused(WhyRefused.UNKNOWN)
        return found

    def look(self, by: Visitor, approval_id: str) -> Approval:
        """Return a request by its id, and record that the visitor was shown it.

        Raises:
            VoteRefused: as ``get``.
        """
        found = self.get(by, approval_id)
        now_ns = self._clock()
        if self._memory.looks.happened((_who(by), found.request.approval_id), now_ns) is not None:
            self._log.soon(Occasion(found.request, by, now_ns).looked())
        return found

    def matching(self, by: Visitor, prefix: str) -> list[str]:
        """Return the ids that begin with the prefix, among the newest approvals that the visitor may see."""
        if not PREFIX.fullmatch(prefix):
            return []
        newest = self._store.recent(pending_only=False, limit=LOOKED_AT)
        ids = (each.request.approval_id for each in newest if self.may_see(by, each))
        return [approval_id for approval_id in ids if approval_id.startswith(prefix)]

    def similar(self, by: Visitor, approval: Approval) -> list[Approval]:
        """Return requests of the same function that people decided, newest first."""
        return self._others(by, approval, Filter(approval.request.function, states=DECIDED, limit=SIMILAR_MOST))

    def last_approved(self, by: Visitor, approval: Approval) -> Approval | None:
        """Return the last approved request of the same function before this one; None if there is none."""
        wanted = Filter(
            approval.request.function,
            states=(State.APPROVED,),
            before_id=approval.request.approval_id,
            limit=1,
        )
        return next(iter(self.history(by, wanted)), None)

    def others_of_caller(self, by: Visitor, approval: Approval) -> list[Approval]:
        """Return other requests of the same caller that the visitor may see, newest first."""
        return self._others(by, approval, Filter(requester=approval.request.requester, limit=SIMILAR_MOST))

    def recent_calls(self, by: Visitor, approval: Approval) -> list[CallSeen] | None:
        """Return the caller's last calls before this one; None if the evidence did not tell in time.

        Nobody sees more of a caller than those who may see the request.
        """
        if self._calls is None or not self.may_see(by, approval):
            return None
        return self._calls.of(approval.request)

    @staticmethod
    def may_see(by: Visitor, approval: Approval) -> bool:
        """Return whether the visitor may know that this request exists."""
        if by.sees_all:
            return True
        if by.identity.is_anonymous:
            return False
        mine = is_own(approval.request, by.identity.name, by.identity.person)
        return mine or bool(set(by.identity.groups) & set(approval.request.groups))

    # Acting

    def vote(
        self,
        by: Visitor,
        approval_id: str,
        *,
        approve: bool,
        note: str,
        seen: str | None,
        preview: str = "",
        break_glass: bool = False,
    ) -> Approval:
        """Count one person's vote, once it is recorded.

        Args:
            by: the person.
            approval_id: the whole id.
            approve: approve or deny.
            note: the reason, in the person's own words; it is masked before anything keeps it.
            seen: the digest of the call that the person saw; None if the person named none.
            preview: the digest of the preview that the person saw; empty if none was named.
            break_glass: release the call alone, where policy lets this person.

        Returns:
            The approval after the vote.

        Raises:
            Refused: nobody votes without an identity.
            VoteRefused: the vote does not count; that is recorded.
            EvidenceError: it cannot be recorded, so it does not count.
            ApprovalError: the store did not count it, or did and could not say so.
        """
        act = Act.BREAK_GLASS if break_glass else Act.APPROVE if approve else Act.DENY
        current, person = self._begin(by, approval_id), by.identity
        now = Occasion(current.request, by, self._clock())
        vote = Vote(
            person.name,
            approve,
            self._mask_note(note.strip()),
            now.at_ns,
            person.groups,
            person.person,
            by.source,
            preview,
            break_glass,
        )
        self._check(act, by, current, self._why_not(by, current, vote, seen, preview))
        intent = now.intended(act, vote.note, vote.preview_digest)
        self._log.must(intent)
        after = self._do(act, by, current, lambda: self._store.vote(approval_id, vote, person.groups))
        if break_glass:
            self._log.observer.broke_glass(intent)
        return after

    def withdraw_vote(self, by: Visitor, approval_id: str) -> Approval:
        """Take the visitor's vote back, whichever of the person's accounts gave it.

        Raises:
            Refused: nobody acts without an identity.
            VoteRefused: there is no such vote, or nothing that it could still change; that is recorded.
            ApprovalError: the store did not take it back, or did and could not say so.
        """
        current = self._begin(by, approval_id)
        voter = next((vote.voter for vote in current.counted if _is_theirs(vote, by)), "")
        why = WhyRefused.ON_BEHALF if by.identity.actor else None if voter else WhyRefused.NOTHING_TO_WITHDRAW
        self._check(Act.WITHDRAW, by, current, why)
        return self._stop(
            Act.WITHDRAW, by, current, lambda now_ns: self._store.withdraw_vote(approval_id, voter, now_ns)
        )

    def cancel(self, by: Visitor, approval_id: str) -> Approval:
        """Give a request up, for its caller or for who acts for the caller.

        Raises:
            Refused: nobody acts without an identity.
            VoteRefused: it is another's, or decided already; that is recorded.
            ApprovalError: the store did not cancel it, or did and could not say so.
        """
        current = self._begin(by, approval_id)
        own = is_own(current.request, by.identity.name, by.identity.person)
        self._check(Act.CANCEL, by, current, None if own else WhyRefused.NOT_YOURS)
        return self._stop(Act.CANCEL, by, current, lambda now_ns: self._store.cancel_own(approval_id, now_ns))

    def expired(self, closed: list[Approval]) -> None:
        """Record requests that nobody decided in time, once they are closed."""
        for each in closed:
            self._log.soon(Occasion(each.request, NOBODY, each.closed_ns or self._clock()).expired())

    # Steps

    def _begin(self, by: Visitor, approval_id: str) -> Approval:
        """Return the request that somebody acts on. Those who may not see it learn that from the refusal only."""
        if by.identity.is_anonymous:
            raise Refused(Reason.UNAUTHENTICATED, rule="vote")
        found = self._store.get(approval_id) if ID.fullmatch(approval_id) else None
        if found is None:
            raise VoteRefused(WhyRefused.UNKNOWN)
        return found

    def _why_not(
        self, by: Visitor, current: Approval, vote: Vote, seen: str | None, preview: str
    ) -> WhyRefused | None:
        """Return why a vote would not count; the store looks again when it counts."""
        request = current.request
        ordered = (
            (bool(by.identity.actor), WhyRefused.ON_BEHALF),
            (self._joins_accounts and not by.identity.person, WhyRefused.PERSON_UNKNOWN),
            (Role.APPROVER not in by.roles, WhyRefused.WRONG_GROUP),
            # Before all that tells something of the request, such as its state or its digest.
            (not self.may_see(by, current), WhyRefused.WRONG_GROUP),
            (seen is not None and seen != request.digest, WhyRefused.WRONG_DIGEST),
            (bool(preview) and preview != request.preview_digest, WhyRefused.WRONG_PREVIEW),
        )
        first = next((why for wrong, why in ordered if wrong), None)
        return first or why_refused(request, current.state, current.counted, vote, by.identity.groups)

    def _check(self, act: Act, by: Visitor, current: Approval, why: WhyRefused | None) -> None:
        """Refuse an act, and record that; return if there is no reason to refuse it."""
        if why is not None:
            self._record_refusal(act, by, current, why)
            raise VoteRefused(why, current.state if self.may_see(by, current) else "")

    def _stop(self, act: Act, by: Visitor, current: Approval, do: Callable[[int], Approval]) -> Approval:
        """Do what only stops a call: recorded first, and done even if it cannot be."""
        now_ns = self._clock()
        self._log.durably_if_possible(Occasion(current.request, by, now_ns).intended(act))
        return self._do(act, by, current, lambda: do(now_ns))

    def _do(self, act: Act, by: Visitor, current: Approval, do: Callable[[], Approval]) -> Approval:
        """Let the store count an act whose intent is recorded, and record what came of it."""
        try:
            after = do()
        except VoteRefused as error:
            self._record_refusal(act, by, current, error.why)
            raise
        except ApprovalError:
            self._record_refusal(act, by, current, Reason.APPROVAL_UNAVAILABLE)
            raise
        self._log.soon(Occasion(current.request, by, self._clock()).counted(act, after.state))
        return after

    def _record_refusal(self, act: Act, by: Visitor, current: Approval, why: str) -> None:
        now = Occasion(current.request, by, self._clock())
        key = (_who(by), current.request.approval_id, act, str(why))
        unrecorded = self._memory.refusals.happened(key, now.at_ns)
        if unrecorded is not None:
            self._log.soon(now.refused(act, str(why), unrecorded))

    def _find(self, by: Visitor, text: str) -> Approval | None:
        """Return a request by its id or a prefix. What the visitor may not see makes no prefix ambiguous."""
        whole = [text] if ID.fullmatch(text) else self.matching(by, text)
        return self._store.get(whole[0]) if len(whole) == 1 else None

    def _others(self, by: Visitor, approval: Approval, wanted: Filter) -> list[Approval]:
        found = self.history(by, replace(wanted, limit=wanted.limit + 1))
        others = [each for each in found if each.request.approval_id != approval.request.approval_id]
        return others[: wanted.limit]


def _who(by: Visitor) -> tuple[str, str]:
    return by.identity.name, by.channel if by.identity.is_anonymous else ""


def _is_theirs(vote: Vote, by: Visitor) -> bool:
    same_person = bool(by.identity.person) and vote.person == by.identity.person
    return vote.approve and (vote.voter == by.identity.name or same_person)
