"""The pages of trading: a portfolio with its orders and fills, the order ticket, follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.requests import SignedInRequest
from common import display
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from markets.charts import chart_rows, chart_timeframes
from markets.models import Instrument
from markets.selectors import instrument_by_id, known_timeframe
from markets.sources import plain_tick
from portfolios.models import Portfolio
from portfolios.selectors import holdings_of, portfolio_for_user, traded_instruments, worth_of
from trading.codes import cause_in_words, explain
from trading.forms import StopForm, TicketForm
from trading.models import UNFINISHED_FOLLOW, Follow, FollowState, Order
from trading.selectors import (
    fills_of,
    follow_for_user,
    follow_of,
    follows_of,
    markers,
    mirrored,
    order_for_user,
    orders_of,
    ticket_instruments,
)
from trading.services.follows import pause_follow, resume_follow, stop_follow
from trading.services.orders import place_hand_order

# A portfolio's page shows this many of the newest orders and fills; the rest is on pages of its own.
RECENT = 10
PAGE_SIZE = 50
FIRST_TIMEFRAME = "5m"
_FIELDS = {
    "QUANTITY": "quantity",
    "NOTIONAL": "quantity",
    "INSUFFICIENT_BALANCE": "quantity",
    "NOTHING_TO_CLOSE": "quantity",
    "INSTRUMENT": "instrument",
    "PRICE_UNKNOWN": "instrument",
    "EQUITY_STALE": "instrument",
}


# --- a portfolio ----------------------------------------------------------------------------------------------------
@require_safe
@login_required
def portfolio(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    return _portfolio_page(request, found, TicketForm(portfolio=found, initial=_first_choice(found, request)))


def _first_choice(portfolio: Portfolio, request: SignedInRequest) -> dict[str, Any]:
    """Return what the ticket opens with: the market that the page's chart shows."""
    chosen = _charted(portfolio, request.GET.get("market", ""))
    return {"instrument": chosen} if chosen else {}


def _portfolio_page(
    request: SignedInRequest, portfolio: Portfolio, ticket: TicketForm, status: int = 200
) -> HttpResponse:
    follow = follow_of(portfolio)
    facts = {
        "portfolio": portfolio,
        "worth": worth_of([portfolio])[portfolio.pk],
        "holdings": holdings_of(portfolio),
        "orders": _in_words(orders_of(portfolio)[:RECENT]),
        "fills": fills_of(portfolio)[:RECENT],
        "chart": _chart(portfolio, request.GET.get("market", "")),
        "ticket": None if follow and follow.state in UNFINISHED_FOLLOW else ticket,
        "estimate": ticket.estimate(),
        "follow": follow,
        "copies": _copies(follow),
        "stop_form": StopForm(),
    }
    return render(request, "portfolios/detail.html", facts, status=status)


def _in_words(orders: QuerySet[Order] | list[Order]) -> list[dict[str, Any]]:
    """Return orders with who asked for them, and why they did not run as asked."""
    return [{"order": one, "cause": cause_in_words(one), "reason": explain(one.code, one)} for one in orders]


def _charted(portfolio: Portfolio, asked: str) -> Instrument | None:
    """Return the instrument whose chart is shown: the asked one, else the one traded last, else the first on offer."""
    offered = {str(one.pk): one for one in ticket_instruments(portfolio)}
    newest = fills_of(portfolio).values_list("instrument", flat=True).first()
    return offered.get(asked) or offered.get(str(newest)) or next(iter(offered.values()), None)


def _chart(portfolio: Portfolio, asked: str) -> dict[str, Any] | None:
    """Return what the price chart needs; None where there is nothing to draw."""
    shown = _charted(portfolio, asked)
    offered = chart_timeframes(shown) if shown else []
    if shown is None or not offered:
        return None
    first = FIRST_TIMEFRAME if FIRST_TIMEFRAME in offered else offered[0]
    traded = list(traded_instruments(portfolio))
    urls = {one: reverse("portfolios:chart", args=[portfolio.pk, shown.pk, one]) for one in offered}
    return {
        "instrument": shown,
        "others": traded if shown in traded else [shown, *traded],
        "url": urls[first],
        "series": first,
        "precision": str(max(0, -int(plain_tick(shown).as_tuple().exponent))),
        "ranges": [{"label": one, "url": urls[one], "series": one, "active": one == first} for one in offered],
    }


@require_safe
@login_required
def chart(request: SignedInRequest, portfolio_id: UUID, instrument_id: UUID, timeframe: str) -> JsonResponse:
    """An instrument's candles with the portfolio's own fills upon them."""
    found = portfolio_for_user(request.user, portfolio_id)
    instrument = instrument_by_id(instrument_id)
    rows = chart_rows(instrument, known_timeframe(timeframe))
    return JsonResponse({"candles": rows, "markers": markers(found, instrument)})


@require_safe
@login_required
def recent_orders(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    facts = {"portfolio": found, "orders": _in_words(orders_of(found)[:RECENT])}
    return render(request, "trading/_orders.html", facts)


@require_safe
@login_required
def recent_fills(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    return render(request, "trading/_fills.html", {"portfolio": found, "fills": fills_of(found)[:RECENT]})


@require_safe
@login_required
def order_list(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    page = Paginator(orders_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"portfolio": found, "page": page, "orders": _in_words(list(page))}
    return render(request, "trading/orders.html", facts)


@require_safe
@login_required
def fill_list(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    page = Paginator(fills_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "trading/fills.html", {"portfolio": found, "page": page, "fills": page})


@require_safe
@login_required
def order(request: SignedInRequest, order_id: UUID) -> HttpResponse:
    found = order_for_user(request.user, order_id)
    facts = {
        "order": found,
        "portfolio": found.portfolio,
        "cause": cause_in_words(found),
        "reason": explain(found.code, found),
        "events": found.events.order_by("pk"),
        "fills": fills_of(found.portfolio).filter(order=found),
    }
    return render(request, "trading/order.html", facts)


# --- the order ticket -----------------------------------------------------------------------------------------------
@require_GET
@login_required
def estimate(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What the ticket as it stands would come to."""
    found = portfolio_for_user(request.user, portfolio_id)
    form = TicketForm(request.GET or None, portfolio=found)
    return render(request, "trading/_estimate.html", {"estimate": form.estimate()})


@require_POST
@login_required
def place(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Place the order; answer htmx with the ticket, emptied or with what is wrong, and a plain browser with a page."""
    found = portfolio_for_user(request.user, portfolio_id)
    form = TicketForm(request.POST, portfolio=found)
    placed = _placed(request, found, form)
    if placed is None:
        if request.headers.get("HX-Request"):
            return _ticket(request, found, form, status=422)
        return _portfolio_page(request, found, form, status=400)
    done = f"{placed.get_side_display()} {display.amount(placed.requested_quantity)} {placed.instrument.market.base_id}: sent."
    if not request.headers.get("HX-Request"):
        messages.success(request, done)
        return redirect("portfolios:detail", found.pk)
    fresh = TicketForm(portfolio=found, initial={"instrument": placed.instrument, "side": placed.side})
    answer = _ticket(request, found, fresh)
    answer["HX-Trigger"] = json.dumps({"toast": {"message": done, "level": "success"}})
    return answer


def _placed(request: SignedInRequest, portfolio: Portfolio, form: TicketForm) -> Order | None:
    if not form.is_valid():
        return None
    try:
        return place_hand_order(actor=request.user, portfolio=portfolio, **form.cleaned_data)
    except DomainError as error:
        show_refusal(form, error, _FIELDS)
        return None


def _ticket(request: SignedInRequest, portfolio: Portfolio, form: TicketForm, status: int = 200) -> HttpResponse:
    facts = {"portfolio": portfolio, "ticket": form, "estimate": form.estimate()}
    return render(request, "trading/_ticket.html", facts, status=status)


# --- follows --------------------------------------------------------------------------------------------------------
@require_safe
@login_required
def follow_list(request: SignedInRequest) -> HttpResponse:
    found = list(follows_of(request.user))
    worth = worth_of([one.portfolio for one in found])
    rows = [(one, worth[one.portfolio_id]) for one in found]
    facts = {
        "going_on": [row for row in rows if row[0].state in UNFINISHED_FOLLOW],
        "stopped": [row for row in rows if row[0].state == FollowState.STOPPED],
    }
    return render(request, "trading/follows.html", facts)


@require_safe
@login_required
def follow_panel(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """How the portfolio's follow stands."""
    return render(request, "trading/_follow.html", {"follow": _follow(request, portfolio_id)})


@require_safe
@login_required
def copies(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What the follow made of what the lead did."""
    return render(request, "trading/_copies.html", {"copies": _copies(_follow(request, portfolio_id))})


def _follow(request: SignedInRequest, portfolio_id: UUID) -> Follow:
    found = follow_of(portfolio_for_user(request.user, portfolio_id))
    if found is None:
        raise NotFound("follow")
    return found


def _copies(follow: Follow | None) -> list[dict[str, Any]]:
    found = mirrored(follow, RECENT) if follow else []
    return [{"copy": one, "reason": explain(one.order.code, one.order)} for one in found]


@require_POST
@login_required
def pause(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    return _moved(request, follow_id, pause_follow, "Paused: nothing new is copied, exits still are.")


@require_POST
@login_required
def resume(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    return _moved(request, follow_id, resume_follow, "Copying goes on with the lead's next trade.")


def _moved(request: SignedInRequest, follow_id: UUID, move: Callable[..., Follow], done: str) -> HttpResponse:
    found = follow_for_user(request.user, follow_id)
    move(actor=request.user, follow=found)
    messages.success(request, done)
    return redirect("portfolios:detail", found.portfolio_id)


@require_POST
@login_required
def stop(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    found = follow_for_user(request.user, follow_id)
    form = StopForm(request.POST)
    if not form.is_valid():
        raise DomainError("STOP_MODE_INVALID", "Choose what shall become of what the follow holds.")
    stopped = stop_follow(actor=request.user, follow=found, mode=form.cleaned_data["mode"])
    over = stopped.state == FollowState.STOPPED
    messages.success(request, "The follow has ended." if over else "The follow is ending.")
    return redirect("portfolios:detail", found.portfolio_id)
