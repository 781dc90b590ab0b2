"""The part of the API about definitions of functions: who may read them, and who may accept a change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request

from extproc.approvals.rules import NOTE_MAX, NOTE_MIN
from extproc.console.authorization import Caller
from extproc.console.problem_documents import problems
from extproc.console.request_models import DecisionBody, DefinitionsQuery, FunctionQuery
from extproc.console.response_models import (
    DefinitionList,
    DefinitionShape,
    DefinitionsOfFunction,
    DefinitionText,
    moment,
)
from extproc.console.roles import Role, roles_of
from extproc.model.errors import VoteRefused, WhyRefused
from extproc.model.ids import Clock
from extproc.model.pinning import Pinning
from extproc.pinning.pin_rules import fact_of, is_accepted
from extproc.pinning.pins import Acceptance, PinnedDefinition, PinState, PinStore, Verdict
from extproc.settings.connection import ConnectionSettings
from extproc.settings.control import RoleSettings

LIST_MAX = 5_000
"""Definitions that a list has at most."""
NOT_PINNED = "not-pinned"
"""The state of definitions of a connection that does not pin them any more."""


@dataclass(frozen=True)
class Definitions:
    """The definitions of all connections, and the decisions about them."""

    pins: PinStore
    """Shared with the workers."""
    connections: Mapping[str, ConnectionSettings]
    """The registered ones; their approvers decide."""
    clock: Clock
    mask_note: Callable[[str], str]
    """Masks a person's note before it is stored."""
    joins_accounts: bool = False
    """``claims.person`` is configured: somebody without it could be anybody."""
    roles: RoleSettings = field(default_factory=RoleSettings)
    """``control.roles``: who accepts is who may approve calls."""

    def every(self, by: Caller, *, changed: bool) -> list[DefinitionShape]:
        """Return all that the caller may see; those that nobody accepted, where ``changed`` is true."""
        shapes = [
            definition_shape(each, self.connections[each.connection])
            for each in self.pins.all(limit=LIST_MAX)
            if self._may_see(each.connection, by)
        ]
        return [each for each in shapes if not changed or each["state"] == PinState.CHANGED]

    def one(self, by: Caller, function: str) -> DefinitionsOfFunction:
        """Return the definitions of one function, with their texts.

        Raises:
            VoteRefused: there is none, or the caller may not know.
        """
        connection, name, settings = self._settings_of(function, by)
        found = self.pins.one(connection, name)
        if not found:
            raise VoteRefused(WhyRefused.UNKNOWN)
        state = fact_of(found, settings.pinning).state if settings.pinning else NOT_PINNED
        shapes: list[DefinitionText] = [{**definition_shape(each, settings), "text": each.text} for each in found]
        return {"function": function, "state": state, "definitions": shapes}

    def decide(self, by: Caller, body: DecisionBody, *, accept: bool) -> DefinitionShape:
        """Accept or reject a definition.

        Raises:
            Refused: the request has no token.
            VoteRefused: there is no such definition, the person may not decide about it, or gave no reason.
        """
        connection, name, settings = self._settings_of(body.function, by)
        voter, note = by.voter(), self.mask_note(body.note.strip())
        if self.joins_accounts and not voter.person:
            raise VoteRefused(WhyRefused.PERSON_UNKNOWN)
        may_decide = Role.APPROVER in roles_of(voter, self.roles)
        if not may_decide or not set(voter.groups) & set(settings.approvals.group_names):
            raise VoteRefused(WhyRefused.WRONG_GROUP)
        if not NOTE_MIN <= len(note) <= NOTE_MAX:
            raise VoteRefused(WhyRefused.NOTE_REQUIRED)
        # One person counts once, by whichever account.
        person = Acceptance(voter.person or voter.name, note, self.clock())
        if accept:
            after = self.pins.accept(connection, name, body.digest, person, settings.approvals.minimum)
        else:
            after = self.pins.reject(connection, name, body.digest)
        _log("definition accepted" if accept else "definition rejected", after, person, voter.name)
        return definition_shape(after, settings)

    def _may_see(self, connection: str, by: Caller) -> bool:
        settings = self.connections.get(connection)
        return settings is not None and by.may_see(settings.approvals.group_names)

    def _settings_of(self, function: str, by: Caller) -> tuple[str, str, ConnectionSettings]:
        connection, _, name = function.partition(".")
        if not self._may_see(connection, by):
            raise VoteRefused(WhyRefused.UNKNOWN)
        return connection, name, self.connections[connection]


def definition_routes(definitions: Definitions, caller: Callable[[Request], Caller]) -> APIRouter:
    """Make the routes.

    Args:
        definitions: what they show and decide about.
        caller: reads who asks.
    """
    routes = APIRouter(prefix="/definitions", tags=["definitions"])
    CallerNow = Annotated[Caller, Depends(caller)]  # noqa: N806 - a type

    @routes.get("", responses=problems())
    def every(by: CallerNow, asked: Annotated[DefinitionsQuery, Query()]) -> DefinitionList:
        """List definitions; those that nobody accepted, where ``changed`` is true."""
        return {"definitions": definitions.every(by, changed=asked.changed)}

    @routes.get("/one", responses=problems(404))
    def one(by: CallerNow, asked: Annotated[FunctionQuery, Query()]) -> DefinitionsOfFunction:
        """Show the definitions of one function, with their texts."""
        return definitions.one(by, asked.function)

    @routes.post("/accept", responses=problems(404, 409))
    def accept(by: CallerNow, body: DecisionBody) -> DefinitionShape:
        """Accept a definition."""
        return definitions.decide(by, body, accept=True)

    @routes.post("/reject", responses=problems(404, 409))
    def reject(by: CallerNow, body: DecisionBody) -> DefinitionShape:
        """Reject a definition."""
        return definitions.decide(by, body, accept=False)

    return routes


def definition_shape(definition: PinnedDefinition, settings: ConnectionSettings) -> DefinitionShape:
    """Return a definition as JSON, without its text. Times are RFC 3339."""
    state, how = _state(definition, settings.pinning)
    return {
        "function": f"{definition.connection}.{definition.name}",
        "digest": definition.digest,
        "state": state,
        "how": how,
        "accepted_by": [
            {"person": each.person, "note": each.note, "at": moment(each.at_ns)} for each in definition.acceptances
        ],
        "groups": list(settings.approvals.group_names),
        "minimum": settings.approvals.minimum,
        "first_seen": moment(definition.first_seen_ns),
        "last_seen": moment(definition.last_seen_ns),
    }


def _state(definition: PinnedDefinition, pinning: Pinning | None) -> tuple[str, str]:
    """Return the state of one definition, and by what it is accepted."""
    if pinning is None:
        return NOT_PINNED, ""
    if not is_accepted(definition, pinning):
        return ("rejected" if definition.verdict is Verdict.REJECTED else PinState.CHANGED), ""
    if definition.digest in pinning.digests.get(definition.name, ()):
        return PinState.ACCEPTED, "configured"
    return PinState.ACCEPTED, "people" if definition.verdict is Verdict.ACCEPTED else "first-sight"


def _log(event: str, definition: PinnedDefinition, person: Acceptance, account: str) -> None:
    structlog.get_logger().info(
        event,
        function=f"{definition.connection}.{definition.name}",
        digest=definition.digest,
        verdict=definition.verdict,
        person=person.person,
        account=account,
        note=person.note,
    )
