"""Workspaces as the API shows them, and what writing them takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.teams.models import Membership, Permission, PermissionSet, Role, Workspace, WorkspaceInvitation


class NameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=64, help_text="From the invitation's link.")


class OwnWorkspaceSerializer(serializers.ModelSerializer[Membership]):
    """A workspace that one belongs to, and as what."""

    id = serializers.UUIDField(source="workspace_id")
    name = serializers.CharField(source="workspace.name")
    role = serializers.CharField(source="role_name", help_text="A role, or the name of a permission set.")
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "name", "role", "permissions", "joined_at"]

    def get_permissions(self, held: Membership) -> list[str]:
        return sorted(held.permissions)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """Somebody who belongs to a workspace."""

    handle = serializers.CharField(source="user.profile.handle")
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ["id", "handle", "role", "permission_set", "joined_at"]


class RoleSerializer(serializers.Serializer[Any]):
    """A role, and in its place a permission set of the workspace."""

    role = serializers.ChoiceField(choices=Role.choices)
    permission_set = serializers.UUIDField(required=False, allow_null=True)


class InviteSerializer(RoleSerializer):
    email = serializers.EmailField()


class WorkspaceInvitationSerializer(serializers.ModelSerializer[WorkspaceInvitation]):
    """An invitation that waits; its code is in the mail alone."""

    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = WorkspaceInvitation
        fields = ["id", "email", "role", "permission_set", "created_at", "expires_at"]


class OwnerSerializer(serializers.Serializer[Any]):
    member = serializers.UUIDField(help_text="The membership of the new owner.")


class PermissionSetSerializer(serializers.ModelSerializer[PermissionSet]):
    """A role of a workspace's own."""

    permissions = serializers.SerializerMethodField()

    class Meta:
        model = PermissionSet
        fields = ["id", "name", "permissions"]

    def get_permissions(self, held: PermissionSet) -> list[str]:
        return sorted(held.permissions)


class NewSetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=40)
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=Permission.choices), max_length=20, help_text="`view` goes with all."
    )


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    class Meta:
        model = Workspace
        fields = ["id", "name", "created_at"]
