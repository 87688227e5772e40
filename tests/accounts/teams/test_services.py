"""Workspaces: who may do what to whom, and what no role may."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail

from accounts.models import AuditEntry, User
from accounts.teams.models import Membership, Permission, Role, Workspace
from accounts.teams.selectors import memberships_with, workspace_for_user
from accounts.teams.services import (
    accept_invitation,
    change_role,
    close_workspace,
    create_workspace,
    invite_member,
    remove_member,
    save_set,
    send_invitation,
    transfer_ownership,
)
from common.errors import DomainError
from tests.accounts.conftest import Wall
from tests.fixtures_desk import Working


@pytest.fixture
def desk_of(alice: User) -> Workspace:
    return create_workspace(actor=alice, name="Desk")


def _join(workspace: Workspace, user: User, role: Role) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user, role=role)


def _refused(code: str, act: Any, /, **facts: Any) -> None:
    with pytest.raises(DomainError) as refusal:
        act(**facts)
    assert refusal.value.code == code


def test_a_mailed_invitation_opens_once_and_for_its_address_alone(
    alice: User,
    bob: User,
    charlie: User,
    desk_of: Workspace,
    wall: Wall,
    working: Working,
) -> None:
    with working():
        invite_member(actor=alice, workspace=desk_of, email="Bob@example.org", role=Role.TRADER)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["bob@example.org"], "Join “Desk”")
    found = re.search(r"/join/([^/]+)/", str(sent.body))
    assert found
    code = found[1]
    _refused("INVITATION_FOR_ANOTHER_ADDRESS", accept_invitation, user=charlie, code=code)
    wall.pass_by(days=8)
    _refused("INVITATION_INVALID", accept_invitation, user=bob, code=code)
    wall.pass_by(days=-7)
    assert accept_invitation(user=bob, code=code).role == "trader"
    _refused("INVITATION_INVALID", accept_invitation, user=bob, code=code)
    assert sorted(desk_of.memberships.values_list("user__email", "role")) == [
        ("alice@example.org", "owner"),
        ("bob@example.org", "trader"),
    ]


def test_a_withdrawn_or_replaced_invitation_is_not_mailed(alice: User, desk_of: Workspace) -> None:
    first = invite_member(actor=alice, workspace=desk_of, email="bob@example.org", role=Role.VIEWER)
    invite_member(actor=alice, workspace=desk_of, email="bob@example.org", role=Role.ADMIN)
    assert send_invitation(invitation_id=str(first.pk), code="x") is False
    assert mail.outbox == []


def test_the_last_owner_neither_leaves_nor_steps_down(alice: User, bob: User, desk_of: Workspace) -> None:
    mine, theirs = desk_of.memberships.get(), _join(desk_of, bob, Role.ADMIN)
    _refused("LAST_OWNER", remove_member, actor=alice, membership=mine)
    _refused("LAST_OWNER", change_role, actor=alice, membership=mine, role=Role.VIEWER)
    transfer_ownership(actor=alice, workspace=desk_of, to=theirs)
    assert dict(desk_of.memberships.values_list("user__email", "role")) == {
        "alice@example.org": "admin",
        "bob@example.org": "owner",
    }
    remove_member(actor=alice, membership=mine)
    assert list(desk_of.memberships.values_list("user__email", flat=True)) == ["bob@example.org"]


def test_nobody_gives_more_than_they_have(alice: User, bob: User, charlie: User, desk_of: Workspace) -> None:
    owner = desk_of.memberships.get()
    inviters = save_set(actor=alice, workspace=desk_of, name="Inviters", permissions=["manage_members"])
    clerk = Membership.objects.create(workspace=desk_of, user=bob, role=Role.VIEWER, permission_set=inviters)
    other = _join(desk_of, charlie, Role.VIEWER)
    assert clerk.permissions == {"view", "manage_members"}
    _refused("ROLE_FORBIDS", change_role, actor=bob, membership=other, role=Role.TRADER)
    _refused("ROLE_FORBIDS", change_role, actor=bob, membership=clerk, role=Role.ADMIN)
    _refused("OWNERS_ONLY", change_role, actor=bob, membership=owner, role=Role.VIEWER)
    _refused("OWNERS_ONLY", invite_member, actor=bob, workspace=desk_of, email="x@example.org", role=Role.OWNER)
    _refused("ROLE_FORBIDS", save_set, actor=bob, workspace=desk_of, name="Mine", permissions=["trade"])
    _refused("OWNERS_ONLY", remove_member, actor=bob, membership=owner)
    _refused("ROLE_FORBIDS", change_role, actor=charlie, membership=other, role=Role.VIEWER)
    assert sorted(desk_of.memberships.values_list("role", flat=True)) == ["owner", "viewer", "viewer"]


def test_the_gate_answers_by_permission(alice: User, bob: User, charlie: User, desk_of: Workspace) -> None:
    _join(desk_of, bob, Role.ANALYST)
    assert workspace_for_user(bob, desk_of.pk, Permission.AUDIT).role == "analyst"
    _refused("ROLE_FORBIDS", workspace_for_user, user=bob, workspace_id=desk_of.pk, may=Permission.MANAGE_MEMBERS)
    for stranger in (charlie, None):
        _refused("NOT_FOUND", workspace_for_user, user=stranger, workspace_id=desk_of.pk)
    assert [one.user for one in memberships_with(Permission.TRADE)] == [alice]


def test_acts_are_told_with_their_role(alice: User, bob: User, desk_of: Workspace) -> None:
    theirs = _join(desk_of, bob, Role.VIEWER)
    change_role(actor=alice, membership=theirs, role=Role.TRADER)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.role, entry.workspace_id) == (
        "workspace.role_changed",
        alice,
        "owner",
        desk_of.pk,
    )
    assert (entry.before, entry.after) == (
        {"member": str(bob.pk), "role": "Viewer"},
        {"member": str(bob.pk), "role": "Trader"},
    )


def test_only_an_owner_closes(alice: User, bob: User, desk_of: Workspace) -> None:
    _join(desk_of, bob, Role.ADMIN)
    _refused("OWNERS_ONLY", close_workspace, actor=bob, workspace=desk_of)
    close_workspace(actor=alice, workspace=desk_of)
    assert not Workspace.objects.exists()
