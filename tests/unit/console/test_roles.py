"""Roles follow from groups, and nobody gets one by default but approvers."""

import pytest

from extproc.console.roles import Role, roles_of
from extproc.model.identity import ANONYMOUS, Identity
from extproc.settings.control import RoleSettings

ALL = RoleSettings(approver=["sre"], auditor=["audit"], author=["policy"], admin=["ops"])


def person(*groups, actor=""):
    return Identity("https://idp.example", "bob", groups, actor)


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        ((), set()),
        (("guests",), set()),
        (("sre",), {Role.APPROVER}),
        (("audit",), {Role.AUDITOR}),
        (("policy", "ops"), {Role.AUTHOR, Role.ADMIN}),
        (("SRE", "Audit"), set()),
    ],
)
def test_a_role_needs_one_of_its_groups(groups, roles):
    assert roles_of(person(*groups), ALL) == roles


def test_without_settings_members_of_any_group_may_be_approvers_and_nothing_else():
    assert roles_of(person("guests"), RoleSettings()) == {Role.APPROVER}
    assert roles_of(person(), RoleSettings()) == set()


def test_an_agent_and_nobody_have_no_role():
    assert roles_of(person("sre", "audit", actor="agent-7"), ALL) == set()
    assert roles_of(ANONYMOUS, RoleSettings()) == set()
