"""What a price does to one order, kind by kind: what our own broker's rows are judged by."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.matching.resting import Grid, Resting
from engine.matching.single import Effect, Met
from engine.matching.single import arrive as arrive_at
from engine.matching.single import meet as meet_at
from engine.matching.types import Depth, Kind, TimeInForce

D = Decimal
RESTS, MAKER, TAKER = Effect.RESTS, Effect.MAKER, Effect.TAKER
GRID = Grid(D("1E-18"), D("1E-18"))


def asked(kind: str, is_buy: bool, **more: object) -> Resting:
    order = Resting("order", "BTC", Kind(kind), "BUY" if is_buy else "SELL", D(2))
    return replace(order, **more)  # type: ignore[arg-type]  # a table's own fields


def arrive(order: Resting, price: Decimal, depth: Depth | None = None) -> Met:
    return arrive_at(order, GRID, price, depth=depth)


def meet(order: Resting, price: Decimal, depth: Depth | None = None) -> Met:
    return meet_at(order, GRID, price, depth=depth)


def limit(is_buy: bool = True, *, rests: bool = True, post_only: bool = False) -> Resting:
    force = TimeInForce.GTC if rests else TimeInForce.IOC
    return asked("LIMIT", is_buy, limit_price=D(100), time_in_force=force, post_only=post_only)


@pytest.mark.parametrize(
    ("order", "price", "effect"),
    [
        (limit(), "100.01", RESTS),
        (limit(), 100, TAKER),
        (limit(), 99, TAKER),
        (limit(is_buy=False), "99.99", RESTS),
        (limit(is_buy=False), 100, TAKER),
        (limit(post_only=True), 100, Effect.CROSSES),
        (limit(post_only=True), 101, RESTS),
        (limit(rests=False), 101, Effect.MISSES),
        (limit(rests=False), 100, TAKER),
        (asked("STOP", True, trigger_price=D(100)), "99.99", RESTS),
        (asked("STOP", True, trigger_price=D(100)), 100, TAKER),
        (asked("STOP", False, trigger_price=D(100)), 100, TAKER),
        (asked("STOP", False, trigger_price=D(100)), "100.01", RESTS),
        (asked("TAKE_PROFIT", True, trigger_price=D(100)), 100, TAKER),
        (asked("TAKE_PROFIT", True, trigger_price=D(100)), "100.01", RESTS),
        (asked("TAKE_PROFIT", False, trigger_price=D(100)), 100, TAKER),
        (asked("TAKE_PROFIT", False, trigger_price=D(100)), "99.99", RESTS),
        (asked("TRAILING_STOP", False, trail_offset=D(5)), 100, RESTS),
    ],
)
def test_what_becomes_of_an_order_that_arrives(order: Resting, price: int | str, effect: Effect) -> None:
    assert arrive(order, D(price)).effect is effect


@pytest.mark.parametrize(
    ("is_buy", "price", "effect"),
    [(True, "100.01", RESTS), (True, 100, MAKER), (True, 90, MAKER), (False, "99.99", RESTS), (False, 100, MAKER)],
)
def test_a_limit_that_rests_is_met_at_its_own_price(is_buy: bool, price: int | str, effect: Effect) -> None:
    assert meet(limit(is_buy), D(price)).effect is effect


@pytest.mark.parametrize(
    ("kind", "is_buy", "trigger", "limit_price", "price", "effect", "is_triggered"),
    [
        ("STOP_LIMIT", True, 100, 101, "99.99", RESTS, False),
        ("STOP_LIMIT", True, 100, 101, 100, TAKER, True),
        ("STOP_LIMIT", True, 100, 101, 102, RESTS, True),
        ("STOP_LIMIT", False, 100, 99, 100, TAKER, True),
        ("STOP_LIMIT", False, 100, 99, 98, RESTS, True),
        ("TAKE_PROFIT_LIMIT", False, 100, 99, 100, TAKER, True),
        ("TAKE_PROFIT_LIMIT", False, 100, 103, 100, RESTS, True),
        ("TAKE_PROFIT_LIMIT", True, 100, 101, 100, TAKER, True),
        ("TAKE_PROFIT_LIMIT", True, 100, 97, 100, RESTS, True),
    ],
)
def test_a_trigger_sets_off_a_limit(
    kind: str,
    is_buy: bool,
    trigger: int,
    limit_price: int,
    price: int | str,
    effect: Effect,
    is_triggered: bool,
) -> None:
    met = meet(asked(kind, is_buy, limit_price=D(limit_price), trigger_price=D(trigger)), D(price))
    assert (met.effect, met.order.is_triggered) == (effect, is_triggered)


def test_a_limit_that_was_set_off_waits_for_its_own_price() -> None:
    order = meet(asked("STOP_LIMIT", True, limit_price=D(101), trigger_price=D(100)), D(105)).order
    assert order.is_triggered
    assert meet(order, D("101.01")) == Met(RESTS, order)
    met = meet(order, D(101))
    assert (met.effect, met.fills) == (MAKER, ((D(101), D(2)),))
    # As a venue has it: one that the market had run past gets the market's price, down to its trigger.
    assert meet(order, D(99)).fills == ((D(100), D(2)),)


def walk(order: Resting, *prices: int | str) -> tuple[list[str | None], Effect]:
    """Let an order arrive at the first price and meet the others; return the best prices it followed, and what the last did."""
    met = arrive(order, D(prices[0]))
    followed = [met.order.best_price]
    for price in prices[1:]:
        met = meet(met.order, D(price))
        followed.append(met.order.best_price)
    return [None if best is None else f"{best.normalize():f}" for best in followed], met.effect


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back() -> None:
    sale = asked("TRAILING_STOP", False, trail_offset=D(5))
    assert walk(sale, 100, 104, 102, 110, "105.01") == (["100", "104", "104", "110", "110"], RESTS)
    assert walk(sale, 100, 110, 105) == (["100", "110", "110"], TAKER)
    purchase = asked("TRAILING_STOP", True, trail_bps=D(1000))
    assert walk(purchase, 100, 90, "98.99") == (["100", "90", "90"], RESTS)
    assert walk(purchase, 100, 90, 99) == (["100", "90", "90"], TAKER)
    # Nothing is rounded to a tick on the way: half a basis point below 200 is 199.99.
    assert walk(asked("TRAILING_STOP", False, trail_bps=D("0.5")), 200, "199.9900001")[1] is RESTS
    assert walk(asked("TRAILING_STOP", False, trail_bps=D("0.5")), 200, "199.99")[1] is TAKER


def test_a_trailing_stop_waits_for_its_activation() -> None:
    sale = asked("TRAILING_STOP", False, trail_offset=D(5), activation_price=D(110))
    assert walk(sale, 100, 90, 109) == ([None, None, None], RESTS)
    assert walk(sale, 100, 110, 112, 108) == ([None, "110", "112", "112"], RESTS)
    assert walk(sale, 100, 111, 106) == ([None, "111", "111"], TAKER)
    # Reached already when it arrives.
    assert walk(sale, 120, 116) == (["120", "120"], RESTS)
    purchase = asked("TRAILING_STOP", True, trail_offset=D(5), activation_price=D(90))
    assert walk(purchase, 100, 90, 88, 93) == ([None, "90", "88", "88"], TAKER)


def test_a_taker_walks_the_levels_and_a_maker_gets_its_own() -> None:
    depth = GRID.depth([(D(99), D(1)), (D(98), D(5))], [(D(100), D("0.5")), (D(101), D(1)), (D(102), D(9))])
    stop = asked("STOP", True, trigger_price=D(100))
    met = meet(stop, D(100), depth)
    assert (met.effect, met.fills) == (TAKER, ((D(100), D("0.5")), (D(101), D(1)), (D(102), D("0.5"))))
    assert meet(asked("STOP", False, trigger_price=D(100)), D(100), depth).fills == ((D(99), D(1)), (D(98), D(1)))
    # What lies beyond its limit is not taken: the rest waits.
    part = arrive(limit(), D(100), depth)
    assert (part.effect, part.fills, part.order.filled_quantity) == (TAKER, ((D(100), D("0.5")),), D("0.5"))
    assert arrive(part.order, D(100)).fills == ((D(100), D("1.5")),)
    # All at once or not.
    whole = replace(limit(), time_in_force=TimeInForce.FOK)
    assert (arrive(whole, D(100), depth).effect, arrive(whole, D(100), depth).fills) == (Effect.MISSES, ())


def test_what_is_left_of_a_stop_takes_what_comes() -> None:
    thin = GRID.depth([], [(D(100), D("0.5"))])
    part = meet(asked("STOP", True, trigger_price=D(100)), D(100), thin)
    assert (part.effect, part.order.is_triggered, part.order.filled_quantity) == (TAKER, True, D("0.5"))
    assert meet(part.order, D(90), GRID.depth([], [])).effect is RESTS
    assert meet(part.order, D(90)).fills == ((D(90), D("1.5")),)
