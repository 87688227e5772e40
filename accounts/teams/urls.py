"""Addresses of the workspace pages, under /settings/workspaces/; they are part of the names of accounts."""

from django.urls import path

from accounts.teams import views

urlpatterns = [
    path("", views.workspaces, name="workspaces"),
    path("join/<str:code>/", views.join, name="join_workspace"),
    path("<uuid:workspace_id>/", views.workspace, name="workspace"),
    path("<uuid:workspace_id>/rename/", views.rename, name="rename_workspace"),
    path("<uuid:workspace_id>/close/", views.close, name="close_workspace"),
    path("<uuid:workspace_id>/leave/", views.leave, name="leave_workspace"),
    path("<uuid:workspace_id>/audit/", views.audit, name="workspace_audit"),
    path("<uuid:workspace_id>/invitations/", views.invite, name="invite_to_workspace"),
    path(
        "<uuid:workspace_id>/invitations/<uuid:invitation_id>/withdraw/",
        views.withdraw,
        name="withdraw_workspace_invitation",
    ),
    path("<uuid:workspace_id>/members/<uuid:membership_id>/role/", views.change_role, name="workspace_role"),
    path("<uuid:workspace_id>/members/<uuid:membership_id>/remove/", views.remove, name="remove_from_workspace"),
    path("<uuid:workspace_id>/members/<uuid:membership_id>/transfer/", views.transfer, name="transfer_workspace"),
    path("<uuid:workspace_id>/sets/new/", views.new_set, name="new_workspace_set"),
    path("<uuid:workspace_id>/sets/<uuid:set_id>/", views.edit_set, name="edit_workspace_set"),
    path("<uuid:workspace_id>/sets/<uuid:set_id>/delete/", views.delete_set, name="delete_workspace_set"),
]
