"""Every write about workspaces. Who may do it, the doors' gate has answered; what no role may do is refused here.

Each locks the workspace's row first: of two owners who leave at once, one stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import User
from accounts.selectors import access_credential, token_digest
from accounts.services.auditing import audit
from accounts.services.notifications import notify
from accounts.teams.departures import check_departure, tell_loss
from accounts.teams.models import (
    ROLE_PERMISSIONS,
    Membership,
    Permission,
    PermissionSet,
    Role,
    Workspace,
    WorkspaceInvitation,
)
from accounts.teams.selectors import invitation_by_code, open_invitations, role_forbids
from common.clock import wall_now
from common.errors import DomainError
from common.ids import new_token
from common.realtime import interrupt
from common.tasks import enqueue

MAX_WORKSPACES, MAX_MEMBERS, MAX_SETS, MAX_INVITATIONS = 20, 50, 20, 50
INVITATION_DAYS = 7


@transaction.atomic
def create_workspace(*, actor: User, name: str) -> Workspace:
    """Make a workspace whose first owner is the actor."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if actor.memberships.count() >= MAX_WORKSPACES:
        raise DomainError("TOO_MANY_WORKSPACES", f"You belong to {MAX_WORKSPACES} workspaces already.", status=409)
    workspace = Workspace.objects.create(name=_name(name, 60))
    Membership.objects.create(workspace=workspace, user=actor, role=Role.OWNER)
    _audit("workspace.created", workspace, actor, after={"name": workspace.name})
    return workspace


@transaction.atomic
def rename_workspace(*, actor: User, workspace: Workspace, name: str) -> Workspace:
    locked = _lock(workspace)
    before, locked.name = locked.name, _name(name, 60)
    locked.save(update_fields=["name"])
    _audit("workspace.renamed", locked, actor, before={"name": before}, after={"name": locked.name})
    return locked


@transaction.atomic
def close_workspace(*, actor: User, workspace: Workspace) -> None:
    """End a workspace for all its members; it must hold no portfolio. Owners only."""
    locked = _lock(workspace)
    _require_owner(_held(locked, actor))
    check_departure(locked, None)
    for one in locked.memberships.all():
        interrupt(access_credential(one.user_id))
    _audit("workspace.closed", locked, actor, before={"name": locked.name})
    locked.memberships.all().delete()
    locked.delete()


@transaction.atomic
def invite_member(
    *, actor: User, workspace: Workspace, email: str, role: Role, permission_set: PermissionSet | None = None
) -> WorkspaceInvitation:
    """Invite an address by mail, for seven days; a new invitation of the same address takes the old one's place."""
    locked, email = _lock(workspace), email.strip().lower()
    _check_giving(locked, actor, role, permission_set)
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError("EMAIL_INVALID", "Enter an e-mail address.", {"field": "email"}) from None
    if locked.memberships.filter(user__email=email).exists():
        raise DomainError("ALREADY_A_MEMBER", "This person belongs to the workspace already.", status=409)
    waiting = open_invitations(locked)
    waiting.filter(email=email).update(withdrawn_at=wall_now())
    if waiting.count() >= MAX_INVITATIONS:
        raise DomainError("TOO_MANY_INVITATIONS", "Withdraw an invitation that waits first.", status=409)
    code = new_token(24)
    invitation = WorkspaceInvitation.objects.create(
        workspace=locked,
        email=email,
        role=role,
        permission_set=permission_set,
        digest=token_digest(code),
        invited_by=actor,
        expires_at=wall_now() + timedelta(days=INVITATION_DAYS),
    )
    _audit("workspace.invited", locked, actor, after={"invitation": str(invitation.pk), "role": invitation.label})
    from accounts.tasks import send_workspace_invitation  # the task's body calls services: one of the two looks late

    enqueue(send_workspace_invitation, str(invitation.pk), code)
    return invitation


@transaction.atomic
def withdraw_invitation(*, actor: User, invitation: WorkspaceInvitation) -> None:
    _lock(invitation.workspace)
    fresh = WorkspaceInvitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if fresh.update(withdrawn_at=wall_now()):
        after = {"invitation": str(invitation.pk)}
        _audit("workspace.invitation_withdrawn", invitation.workspace, actor, after=after)


@transaction.atomic
def accept_invitation(*, user: User, code: str) -> Membership:
    """Join by an invitation's code; it must have been sent to the person's own address, and opens once."""
    invitation = invitation_by_code(code)
    if invitation.email != user.email.lower():
        message = "This invitation was sent to another e-mail address: log in with that one."
        raise DomainError("INVITATION_FOR_ANOTHER_ADDRESS", message, status=403)
    locked = _lock(invitation.workspace)
    # Of two that open one link at once, the conditional update lets one through.
    fresh = WorkspaceInvitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if not fresh.update(accepted_at=wall_now()):
        raise DomainError("INVITATION_INVALID", "This invitation has just been used: ask for a new one.")
    if locked.memberships.filter(user=user).exists():
        raise DomainError("ALREADY_A_MEMBER", "You belong to this workspace already.", status=409)
    if locked.memberships.count() >= MAX_MEMBERS:
        raise DomainError("TOO_MANY_MEMBERS", f"A workspace has room for {MAX_MEMBERS} people.", status=409)
    made = Membership.objects.create(
        workspace=locked, user=user, role=invitation.role, permission_set=invitation.permission_set
    )
    audit(
        action="workspace.joined",
        obj=locked,
        actor=user,
        after={"role": made.label},
        role=made.role_name,
        workspace_id=locked.pk,
    )
    context = {"workspace": str(locked.pk), "name": locked.name, "person": user.profile.handle}
    notify(user=invitation.invited_by, event="workspace.joined", context=context)
    return made


@transaction.atomic
def change_role(
    *, actor: User, membership: Membership, role: Role, permission_set: PermissionSet | None = None
) -> Membership:
    """Give a member another role, or a set in place of one; it counts at once, also for pages that are open."""
    locked = _lock(membership.workspace)
    held = Membership.objects.select_related("permission_set").get(pk=membership.pk)
    _check_giving(locked, actor, role, permission_set)
    if held.role == Role.OWNER:
        _require_owner(_held(locked, actor))
        if role != Role.OWNER:
            _refuse_last_owner(locked)
    before, had, was_owner = held.label, held.permissions, held.role == Role.OWNER
    held.role, held.permission_set = role, permission_set
    held.save(update_fields=["role", "permission_set"])
    _lose(locked, held.user_id, had - held.permissions, was_owner=was_owner and role != Role.OWNER)
    told = {"member": str(held.user_id)}
    _audit("workspace.role_changed", locked, actor, before={**told, "role": before}, after={**told, "role": held.label})
    interrupt(access_credential(held.user_id))
    return held


@transaction.atomic
def remove_member(*, actor: User, membership: Membership) -> None:
    """Put a member out, or, of oneself, leave. It counts at once, also for pages that are open; the last owner stays."""
    locked = _lock(membership.workspace)
    held = Membership.objects.select_related("permission_set", "user").get(pk=membership.pk)
    is_leaving = held.user_id == actor.pk
    if held.role == Role.OWNER:
        if not is_leaving:
            _require_owner(_held(locked, actor))
        _refuse_last_owner(locked)
    check_departure(locked, held.user)
    action = "workspace.left" if is_leaving else "workspace.member_removed"
    _audit(action, locked, actor, before={"member": str(held.user_id), "role": held.label})
    interrupt(access_credential(held.user_id))
    held.delete()
    _lose(locked, held.user_id, held.permissions)
    if not is_leaving:
        notify(user=held.user, event="workspace.removed", context={"name": locked.name})


@transaction.atomic
def leave_all(user: User) -> None:
    """Leave every workspace, for good; one that nobody else belongs to ends. Raises DomainError as `remove_member` does."""
    for held in user.memberships.select_related("workspace").order_by("workspace_id"):
        if held.workspace.memberships.count() > 1:
            remove_member(actor=user, membership=held)
        else:
            # What it holds was frozen and lost its name before: floors above are asked first.
            _audit("workspace.closed", held.workspace, user, before={"name": held.workspace.name})
            Membership.objects.filter(pk=held.pk).delete()
            held.workspace.invitations.update(withdrawn_at=wall_now())


def check_leaving(user: User) -> None:
    """Raise the DomainError with which `leave_all` would fail now."""
    for held in user.memberships.select_related("workspace").order_by("workspace_id"):
        if held.workspace.memberships.count() > 1:
            if held.role == Role.OWNER:
                _refuse_last_owner(held.workspace)
            check_departure(held.workspace, user)


@transaction.atomic
def transfer_ownership(*, actor: User, workspace: Workspace, to: Membership) -> None:
    """Make another member an owner, and the actor, an owner until now, an admin."""
    locked = _lock(workspace)
    mine, theirs = _held(locked, actor), Membership.objects.get(pk=to.pk, workspace=locked)
    _require_owner(mine)
    if mine.pk == theirs.pk:
        raise DomainError("SAME_PERSON", "Choose another member.")
    Membership.objects.filter(pk=theirs.pk).update(role=Role.OWNER, permission_set=None)
    Membership.objects.filter(pk=mine.pk).update(role=Role.ADMIN)
    _lose(locked, mine.user_id, mine.permissions - ROLE_PERMISSIONS[Role.ADMIN], was_owner=True)
    _audit(
        "workspace.ownership_transferred",
        locked,
        actor,
        before={"owner": str(actor.pk)},
        after={"owner": str(theirs.user_id)},
    )
    for one in (mine, theirs):
        interrupt(access_credential(one.user_id))


@transaction.atomic
def save_set(
    *, actor: User, workspace: Workspace, name: str, permissions: Collection[str], held: PermissionSet | None = None
) -> PermissionSet:
    """Make a permission set, or change one (for all who have it, at once). Nobody gives what they do not have."""
    locked, name = _lock(workspace), _name(name, 40)
    wanted = {str(one) for one in permissions} | {Permission.VIEW.value}
    if unknown := sorted(wanted - set(Permission.values)):
        raise DomainError("PERMISSION_UNKNOWN", f"There is no permission called {unknown[0][:40]}.")
    if missing := sorted(wanted - _held(locked, actor).permissions):
        raise role_forbids(missing[0])
    others = locked.permission_sets.all() if held is None else locked.permission_sets.exclude(pk=held.pk)
    if name.lower() in {*Role.values, "operator", "delegate"} or others.filter(name=name).exists():
        raise DomainError("NAME_TAKEN", "There is a role of this name already; choose another.", {"field": "name"})
    if held is None and others.count() >= MAX_SETS:
        raise DomainError("TOO_MANY_SETS", f"A workspace has room for {MAX_SETS} permission sets.", status=409)
    before = None if held is None else {"name": held.name, "permissions": sorted(held.permissions)}
    had = frozenset[str]() if held is None else held.permissions
    saved = held or PermissionSet(workspace=locked)
    saved.name = name
    for one in Permission.values:
        setattr(saved, f"may_{one}", one in wanted)
    saved.save()
    _audit("workspace.set_saved", locked, actor, before=before, after={"name": name, "permissions": sorted(wanted)})
    for user_id in saved.memberships.values_list("user_id", flat=True):
        _lose(locked, user_id, had - saved.permissions)
        interrupt(access_credential(user_id))
    return saved


@transaction.atomic
def delete_set(*, actor: User, held: PermissionSet) -> None:
    """Delete a permission set that nobody has."""
    locked = _lock(held.workspace)
    if held.memberships.exists():
        raise DomainError("SET_IN_USE", "Give those who have this set another role first.", status=409)
    _audit("workspace.set_deleted", locked, actor, before={"name": held.name})
    held.delete()


def send_invitation(*, invitation_id: str, code: str) -> bool:
    """Mail an invitation; return whether it was still open."""
    from django.core.mail import send_mail

    found = WorkspaceInvitation.objects.filter(pk=invitation_id, accepted_at=None, withdrawn_at=None)
    invitation = found.select_related("workspace", "invited_by__profile").first()
    if invitation is None:
        return False
    # A name with a line break in it would be a header of its own.
    workspace = " ".join(invitation.workspace.name.split())
    link = f"{settings.SITE_URL}/settings/workspaces/join/{code}/"
    lines = [
        f"@{invitation.invited_by.profile.handle} invites you into the workspace “{workspace}”.",
        f"Open this link within {INVITATION_DAYS} days, logged in with this address:",
        link,
    ]
    send_mail(f"Join “{workspace}”", "\n\n".join(lines) + "\n", None, [invitation.email])
    return True


def _lock(workspace: Workspace) -> Workspace:
    locked = Workspace.objects.select_for_update(no_key=True).filter(pk=workspace.pk).first()
    if locked is None:
        raise DomainError("WORKSPACE_CLOSED", "This workspace was closed.", status=409)
    return locked


def _held(workspace: Workspace, user: User) -> Membership:
    """Return how the person belongs to a locked workspace now: their role may have gone since the gate was passed."""
    held = workspace.memberships.select_related("permission_set").filter(user=user).first()
    if held is None:
        raise role_forbids(Permission.MANAGE_MEMBERS)
    return held


def _check_giving(workspace: Workspace, actor: User, role: Role, permission_set: PermissionSet | None) -> None:
    """Refuse to give more than one has: only owners make owners, and nobody lends a right that they lack."""
    mine = _held(workspace, actor)
    if Permission.MANAGE_MEMBERS not in mine.permissions:
        raise role_forbids(Permission.MANAGE_MEMBERS)
    if role == Role.OWNER:
        _require_owner(mine)
    if permission_set is not None and (role == Role.OWNER or permission_set.workspace_id != workspace.pk):
        raise DomainError("SET_NOT_ALLOWED", "An owner has all permissions; a set goes with another role.")
    wanted = permission_set.permissions if permission_set else ROLE_PERMISSIONS[role]
    if missing := sorted(wanted - mine.permissions):
        raise role_forbids(missing[0])


def _require_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        raise DomainError("OWNERS_ONLY", "Only an owner of the workspace may do this.", status=403)


def _refuse_last_owner(workspace: Workspace) -> None:
    if workspace.memberships.filter(role=Role.OWNER).count() <= 1:
        message = "A workspace needs an owner: make somebody else one first, or close the workspace."
        raise DomainError("LAST_OWNER", message, status=409)


def _lose(workspace: Workspace, user_id: UUID, lost: frozenset[str], *, was_owner: bool = False) -> None:
    """Take away what rested on permissions that a member has no more: also invitations, which give what they had to give."""
    if lost or was_owner:
        open_invitations(workspace).filter(invited_by=user_id).update(withdrawn_at=wall_now())
    tell_loss(workspace, user_id, lost)


def _name(name: str, longest: int) -> str:
    name = name.strip()
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise DomainError("NAME_INVALID", f"Give it a name of 1 to {longest} characters.", {"field": "name"})
    return name


def _audit(action: str, workspace: Workspace, actor: User, **change: Mapping[str, Any] | None) -> None:
    held = workspace.memberships.select_related("permission_set").filter(user=actor).first()
    role = held.role_name if held else ""
    audit(
        action=action,
        obj=workspace,
        actor=actor,
        before=change.get("before"),
        after=change.get("after"),
        role=role,
        workspace_id=workspace.pk,
    )
