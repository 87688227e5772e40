"""Our own broker keeps no state: an order and its price determine its fill, whenever and however often it is asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.fixtures_trading import Pit, plain
from trading.brokers import Outcome
from trading.brokers.paper import PaperBroker
from trading.models import Order, Side
from trading.services.execution import broker_for, claim_orders


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
