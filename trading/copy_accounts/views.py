"""The part of a follow's page that says what it came to: the way from the lead's result to one's own, and the profit share."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import NotFound
from portfolios.selectors import portfolio_for_user
from trading.copy_accounts.differences import account_of, steps_of
from trading.copy_accounts.selectors import profit_share_of, settlements_of
from trading.copy_accounts.words import WORDS
from trading.selectors import follow_of

RECENT = 12


@require_safe
@login_required
def account(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    follow = follow_of(portfolio)
    if follow is None:
        raise NotFound("follow")
    found = account_of(follow)
    facts = {
        "portfolio": portfolio,
        "account": found,
        "gap_ratio": found.ratio(found.gap),
        "steps": [(step, *WORDS[step.bar.name]) for step in steps_of(found)],
        "share": profit_share_of(follow),
        "settlements": settlements_of(follow)[:RECENT],
    }
    return render(request, "trading/copy_accounts/_account.html", facts)
