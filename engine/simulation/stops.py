"""Stop levels: where they start, how they trail, when they are hit and at what price (rules 8, 10, 11); liquidation."""

from __future__ import annotations

import math

from engine.simulation.compiled import Record, part
from engine.simulation.prices import ratio_at, rounded
from engine.simulation.records import Bar


@part
def set_levels(setup: Record, feed: Record, book: Record) -> None:
    """Put stop and liquidation where they stand when an entry has filled."""
    side, leverage = book.side, setup.leverage
    book.distance = setup.stop_loss
    book.initial_stop = -side * math.inf
    if not math.isnan(setup.stop_loss):
        book.initial_stop = book.price * (1.0 - side * setup.stop_loss / leverage)
    book.stop = book.initial_stop
    # Isolated margin: the loss reaches the margin less the maintenance of the position's value at that price.
    book.liquidation = book.price * (1.0 - side / leverage) / (1.0 - side * feed.maintenance_margin)
    book.bankruptcy = book.price * (1.0 - side / leverage)


@part
def _lift(setup: Record, book: Record, best: float, distance: float) -> None:
    level = best * (1.0 - book.side * distance / setup.leverage)
    if (level - book.stop) * book.side > 0.0:
        book.stop = level
        book.distance = distance


@part
def trail(setup: Record, book: Record, bar: Bar) -> None:
    """Lift the stop from the candle's best price, unless the candle already reaches the present level (rule 10)."""
    best, worst = (bar.high, bar.low) if book.side > 0.0 else (bar.low, bar.high)
    if not (worst - book.stop) * book.side > 0.0:
        return
    if setup.custom_stop and not math.isnan(setup.stop_loss):
        _lift(setup, book, best, setup.stop_loss)
    if not setup.trailing:
        return
    profit = rounded(ratio_at(setup, book, best, setup.taker_fee))
    if setup.trail_only_after and profit < setup.trail_offset:
        return
    distance = setup.trail_distance
    if not math.isnan(setup.trail_positive) and profit > setup.trail_offset:
        distance = setup.trail_positive
    if not math.isnan(distance):
        _lift(setup, book, best, distance)


@part
def has_moved(book: Record) -> bool:
    """Tell whether the stop has trailed."""
    return bool(book.stop != book.initial_stop)


@part
def reaches(book: Record, bar: Bar, level: float) -> bool:
    """Tell whether the candle's worst price touches or passes a level on the losing side."""
    return bool(bar.low <= level) if book.side > 0.0 else bool(bar.high >= level)


@part
def stop_price(setup: Record, book: Record, bar: Bar) -> float:
    """Return where a stop that is hit fills: at its level, at the open if the whole candle is beyond it."""
    side = book.side
    if (bar.high < book.stop) if side > 0.0 else (bar.low > book.stop):
        return bar.open
    if not has_moved(book) or bar.at != book.opened_at:
        return float(book.stop)
    # Rule 11: on the entry candle the trail is believed to have moved no more than it had to.
    if setup.trail_only_after and not math.isnan(setup.trail_positive) and not setup.custom_stop:
        price = bar.open * (1.0 + side * setup.trail_offset - side * setup.trail_positive / setup.leverage)
    else:
        price = bar.open * (1.0 - side * book.distance / setup.leverage)
    return float(max(price, bar.low) if side > 0.0 else min(price, bar.high))


@part
def is_liquidated(book: Record, bar: Bar) -> bool:
    """Tell whether the candle reaches the liquidation level without meeting a nearer stop first."""
    if not reaches(book, bar, book.liquidation):
        return False
    opens_beyond = (bar.open - book.liquidation) * book.side <= 0.0
    return bool(opens_beyond or (book.stop - book.liquidation) * book.side < 0.0)


@part
def liquidation_price(book: Record, bar: Bar) -> float:
    """Return where the venue closes: the level, or the open beyond it; never beyond where the margin is gone."""
    if book.side > 0.0:
        return float(max(min(book.liquidation, bar.open), book.bankruptcy))
    return float(min(max(book.liquidation, bar.open), book.bankruptcy))
