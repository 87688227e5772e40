"""Our own broker keeps no state: an order and its price determine its fill, whenever and however often it is asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from portfolios.costs import CostModel, costs_of
from portfolios.services.costs import set_costs
from tests.fixtures_trading import Pit, failed_checks, plain
from tests.fixtures_waiting import Waiting, fills, told
from trading.brokers import Outcome
from trading.brokers.choosing import broker_for
from trading.brokers.paper import PaperBroker
from trading.kinds import OrderKind
from trading.models import Fill, Order, OrderState, Side
from trading.services.execution import claim_orders


def claimed(pit: Pit, side: Side, quantity: str) -> Order:
    """Return an order that is judged and promised for, with 10 bps of fee and 100 bps of slippage."""
    pit.instrument.taker_fee_bps = Decimal(10)
    pit.instrument.save()
    pit.lead.slippage_bps = Decimal(100)
    pit.lead.save(update_fields=["slippage_bps"])
    order = pit.place(side, quantity)
    [found] = claim_orders(Order.objects.filter(pk=order.pk))
    return found


@pytest.mark.parametrize(("side", "price", "fee"), [(Side.BUY, "101", "0.2525"), (Side.SELL, "99", "0.2475")])
def test_an_order_meets_the_price_it_was_judged_at_with_slippage_and_fee(
    pit: Pit, side: Side, price: str, fee: str
) -> None:
    pit.buy(10)
    order = claimed(pit, side, "2.5")
    pit.price(55)
    [result] = PaperBroker().submit([order])
    [fill] = result.fills
    assert (result.order_id, result.outcome, result.code) == (order.pk, Outcome.FILLED, "")
    assert (plain(fill.quantity), plain(fill.price), plain(fill.fee)) == ("2.5", price, fee)
    assert (fill.order_id, fill.venue_account) == (order.pk, "paper")
    assert (fill.venue_fill_id, fill.happened_at) == (f"{order.client_order_id}:1", pit.desk.at)


def test_a_purchase_costs_what_was_promised(pit: Pit) -> None:
    order = claimed(pit, Side.BUY, "3.333")
    [result] = PaperBroker().submit([order])
    [fill] = result.fills
    assert fill.quantity * fill.price + fill.fee == order.reserved


def test_sending_twice_or_asking_later_gives_the_same_fill(pit: Pit) -> None:
    order = claimed(pit, Side.BUY, "1")
    broker = PaperBroker()
    first = broker.submit([order])
    pit.price(55)
    stored = Order.objects.select_related("portfolio", "instrument__market").get(pk=order.pk)
    assert broker.submit([order]) == first
    assert broker.query([stored]) == PaperBroker().query([stored])
    [asked] = broker.query([stored])
    assert (asked.fills[0].venue_fill_id, asked.fills[0].price) == (first[0].fills[0].venue_fill_id, Decimal(101))


def test_a_batch_is_answered_order_by_order(pit: Pit) -> None:
    orders = [claimed(pit, Side.BUY, "1"), claimed(pit, Side.BUY, "2")]
    results = broker_for(orders).submit(orders)
    assert [result.order_id for result in results] == [order.pk for order in orders]
    assert [plain(result.fills[0].quantity) for result in results] == ["1", "2"]
    assert PaperBroker().submit([]) == []


# --- a portfolio's own costs (the examples of docs/paper.md) --------------------------------------------------------
@pytest.fixture
def own_costs(waiting: Waiting) -> Waiting:
    """A venue that takes 30 and 40 bps, and a portfolio whose own figures are 5 and 20 with 10 bps of slippage."""
    waiting.pit.instrument.maker_fee_bps, waiting.pit.instrument.taker_fee_bps = Decimal(30), Decimal(40)
    waiting.pit.instrument.save()
    set_costs(
        actor=waiting.pit.alice,
        portfolio=waiting.pit.lead,
        model=CostModel(Decimal(5), Decimal(20), Decimal(10), Decimal(0), Decimal(0)),
    )
    waiting.pit.lead.refresh_from_db()
    return waiting


def test_a_portfolios_own_fees_are_promised_and_paid(own_costs: Waiting) -> None:
    order = own_costs.ask(Side.BUY, 2, OrderKind.MARKET)
    assert fills(order) == [("2", "100.1", "0.4004")]
    assert own_costs.pit.cash(own_costs.pit.lead) == plain(Decimal(10_000) - Decimal("200.6004"))
    assert fills(own_costs.ask(Side.BUY, 2, OrderKind.LIMIT, limit_price="100.05")) == [("2", "100.05", "0.4002")]
    resting = own_costs.ask(Side.BUY, 2, OrderKind.LIMIT, limit_price="95")
    # The dearer of the two: 2 × 95 × 1.002.
    assert own_costs.promised() == {"USDT": "190.38"}
    own_costs.price(95)
    assert fills(resting) == [("2", "95", "0.095")]


def test_a_fee_of_none_is_the_venues(own_costs: Waiting) -> None:
    book = own_costs.pit.lead
    set_costs(actor=own_costs.pit.alice, portfolio=book, model=replace(costs_of(book), taker_fee_bps=None))
    assert fills(own_costs.ask(Side.BUY, 2, OrderKind.MARKET)) == [("2", "100.1", "0.8008")]
    set_costs(actor=own_costs.pit.alice, portfolio=book, model=CostModel(None, None, *[Decimal(0)] * 3))
    resting = own_costs.ask(Side.BUY, 2, OrderKind.LIMIT, limit_price="95")
    own_costs.price(95)
    assert fills(resting) == [("2", "95", "0.57")]


def test_costs_that_change_are_those_of_the_next_fill(own_costs: Waiting) -> None:
    """What was filled stays, what waits pays what holds when it fills: clipped where its promise does not cover that."""
    first = own_costs.ask(Side.BUY, 2, OrderKind.MARKET)
    before = list(Fill.objects.values())
    resting = own_costs.ask(Side.BUY, "102.8", OrderKind.LIMIT, limit_price="95")
    book = own_costs.pit.lead
    set_costs(actor=own_costs.pit.alice, portfolio=book, model=replace(costs_of(book), maker_fee_bps=Decimal(500)))
    assert list(Fill.objects.values()) == before
    own_costs.price(95)
    [(quantity, price, fee)] = fills(resting)
    assert (Decimal(quantity) < Decimal("102.8"), price) == (True, "95")
    assert Decimal(fee) == Decimal(quantity) * 95 * Decimal("0.05")
    assert told(resting)[:2] == (OrderState.FILLED, "CLIPPED_BALANCE")
    assert (told(first)[0], failed_checks()) == (OrderState.FILLED, {})
