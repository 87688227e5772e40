"""The settings pages: profile, API tokens, notifications, activity."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import ProfileForm, TokenForm
from accounts.models import LimitName
from accounts.notifying.forms import FoundForm
from accounts.notifying.selectors import found_notifications
from accounts.registry import describe, event, in_words, reachable_of
from accounts.requests import SignedInRequest
from accounts.selectors import acts_of, limit, sign_ins_of, token_for_user, tokens_of
from accounts.services import (
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
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]  # allauth names no types
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
    form = FoundForm(request.GET)
    page = Paginator(found_notifications(request.user, **form.found()), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(one, describe(one.event, one.context), event(one.event)) for one in page]
    return render(request, "accounts/notifications.html", {"page": page, "rows": rows, "filters": form})


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
