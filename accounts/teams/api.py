"""The API of workspaces: all that their pages can do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit_log.api import FILTERS, AuditEntrySerializer
from accounts.audit_log.forms import AuditFilter
from accounts.audit_log.selectors import entries_of_workspace, narrowed
from accounts.models import AuditEntry
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import unlimited_asker
from accounts.teams import serializers, services
from accounts.teams.models import Membership, Permission, PermissionSet, Role, Workspace, WorkspaceInvitation
from accounts.teams.selectors import (
    invitation_of,
    member_of,
    members_of,
    membership_of,
    memberships_of,
    open_invitations,
    set_of,
    sets_of,
    workspace_for_user,
)


def _checked(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def _role(workspace: Workspace, data: dict[str, Any]) -> dict[str, Any]:
    chosen = data.get("permission_set")
    return {"role": Role(data["role"]), "permission_set": set_of(workspace, chosen) if chosen else None}


@extend_schema_view(get=extend_schema(summary="List the workspaces that one belongs to"))
class WorkspacesView(ApiListView[Membership]):
    """One's workspaces."""

    scope = Scope.MANAGE
    serializer_class = serializers.OwnWorkspaceSerializer
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        return memberships_of(unlimited_asker(self.request))

    @extend_schema(
        operation_id="workspaces_create",
        summary="Make a workspace",
        request=serializers.NameSerializer,
        responses={201: serializers.OwnWorkspaceSerializer},
    )
    def post(self, request: Request) -> Response:
        data = _checked(serializers.NameSerializer(data=request.data))
        made = services.create_workspace(actor=unlimited_asker(request), name=data["name"])
        shown = serializers.OwnWorkspaceSerializer(membership_of(unlimited_asker(request), made.pk))
        return Response(shown.data, status=status.HTTP_201_CREATED)


class WorkspaceView(ApiView):
    """One of one's workspaces."""

    scope = Scope.MANAGE

    @extend_schema(summary="Read a workspace", responses=serializers.OwnWorkspaceSerializer)
    def get(self, request: Request, workspace_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id)
        return Response(serializers.OwnWorkspaceSerializer(mine).data)

    @extend_schema(
        summary="Rename a workspace",
        request=serializers.NameSerializer,
        responses=serializers.WorkspaceSerializer,
    )
    def patch(self, request: Request, workspace_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        data = _checked(serializers.NameSerializer(data=request.data))
        held = services.rename_workspace(actor=unlimited_asker(request), workspace=mine.workspace, name=data["name"])
        return Response(serializers.WorkspaceSerializer(held).data)

    @extend_schema(
        summary="Close a workspace", description="Owners only; it must hold no portfolio.", responses={204: None}
    )
    def delete(self, request: Request, workspace_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        services.close_workspace(actor=unlimited_asker(request), workspace=mine.workspace)
        return Response(status=status.HTTP_204_NO_CONTENT)


class JoinView(ApiView):
    """An invitation's other end."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Join a workspace by an invitation's code",
        request=serializers.CodeSerializer,
        responses={201: serializers.OwnWorkspaceSerializer},
    )
    def post(self, request: Request) -> Response:
        data = _checked(serializers.CodeSerializer(data=request.data))
        made = services.accept_invitation(user=unlimited_asker(request), code=data["code"])
        return Response(serializers.OwnWorkspaceSerializer(made).data, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(summary="List a workspace's members"))
class MembersView(ApiListView[Membership]):
    """Who belongs to a workspace."""

    scope = Scope.READ
    serializer_class = serializers.MemberSerializer
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        return members_of(workspace_for_user(unlimited_asker(self.request), self.kwargs["workspace_id"]).workspace)


class MemberView(ApiView):
    """One member."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Give a member another role",
        description="It counts at once, also for pages and sockets that are open.",
        request=serializers.RoleSerializer,
        responses=serializers.MemberSerializer,
    )
    def patch(self, request: Request, workspace_id: UUID, membership_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        theirs = member_of(mine.workspace, membership_id)
        data = _checked(serializers.RoleSerializer(data=request.data))
        services.change_role(actor=unlimited_asker(request), membership=theirs, **_role(mine.workspace, data))
        return Response(serializers.MemberSerializer(member_of(mine.workspace, membership_id)).data)

    @extend_schema(
        summary="Remove a member, or leave",
        description="Everybody may leave but the last owner. It counts at once.",
        responses={204: None},
    )
    def delete(self, request: Request, workspace_id: UUID, membership_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id)
        if mine.pk != membership_id:
            mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        services.remove_member(actor=unlimited_asker(request), membership=member_of(mine.workspace, membership_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(get=extend_schema(summary="List invitations that wait"))
class InvitationsView(ApiListView[WorkspaceInvitation]):
    """Invitations into a workspace."""

    scope = Scope.MANAGE
    serializer_class = serializers.WorkspaceInvitationSerializer
    queryset = WorkspaceInvitation.objects.none()

    def get_queryset(self) -> QuerySet[WorkspaceInvitation]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        return open_invitations(self._mine().workspace)

    def _mine(self) -> Membership:
        return workspace_for_user(unlimited_asker(self.request), self.kwargs["workspace_id"], Permission.MANAGE_MEMBERS)

    @extend_schema(
        operation_id="workspaces_invite",
        summary="Invite an address",
        request=serializers.InviteSerializer,
        responses={201: serializers.WorkspaceInvitationSerializer},
    )
    def post(self, request: Request, workspace_id: UUID) -> Response:
        workspace = self._mine().workspace
        data = _checked(serializers.InviteSerializer(data=request.data))
        made = services.invite_member(
            actor=unlimited_asker(request), workspace=workspace, email=data["email"], **_role(workspace, data)
        )
        return Response(serializers.WorkspaceInvitationSerializer(made).data, status=status.HTTP_201_CREATED)


class InvitationView(ApiView):
    """An invitation."""

    scope = Scope.MANAGE

    @extend_schema(summary="Withdraw an invitation", responses={204: None})
    def delete(self, request: Request, workspace_id: UUID, invitation_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        services.withdraw_invitation(
            actor=unlimited_asker(request), invitation=invitation_of(mine.workspace, invitation_id)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnerView(ApiView):
    """Ownership."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Transfer the ownership to another member; one becomes an admin",
        request=serializers.OwnerSerializer,
        responses=serializers.OwnWorkspaceSerializer,
    )
    def put(self, request: Request, workspace_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        data = _checked(serializers.OwnerSerializer(data=request.data))
        to = member_of(mine.workspace, data["member"])
        services.transfer_ownership(actor=unlimited_asker(request), workspace=mine.workspace, to=to)
        return Response(serializers.OwnWorkspaceSerializer(membership_of(unlimited_asker(request), workspace_id)).data)


@extend_schema_view(get=extend_schema(summary="List a workspace's permission sets"))
class SetsView(ApiListView[PermissionSet]):
    """Roles of a workspace's own."""

    scope = Scope.MANAGE
    serializer_class = serializers.PermissionSetSerializer
    queryset = PermissionSet.objects.none()

    def get_queryset(self) -> QuerySet[PermissionSet]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        return sets_of(workspace_for_user(unlimited_asker(self.request), self.kwargs["workspace_id"]).workspace)

    @extend_schema(
        operation_id="workspaces_permission_sets_create",
        summary="Make a permission set",
        request=serializers.NewSetSerializer,
        responses={201: serializers.PermissionSetSerializer},
    )
    def post(self, request: Request, workspace_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        data = _checked(serializers.NewSetSerializer(data=request.data))
        made = services.save_set(actor=unlimited_asker(request), workspace=mine.workspace, **data)
        return Response(serializers.PermissionSetSerializer(made).data, status=status.HTTP_201_CREATED)


class SetView(ApiView):
    """One permission set."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Change a permission set, for all who have it",
        request=serializers.NewSetSerializer,
        responses=serializers.PermissionSetSerializer,
    )
    def put(self, request: Request, workspace_id: UUID, set_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        held = set_of(mine.workspace, set_id)
        data = _checked(serializers.NewSetSerializer(data=request.data))
        saved = services.save_set(actor=unlimited_asker(request), workspace=mine.workspace, held=held, **data)
        return Response(serializers.PermissionSetSerializer(saved).data)

    @extend_schema(summary="Delete a permission set that nobody has", responses={204: None})
    def delete(self, request: Request, workspace_id: UUID, set_id: UUID) -> Response:
        mine = workspace_for_user(unlimited_asker(request), workspace_id, Permission.MANAGE_MEMBERS)
        services.delete_set(actor=unlimited_asker(request), held=set_of(mine.workspace, set_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(summary="List what was done in a workspace, newest first", parameters=FILTERS[1:])
class WorkspaceAuditView(ApiListView[AuditEntry]):
    """A workspace's audit."""

    scope = Scope.READ
    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()

    def get_queryset(self) -> QuerySet[AuditEntry]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        mine = workspace_for_user(unlimited_asker(self.request), self.kwargs["workspace_id"], Permission.AUDIT)
        return narrowed(entries_of_workspace(mine.workspace_id), AuditFilter(self.request.query_params).asked())
