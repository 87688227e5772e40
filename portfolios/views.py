"""The pages of one's books: the list, opening one, money in and out, the ledger; and the parts that a portfolio's page fetches.

That page itself is trading's, since it shows what trading does with the book (trading/portfolio_urls.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import LimitName
from accounts.requests import SignedInRequest
from accounts.selectors import limit
from common import display
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.forms import AmountForm, OpenForm, TransferForm, known_account
from portfolios.models import LedgerAccount, Portfolio
from portfolios.selectors import (
    equity_curve,
    holdings_of,
    ledger_of,
    openable_market,
    portfolio_for_user,
    portfolios_of,
    worth_of,
)
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw

PAGE_SIZE = 50
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
# Which field a refusal is about, by the beginning of its code.
_FIELDS = {"AMOUNT": "amount", "INSUFFICIENT_BALANCE": "amount", "NAME": "name", "PORTFOLIOS_DIFFER": "target"}


@require_safe
@login_required
def portfolio_list(request: SignedInRequest) -> HttpResponse:
    mine = list(portfolios_of(request.user))
    worth = worth_of(mine)
    facts = {
        "rows": [(one, worth[one.pk]) for one in mine],
        "limit": limit(request.user, LimitName.PORTFOLIOS),
    }
    return render(request, "portfolios/list.html", facts)


@READ_OR_WRITE
@login_required
def open_one(request: SignedInRequest) -> HttpResponse:
    form = OpenForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            exchange, settlement = openable_market(*form.pair())
            portfolio = open_portfolio(
                owner=request.user,
                name=data["name"],
                exchange=exchange,
                settlement=settlement,
                amount=data["amount"],
            )
        except DomainError as error:
            show_refusal(form, error, _FIELDS)
        else:
            messages.success(request, f"“{portfolio.name}” is open.")
            return redirect("portfolios:detail", portfolio.pk)
    return render(request, "portfolios/open.html", {"form": form}, status=400 if form.errors else 200)


@READ_OR_WRITE
@login_required
def pay_in(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    form = AmountForm(request.POST or None)
    act = partial(deposit, actor=request.user, portfolio=portfolio)
    return _money_page(request, portfolio, form, "deposit", act, "{amount} was paid in.")


@READ_OR_WRITE
@login_required
def take_out(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    form = AmountForm(request.POST or None)
    act = partial(withdraw, actor=request.user, portfolio=portfolio)
    return _money_page(request, portfolio, form, "withdraw", act, "{amount} was taken out.")


@READ_OR_WRITE
@login_required
def move(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    form = TransferForm(request.POST or None, source=portfolio)
    act = partial(transfer, actor=request.user, source=portfolio)
    return _money_page(request, portfolio, form, "transfer", act, "{amount} went to “{target}”.")


def _money_page(
    request: SignedInRequest,
    portfolio: Portfolio,
    form: AmountForm,
    way: str,
    act: Callable[..., object],
    done: str,
) -> HttpResponse:
    """Move money as the form says and go back to the portfolio, or show the form with what is wrong."""
    if form.is_valid():
        try:
            act(**form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error, _FIELDS)
        else:
            amount = f"{display.amount(form.cleaned_data['amount'])} {portfolio.settlement_id}"
            messages.success(request, done.format(amount=amount, target=form.cleaned_data.get("target")))
            return redirect("portfolios:detail", portfolio.pk)
    facts = {"portfolio": portfolio, "form": form, "way": way, "worth": worth_of([portfolio])[portfolio.pk]}
    return render(request, "portfolios/money.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def ledger(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    account = known_account(request.GET.get("account", ""))
    page = Paginator(ledger_of(portfolio, account), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"portfolio": portfolio, "page": page, "account": account, "accounts": LedgerAccount.values}
    return render(request, "portfolios/ledger.html", facts)


@require_safe
@login_required
def summary(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    facts = {"portfolio": portfolio, "worth": worth_of([portfolio])[portfolio.pk]}
    return render(request, "portfolios/_summary.html", facts)


@require_safe
@login_required
def positions(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id)
    facts = {"portfolio": portfolio, "holdings": holdings_of(portfolio)}
    return render(request, "portfolios/_positions.html", facts)


@require_safe
@login_required
def equity(request: SignedInRequest, portfolio_id: UUID) -> JsonResponse:
    """The equity chart's data."""
    points = equity_curve(portfolio_for_user(request.user, portfolio_id))
    return JsonResponse({"points": [{"time": int(at.timestamp()), "value": float(value)} for at, value in points]})
