"""What opens a trade: the entry signal, its refusals, the stake, the order and its fill (rules 2 to 6)."""

from __future__ import annotations

import math

from engine.simulation.compiled import Record, float_at, int_at, part
from engine.simulation.prices import has_price, in_lots, market_price, on_tick
from engine.simulation.records import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    FLAT,
    OPEN,
    ORDERED,
    Bar,
    book_at,
    feed_at,
    refusal_at,
    trade_at,
)
from engine.simulation.stops import set_levels
from engine.simulation.types import Refusal
from engine.strategy.types import SizingKind

SIZING_CODES = {kind: code for code, kind in enumerate(SizingKind)}
_FIXED, _RISK, _KELLY = (SIZING_CODES[kind] for kind in (SizingKind.FIXED, SizingKind.ATR_RISK, SizingKind.KELLY))
# Closed trades before their wins and losses say anything about the next one.
_KELLY_TRADES = 20

_OPPOSITE, _OPEN, _FULL = int(Refusal.OPPOSITE_SIGNALS), int(Refusal.TRADE_OPEN), int(Refusal.MAX_OPEN_TRADES)
_CASH, _QUANTITY = int(Refusal.NOT_ENOUGH_CASH), int(Refusal.BELOW_MINIMUM_QUANTITY)
_NOTIONAL, _LAST = int(Refusal.BELOW_MINIMUM_NOTIONAL), int(Refusal.LAST_CANDLE)
_UNREACHED, _NO_PRICE, _NO_STAKE = int(Refusal.LIMIT_NOT_REACHED), int(Refusal.NO_PRICE), int(Refusal.NO_STAKE)


@part
def refuse(account: Record, feed: Record, bar: int, is_short: bool, reason: int) -> None:
    """Write down why the entry signal on candle `bar` made no trade."""
    row = refusal_at(account.refusals, account.n_refusals)
    row.instrument, row.bar, row.is_short, row.reason = feed.instrument, bar, is_short, reason
    account.n_refusals += 1


@part
def contradicted(flags: int, is_short: bool) -> bool:
    """Tell whether another signal on the same candle cancels an entry signal (rule 2)."""
    return bool(flags & (ENTER_LONG | EXIT_SHORT)) if is_short else bool(flags & (ENTER_SHORT | EXIT_LONG))


@part
def _kelly_share(setup: Record, account: Record) -> float:
    """Return win rate - loss rate / (average win / average loss), within 0 and the cap."""
    if account.wins + account.losses < _KELLY_TRADES:
        return float(setup.share)
    if account.wins == 0:
        return 0.0
    if account.losses == 0 or account.lost == 0.0:
        return float(setup.cap)
    win_rate = account.wins / (account.wins + account.losses)
    payoff = (account.won / account.wins) / (account.lost / account.losses)
    return float(min(max(win_rate - (1.0 - win_rate) / payoff, 0.0), setup.cap))


@part
def _last_close_before(feed: Record, first: int, stop: int, at: int) -> float:
    """Return the close of the last priced candle i, first ≤ i < stop, that opened before `at`; NaN if there is none."""
    low, high = first, stop
    while low < high:
        middle = (low + high) // 2
        if int_at(feed.opened_at, middle) < at:
            low = middle + 1
        else:
            high = middle
    while low > first:
        low -= 1
        if has_price(feed, low):
            return float(float_at(feed.close, low))
    return math.nan


@part
def equity_at(account: Record, at: int) -> float:
    """Return cash plus each open trade's stake and unrealized profit at the last close before `at`."""
    total = account.cash
    for instrument in range(account.instruments):
        book = book_at(account.books, instrument)
        if book.phase == OPEN:
            price = _last_close_before(feed_at(account.feeds, instrument), book.fill_bar, book.wake_bar, at)
            total += book.stake
            if not math.isnan(price):
                total += book.side * (book.quantity * (price - book.price))
    return float(total)


@part
def _wanted_stake(setup: Record, account: Record, feed: Record, index: int, price: float) -> float:
    kind = setup.sizing_kind
    if kind == _FIXED:
        return float(setup.amount)
    equity = equity_at(account, int_at(feed.opened_at, index))
    if kind == _KELLY:
        return _kelly_share(setup, account) * equity
    if kind != _RISK:
        return float(setup.share * equity)
    distance = setup.atr_multiple * float_at(feed.atr, index - 1)
    return setup.share * equity / distance * price / setup.leverage if distance > 0.0 else 0.0


@part
def _asked_price(setup: Record, feed: Record, bar: Bar, index: int, side: float) -> float:
    """Return the limit of an entry ordered on this candle, NaN for a market order (rule 4)."""
    price = bar.open * (1.0 - side * setup.entry_offset)
    if feed.entry_price != 0:
        price = float_at(feed.entry_price, index)
    if math.isnan(price):
        return math.nan
    price = on_tick(price, feed.tick_size, side)
    return min(price, bar.high) if side > 0.0 else max(price, bar.low)


@part
def _measure(setup: Record, feed: Record, book: Record) -> int:
    """Work out quantity, stake and what the order reserves from budget and price; return why it is too small, or 0."""
    quantity = book.budget / book.price * setup.leverage
    book.quantity = in_lots(quantity, feed.lot_step)
    book.stake = book.budget
    if book.quantity != quantity:
        book.stake = book.quantity * book.price / setup.leverage
    book.reserve = book.stake * (1.0 + setup.leverage * book.entry_fee)
    if book.quantity <= 0.0 or book.quantity < feed.min_quantity:
        return _QUANTITY
    return _NOTIONAL if book.quantity * book.price < feed.min_notional else 0


@part
def _free_cash(account: Record) -> float:
    """Return the cash that no waiting order has put aside."""
    reserved = 0.0
    for instrument in range(account.instruments):
        book = book_at(account.books, instrument)
        if book.phase == ORDERED:
            reserved += book.reserve
    return float(account.cash - reserved)


@part
def _order_in(setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int, side: float) -> int:
    """Place the entry order; return why not, or 0."""
    asked = _asked_price(setup, feed, bar, index, side)
    limit = not math.isnan(asked)
    price = asked if limit else bar.open
    fee = setup.maker_fee if limit else setup.taker_fee
    stake = _wanted_stake(setup, account, feed, index, price)
    if not stake > 0.0:
        return _NO_STAKE
    most = _free_cash(account) / (1.0 + setup.leverage * fee)
    if most <= 0.0 or (setup.sizing_kind == _FIXED and stake > most):
        return _CASH
    stake = min(stake, most)
    if not limit:
        price = market_price(setup, feed, bar, price, side, stake / price * setup.leverage)
    book.side, book.price, book.budget, book.entry_fee = side, price, stake, fee
    reason = _measure(setup, feed, book)
    if reason != 0:
        return reason
    book.phase, book.limit = ORDERED, limit
    book.signal_bar, book.open_bar, book.opened_at, book.ordered_at = index - 1, index, bar.at, bar.at
    account.slots += 1
    return 0


@part
def consider_entry(
    setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int, flags: int, priced: bool
) -> None:
    """Order in for each entry signal in `flags`, those of the candle before `index`, or write down why not."""
    for is_short in (False, True):
        if not flags & (ENTER_SHORT if is_short else ENTER_LONG):
            continue
        if contradicted(flags, is_short):
            reason = _OPPOSITE
        elif book.phase != FLAT:
            reason = _OPEN
        elif index >= feed.last:
            reason = _LAST
        elif not priced:
            reason = _NO_PRICE
        elif account.slots >= setup.max_open_trades:
            reason = _FULL
        else:
            reason = _order_in(setup, account, feed, book, bar, index, -1.0 if is_short else 1.0)
        if reason != 0:
            refuse(account, feed, index - 1, is_short, reason)


@part
def withdraw(account: Record, feed: Record, book: Record) -> None:
    """Drop an entry order that did not fill."""
    account.slots -= 1
    book.phase = FLAT
    refuse(account, feed, book.signal_bar, book.side < 0.0, _UNREACHED)


@part
def review_entry(setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int) -> None:
    """Drop an unfilled entry order that is too old, or move it to the price asked for now (rule 5)."""
    if setup.entry_timeout_ms >= 0 and book.ordered_at < bar.at - setup.entry_timeout_ms:
        withdraw(account, feed, book)
        return
    if feed.adjusted_price == 0:
        return
    price = float_at(feed.adjusted_price, index)
    if math.isnan(price):
        withdraw(account, feed, book)
        return
    price = on_tick(price, feed.tick_size, book.side)
    if price == book.price:
        return
    book.price, book.ordered_at = price, bar.at
    if _measure(setup, feed, book) != 0:
        withdraw(account, feed, book)


@part
def _fills(setup: Record, book: Record, bar: Bar) -> bool:
    if not book.limit:
        return True
    price = book.price
    if not bar.low <= price <= bar.high:
        return False
    if not setup.pessimistic:
        return True
    return (
        bool(price >= bar.open or bar.low < price) if book.side > 0.0 else bool(price <= bar.open or bar.high > price)
    )


@part
def fill_entry(setup: Record, account: Record, feed: Record, book: Record, bar: Bar, index: int) -> None:
    """Open the trade if the candle's range holds the order's price (rules 4 and 6)."""
    if not _fills(setup, book, bar):
        return
    book.fees = book.quantity * book.price * book.entry_fee
    account.cash -= book.stake + book.fees
    book.phase, book.fill_bar, book.filled_at, book.slot = OPEN, index, bar.at, account.n_trades
    book.paid_funding, book.exit_reason, book.exit_waits = 0.0, 0, False
    while book.funding < feed.n_funding and int_at(feed.funding_at, book.funding) <= bar.at:
        book.funding += 1
    set_levels(setup, feed, book)
    trade = trade_at(account.trades, account.n_trades)
    account.n_trades += 1
    trade.instrument, trade.is_short = feed.instrument, book.side < 0.0
    trade.open_bar, trade.opened_at = book.open_bar, int_at(feed.opened_at, book.open_bar)
    trade.open_price, trade.quantity, trade.stake = book.price, book.quantity, book.stake
    trade.initial_stop = book.initial_stop if abs(book.initial_stop) < 1e300 else math.nan
