"""The paper broker's resting orders: decimals in and out, over several instruments, through a restart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.matching.resting import Grid, Refused, Resting, RestingEvent
from engine.matching.resting_book import RestingBook
from engine.matching.types import EventKind, Kind, Liquidity, Reason, TimeInForce

D = Decimal
BTC = Grid(D("0.01"), D("0.0001"))
PEPE = Grid(D("0.00000001"), D(1))


def book() -> RestingBook:
    made = RestingBook()
    made.list_instrument("BTC", BTC, D(100))
    made.list_instrument("PEPE", PEPE, D("0.00001"))
    return made


def order(key: str, side: str, kind: Kind, **more: object) -> Resting:
    return replace(Resting(key, "BTC", kind, side, D("0.5")), **more)  # type: ignore[arg-type]  # a table's own fields


def rejected(key: str, reason: Reason) -> RestingEvent:
    return RestingEvent(key, EventKind.REJECTED, reason=reason)


def test_a_price_concerns_its_own_instrument() -> None:
    orders = book()
    orders.place(order("a", "BUY", Kind.LIMIT, limit_price=D("99.5")))
    pepe = order("b", "SELL", Kind.STOP, trigger_price=D("0.00000999"), instrument_key="PEPE", quantity=D(1000))
    orders.place(pepe)
    assert orders.on_price("PEPE", D("0.00000995")) == [
        RestingEvent("b", EventKind.FILLED, D("0.00000995"), D(1000), Liquidity.TAKER)
    ]
    assert orders.on_price("BTC", D("99.51")) == []
    assert orders.on_price("ETH", D(1)) == []
    assert orders.on_price("BTC", D("99.5")) == [
        RestingEvent("a", EventKind.FILLED, D("99.50"), D("0.5000"), Liquidity.MAKER)
    ]
    assert len(orders) == 0


def test_what_makes_no_sense_is_rejected_with_all_that_belongs_to_it() -> None:
    orders = book()
    entry = order("entry", "BUY", Kind.LIMIT, limit_price=D("99.5"))
    stop = order("stop", "SELL", Kind.STOP, trigger_price=D("95.001"), parent_key="entry")
    assert orders.place(entry, stop) == [
        rejected("entry", Reason.BATCH_REFUSED),
        rejected("stop", Reason.PRICE_OFF_TICK),
    ]
    assert orders.place(entry, entry) == [rejected("entry", Reason.KEY_TAKEN)] * 2
    assert len(orders) == 0
    assert orders.on_price("BTC", D(1)) == []


def test_what_the_market_refuses_is_forgotten() -> None:
    orders = book()
    assert orders.place(order("a", "SELL", Kind.STOP, trigger_price=D(101))) == [
        rejected("a", Reason.TRIGGER_IN_MARKET)
    ]
    assert orders.standing("a") is None
    assert len(orders) == 0


def test_an_order_is_withdrawn_once() -> None:
    orders = book()
    orders.place(order("a", "BUY", Kind.LIMIT, limit_price=D("99.5")))
    assert orders.cancel("a") == [RestingEvent("a", EventKind.CANCELED)]
    assert orders.cancel("a") == [rejected("a", Reason.NOT_OPEN)]
    assert orders.on_price("BTC", D(1)) == []


def test_an_order_is_changed_or_stays_as_it_was() -> None:
    orders = book()
    orders.place(order("a", "BUY", Kind.LIMIT, limit_price=D("99.5")))
    assert orders.amend("a", limit_price=D("99.005")) == [rejected("a", Reason.PRICE_OFF_TICK)]
    assert orders.amend("a", trigger_price=D(99)) == [rejected("a", Reason.FIELD_NOT_OF_KIND)]
    assert orders.amend("b", quantity=D(1)) == [rejected("b", Reason.NOT_OPEN)]
    assert orders.amend("a", limit_price=D(99), quantity=D(1)) == [RestingEvent("a", EventKind.UPDATED)]
    standing = orders.standing("a")
    assert standing is not None
    assert (standing.limit_price, standing.quantity) == (D(99), D(1))
    assert [event.quantity for event in orders.on_price("BTC", D(99))] == [D(1)]


def test_orders_end_when_their_time_has_come() -> None:
    orders = book()
    dated = order("a", "BUY", Kind.LIMIT, limit_price=D("99.5"), time_in_force=TimeInForce.GTD, expires_at_ms=1000)
    orders.place(dated, at_ms=500)
    assert orders.expire(999) == []
    assert orders.expire(1000) == [RestingEvent("a", EventKind.EXPIRED)]
    assert len(orders) == 0


def test_a_position_that_is_told_bounds_what_may_only_reduce() -> None:
    orders = book()
    stop = order("a", "SELL", Kind.STOP, trigger_price=D(95), reduce_only=True, account_key="bob")
    assert orders.place(stop) == [rejected("a", Reason.REDUCE_ONLY_WOULD_OPEN)]
    orders.set_position("BTC", "bob", D("0.2"))
    assert orders.place(stop) == [RestingEvent("a", EventKind.ACCEPTED)]
    assert [event.quantity for event in orders.on_price("BTC", D(95))] == [D("0.2000"), None]
    assert orders.position("BTC", "bob") == 0


def test_a_trailing_stop_tells_where_it_is() -> None:
    orders = book()
    orders.place(order("a", "SELL", Kind.TRAILING_STOP, trail_bps=D(100)))
    assert orders.trigger_price("a") == D("99.00")
    orders.on_price("BTC", D(120))
    assert orders.trigger_price("a") == D("118.80")
    standing = orders.standing("a")
    assert standing is not None
    assert standing.best_price == D(120)
    assert orders.trigger_price("b") is None


def test_what_was_stored_goes_on_after_a_restart() -> None:
    before = book()
    before.place(
        order("entry", "BUY", Kind.MARKET),
        order("trail", "SELL", Kind.TRAILING_STOP, trail_offset=D(2), parent_key="entry", reduce_only=True),
    )
    before.place(order("limit", "BUY", Kind.LIMIT, limit_price=D("99.5")))
    before.place(order("stop", "SELL", Kind.STOP_LIMIT, trigger_price=D(98), limit_price=D("99.8")))
    before.on_price("BTC", D(110))
    stored = [before.standing(key) for key in ("trail", "limit", "stop")]

    after = book()
    after.set_position("BTC", None, before.position("BTC", None))
    for one in stored:
        assert one is not None
        after.restore(one)
    with pytest.raises(Refused) as refusal:
        after.restore(stored[0] or order("", "BUY", Kind.MARKET))
    assert refusal.value.reason is Reason.KEY_TAKEN
    # Nothing fires by itself; the first price meets all that it reaches, once.
    for orders in (before, after):
        assert [(event.order_key, event.kind.value, event.price) for event in orders.on_price("BTC", D(97))] == [
            ("trail", "FILLED", D("97.00")),
            ("limit", "FILLED", D("99.50")),
            ("stop", "TRIGGERED", None),
        ]
        assert orders.on_price("BTC", D(97)) == []
        assert len(orders) == 1


def test_what_a_price_reaches_is_taken_out_as_it_stood() -> None:
    """For somebody whose orders are rows; a trailing stop that only begins, or is led on, stays."""
    orders = book()
    limit = order("limit", "BUY", Kind.LIMIT, limit_price=D(99))
    later = order("later", "SELL", Kind.TRAILING_STOP, trail_offset=D(3), activation_price=D(102))
    trail = order("trail", "SELL", Kind.TRAILING_STOP, trail_offset=D(2), best_price=D(100))
    for one in (limit, later, trail):
        orders.restore(one)
    assert orders.best_prices("BTC") == {"trail": D(100)}
    assert [orders.concerns("BTC", D(price)) for price in ("99.01", "100", "100.01", "99")] == [
        False,
        False,
        True,
        True,
    ]
    assert (orders.concerns("ETH", D(1)), orders.reach("ETH", D(1)), orders.best_prices("ETH")) == (False, [], {})
    assert orders.reach("BTC", D(103)) == []
    assert orders.best_prices("BTC") == {"trail": D(103), "later": D(103)}
    assert orders.open_orders("BTC") == ["limit", "later", "trail"]
    assert orders.reach("BTC", D("100.5")) == [replace(trail, best_price=D(103))]
    assert orders.reach("BTC", D(99)) == [replace(later, best_price=D(103)), limit]
    assert (len(orders), orders.open_orders("BTC"), orders.open_orders("ETH")) == (0, [], [])
    assert orders.reach("BTC", D(1)) == []
