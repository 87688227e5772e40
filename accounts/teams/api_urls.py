"""Addresses of the API of workspaces, under /api/v1/workspaces/; they are part of the names of accounts."""

from django.urls import path

from accounts.teams import api

urlpatterns = [
    path("", api.WorkspacesView.as_view(), name="workspaces"),
    path("join/", api.JoinView.as_view(), name="join_workspace"),
    path("<uuid:workspace_id>/", api.WorkspaceView.as_view(), name="workspace"),
    path("<uuid:workspace_id>/audit/", api.WorkspaceAuditView.as_view(), name="workspace_audit"),
    path("<uuid:workspace_id>/members/", api.MembersView.as_view(), name="workspace_members"),
    path("<uuid:workspace_id>/members/<uuid:membership_id>/", api.MemberView.as_view(), name="workspace_member"),
    path("<uuid:workspace_id>/invitations/", api.InvitationsView.as_view(), name="workspace_invitations"),
    path(
        "<uuid:workspace_id>/invitations/<uuid:invitation_id>/",
        api.InvitationView.as_view(),
        name="workspace_invitation",
    ),
    path("<uuid:workspace_id>/owner/", api.OwnerView.as_view(), name="workspace_owner"),
    path("<uuid:workspace_id>/permission-sets/", api.SetsView.as_view(), name="workspace_sets"),
    path("<uuid:workspace_id>/permission-sets/<uuid:set_id>/", api.SetView.as_view(), name="workspace_set"),
]
