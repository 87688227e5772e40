"""Perpetuals on an account of a futures venue: what the numbered cases say of coins, said of margin; sides and terms."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import Notification
from common import clock
from common.errors import DomainError
from engine.margin import initial_margin
from markets.gateway.protocol import OrderType, TimeInForce
from markets.gateway.protocol import Side as VenueSide
from markets.models import Instrument, MarketKind
from portfolios.margin_models import MarginMode, VenueTerms
from portfolios.models import Balance, Portfolio, Position
from portfolios.selectors import instruments_for
from sandbox.faults import Fault, FaultKind
from tests.fixtures_usdm import Futures
from trading.brokers.live import request_of
from trading.models import Fill, Leg, Order, OrderState, Side
from trading.services.execution import claim_orders

D = Decimal
LEVERAGE = "POST /fapi/v1/leverage"


def _balance(book: Portfolio) -> Balance:
    return Balance.objects.get(portfolio=book, asset="USDT")


def _fees(order: Order) -> Decimal:
    return sum((one.fee for one in Fill.objects.filter(order=order)), D(0))


def test_a_long_is_opened_and_closed_with_exact_sums(futures: Futures) -> None:
    book = futures.book()
    opened = futures.done(book)
    position = Position.objects.get(portfolio=book)
    assert (opened.state, opened.filled_quantity, opened.reserved) == (OrderState.FILLED, D("0.01"), 0)
    assert (position.quantity, position.margin) == (D("0.01"), initial_margin(position.cost, 1))
    assert (_balance(book).amount, _balance(book).reserved) == (4_000 - _fees(opened), position.margin)
    assert opened.fee == position.fees_paid == _fees(opened) > 0
    assert futures.settle()
    futures.agree()
    closed = futures.closed(book)
    position.refresh_from_db()
    assert (closed.state, closed.leg, position.quantity, position.margin) == (OrderState.FILLED, Leg.CLOSE, 0, 0)
    earned = position.realized_pnl - _fees(opened) - _fees(closed)
    assert (_balance(book).amount, _balance(book).reserved) == (4_000 + earned, 0)
    assert futures.settle()
    futures.agree()
    assert futures.at_venue().quantity == 0


def test_a_short_is_opened_and_bought_back_at_the_market(futures: Futures) -> None:
    book = futures.book()
    futures.done(book, Side.SELL)
    assert futures.at_venue().quantity == D("-0.01")
    closed = futures.closed(book)
    assert (closed.side, closed.state, futures.at_venue().quantity) == (Side.BUY, OrderState.FILLED, D(0))
    assert futures.settle()
    futures.agree()


def test_what_closes_only_reduces_and_names_no_price(futures: Futures) -> None:
    book = futures.book()
    futures.done(book, Side.SELL)
    order = futures.order(book, Side.BUY)
    assert order.leg == Leg.CLOSE
    asked = request_of(order)
    assert (asked.is_reduce_only, asked.type, asked.price) == (True, OrderType.MARKET, None)
    order.leg, order.market_price = Leg.OPEN, D(100)
    asked = request_of(order)
    assert (asked.is_reduce_only, asked.type, asked.time_in_force) == (False, OrderType.LIMIT, TimeInForce.IOC)


def test_a_reversal_closes_and_then_opens(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    futures.order(book, Side.SELL, "0.02")
    for _ in range(2):
        futures.booth.loop.run(futures.booth.desk.send_waiting())
    assert Position.objects.get(portfolio=book).quantity == futures.at_venue().quantity == D("-0.01")
    assert futures.settle()
    futures.agree()


def test_only_perpetuals_of_the_accounts_exchange_are_offered_and_others_denied(futures: Futures) -> None:
    book = futures.book()
    offered = instruments_for(book)
    assert futures.booth.instrument in offered
    assert {one.market.kind for one in offered} == {MarketKind.PERPETUAL}
    order = futures.order(book)
    Instrument.objects.filter(pk=order.instrument_id).update(symbol="X")
    spot = Instrument.objects.get(pk=order.instrument_id)
    spot.market.kind = MarketKind.SPOT
    spot.market.save()
    order = futures.sent(order)
    assert (order.state, order.code) == (OrderState.DENIED, "INSTRUMENT_NOT_ON_VENUE")


# --- one side a market ----------------------------------------------------------------------------------------------
def test_the_other_side_of_what_another_portfolio_holds_is_denied(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.done(one)
    with pytest.raises(DomainError, match="OPPOSITE_SIDE_ON_ACCOUNT"):
        futures.order(two, Side.SELL)
    assert futures.done(two).state == OrderState.FILLED
    assert futures.closed(one).state == OrderState.FILLED
    assert futures.closed(two).state == OrderState.FILLED
    assert futures.done(two, Side.SELL).state == OrderState.FILLED
    assert futures.settle()
    futures.agree()


def test_of_two_opens_in_one_batch_the_later_is_denied(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    orders = [futures.order(one), futures.order(two, Side.SELL)]
    futures.sent(orders[0])
    states = dict(Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("state", "code"))
    assert states == {OrderState.FILLED: "", OrderState.DENIED: "OPPOSITE_SIDE_ON_ACCOUNT"}
    assert abs(futures.at_venue().quantity) == D("0.01")


def test_an_open_without_an_answer_counts(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    order = futures.order(one)
    claim_orders(Order.objects.filter(pk=order.pk))
    with pytest.raises(DomainError, match="OPPOSITE_SIDE_ON_ACCOUNT"):
        futures.order(two, Side.SELL)
    assert futures.order(two).state == OrderState.PENDING


def test_what_is_in_no_portfolio_counts(futures: Futures) -> None:
    book = futures.book()
    futures.trade(VenueSide.BUY, "0.01")
    assert futures.settle()
    with pytest.raises(DomainError, match="OPPOSITE_SIDE_ON_ACCOUNT"):
        futures.order(book, Side.SELL)


# --- terms ----------------------------------------------------------------------------------------------------------
def test_terms_are_set_before_the_first_open_and_remembered(futures: Futures) -> None:
    book = futures.book()
    futures.terms(book, 5)
    assert not VenueTerms.objects.exists()
    order = futures.done(book)
    held = futures.at_venue()
    assert (order.state, order.leverage, held.leverage, held.isolated) == (OrderState.FILLED, 5, 5, True)
    [row] = VenueTerms.objects.all()
    assert (row.leverage, row.margin_mode, row.refusal) == (5, MarginMode.ISOLATED, "")
    position = Position.objects.get(portfolio=book)
    assert position.margin == initial_margin(position.cost, 5)
    before = row.asked_at
    assert futures.done(book).state == OrderState.FILLED
    row.refresh_from_db()
    assert row.asked_at == before


def test_terms_stay_while_a_position_is_open(futures: Futures) -> None:
    book = futures.book()
    futures.done(book)
    with pytest.raises(DomainError, match="TERMS_AT_THE_VENUE"):
        futures.terms(book, 5)
    futures.closed(book)
    futures.terms(book, 5, MarginMode.CROSS)
    futures.done(book)
    assert (futures.at_venue().leverage, futures.at_venue().isolated) == (5, False)


def test_terms_that_the_venue_refuses_deny_the_open_and_tell_why(futures: Futures) -> None:
    book = futures.book()
    # Held at the exchange on cross margin, and the portfolio wants it isolated.
    futures.trade(VenueSide.BUY, "0.01")
    assert futures.settle()
    order = futures.done(book)
    assert (order.state, order.code, order.reserved) == (OrderState.DENIED, "TERMS_REFUSED_BY_VENUE", 0)
    row = VenueTerms.objects.get()
    assert "-4048" in row.refusal
    [told] = Notification.objects.filter(event="exchange_account.terms_refused")
    assert (told.user, told.context["terms"], told.context["reason"]) == (book.owner, "1x isolated", row.refusal)
    assert (_balance(book).reserved, futures.at_venue().quantity) == (0, D("0.01"))
    # Others are asked for again, and taken.
    futures.terms(book, 3, MarginMode.CROSS)
    assert futures.done(book).state == OrderState.FILLED
    row.refresh_from_db()
    assert (row.leverage, row.margin_mode, row.refusal) == (3, MarginMode.CROSS, "")


def test_an_open_waits_while_the_venue_does_not_answer_to_terms_and_an_exit_does_not(futures: Futures) -> None:
    book = futures.book()
    fault = Fault(FaultKind.SERVER_ERROR, where=LEVERAGE, status=502)
    futures.booth.switch_on(fault)
    order = futures.sent(futures.order(book))
    assert (order.state, VenueTerms.objects.count()) == (OrderState.PENDING, 0)
    futures.booth.thread.call(futures.booth.venue.faults.switch_off)
    clock.sleep(0.1)
    assert futures.sent(order).state == OrderState.FILLED
    assert futures.closed(book).state == OrderState.FILLED


def test_other_terms_than_another_portfolios_are_denied(futures: Futures) -> None:
    one, two = futures.book(name="One"), futures.book(name="Two")
    futures.terms(two, 5)
    futures.done(one)
    with pytest.raises(DomainError, match="TERMS_DIFFER_ON_ACCOUNT"):
        futures.order(two)
    futures.closed(one)
    assert futures.done(two).state == OrderState.FILLED
    assert futures.at_venue().leverage == 5
