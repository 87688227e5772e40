"""The rows that rest, in memory: what their changes do to it, and which prices an order does not hear."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.fixtures_trading import plain
from tests.fixtures_waiting import Waiting, again
from trading.kinds import OrderKind
from trading.models import Order, Side
from trading.services.changing import cancel_order, modify_order

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal


def crossed(waiting: Waiting, price: str, seconds: float | None = None) -> list[tuple[Order, str | None]]:
    """Return what a price reaches, made so many seconds after the desk's time (None: now), with the peaks."""
    at = None if seconds is None else waiting.pit.desk.at + timedelta(seconds=seconds)
    found = waiting.engine.resting.cross({waiting.pit.instrument.pk: D(price)}, at)
    peaks = [None if one.peak_price is None else plain(one.peak_price) for one in found]
    return [(Order.objects.get(pk=one.order_id), peak) for one, peak in zip(found, peaks, strict=True)]


def test_what_a_price_reaches_is_told_once_and_comes_back_with_its_next_change(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    book = waiting.engine.resting
    assert (len(book), book.watched()) == (1, [waiting.pit.instrument.pk])
    assert [book.would_move({waiting.pit.instrument.pk: D(price)}) for price in ("95.01", "95")] == [False, True]
    assert crossed(waiting, "95") == [(order, None)]
    assert (crossed(waiting, "94"), book.watched()) == ([], [])
    with waiting.pit.working():
        modify_order(actor=waiting.pit.alice, order=order, limit_price=D(94))
    book.refresh()
    assert (crossed(waiting, "94.01"), crossed(waiting, "94")) == ([], [(order, None)])


def test_what_ended_is_forgotten(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    cancel_order(actor=waiting.pit.alice, order=order)
    waiting.engine.resting.refresh()
    assert (crossed(waiting, "90"), len(waiting.engine.resting), waiting.engine.resting.watched()) == ([], 0, [])


def test_a_price_of_before_moves_the_older_orders_only(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    trail = waiting.ask(SELL, 1, K.TRAILING_STOP, trail_amount="5")
    old = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    Order.objects.filter(pk=old.pk).update(rests_since=waiting.pit.desk.at - timedelta(seconds=10))
    waiting.restart()
    # Neither does the price of before lead the younger stop.
    assert crossed(waiting, "120", -1) == []
    assert waiting.engine.resting.take_peaks() == {}
    assert crossed(waiting, "95", -1) == [(old, None)]
    assert crossed(waiting, "95.5", 0) == []
    assert crossed(waiting, "95", 0) == [(trail, "100")]


def test_a_stop_that_trails_keeps_its_best_price_through_a_change_of_its_row(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.TRAILING_STOP, trail_amount="5")
    assert crossed(waiting, "120", 0) == []
    with waiting.pit.working():
        modify_order(actor=waiting.pit.alice, order=order, trail_amount=D(10))
    assert plain(again(order).peak_price or D(0)) == "100"
    waiting.engine.resting.refresh()
    assert {key: plain(peak) for key, peak in waiting.engine.resting.take_peaks().items()} == {order.pk: "120"}
    assert waiting.engine.resting.take_peaks() == {}
    assert (crossed(waiting, "110.01"), crossed(waiting, "110")) == ([], [(order, "120")])
