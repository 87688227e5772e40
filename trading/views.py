"""The pages of trading: a portfolio with its orders and fills, the order ticket, follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common import display
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from markets.charts import chart_rows, chart_timeframes
from markets.models import Instrument, InterestKind
from markets.selectors import instrument_by_id, known_timeframe
from markets.sources import plain_tick
from markets.topics import watch
from portfolios.access import permissions_of
from portfolios.costs import is_on_paper, label_of
from portfolios.margin import with_liquidation_prices
from portfolios.models import Portfolio
from portfolios.selectors import balances_of, holdings_of, portfolio_for_user, traded_instruments, worth_of
from trading.codes import follow_reason, in_words
from trading.copy_log import LogLine, events_of, log_of
from trading.forms import EditForm, StopForm, TicketForm, ticket_of
from trading.models import UNFINISHED_FOLLOW, Follow, FollowState, Order, ScopeKind
from trading.plans.selectors import ways
from trading.risk.words import usage_row
from trading.selectors import (
    fills_of,
    follow_for_user,
    follow_of,
    follows_of,
    markers,
    open_orders_of,
    order_for_user,
    order_template_for_user,
    order_templates_of,
    orders_of,
    ticket_instruments,
)
from trading.services.changing import cancel_all, cancel_order, modify_order
from trading.services.closing import close_all, close_position
from trading.services.follow_guards import standing_of
from trading.services.follows import pause_follow, stop_follow
from trading.services.orders import place_hand_order, place_pair
from trading.services.protecting import share_now
from trading.services.waiting_list import place_on_list

# A portfolio's page shows this many of the newest orders and fills; the rest is on pages of its own.
RECENT = 10
FIRST_TIMEFRAME = "5m"
_FIELDS = {
    "QUANTITY": "quantity",
    "NOTIONAL": "quantity",
    "INSUFFICIENT_BALANCE": "quantity",
    "NOTHING_TO_CLOSE": "quantity",
    "INSTRUMENT": "instrument",
    "PRICE_UNKNOWN": "instrument",
    "EQUITY_STALE": "instrument",
    "TRAIL": "trail_percent",
}


# --- a portfolio ----------------------------------------------------------------------------------------------------
@require_safe
@login_required
def portfolio(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    return _portfolio_page(request, found, TicketForm(portfolio=found, initial=_first_choice(found, request)))


def _first_choice(portfolio: Portfolio, request: SignedInRequest) -> dict[str, Any]:
    """Return what the ticket opens with: the market that the page's chart shows, or a template at that market."""
    chosen = _charted(portfolio, request.GET.get("market", ""))
    if template_id := request.GET.get("template"):
        return ticket_of(order_template_for_user(request.user, template_id), chosen)
    return {"instrument": chosen} if chosen else {}


def _portfolio_page(
    request: SignedInRequest, portfolio: Portfolio, ticket: TicketForm, status: int = 200
) -> HttpResponse:
    follow, (_, may) = follow_of(portfolio), permissions_of(request.user, portfolio)
    trades = Permission.TRADE in may and not (follow and follow.state in UNFINISHED_FOLLOW)
    facts = {
        "portfolio": portfolio,
        "may": may,
        "worth": worth_of([portfolio])[portfolio.pk],
        "costs": label_of(portfolio),
        "holdings": with_liquidation_prices(portfolio, holdings_of(portfolio)),
        "balances": balances_of(portfolio),
        "waiting": open_orders_of(portfolio),
        "orders": in_words(orders_of(portfolio)[:RECENT]),
        "fills": fills_of(portfolio)[:RECENT],
        "chart": _chart(portfolio, request.GET.get("market", "")),
        "ticket": ticket if trades else None,
        **_estimated(ticket, portfolio),
        "templates": order_templates_of(request.user),
        "ways": ways(portfolio),
        **_follow_facts(follow),
        "copies": _copies(follow),
        "stop_form": StopForm(),
    }
    return render(request, "portfolios/detail.html", facts, status=status)


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
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    instrument = instrument_by_id(instrument_id)
    rows = chart_rows(instrument, known_timeframe(timeframe))
    return JsonResponse({"candles": rows, "markers": markers(found, instrument)})


@require_safe
@login_required
def recent_orders(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    facts = {"portfolio": found, "orders": in_words(orders_of(found)[:RECENT])}
    return render(request, "trading/_orders.html", facts)


@require_safe
@login_required
def recent_fills(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    return render(request, "trading/_fills.html", {"portfolio": found, "fills": fills_of(found)[:RECENT]})


# --- the order ticket -----------------------------------------------------------------------------------------------
@require_GET
@login_required
def estimate(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What the ticket as it stands would come to."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    form = TicketForm(request.GET or None, portfolio=found)
    return render(request, "trading/_estimate.html", _estimated(form, found))


def _estimated(form: TicketForm, portfolio: Portfolio) -> dict[str, Any]:
    """Return what the ticket as it stands comes to, and what that does to the portfolio's limits.

    The book that an order on paper would walk is watched from now on.
    """
    estimate = form.estimate()
    if estimate is not None and is_on_paper(portfolio):
        watch([estimate[0]], InterestKind.BOOK)
    effect = form.effect(estimate)
    rows = [usage_row(one, portfolio.settlement_id) for one in effect.usages] if effect else []
    return {"estimate": estimate, "effect": effect, "effect_rows": rows, "portfolio": portfolio}


@require_POST
@login_required
def place(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Place the order; answer htmx with the ticket, emptied or with what is wrong, and a plain browser with a page."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
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
        if form.is_pair:
            return place_pair(actor=request.user, portfolio=portfolio, **form.order())[0]
        return place_hand_order(actor=request.user, portfolio=portfolio, **form.order())
    except DomainError as error:
        show_refusal(form, error, _FIELDS | ({"STOP_PRICE": "pair_stop", "PAIR": "pair_stop"} if form.is_pair else {}))
        return None


def _ticket(request: SignedInRequest, portfolio: Portfolio, form: TicketForm, status: int = 200) -> HttpResponse:
    facts = {
        "portfolio": portfolio,
        "ticket": form,
        **_estimated(form, portfolio),
        "templates": order_templates_of(request.user),
    }
    return render(request, "trading/_ticket.html", facts, status=status)


# --- orders that wait, and the ways out -----------------------------------------------------------------------------
@require_safe
@login_required
def open_orders(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    return _waiting(request, portfolio_for_user(request.user, portfolio_id, Permission.VIEW))


def _waiting(request: SignedInRequest, portfolio: Portfolio) -> HttpResponse:
    facts = {"portfolio": portfolio, "waiting": open_orders_of(portfolio)}
    return render(request, "trading/_waiting.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: SignedInRequest, order_id: UUID) -> HttpResponse:
    """The row of an order that waits as a form, and the change that it asks for."""
    found = order_for_user(request.user, order_id, Permission.TRADE)
    form = EditForm(request.POST or None, order=found)
    if request.method == "POST" and form.is_valid():
        try:
            modify_order(actor=request.user, order=found, **form.cleaned_data)
            return _changed(request, found.portfolio, "Changed.")
        except DomainError as error:
            show_refusal(form, error, _FIELDS)
    refused = 422 if request.headers.get("HX-Request") else 400
    status = refused if form.errors else 200
    answer = render(request, "trading/_edit.html", {"order": found, "form": form}, status=status)
    if form.errors:
        # A change that passes brings the whole table, one that does not its own row again.
        answer["HX-Retarget"], answer["HX-Reswap"] = f"#waiting-{found.pk}", "outerHTML"
    return answer


@require_POST
@login_required
def cancel(request: SignedInRequest, order_id: UUID) -> HttpResponse:
    found = order_for_user(request.user, order_id, Permission.TRADE)
    canceled = cancel_order(actor=request.user, order=found)
    is_sent = canceled.is_under_way_at_venue
    return _changed(request, found.portfolio, "The exchange is asked to cancel it." if is_sent else "Canceled.")


@require_POST
@login_required
def cancel_orders(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Cancel all that waits in the portfolio."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    count = len(cancel_all(actor=request.user, portfolio=found))
    return _changed(request, found, f"Canceled: {count}.")


@require_POST
@login_required
def close(request: SignedInRequest, portfolio_id: UUID, instrument_id: UUID) -> HttpResponse:
    """Close all that the portfolio holds of an instrument."""
    found, instrument = (
        portfolio_for_user(request.user, portfolio_id, Permission.TRADE),
        instrument_by_id(instrument_id),
    )
    close_position(actor=request.user, portfolio=found, instrument=instrument, key=request.POST.get("key"))
    messages.success(request, f"Closing {instrument.market}: sent.")
    return redirect("portfolios:detail", found.pk)


@require_POST
@login_required
def close_everything(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """Sell all that the portfolio holds."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    closed = close_all(actor=request.user, scope=ScopeKind.PORTFOLIO, scope_id=str(found.pk), halts=False)
    messages.success(request, f"Closing everything: {len(closed.orders)} sent.")
    return redirect("portfolios:detail", found.pk)


def _changed(request: SignedInRequest, portfolio: Portfolio, done: str) -> HttpResponse:
    """Answer htmx with what still waits, a plain browser with the portfolio's page."""
    if not request.headers.get("HX-Request"):
        messages.success(request, done)
        return redirect("portfolios:detail", portfolio.pk)
    answer = _waiting(request, portfolio)
    answer["HX-Trigger"] = json.dumps({"toast": {"message": done, "level": "success"}})
    return answer


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
    return render(request, "trading/_follow.html", _follow_facts(_follow(request, portfolio_id)))


@require_safe
@login_required
def copies(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What the follow made of what the lead did."""
    return render(request, "trading/_copies.html", {"copies": _copies(_follow(request, portfolio_id))})


def _follow(request: SignedInRequest, portfolio_id: UUID) -> Follow:
    found = follow_of(portfolio_for_user(request.user, portfolio_id, Permission.VIEW))
    if found is None:
        raise NotFound("follow")
    return found


def _follow_facts(follow: Follow | None) -> dict[str, Any]:
    if follow is None:
        return {"follow": None}
    facts = {"follow": follow, "standing": standing_of(follow), "reason": follow_reason(follow.state_code)}
    return facts | {"place": place_on_list(follow), "protection": share_now(follow)}


def _copies(follow: Follow | None) -> list[LogLine]:
    return log_of(follow, list(events_of(follow)[:RECENT])) if follow else []


@require_POST
@login_required
def pause(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    return _moved(request, follow_id, pause_follow, "Paused: nothing new is copied, exits still are.")


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
