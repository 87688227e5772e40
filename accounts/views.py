"""The settings pages: profile, API tokens, notifications, activity, taking one's data along, leaving."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import LeaveForm, ProfileForm, TokenForm
from accounts.models import LimitName
from accounts.registry import describe, in_words, reachable_of
from accounts.requests import SignedInRequest
from accounts.selectors import acts_of, limit, notifications_of, sign_ins_of, token_for_user, tokens_of
from accounts.services import (
    erase_person,
    export_personal_data,
    issue_token,
    mark_read,
    revoke_token,
    update_profile,
)
from common.errors import DomainError

PAGE_SIZE = 25
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@READ_OR_WRITE
@login_required
def profile(request: SignedInRequest) -> HttpResponse:
    held = request.user.profile
    initial = {"display_name": held.display_name, "handle": held.handle, "bio": held.bio}
    form = ProfileForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            update_profile(user=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error("handle" if error.code.startswith("HANDLE") else None, error.message)
        else:
            messages.success(request, "Your profile is saved.")
            return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form}, status=400 if form.errors else 200)


@never_cache
@READ_OR_WRITE
@login_required
def tokens(request: SignedInRequest) -> HttpResponse:
    """List the tokens; a new one is shown in the answer to its form, this once."""
    portfolios = reachable_of(request.user)
    form, secret = TokenForm(request.POST or None, portfolios=portfolios), None
    if form.is_valid():
        facts = {"name": form.cleaned_data["name"], "expires_at": form.expires_at(), **form.limits()}
        try:
            _, secret = issue_token(user=request.user, **facts)
            form = TokenForm(portfolios=portfolios)
        except DomainError as error:
            form.add_error("networks" if error.code == "NETWORKS_INVALID" else None, error.message)
    names = {str(key): name for key, name in portfolios}
    facts = {
        "form": form,
        "secret": secret,
        "tokens": [
            (token, [names.get(one, "closed") for one in token.portfolios]) for token in tokens_of(request.user)
        ],
        "limit": limit(request.user, LimitName.API_TOKENS),
    }
    return render(request, "accounts/tokens.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def revoke(request: SignedInRequest, token_id: UUID) -> HttpResponse:
    token = token_for_user(request.user, token_id)
    revoke_token(token=token)
    messages.success(request, f"The token “{token.name}” is revoked.")
    return redirect("accounts:tokens")


@require_GET
@login_required
def notifications(request: SignedInRequest) -> HttpResponse:
    page = Paginator(notifications_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(notification, describe(notification.event, notification.context)) for notification in page]
    return render(request, "accounts/notifications.html", {"page": page, "rows": rows})


@require_POST
@login_required
def read_all(request: SignedInRequest) -> HttpResponse:
    mark_read(user=request.user)
    return redirect("accounts:notifications")


@require_POST
@login_required
def read_one(request: SignedInRequest, notification_id: UUID) -> HttpResponse:
    mark_read(user=request.user, ids=[notification_id])
    return redirect("accounts:notifications")


@require_GET
@login_required
def activity(request: SignedInRequest) -> HttpResponse:
    page = Paginator(acts_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    acts = [(act, in_words(act.action)) for act in page]
    facts = {"sign_ins": sign_ins_of(request.user)[:PAGE_SIZE], "page": page, "acts": acts}
    return render(request, "accounts/activity.html", facts)


@require_GET
@login_required
def data(request: SignedInRequest) -> HttpResponse:
    return render(request, "accounts/data.html", {"form": LeaveForm()})


@require_POST
@login_required
def export(request: SignedInRequest) -> HttpResponse:
    answer = JsonResponse(export_personal_data(user=request.user), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="slipstream-{request.user.profile.handle}.json"'
    return answer


@require_POST
@login_required
def leave(request: SignedInRequest) -> HttpResponse:
    form = LeaveForm(request.POST)
    if form.is_valid() and not request.user.check_password(form.cleaned_data["password"]):
        form.add_error("password", "This is not your password.")
    if form.is_valid():
        try:
            erase_person(user=request.user)
        except DomainError as error:
            form.add_error(None, error.message)
    if form.errors:
        return render(request, "accounts/data.html", {"form": form}, status=400)
    logout(request)
    messages.success(request, "Your account is closed, and what was yours is forgotten.")
    return redirect("/")
