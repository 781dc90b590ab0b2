"""The roles of people in the console.

A role opens pages. It gives no right to decide: that needs membership in a group of the approval.
"""

from enum import StrEnum

from extproc.model.identity import Identity
from extproc.settings.control import RoleSettings


class Role(StrEnum):
    """What somebody uses the console for."""

    APPROVER = "approver"
    """Decides on approvals of the own groups."""
    AUDITOR = "auditor"
    """Sees all approvals, and the evidence."""
    AUTHOR = "author"
    """Writes policies."""
    ADMIN = "admin"
    """Runs the installation; sees what an auditor sees."""


def roles_of(identity: Identity, settings: RoleSettings) -> frozenset[Role]:
    """Return the roles of a person; none for nobody, and none for an agent that acts for a person.

    Args:
        identity: verified by the caller of this function.
        settings: ``control.roles``.
    """
    if identity.is_anonymous or identity.actor:
        return frozenset()
    own = set(identity.groups)
    groups = {
        Role.APPROVER: settings.approver or identity.groups,
        Role.AUDITOR: settings.auditor,
        Role.AUTHOR: settings.author,
        Role.ADMIN: settings.admin,
    }
    return frozenset(role for role, members in groups.items() if own & set(members))
