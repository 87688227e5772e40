"""The pages of what was: a portfolio's orders and fills, one order and why it ran so, and the ledger entries of them all."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from portfolios.selectors import balances_of, ledger_of, portfolio_for_user
from trading.codes import cause_in_words, explain, explain_cancel, in_words
from trading.filters import EntryFilter, FillFilter, OrderFilter
from trading.models import Order
from trading.selectors import entries_of_order, fills_of, order_for_user, orders_behind, orders_of
from trading.transitions import ENDED
from trading.why import why_of

PAGE_SIZE = 50


@require_safe
@login_required
def order_list(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    asked = OrderFilter(request.GET, found)
    page = Paginator(asked.narrow(orders_of(found)), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"portfolio": found, "filter": asked, "page": page, "orders": in_words(page)}
    return render(request, "trading/orders.html", facts)


@require_safe
@login_required
def fill_list(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    asked = FillFilter(request.GET, found)
    page = Paginator(asked.narrow(fills_of(found)), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "trading/fills.html", {"portfolio": found, "filter": asked, "page": page, "fills": page})


@require_safe
@login_required
def order(request: SignedInRequest, order_id: UUID) -> HttpResponse:
    found = order_for_user(request.user, order_id)
    facts = {
        "order": found,
        "portfolio": found.portfolio,
        "cause": cause_in_words(found),
        "reason": explain(found.code, found),
        "why": why_of(found),
        "events": found.events.order_by("pk"),
        "fills": fills_of(found.portfolio).filter(order=found),
        "replacement": Order.objects.filter(replaces=found).first(),
        "ending": "" if found.state in ENDED else explain_cancel(found.cancel_code),
    }
    return render(request, "trading/order.html", facts)


@require_safe
@login_required
def ledger(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """The entries behind a portfolio's figures, all of them or those of a kind, an account, an asset or an order."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    asked = EntryFilter(request.GET, found)
    lines = ledger_of(found) if asked.of_order is None else entries_of_order(asked.of_order)
    page = Paginator(asked.narrow(lines), PAGE_SIZE).get_page(request.GET.get("page"))
    behind = orders_behind(page)
    rows = [(line, behind.get(line.order_id or line.booking_id)) for line in page]
    balance = balances_of(found).filter(asset=asked.cleaned_data.get("asset") or "").first()
    facts = {"portfolio": found, "filter": asked, "page": page, "rows": rows, "balance": balance}
    return render(request, "portfolios/ledger.html", facts)
