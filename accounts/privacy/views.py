"""Settings → Your data: archives, consents, leaving."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.privacy.forms import LeaveForm
from accounts.privacy.selectors import (
    archive_for_user,
    archives_of,
    check_ready,
    consent_log,
    consents_of,
    departure_of,
)
from accounts.privacy.services import archives, consents, leaving
from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal

SHOWN = 5


def _shown(request: SignedInRequest, status: int = 200, **more: object) -> HttpResponse:
    facts = {
        "archives": archives_of(request.user)[:SHOWN],
        "consents": consents_of(request.user),
        "consent_log": consent_log(request.user)[:20],
        "departure": departure_of(request.user),
        "form": LeaveForm(user=request.user),
        "archive_hours": settings.ARCHIVE_HOURS,
        "leaving_days": settings.LEAVING_DAYS,
        "login_minutes": settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60,
        **more,
    }
    return render(request, "accounts/data.html", facts, status=status)


@never_cache
@require_GET
@login_required
def data(request: SignedInRequest) -> HttpResponse:
    return _shown(request)


@require_POST
@login_required
def request_archive(request: SignedInRequest) -> HttpResponse:
    try:
        archives.request_archive(user=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Your archive is being made; you are told when it is ready.")
    return redirect("accounts:data")


@never_cache
@require_GET
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no types
def download_archive(request: SignedInRequest, archive_id: UUID) -> HttpResponseBase:
    """Send the file to whoever it is about and has logged in a few minutes ago."""
    archive = archive_for_user(request.user, archive_id)
    path = check_ready(archive)
    archives.record_download(archive=archive)
    name = f"slipstream-{request.user.profile.handle}-{archive.created_at:%Y-%m-%d}.zip"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="application/zip")


@require_POST
@login_required
def give_consent(request: SignedInRequest, consent: str) -> HttpResponse:
    consents.give_consent(user=request.user, kind=consent)
    messages.success(request, "Your consent is kept.")
    return redirect("accounts:data")


@require_POST
@login_required
def revoke_consent(request: SignedInRequest, consent: str) -> HttpResponse:
    consents.revoke_consent(user=request.user, kind=consent)
    messages.success(request, "Your consent is taken back.")
    return redirect("accounts:data")


@require_POST
@login_required
def leave(request: SignedInRequest) -> HttpResponse:
    form = LeaveForm(request.POST, user=request.user)
    return _leave(request, form) if request.user.has_usable_password() else _leave_without_password(request, form)


@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no types
def _leave_without_password(request: SignedInRequest, form: LeaveForm) -> HttpResponse:
    return _leave(request, form)


def _leave(request: SignedInRequest, form: LeaveForm) -> HttpResponse:
    if form.is_valid():
        try:
            leaving.ask_to_leave(user=request.user, keeps_holdings=form.cleaned_data["holdings"] == "KEEP")
        except DomainError as error:
            show_refusal(form, error)
    if form.errors:
        return _shown(request, 400, form=form)
    messages.success(request, "Your account is being closed. Until then you may think better of it here.")
    return redirect("accounts:data")


@require_POST
@login_required
def stay(request: SignedInRequest) -> HttpResponse:
    if leaving.stay(user=request.user):
        messages.success(request, "Your account stays open.")
    return redirect("accounts:data")
