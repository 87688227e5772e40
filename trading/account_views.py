"""The page of what an exchange account traded that no order of ours asked for, and giving it to a portfolio."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from portfolios.selectors import exchange_account_for_user, portfolio_for_user, portfolios_of
from trading.selectors import foreign_fill_for_user, foreign_fills_of
from trading.services.assigning import assign_fill
from trading.services.changing import cancel_all

PAGE_SIZE = 50


@require_safe
@login_required
def trades(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    account = exchange_account_for_user(request.user, account_id)
    page = Paginator(foreign_fills_of(account), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"account": account, "page": page, "portfolios": portfolios_of(request.user).filter(account=account)}
    return render(request, "trading/account_trades.html", facts)


@require_POST
@login_required
def cancel_orders(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    """Cancel all that waits in the portfolios on an account."""
    account = exchange_account_for_user(request.user, account_id)
    count = len(cancel_all(actor=request.user, account=account))
    messages.success(request, f"Canceled, or asked back from the exchange: {count}.")
    return redirect("exchange_accounts:detail", account.pk)


@require_POST
@login_required
def assign(request: SignedInRequest, fill_id: UUID) -> HttpResponse:
    fill = foreign_fill_for_user(request.user, fill_id)
    portfolio = portfolio_for_user(request.user, request.POST.get("portfolio", ""))
    try:
        assign_fill(actor=request.user, fill=fill, portfolio=portfolio)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The trade is in “{portfolio.name}” now.")
    return redirect("trading:account_trades", fill.account_id)
