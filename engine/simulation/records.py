"""What the kernels keep: structured rows for the settings, each instrument's data, each instrument's trade, the account."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.simulation.compiled import rows_of
from engine.simulation.types import REFUSAL_DTYPE, TRADE_DTYPE

# What a candle's signals are packed into, one bit each.
ENTER_LONG, EXIT_LONG, ENTER_SHORT, EXIT_SHORT = 1, 2, 4, 8
ENTRIES = ENTER_LONG | ENTER_SHORT

# What an instrument is doing: nothing, waiting for an entry order to fill, or in a trade.
FLAT, ORDERED, OPEN = 0, 1, 2

NEVER = np.iinfo(np.int64).max

_FLAG, _INT, _FLOAT = np.int8, np.int64, np.float64


class Bar(NamedTuple):
    """One candle as the rules see it; in DETAIL a finer one. `at`: its opening in ms, `length` in ms."""

    at: int
    length: int
    open: float
    high: float
    low: float
    close: float
    volume: float


# NaN stands for what is not set; times in ms, -1 for no time-out.
SETUP = np.dtype(
    [
        ("step_ms", _INT),
        ("fine_ms", _INT),
        ("leverage", _FLOAT),
        ("maker_fee", _FLOAT),
        ("taker_fee", _FLOAT),
        ("slippage_kind", _INT),
        ("slippage_value", _FLOAT),
        ("max_open_trades", _INT),
        ("pessimistic", _FLAG),
        # exits
        ("stop_loss", _FLOAT),
        ("custom_stop", _FLAG),
        ("trailing", _FLAG),
        ("trail_distance", _FLOAT),
        ("trail_positive", _FLOAT),
        ("trail_offset", _FLOAT),
        ("trail_only_after", _FLAG),
        ("take_profit", _FLOAT),
        ("time_stop", _INT),
        ("use_exit_signal", _FLAG),
        ("exit_profit_only", _FLAG),
        ("ignore_roi", _FLAG),
        ("exit_offset", _FLOAT),
        ("exit_timeout_ms", _INT),
        # entries
        ("entry_offset", _FLOAT),
        ("entry_timeout_ms", _INT),
        ("sizing_kind", _INT),
        ("share", _FLOAT),
        ("amount", _FLOAT),
        ("atr_multiple", _FLOAT),
        ("cap", _FLOAT),
        *[(name, _INT) for name in ("roi_minutes", "roi_ratios", "roi_rows")],
        # Whether an open trade has to look at every candle (else it sleeps until the next signal).
        ("watch", _FLAG),
    ],
    align=True,
)

# One instrument's data: addresses of arrays (0: not given), counts and rules. Nothing here changes during a run.
FEED = np.dtype(
    [
        *[(name, _INT) for name in ("opened_at", "open", "high", "low", "close", "volume", "flags", "events")],
        *[(name, _INT) for name in ("entry_price", "adjusted_price", "exit_price", "atr")],
        *[(name, _INT) for name in ("funding_at", "funding_rate", "n_funding", "n_events", "instrument")],
        *[(name, _INT) for name in ("fine_from", "fine_at", "fine_open", "fine_high", "fine_low", "fine_close")],
        ("fine_volume", _INT),
        # The last candle that has a price: what is still open is closed there.
        ("last", _INT),
        *[(name, _FLOAT) for name in ("tick_size", "lot_step", "min_quantity", "min_notional", "maintenance_margin")],
    ],
    align=True,
)

# One instrument's order or trade. `side` is +1 for long, -1 for short; stops lie at ∓inf while there are none.
BOOK = np.dtype(
    [
        *[(name, _INT) for name in ("wake_bar", "event", "funding", "phase")],
        ("idle", _FLAG),
        # the entry order
        *[(name, _INT) for name in ("signal_bar", "open_bar", "opened_at", "ordered_at")],
        ("limit", _FLAG),
        *[(name, _FLOAT) for name in ("side", "price", "quantity", "budget", "stake", "reserve", "entry_fee")],
        # the trade
        *[(name, _INT) for name in ("fill_bar", "filled_at", "slot")],
        *[(name, _FLOAT) for name in ("fees", "paid_funding", "initial_stop", "stop", "distance")],
        *[(name, _FLOAT) for name in ("liquidation", "bankruptcy")],
        # the exit order: reason 0 while there is none
        ("exit_reason", _INT),
        ("exit_price", _FLOAT),
        ("exit_ordered_at", _INT),
        ("exit_limit", _FLAG),
        # An exit signal met a candle without a price and waits for the next one that has one.
        ("exit_waits", _FLAG),
    ],
    align=True,
)

# Own money: cash (less what open trades hold), and closed trades so far; where the rows of everything else lie.
ACCOUNT = np.dtype(
    [
        ("version", _INT),
        ("cash", _FLOAT),
        *[(name, _INT) for name in ("slots", "n_trades", "n_refusals", "wins", "losses")],
        ("won", _FLOAT),
        ("lost", _FLOAT),
        *[(name, _INT) for name in ("instruments", "feeds", "books", "trades", "refusals")],
    ],
    align=True,
)

feed_at, book_at = rows_of(FEED), rows_of(BOOK)
trade_at, refusal_at = rows_of(TRADE_DTYPE), rows_of(REFUSAL_DTYPE)
