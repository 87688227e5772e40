"""The pages of one's books: the list, opening one, money in and out; and the parts that a portfolio's page fetches.

That page itself and the ledger's are trading's, since they show what trading does with the book (trading/portfolio_urls.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import LimitName, User
from accounts.requests import SignedInRequest
from accounts.second_factor import CODE as SECOND_FACTOR_NEEDED
from accounts.second_factor import require_fresh_factor
from accounts.selectors import limit
from accounts.teams.models import Permission
from common import display
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.costs import CostModel, is_on_paper
from portfolios.forms import AmountForm, CostsForm, OpenForm, TransferForm
from portfolios.margin import with_liquidation_prices
from portfolios.models import AccountMode, Portfolio
from portfolios.selectors import (
    balances_of,
    equity_curve,
    holdings_of,
    openable_account,
    openable_market,
    portfolio_for_user,
    portfolios_of,
    worth_of,
)
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw
from portfolios.services.costs import set_costs
from portfolios.services.remainders import set_live_trading

PAGE_SIZE = 50
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
# Which field a refusal is about, by the beginning of its code.
_FIELDS = {"AMOUNT": "amount", "INSUFFICIENT_BALANCE": "amount", "NAME": "name", "PORTFOLIOS_DIFFER": "target"}


@require_safe
@login_required
def portfolio_list(request: SignedInRequest) -> HttpResponse:
    every = list(portfolios_of(request.user))
    places = _places(request.user, every)
    shown = request.GET.get("of", "")
    mine = [one for one in every if not shown or shown == _place(request.user, one)[0]]
    worth = worth_of(mine)
    facts = {
        "places": places if len(places) > 1 else [],
        "shown": shown,
        "used": sum(one.owner_id == request.user.pk for one in every),
        "rows": [(one, worth[one.pk]) for one in mine],
        "limit": limit(request.user, LimitName.PORTFOLIOS),
    }
    return render(request, "portfolios/list.html", facts)


def _place(user: User, portfolio: Portfolio) -> tuple[str, str]:
    """Return by what a portfolio is the user's to see: the value of the switcher's choice, and its name."""
    if portfolio.workspace is not None:
        return str(portfolio.workspace_id), portfolio.workspace.name
    return ("own", "Your own") if portfolio.owner_id == user.pk else ("lent", "Lent to you")


def _places(user: User, portfolios: list[Portfolio]) -> list[tuple[str, str]]:
    """Return what the switcher offers, one's own first."""
    found = {_place(user, one) for one in portfolios}
    return sorted(found, key=lambda place: (place[0] != "own", place[0] == "lent", place[1]))


@READ_OR_WRITE
@login_required
def open_one(request: SignedInRequest) -> HttpResponse:
    form = OpenForm(request.POST or None, user=request.user)
    if form.is_valid():
        data = form.cleaned_data
        try:
            portfolio = open_portfolio(
                owner=request.user, name=data["name"], amount=data["amount"], **_where(request, form)
            )
        except DomainError as error:
            if error.code == SECOND_FACTOR_NEEDED:
                raise
            show_refusal(form, error, _FIELDS)
        else:
            messages.success(request, f"“{portfolio.name}” is open.")
            return redirect("portfolios:detail", portfolio.pk)
    return render(request, "portfolios/open.html", {"form": form}, status=400 if form.errors else 200)


def _where(request: SignedInRequest, form: OpenForm) -> dict[str, Any]:
    """Return where the form says that a portfolio is opened; one with real money needs a fresh second factor."""
    if (chosen := form.account()) is None:
        exchange, settlement = openable_market(*form.pair())
        return {"exchange": exchange, "settlement": settlement}
    account, settlement = openable_account(request.user, *chosen)
    if account.mode == AccountMode.LIVE:
        require_fresh_factor(request)
    return {"exchange": account.exchange, "settlement": settlement, "account": account}


@require_POST
@login_required
def live_trading(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Let a live portfolio open positions, which needs a fresh second factor, or not, which needs none."""
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.MANAGE_KEYS)
    is_on = request.POST.get("is_on") == "on"
    if is_on:
        require_fresh_factor(request)
    try:
        set_live_trading(actor=request.user, portfolio=portfolio, is_on=is_on)
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("portfolios:detail", portfolio.pk)


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


@READ_OR_WRITE
@login_required
def costs(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What trading on paper costs, and how late it is."""
    portfolio = portfolio_for_user(request.user, portfolio_id)
    form = CostsForm(request.POST or None, portfolio=portfolio)
    if form.is_valid():
        try:
            set_costs(actor=request.user, portfolio=portfolio, model=CostModel(**form.cleaned_data))
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The next orders trade at these costs.")
            return redirect("portfolios:detail", portfolio.pk)
    facts = {"portfolio": portfolio, "form": form, "is_on_paper": is_on_paper(portfolio)}
    return render(request, "portfolios/costs.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def summary(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    facts = {"portfolio": portfolio, "worth": worth_of([portfolio])[portfolio.pk]}
    return render(request, "portfolios/_summary.html", facts)


@require_safe
@login_required
def balances(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Each asset that the portfolio holds, and where its figures come from."""
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    facts = {"portfolio": portfolio, "balances": balances_of(portfolio), "worth": worth_of([portfolio])[portfolio.pk]}
    return render(request, "portfolios/_balances.html", facts)


@require_safe
@login_required
def positions(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    facts = {"portfolio": portfolio, "holdings": with_liquidation_prices(portfolio, holdings_of(portfolio))}
    return render(request, "portfolios/_positions.html", facts)


@require_safe
@login_required
def equity(request: SignedInRequest, portfolio_id: UUID) -> JsonResponse:
    """The equity chart's data."""
    points = equity_curve(portfolio_for_user(request.user, portfolio_id, Permission.VIEW))
    return JsonResponse({"points": [{"time": int(at.timestamp()), "value": float(value)} for at, value in points]})
