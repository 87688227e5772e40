"""Orders in decimals: into ticks and lots and back, and every way in which one can make no sense."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.matching.resting import Grid, Refused, Resting, RestingEvent, state_of, terms_of
from engine.matching.types import Depth, Event, EventKind, Kind, Liquidity, Reason, Status, TimeInForce

D = Decimal
GRID = Grid(D("0.05"), D("0.001"))
LIMIT = Resting("a", "BTC", Kind.LIMIT, "BUY", D("0.5"), limit_price=D("99.95"))
STOP = Resting("a", "BTC", Kind.STOP, "SELL", D("0.5"), trigger_price=D("99.95"))
TRAIL = Resting("a", "BTC", Kind.TRAILING_STOP, "SELL", D("0.5"), trail_bps=D("12.5"))
MARKET = Resting("a", "BTC", Kind.MARKET, "BUY", D("0.5"))


def test_an_order_becomes_whole_ticks_and_lots() -> None:
    terms = terms_of(replace(LIMIT, display_quantity=D("0.1"), post_only=True, account_key="bob"), GRID)
    assert (terms.sign, terms.lots, terms.limit, terms.display) == (1, 500, 1999, 100)
    assert (terms.is_post_only, terms.account, terms.time_in_force) == (True, "bob", TimeInForce.GTC)
    assert terms_of(STOP, GRID).trigger == 1999
    assert terms_of(STOP, GRID).sign == -1
    # 12.5 basis points are 0.00125.
    assert terms_of(TRAIL, GRID).trail_share == 12_500_000
    offset = replace(TRAIL, trail_bps=None, trail_offset=D("1.5"), activation_price=D(110))
    assert (terms_of(offset, GRID).trail, terms_of(offset, GRID).activation) == (30, 2200)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (replace(LIMIT, quantity=D(0)), Reason.QUANTITY_NOT_POSITIVE),
        (replace(LIMIT, quantity=D(-1)), Reason.QUANTITY_NOT_POSITIVE),
        (replace(LIMIT, quantity=D("NaN")), Reason.QUANTITY_NOT_POSITIVE),
        (replace(LIMIT, quantity=D("Infinity")), Reason.QUANTITY_NOT_POSITIVE),
        (replace(LIMIT, quantity=D("0.0005")), Reason.QUANTITY_OFF_STEP),
        (replace(LIMIT, quantity=D("0." + "3" * 40)), Reason.QUANTITY_OFF_STEP),
        (replace(LIMIT, quantity=D("1E+30")), Reason.QUANTITY_OFF_STEP),
        (replace(LIMIT, limit_price=D(0)), Reason.PRICE_NOT_POSITIVE),
        (replace(LIMIT, limit_price=D("sNaN")), Reason.PRICE_NOT_POSITIVE),
        (replace(LIMIT, limit_price=D("99.96")), Reason.PRICE_OFF_TICK),
        (replace(LIMIT, limit_price=D("1E+999")), Reason.PRICE_OFF_TICK),
        (replace(LIMIT, limit_price=None), Reason.LIMIT_PRICE_MISSING),
        (replace(STOP, trigger_price=None), Reason.TRIGGER_PRICE_MISSING),
        (replace(STOP, kind=Kind.STOP_LIMIT), Reason.LIMIT_PRICE_MISSING),
        (replace(STOP, limit_price=D(99)), Reason.FIELD_NOT_OF_KIND),
        (replace(LIMIT, trigger_price=D(99)), Reason.FIELD_NOT_OF_KIND),
        (replace(LIMIT, trail_bps=D(5)), Reason.FIELD_NOT_OF_KIND),
        (replace(LIMIT, activation_price=D(99)), Reason.FIELD_NOT_OF_KIND),
        (replace(MARKET, limit_price=D(99)), Reason.FIELD_NOT_OF_KIND),
        (replace(MARKET, display_quantity=D("0.1")), Reason.FIELD_NOT_OF_KIND),
        (replace(LIMIT, display_quantity=D("0.6")), Reason.DISPLAY_INVALID),
        (replace(TRAIL, trail_bps=None), Reason.TRAIL_INVALID),
        (replace(TRAIL, trail_offset=D(1)), Reason.TRAIL_INVALID),
        (replace(TRAIL, trail_bps=D(0)), Reason.TRAIL_INVALID),
        (replace(TRAIL, trail_bps=D(10_000)), Reason.TRAIL_INVALID),
        (replace(TRAIL, trail_bps=D("0.0000001")), Reason.TRAIL_INVALID),
        (replace(LIMIT, time_in_force=TimeInForce.GTD), Reason.EXPIRY_MISSING),
        (replace(LIMIT, expires_at_ms=1), Reason.FIELD_NOT_OF_KIND),
        (replace(MARKET, post_only=True), Reason.POST_ONLY_NOT_RESTING),
        (replace(LIMIT, post_only=True, time_in_force=TimeInForce.IOC), Reason.POST_ONLY_NOT_RESTING),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_a_reason(order: Resting, reason: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        terms_of(order, GRID)
    assert refusal.value.reason is reason


def test_a_stored_order_stands_where_it_stood() -> None:
    stored = replace(TRAIL, filled_quantity=D("0.2"), best_price=D(200))
    state = state_of(stored, GRID)
    # 4000 ticks less 0.125 %.
    assert (state.left, state.filled, state.best, state.trigger) == (300, 200, 4000, 3995)
    child = replace(STOP, parent_key="entry", started_quantity=D("0.3"), filled_quantity=D("0.1"))
    assert (state_of(child, GRID).left, state_of(child, GRID).started) == (200, 300)
    waiting = state_of(replace(STOP, parent_key="entry", is_waiting=True), GRID)
    assert (waiting.left, waiting.status) == (0, Status.WAITING)


def test_what_happened_comes_back_in_decimals() -> None:
    event = Event("a", EventKind.FILLED, 1999, 500, Liquidity.MAKER)
    assert GRID.event(event) == RestingEvent("a", EventKind.FILLED, D("99.95"), D("0.500"), Liquidity.MAKER)
    assert GRID.event(Event("a", EventKind.CANCELED)) == RestingEvent("a", EventKind.CANCELED)


def test_a_venues_book_becomes_ticks_and_whole_lots() -> None:
    assert GRID.depth([(D("99.95"), D("0.0019"))], [(D("100.05"), D(2))]) == Depth(((1999, 1),), ((2001, 2000),))


def test_a_market_price_need_not_lie_on_the_grid() -> None:
    assert [GRID.nearest(D(price)) for price in ("100.02", "100.025", "100.03", "100.075")] == [2000, 2000, 2001, 2002]
