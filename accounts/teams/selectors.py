"""Reads of workspaces, their gate by permission, and the subquery by which upper floors ask for a permission."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Q, QuerySet

from accounts.models import User
from accounts.requests import act_as
from accounts.selectors import token_digest
from accounts.teams.models import (
    ROLE_PERMISSIONS,
    Membership,
    Permission,
    PermissionSet,
    Workspace,
    WorkspaceInvitation,
)
from common.clock import wall_now
from common.errors import DomainError, NotFound

Asker = User | AnonymousUser | None
_DOING = {
    Permission.TRADE: "trade",
    Permission.FOLLOW: "manage what copies a lead",
    Permission.PUBLISH: "publish",
    Permission.MANAGE: "change this portfolio's money and settings",
    Permission.MANAGE_KEYS: "manage keys and live trading",
    Permission.MANAGE_MEMBERS: "manage members",
    Permission.APPROVE: "approve orders",
    Permission.AUDIT: "read the audit",
}


def role_forbids(needed: str) -> DomainError:
    """Return the refusal of somebody who may look, but not do this: 403 ROLE_FORBIDS, with the permission that lacks."""
    doing = _DOING.get(Permission(needed), needed)
    message = f"Your role does not let you {doing}; ask an owner of the workspace."
    return DomainError("ROLE_FORBIDS", message, {"permission": str(needed)}, status=403)


def memberships_with(permission: str) -> QuerySet[Membership]:
    """Return the memberships that hold a permission, by their role or by their set."""
    roles = [role for role, held in ROLE_PERMISSIONS.items() if permission in held]
    by_role = Q(permission_set=None, role__in=roles)
    return Membership.objects.filter(by_role | Q(**{f"permission_set__may_{permission}": True})).order_by()


def workspaces_with(user_id: UUID, permission: str) -> QuerySet[Membership, UUID]:
    """Return the ids of the workspaces in which the person holds a permission; for use as a subquery."""
    return memberships_with(permission).filter(user_id=user_id).values_list("workspace_id", flat=True)


def membership_of(user: Asker, workspace_id: UUID) -> Membership | None:
    """Return how the person belongs to a workspace; None where they do not."""
    if not isinstance(user, User):
        return None
    found = Membership.objects.select_related("workspace", "permission_set")
    return found.filter(user=user, workspace_id=workspace_id).first()


def workspace_for_user(user: Asker, workspace_id: UUID, may: str = Permission.VIEW) -> Membership:
    """Gate: return one's membership of a workspace, with it; NotFound for strangers, ROLE_FORBIDS for too small a role.

    What is done in the present request is done by that role from now on.
    """
    held = membership_of(user, workspace_id)
    if held is None:
        raise NotFound("workspace")
    if may not in held.permissions:
        raise role_forbids(may)
    act_as(held.role_name, held.workspace_id)
    return held


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the person's memberships with their workspaces, by the workspace's name."""
    return (
        Membership.objects.filter(user=user)
        .select_related("workspace", "permission_set")
        .annotate(members=Count("workspace__memberships"))
        .order_by("workspace__name", "pk")
    )


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    """Return who belongs to a workspace, the longest first."""
    return workspace.memberships.select_related("user__profile", "permission_set").order_by("pk")


def member_of(workspace: Workspace, membership_id: UUID) -> Membership:
    """Gate: a membership of this workspace, past the workspace's own gate."""
    found = members_of(workspace).filter(pk=membership_id).first()
    if found is None:
        raise NotFound("member")
    return found


def sets_of(workspace: Workspace) -> QuerySet[PermissionSet]:
    return workspace.permission_sets.order_by("name", "pk")


def set_of(workspace: Workspace, set_id: UUID) -> PermissionSet:
    """Gate: a permission set of this workspace, past the workspace's own gate."""
    found = workspace.permission_sets.filter(pk=set_id).first()
    if found is None:
        raise NotFound("permission set")
    return found


def open_invitations(workspace: Workspace) -> QuerySet[WorkspaceInvitation]:
    """Return the invitations that still open a door, newest first."""
    return _open().filter(workspace=workspace).order_by("-pk")


def invitation_of(workspace: Workspace, invitation_id: UUID) -> WorkspaceInvitation:
    """Gate: an open invitation into this workspace, past the workspace's own gate."""
    found = open_invitations(workspace).filter(pk=invitation_id).first()
    if found is None:
        raise NotFound("invitation")
    return found


def invitation_by_code(code: str) -> WorkspaceInvitation:
    """Return the invitation that this code still opens; raise DomainError INVITATION_INVALID otherwise."""
    found = _open().filter(digest=token_digest(code)).select_related("workspace", "permission_set").first()
    if found is None:
        raise DomainError("INVITATION_INVALID", "This invitation is unknown, used or expired: ask for a new one.")
    return found


def _open() -> QuerySet[WorkspaceInvitation]:
    return WorkspaceInvitation.objects.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=wall_now())
