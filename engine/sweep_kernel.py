"""The fill model `candle` where nothing but signals decides: one instrument, long, market orders, the whole range at once.

A sweep asks it thousands of times. It says exactly what engine.simulation says (a test compares every digit), but
touches only the prices at which something happens, and keeps no trades.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.candles import Candles, Floats, Times
from engine.simulation.types import FillRule, InstrumentRules, Settings, SlippageKind
from engine.strategy.types import Exits, Graph, SizingKind

PLAIN_EXITS = Exits()


def is_plain(graph: Graph, settings: Settings, rules: InstrumentRules) -> bool:
    """Tell whether signals alone decide: no short, exit rule, limit order, leverage, slippage or lot is asked for."""
    return (
        not {"enter_short", "exit_short"} & set(graph.outputs)
        and settings.exits == PLAIN_EXITS
        and settings.entry is None
        and settings.exit_limit_offset is None
        and settings.max_open_trades > 0
        and settings.leverage == 1.0
        and settings.slippage is SlippageKind.NONE
        and settings.fill_rule is FillRule.STANDARD
        and settings.sizing.kind is SizingKind.SHARE_OF_EQUITY
        and rules == InstrumentRules()
    )


def are_sound(candles: Candles) -> bool:
    """Tell whether every candle has prices and opens within its range, so that a market order fills at each open."""
    within = (candles.low > 0) & (candles.low <= candles.open) & (candles.open <= candles.high)
    return bool(within.all() and (candles.close > 0).all() and (candles.high < np.inf).all())


def marks_of(opened_at: Times, start_ms: int, candle_ms: int, day_ms: int) -> Times:
    """Return for the start and each UTC day's end how many of the candles opened before it."""
    end = int(opened_at[-1]) + candle_ms
    days = np.arange(start_ms // day_ms + 1, (end - 1) // day_ms + 2, dtype=np.int64) * day_ms
    return np.concatenate((np.zeros(1, dtype=np.int64), np.searchsorted(opened_at, days).astype(np.int64)))


@njit(cache=True, nogil=True, error_model="numpy")
def _next(wanted: Any, words: Any, other: Any, index: int) -> Any:
    """Return the first place from `index` on where `wanted` is set and `other` is not; the length if there is none.

    `words` are the bytes of `wanted`, eight at a time: most hold nothing.
    """
    count = wanted.size
    while index < count:
        word = index >> 3
        if index & 7 == 0:
            while word < words.size and words[word] == 0:
                word += 1
            index = word << 3
        stop = min(count, (word << 3) + 8)
        while index < stop:
            if wanted[index] and not other[index]:
                return index
            index += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _turns(enter: Any, leave: Any) -> Any:
    """Return the candles on which a trade opens and closes in turn; the last one closes what is still open.

    `enter` and `leave` are the signals as bytes (0 or 1). What happens at a candle's open was said by the one before.
    """
    last = enter.size - 1
    whole = enter.size // 8 * 8
    enter_words, leave_words = enter[:whole].view(np.uint64), leave[:whole].view(np.uint64)
    turns = np.empty(enter.size + 1, np.int32)
    count = bar = 0
    while bar < last:
        is_open = count & 1
        signal = _next(leave, leave_words, enter, bar) if is_open else _next(enter, enter_words, leave, bar)
        bar = min(signal + 1, last)
        if is_open or bar < last:
            turns[count] = bar
            count += 1
    return turns[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def trade_signals(
    enter: Any, leave: Any, opens: Any, closes: Any, marks: Any, cash: float, fee: float, share: float,
    equity: Any, profits: Any,
) -> tuple[int, float]:  # fmt: skip
    """Fill `equity` (one per mark) and `profits` (one per trade); return how many trades, and the final cash."""
    # When is known before at what price: the processor then fetches the prices of many trades at once.
    turns = _turns(enter, leave)
    marked = trades = 0
    for place in range(0, turns.size, 2):
        entered, left = turns[place], turns[place + 1]
        stake = min(share * cash, cash / (1.0 + fee))
        if not stake > 0.0:
            break
        while marked < marks.size and marks[marked] <= entered:
            equity[marked] = cash
            marked += 1
        price = opens[entered]
        quantity = stake / price
        cash -= stake + quantity * price * fee
        while marked < marks.size and marks[marked] <= left:
            # The last close before the mark; none yet if the trade was opened just then.
            known = marks[marked] - 1
            equity[marked] = cash + stake + (quantity * (closes[known] - price) if known >= entered else 0.0)
            marked += 1
        value = quantity * opens[left]
        profits[trades] = value * (1.0 - fee) - quantity * price * (1.0 + fee)
        cash += stake + quantity * (opens[left] - price) - value * fee
        trades += 1
    equity[marked:] = cash
    return trades, cash


def run_plain(
    enter: Any, leave: Any, candles: Candles, marks: Times, settings: Settings
) -> tuple[Floats, Floats, float]:
    """Return daily equity, the profit of each trade, and the final equity of a plain strategy's signals."""
    equity = np.empty(len(marks))
    profits = np.empty(int(np.count_nonzero(enter)))
    share = settings.sizing.share
    assert isinstance(share, int | float)  # resolve() has put parameters in
    trades, cash = trade_signals(
        enter.view(np.uint8), leave.view(np.uint8), candles.open, candles.close, marks,
        settings.initial_cash, settings.taker_fee, float(share), equity, profits,
    )  # fmt: skip
    return equity, profits[:trades], cash
