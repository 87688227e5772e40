"""Workspaces in the admin: operators look."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.audit_log.models import AuditSeal
from accounts.teams.models import Membership, PermissionSet, Workspace, WorkspaceInvitation
from common.admin import ReadOnlyAdmin


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["workspace", "user", "role", "permission_set", "joined_at"]
    list_select_related = ["workspace", "user", "permission_set"]
    list_filter = ["role"]


@admin.register(PermissionSet)
class PermissionSetAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["workspace", "name"]
    list_select_related = ["workspace"]


@admin.register(WorkspaceInvitation)
class WorkspaceInvitationAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["workspace", "email", "role", "invited_by", "expires_at", "accepted_at", "withdrawn_at"]
    list_select_related = ["workspace", "invited_by"]
    exclude = ["digest"]


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["number", "entry_id", "hash", "sealed_at"]
    show_full_result_count = False
