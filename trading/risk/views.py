"""The risk page of a portfolio: limits and what is used of them, switches, closing everything, and the log of denials."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError
from common.forms import show_refusal
from engine.risk.limits import Profile
from portfolios.selectors import portfolio_for_user
from trading.models import SafetyLevel, ScopeKind
from trading.risk.forms import OFF, LevelForm, LimitsForm, ProfileForm
from trading.risk.selectors import Standing, decisions_of, standing_of
from trading.risk.services.profiles import choose_profile, drop_limits, set_limits
from trading.risk.words import decision_row, usage_row
from trading.selectors import switch_of
from trading.services.closing import Closed
from trading.services.closing import close_all as close_scope
from trading.services.safety import set_safety

PAGE_SIZE = 25
_DONE = {
    SafetyLevel.ACTIVE: "New positions pass again.",
    SafetyLevel.REDUCING: "From now on only exits pass.",
    SafetyLevel.HALTED: "Halted: nothing new opens, and what was not sent was taken back. Exits pass.",
}


@require_safe
@login_required
def risk(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    standing = standing_of(found)
    page = Paginator(decisions_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {
        **_panel(standing),
        "page": page,
        "decisions": [decision_row(one) for one in page],
        "profile_form": ProfileForm(initial={"profile": standing.profile.name if standing.profile else OFF}),
        "mine": switch_of(ScopeKind.USER, str(request.user.pk)),
    }
    return render(request, "trading/risk.html", facts)


@require_safe
@login_required
def panel(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """How the portfolio stands, fetched again when something changes."""
    return render(
        request,
        "trading/_risk_panel.html",
        _panel(standing_of(portfolio_for_user(request.user, portfolio_id, Permission.VIEW))),
    )


def _panel(standing: Standing) -> dict[str, Any]:
    currency = standing.portfolio.settlement_id
    groups = [(title, [usage_row(one, currency) for one in usages]) for title, usages in standing.groups()]
    return {"portfolio": standing.portfolio, "standing": standing, "groups": groups}


@require_POST
@login_required
def choose(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        raise DomainError("PROFILE_UNKNOWN", "Choose one of the profiles.")
    chosen = form.cleaned_data["profile"]
    if chosen == OFF:
        drop_limits(actor=request.user, portfolio=found)
        messages.success(request, "This portfolio has no limits of its own any more.")
    else:
        made = choose_profile(actor=request.user, portfolio=found, profile=Profile(chosen))
        messages.success(request, f"The limits are {made.get_name_display().lower()} now.")
    return redirect("portfolios:risk", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    form = LimitsForm(request.POST or None, limits=standing_of(found).limits)
    if form.is_valid():
        try:
            set_limits(actor=request.user, portfolio=found, limits=form.limits())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The limits are kept, and hold from now on.")
            return redirect("portfolios:risk", found.pk)
    facts = {"portfolio": found, "form": form, "groups": list(form.groups(found.settlement_id))}
    return render(request, "trading/risk_limits.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def switch(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    _switch(request, ScopeKind.PORTFOLIO, str(found.pk))
    return redirect("portfolios:risk", found.pk)


@require_POST
@login_required
def close_all(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    _close(request, ScopeKind.PORTFOLIO, str(found.pk))
    return redirect("portfolios:risk", found.pk)


@require_POST
@login_required
def switch_mine(request: SignedInRequest) -> HttpResponse:
    """Everything that the person owns, at once."""
    _switch(request, ScopeKind.USER, str(request.user.pk))
    return redirect(_back(request))


@require_POST
@login_required
def close_mine(request: SignedInRequest) -> HttpResponse:
    _close(request, ScopeKind.USER, str(request.user.pk))
    return redirect(_back(request))


def _switch(request: SignedInRequest, scope: ScopeKind, scope_id: str) -> None:
    form = LevelForm(request.POST)
    if not form.is_valid():
        raise DomainError("LEVEL_UNKNOWN", "Choose active, reducing or halted.")
    level = SafetyLevel(form.cleaned_data["level"])
    set_safety(actor=request.user, scope=scope, scope_id=scope_id, level=level, reason="")
    messages.success(request, _DONE[level])


def _close(request: SignedInRequest, scope: ScopeKind, scope_id: str) -> None:
    messages.success(request, report(close_scope(actor=request.user, scope=scope, scope_id=scope_id)))


def report(closed: Closed) -> str:
    """Return what closing everything did, as a sentence."""
    count = len(closed.orders)
    done = f"Halted. {count} position{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} being closed at the market."
    if closed.opens_under_way:
        done += f" {closed.opens_under_way} orders were on their way already; look again in a moment."
    return done if count else "Halted. Nothing was held that could be closed."


def _back(request: HttpRequest) -> str:
    """Return where a person-wide act leads: the portfolio's risk page that it was pressed on, else the list."""
    given = request.POST.get("portfolio", "")
    try:
        return f"/portfolios/{UUID(given)}/risk/"
    except ValueError:
        return "portfolios:list"
