"""The pages of how a follow copies: its settings, what it copied, and the plan that would bring it in step with its lead."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from portfolios.selectors import portfolio_for_user
from trading.brokers.places import takes_stops
from trading.codes import in_words
from trading.copy_forms import CopySettingsForm
from trading.copy_log import events_of, log_of, stops_filled
from trading.follow_forms import ProtectionForm
from trading.models import FollowState
from trading.selectors import follow_for_user, follow_of
from trading.services.copy_settings import change_settings
from trading.services.follows import resume_follow
from trading.services.protecting import change_protection, protections_of, share_of
from trading.services.resyncing import accept_plan, drift_plan

PAGE_SIZE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def settings(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    found = follow_for_user(request.user, follow_id)
    protects = request.POST.get("form") == "protection"
    form = CopySettingsForm(None if protects else request.POST or None, settings=found.copying)
    data = request.POST if protects else None
    protection = ProtectionForm(data, portfolio=found.portfolio, share=share_of(found))
    if protects and protection.is_valid():
        try:
            change_protection(actor=request.user, follow=found, share=protection.share)
        except DomainError as error:
            show_refusal(protection, error)
        else:
            messages.success(request, "Kept. What rests at the exchange follows within seconds.")
            return redirect("portfolios:detail", found.portfolio_id)
    if form.is_valid():
        try:
            change_settings(actor=request.user, follow=found, settings=form.settings())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "Kept. Positions that are open keep the settings of their opening.")
            return redirect("portfolios:detail", found.portfolio_id)
    facts = {
        "follow": found,
        "form": form,
        "figures": list(form.figures(found.portfolio.settlement_id)),
        "protection": protection,
        "takes_stops": takes_stops(found.portfolio),
        "stops": in_words(protections_of(found)),
    }
    is_refused = form.errors or protection.errors
    return render(request, "trading/copy_settings.html", facts, status=400 if is_refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def plan(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    """What would bring the follow in step with its lead; a POST has it done."""
    found = follow_for_user(request.user, follow_id)
    if request.method == "POST":
        accept_plan(actor=request.user, follow=found)
        messages.success(request, "The plan is being carried out.")
        return redirect("portfolios:detail", found.portfolio_id)
    return render(request, "trading/copy_plan.html", {"follow": found, "lines": drift_plan(found)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def resume(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    """The end of a pause: its plan first (rule 30); a POST resumes, and has the plan done where that is wished."""
    found = follow_for_user(request.user, follow_id)
    if request.method == "POST":
        catches_up = "catch_up" in request.POST
        resume_follow(actor=request.user, follow=found, catches_up=catches_up)
        done = (
            "Copying goes on, and the plan is being carried out."
            if catches_up
            else "Copying goes on with the lead's next trade."
        )
        messages.success(request, done)
        return redirect("portfolios:detail", found.portfolio_id)
    if found.state != FollowState.PAUSED:
        return redirect("portfolios:detail", found.portfolio_id)
    return render(request, "trading/resume.html", {"follow": found, "lines": drift_plan(found)})


@require_safe
@login_required
def log(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """All that the lead did since the follow began, with what the follow did and why it differs."""
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    follow = follow_of(portfolio)
    if follow is None:
        raise NotFound("follow")
    page = Paginator(events_of(follow), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {
        "portfolio": portfolio,
        "page": page,
        "copies": log_of(follow, list(page)),
        "stops": in_words(stops_filled(follow)),
    }
    return render(request, "trading/copy_log.html", facts)
