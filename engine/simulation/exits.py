"""What ends a trade: signal, time, stop, liquidation, targets, trail, in the order of the rules (7 to 11), and its booking."""

from __future__ import annotations

import math

from engine.simulation.compiled import Record, float_at, int_at, part
from engine.simulation.prices import market_price, on_tick, ratio_at, rounded, target_price
from engine.simulation.records import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT, FLAT, Bar, trade_at
from engine.simulation.stops import has_moved, is_liquidated, liquidation_price, reaches, stop_price, trail
from engine.simulation.types import ExitReason

_SIGNAL, _STOP, _TRAIL = int(ExitReason.EXIT_SIGNAL), int(ExitReason.STOP_LOSS), int(ExitReason.TRAILING_STOP_LOSS)
_ROI, _TARGET, _TIME = int(ExitReason.ROI), int(ExitReason.TAKE_PROFIT), int(ExitReason.TIME_STOP)
_LIQUIDATION, _FORCED = int(ExitReason.LIQUIDATION), int(ExitReason.FORCE_EXIT)
_MINUTE_MS = 60_000


@part
def wants_out(setup: Record, book: Record, flags: int) -> bool:
    """Tell whether the candle before carries an exit signal that no entry signal of the same direction contradicts."""
    leave, enter = (EXIT_LONG, ENTER_LONG) if book.side > 0.0 else (EXIT_SHORT, ENTER_SHORT)
    return bool(setup.use_exit_signal and flags & leave and not flags & enter)


@part
def _order(book: Record, reason: int, price: float, limit: bool) -> bool:
    book.exit_reason, book.exit_price, book.exit_limit = reason, price, limit
    return True


@part
def _by_signal(setup: Record, feed: Record, book: Record, bar: Bar, index: int, flags: int) -> bool:
    """Order out at the open, or at the asked limit, which is never beyond the candle's worst price (rule 7)."""
    wish = book.exit_waits or wants_out(setup, book, flags)
    book.exit_waits = False
    if not wish:
        return False
    side, price = book.side, bar.open
    if feed.exit_price != 0:
        price = float_at(feed.exit_price, index)
    elif not math.isnan(setup.exit_offset):
        price = bar.open * (1.0 + side * setup.exit_offset)
    limit = (feed.exit_price != 0 or not math.isnan(setup.exit_offset)) and not math.isnan(price)
    if setup.exit_profit_only:
        fee = setup.maker_fee if limit else setup.taker_fee
        if not rounded(ratio_at(setup, book, bar.open, fee)) > 0.0:
            return False
    if not limit:
        return _order(book, _SIGNAL, bar.open, False)
    price = on_tick(price, feed.tick_size, -side)
    return _order(book, _SIGNAL, max(price, bar.low) if side > 0.0 else min(price, bar.high), True)


@part
def _refused_on_entry(book: Record, bar: Bar, target: float) -> bool:
    """Tell whether a target can not be believed on the entry candle: it moved away after a better entry (rule 9)."""
    if bar.at != book.opened_at:
        return False
    side = book.side
    against = (bar.open - bar.close) * side > 0.0
    return bool(against and (bar.open - book.price) * side > 0.0 and (target - bar.close) * side > 0.0)


@part
def _into(feed: Record, book: Record, bar: Bar, price: float) -> float:
    return min(max(on_tick(price, feed.tick_size, -book.side), bar.low), bar.high)


@part
def _roi_row(setup: Record, minutes: int) -> int:
    row = setup.roi_rows - 1
    while row >= 0 and int_at(setup.roi_minutes, row) > minutes:
        row -= 1
    return int(row)


@part
def _by_roi(setup: Record, feed: Record, book: Record, bar: Bar) -> bool:
    """Order out at the profit that the table asks of a trade this old (rule 9)."""
    minutes = (bar.at - book.opened_at) // _MINUTE_MS
    row = _roi_row(setup, minutes)
    if row < 0:
        return False
    key, ratio, side = int_at(setup.roi_minutes, row), float_at(setup.roi_ratios, row), book.side
    best = bar.high if side > 0.0 else bar.low
    if not rounded(ratio_at(setup, book, best, setup.maker_fee)) > ratio:
        return False
    on_candle = key * _MINUTE_MS % bar.length == 0
    forced = ratio == -1.0
    if forced and on_candle:
        return _order(book, _ROI, bar.open, False)
    price = target_price(setup, book, ratio, setup.maker_fee)
    if minutes == key and key > 0 and on_candle and (bar.open - price) * side > 0.0:
        return _order(book, _ROI, bar.open, True)
    if _refused_on_entry(book, bar, price):
        return False
    return _order(book, _ROI, _into(feed, book, bar, price), not forced)


@part
def _by_target(setup: Record, feed: Record, book: Record, bar: Bar) -> bool:
    """Order out at the take profit, a resting limit order: a touch fills it, in PESSIMISTIC only a price beyond it."""
    if math.isnan(setup.take_profit):
        return False
    price = target_price(setup, book, setup.take_profit, setup.maker_fee)
    beyond = (bar.high - price) if book.side > 0.0 else (price - bar.low)
    if beyond < 0.0 or (setup.pessimistic and beyond == 0.0) or _refused_on_entry(book, bar, price):
        return False
    return _order(book, _TARGET, _into(feed, book, bar, price), True)


@part
def _by_stop(setup: Record, book: Record, bar: Bar, moved: bool) -> bool:
    if has_moved(book) != moved or not reaches(book, bar, book.stop):
        return False
    return _order(book, _TRAIL if moved else _STOP, stop_price(setup, book, bar), False)


@part
def _at_open(setup: Record, feed: Record, book: Record, bar: Bar, index: int, flags: int) -> bool:
    """Look for what happens at the first price of a candle of the strategy's timeframe: signals and the time stop."""
    if _by_signal(setup, feed, book, bar, index, flags):
        return True
    if setup.time_stop <= 0 or index - book.open_bar < setup.time_stop or book.fill_bar == index:
        return False
    return _order(book, _TIME, bar.open, False)


@part
def _inside(setup: Record, feed: Record, book: Record, bar: Bar, flags: int) -> bool:
    """Look for what happens inside a candle: stop > ROI > take profit > trail; in PESSIMISTIC the trail too comes first."""
    if _by_stop(setup, book, bar, False) or (setup.pessimistic and _by_stop(setup, book, bar, True)):
        return True
    # A limit entry filled somewhere inside this candle: its best price may have been before that.
    hindsight = setup.pessimistic and book.limit and bar.at == book.filled_at
    if not hindsight:
        renewed = flags & (ENTER_LONG if book.side > 0.0 else ENTER_SHORT)
        if not (setup.ignore_roi and renewed) and _by_roi(setup, feed, book, bar):
            return True
        if _by_target(setup, feed, book, bar):
            return True
    return _by_stop(setup, book, bar, True)


@part
def _is_filled(setup: Record, book: Record, bar: Bar) -> bool:
    price = book.exit_price
    if not bar.low <= price <= bar.high:
        return False
    if not (setup.pessimistic and book.exit_limit and book.exit_reason == _SIGNAL):
        return True
    return (
        bool(price <= bar.open or price < bar.high) if book.side > 0.0 else bool(price >= bar.open or price > bar.low)
    )


@part
def look_for_exit(setup: Record, feed: Record, book: Record, bar: Bar, index: int, flags: int) -> bool:
    """Do steps d and e of rule 3 on one candle; return whether the trade ends, book.exit_* saying how.

    `flags` are the signals of the candle before, 0 on all but the first of a candle's finer ones, and `index` is -1 there.
    """
    if book.exit_reason == 0:
        if not setup.pessimistic:
            trail(setup, book, bar)
        opens_beyond = (bar.open - book.liquidation) * book.side <= 0.0
        if not opens_beyond and index >= 0 and _at_open(setup, feed, book, bar, index, flags):
            if not book.exit_limit:
                return True
            book.exit_ordered_at = bar.at
    if is_liquidated(book, bar):
        return _order(book, _LIQUIDATION, liquidation_price(book, bar), False)
    if book.exit_reason == 0 and _inside(setup, feed, book, bar, flags):
        book.exit_ordered_at = bar.at
    if book.exit_reason != 0:
        return _is_filled(setup, book, bar)
    if setup.pessimistic:
        trail(setup, book, bar)
    return False


@part
def _extremes(feed: Record, first: int, stop: int, high: float, low: float) -> tuple[float, float]:
    """Return the highest and lowest price of candles first ≤ i < stop and of the two given; NaN loses every comparison."""
    for index in range(first, stop):
        top, bottom = float_at(feed.high, index), float_at(feed.low, index)
        high = max(high, top)
        low = min(low, bottom)
    return high, low


@part
def close_trade(setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int) -> None:
    """Book the exit that book.exit_* describe, on candle `index`, and let the instrument be flat."""
    side, quantity, price = book.side, book.quantity, book.exit_price
    fee = setup.maker_fee if book.exit_limit else setup.taker_fee
    if not book.exit_limit and book.exit_reason != _LIQUIDATION:
        price = market_price(setup, feed, bar, price, -side, quantity)
    paid = quantity * book.price * (1.0 + side * book.entry_fee)
    got = quantity * price * (1.0 - side * fee)
    profit = side * (got - paid) - book.paid_funding
    ratio = side * (got / paid - 1.0) * setup.leverage - book.paid_funding / paid * setup.leverage
    exit_fee = quantity * price * fee
    account.cash += book.stake + side * (quantity * (price - book.price)) - exit_fee
    account.slots -= 1
    _count(account, ratio)
    high, low = _extremes(feed, book.fill_bar, index, max(price, book.price), min(price, book.price))
    best, worst = (high, low) if side > 0.0 else (low, high)

    trade = trade_at(account.trades, book.slot)
    trade.close_bar, trade.closed_at, trade.close_price = index, int_at(feed.opened_at, index), price
    trade.fees, trade.funding, trade.profit, trade.profit_ratio = book.fees + exit_fee, book.paid_funding, profit, ratio
    trade.stop_at_exit = book.stop if abs(book.stop) < 1e300 else float("nan")
    trade.best_ratio = ratio_at(setup, book, best, setup.taker_fee)
    trade.worst_ratio = ratio_at(setup, book, worst, setup.taker_fee)
    trade.exit_reason = book.exit_reason
    book.phase, book.exit_reason = FLAT, 0


@part
def force_out(setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int) -> None:
    """Close what is still open on the last candle at its open (rule 12)."""
    _order(book, _FORCED, bar.open, False)
    close_trade(setup, account, feed, book, bar, index)


@part
def _count(account: Record, ratio: float) -> None:
    if ratio > 0.0:
        account.wins += 1
        account.won += ratio
    else:
        account.losses += 1
        account.lost -= ratio
