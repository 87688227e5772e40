"""The page of who follows one's portfolio."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from portfolios.selectors import portfolio_for_user
from trading.console import DAYS, console_of


@require_safe
@login_required
def followers(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.PUBLISH)
    facts = {"portfolio": portfolio, "console": console_of(portfolio), "days": DAYS}
    return render(request, "trading/followers.html", facts)
