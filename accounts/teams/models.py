"""Workspaces, who belongs to them by which role, permission sets of their own, and invitations into them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.clock import wall_now
from common.ids import new_id


class Permission(models.TextChoices):
    """What a member may do with a workspace's portfolios, or with the workspace itself."""

    VIEW = "view", "See portfolios, orders and fills"
    TRADE = "trade", "Place, change and cancel orders; halt and close"
    FOLLOW = "follow", "Pause, change and stop what copies a lead"
    PUBLISH = "publish", "Publish portfolios of their own as listings"
    MANAGE = "manage", "Move money, set costs and limits, lend portfolios"
    MANAGE_KEYS = "manage_keys", "Switch live trading, and the secrets of signal sources"
    MANAGE_MEMBERS = "manage_members", "Invite and remove members, and give roles"
    APPROVE = "approve", "Approve others' orders above the limit"
    AUDIT = "audit", "Read who did what in the workspace"


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    TRADER = "trader", "Trader"
    ANALYST = "analyst", "Analyst"
    VIEWER = "viewer", "Viewer"


_TRADER = {Permission.VIEW, Permission.TRADE, Permission.FOLLOW}
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset(Permission.values),
    Role.ADMIN: frozenset(Permission.values),
    Role.TRADER: frozenset(_TRADER),
    Role.ANALYST: frozenset({Permission.VIEW, Permission.AUDIT}),
    Role.VIEWER: frozenset({Permission.VIEW}),
}


class Workspace(models.Model):
    """A team. Portfolios name the workspace that they belong to, a floor above."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class PermissionSet(models.Model):
    """A role of a workspace's own: one column per permission, so that a database of either kind can be asked for them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="permission_sets")
    name = models.CharField(max_length=40)
    # Whoever belongs to a workspace sees it.
    may_view = models.BooleanField(default=True, editable=False)
    may_trade = models.BooleanField(default=False)
    may_follow = models.BooleanField(default=False)
    may_publish = models.BooleanField(default=False)
    may_manage = models.BooleanField(default=False)
    may_manage_keys = models.BooleanField(default=False)
    may_manage_members = models.BooleanField(default=False)
    may_approve = models.BooleanField(default=False)
    may_audit = models.BooleanField(default=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="permission_set_name_per_workspace")]

    def __str__(self) -> str:
        return self.name

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(name for name in Permission.values if getattr(self, f"may_{name}"))


class Membership(models.Model):
    """That a person belongs to a workspace: by a role, or by a permission set, which then stands instead of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    permission_set = models.ForeignKey(
        PermissionSet, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )
    joined_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
            # Nobody takes an owner's rights away by a set.
            models.CheckConstraint(
                condition=~Q(role="owner") | Q(permission_set=None), name="owner_has_all_permissions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}: {self.role_name}"

    @property
    def permissions(self) -> frozenset[str]:
        return self.permission_set.permissions if self.permission_set else ROLE_PERMISSIONS[self.role]

    @property
    def role_name(self) -> str:
        """Return what the audit calls the role: its own name, or the set's."""
        return self.permission_set.name if self.permission_set else self.role

    @property
    def label(self) -> str:
        return self.permission_set.name if self.permission_set else Role(self.role).label


class WorkspaceInvitation(models.Model):
    """A right to join once, for whoever has the address. Only the code's digest is stored: the code is in the mail."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    permission_set = models.ForeignKey(PermissionSet, null=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=wall_now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.email} into {self.workspace_id}"

    @property
    def label(self) -> str:
        return self.permission_set.name if self.permission_set else Role(self.role).label
