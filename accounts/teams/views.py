"""Settings → Workspaces: one's workspaces, one with its members, invitations and sets, and what may be done with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit_log.forms import AuditFilter
from accounts.audit_log.selectors import entries_of_workspace, narrowed
from accounts.requests import SignedInRequest
from accounts.teams import services
from accounts.teams.forms import InviteForm, NameForm, RoleForm, SetForm, role_choices
from accounts.teams.models import Membership, Permission, PermissionSet
from accounts.teams.selectors import (
    invitation_by_code,
    invitation_of,
    member_of,
    members_of,
    memberships_of,
    open_invitations,
    set_of,
    sets_of,
    workspace_for_user,
)
from accounts.teams.showing import panels_of
from common.errors import DomainError
from common.forms import show_refusal

READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
AUDIT_PAGE = 50


@READ_OR_WRITE
@login_required
def workspaces(request: SignedInRequest) -> HttpResponse:
    form = NameForm(request.POST or None)
    if form.is_valid():
        try:
            made = services.create_workspace(actor=request.user, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error, {"NAME": "name"})
        else:
            messages.success(request, f"The workspace “{made.name}” is ready: invite its members.")
            return redirect("accounts:workspace", made.pk)
    facts = {"form": form, "memberships": memberships_of(request.user)}
    return render(request, "accounts/teams/list.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def workspace(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    return _shown(request, workspace_for_user(request.user, workspace_id))


def _shown(request: SignedInRequest, mine: Membership, invite: InviteForm | None = None) -> HttpResponse:
    held = mine.workspace
    manages = Permission.MANAGE_MEMBERS in mine.permissions
    facts = {
        "workspace": held,
        "mine": mine,
        "manages": manages,
        "audits": Permission.AUDIT in mine.permissions,
        "members": members_of(held),
        "roles": role_choices(held),
        "invitations": open_invitations(held).select_related("permission_set") if manages else [],
        "sets": sets_of(held),
        "invite": invite or InviteForm(workspace=held),
        "panels": panels_of(request, mine),
    }
    refused = invite is not None and bool(invite.errors)
    return render(request, "accounts/teams/workspace.html", facts, status=400 if refused else 200)


@require_POST
@login_required
def rename(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    name = request.POST.get("name", "")
    act = partial(services.rename_workspace, actor=request.user, workspace=mine.workspace, name=name)
    return _done(request, workspace_id, act, "The workspace has its new name.")


@require_POST
@login_required
def close(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    try:
        services.close_workspace(actor=request.user, workspace=mine.workspace)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("accounts:workspace", workspace_id)
    messages.success(request, "The workspace is closed.")
    return redirect("accounts:workspaces")


@require_POST
@login_required
def invite(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    form = InviteForm(request.POST, workspace=mine.workspace)
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            services.invite_member(actor=request.user, workspace=mine.workspace, email=email, **form.given())
        except DomainError as error:
            show_refusal(form, error, {"EMAIL": "email", "ALREADY": "email", "ROLE": "role", "OWNERS": "role"})
        else:
            messages.success(request, f"An invitation is on its way to {email}.")
            return redirect("accounts:workspace", workspace_id)
    return _shown(request, mine, form)


@require_POST
@login_required
def withdraw(request: SignedInRequest, workspace_id: UUID, invitation_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    found = invitation_of(mine.workspace, invitation_id)
    services.withdraw_invitation(actor=request.user, invitation=found)
    messages.success(request, "The invitation opens nothing any more.")
    return redirect("accounts:workspace", workspace_id)


@never_cache
@READ_OR_WRITE
@login_required
def join(request: SignedInRequest, code: str) -> HttpResponse:
    """Show what an invitation leads to, and take it."""
    if request.method != "POST":
        return render(request, "accounts/teams/join.html", {"invitation": invitation_by_code(code)})
    made = services.accept_invitation(user=request.user, code=code)
    messages.success(request, f"You belong to “{made.workspace.name}” now.")
    return redirect("accounts:workspace", made.workspace_id)


@require_POST
@login_required
def change_role(request: SignedInRequest, workspace_id: UUID, membership_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    theirs, form = member_of(mine.workspace, membership_id), RoleForm(request.POST, workspace=mine.workspace)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles.")
        return redirect("accounts:workspace", workspace_id)
    given = form.given()
    act = partial(services.change_role, actor=request.user, membership=theirs, **given)
    return _done(request, workspace_id, act, "The role counts from now on.")


@require_POST
@login_required
def remove(request: SignedInRequest, workspace_id: UUID, membership_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    theirs = member_of(mine.workspace, membership_id)
    act = partial(services.remove_member, actor=request.user, membership=theirs)
    return _done(request, workspace_id, act, f"@{theirs.user.profile.handle} does not belong to it any more.")


@require_POST
@login_required
def leave(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id)
    try:
        services.remove_member(actor=request.user, membership=mine)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("accounts:workspace", workspace_id)
    messages.success(request, f"You left “{mine.workspace.name}”.")
    return redirect("accounts:workspaces")


@require_POST
@login_required
def transfer(request: SignedInRequest, workspace_id: UUID, membership_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    to = member_of(mine.workspace, membership_id)
    act = partial(services.transfer_ownership, actor=request.user, workspace=mine.workspace, to=to)
    return _done(request, workspace_id, act, f"@{to.user.profile.handle} is an owner now, and you an admin.")


@READ_OR_WRITE
@login_required
def new_set(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    return _set_page(request, mine, None)


@READ_OR_WRITE
@login_required
def edit_set(request: SignedInRequest, workspace_id: UUID, set_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    return _set_page(request, mine, set_of(mine.workspace, set_id))


def _set_page(request: SignedInRequest, mine: Membership, held: PermissionSet | None) -> HttpResponse:
    form = SetForm(request.POST or None, held=held)
    if form.is_valid():
        try:
            services.save_set(actor=request.user, workspace=mine.workspace, held=held, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error, {"NAME": "name", "ROLE": "permissions"})
        else:
            messages.success(request, "The permission set is kept.")
            return redirect("accounts:workspace", mine.workspace_id)
    facts = {"form": form, "workspace": mine.workspace, "held": held}
    return render(request, "accounts/teams/set.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def delete_set(request: SignedInRequest, workspace_id: UUID, set_id: UUID) -> HttpResponse:
    mine = workspace_for_user(request.user, workspace_id, Permission.MANAGE_MEMBERS)
    held = set_of(mine.workspace, set_id)
    return _done(
        request,
        workspace_id,
        partial(services.delete_set, actor=request.user, held=held),
        "The permission set is gone.",
    )


@require_safe
@login_required
def audit(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    """Who did what in the workspace, and as what."""
    mine, form = workspace_for_user(request.user, workspace_id, Permission.AUDIT), AuditFilter(request.GET)
    page = Paginator(narrowed(entries_of_workspace(workspace_id), form.asked()), AUDIT_PAGE)
    facts = {"workspace": mine.workspace, "form": form, "page": page.get_page(request.GET.get("page"))}
    return render(request, "accounts/teams/audit.html", facts)


def _done(request: SignedInRequest, workspace_id: UUID, act: Callable[[], Any], said: str) -> HttpResponse:
    """Do it, say so or why not, and go back to the workspace."""
    try:
        act()
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return redirect("accounts:workspace", workspace_id)
