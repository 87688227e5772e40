"""Candle tables: rows of open, high, low, close, volume and signals as text, and what should become of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.candles import Candles
from engine.simulation.types import ExitReason, Refusal, Series, Settings, Simulated
from engine.strategy.types import Exits, Sizing, SizingKind

HOUR = 3_600_000
# One word per trade: side, open bar, close bar, open price, close price, reason.
Row = tuple[str, int, int, float, float, ExitReason]
SIGNS = {"L": "enter_long", "l": "exit_long", "S": "enter_short", "s": "exit_short"}


def read(table: str, length: int = HOUR, start: int = 0) -> tuple[Candles, dict[str, Any]]:
    """Return the candles of a table and the four signal arrays: a row is `open high low close [volume] [signs]`.

    Signs: L and S enter long and short, l and s leave them. A dash for a price is a candle without one.
    """
    rows = [line.split() for line in table.strip().splitlines()]
    signs = [row.pop() if row[-1].isalpha() else "" for row in rows]
    numbers = [[np.nan if word == "-" else float(word) for word in row] for row in rows]
    prices = np.array([row[:4] for row in numbers], np.float64).T.copy()
    volume = np.array([row[4] if len(row) > 4 else 1.0 for row in numbers], np.float64)
    at = start + np.arange(len(rows), dtype=np.int64) * length
    candles = Candles(at, prices[0], prices[1], prices[2], prices[3], volume)
    return candles, {name: np.array([sign in given for given in signs], np.bool_) for sign, name in SIGNS.items()}


def series_of(table: str, name: str = "A", **extras: Any) -> Series:
    """Return a table as a series."""
    candles, signals = read(table)
    return Series(name, candles, **signals, **extras)


def settings_of(**given: Any) -> Settings:
    """Return settings without fees, 1,000 an entry, one trade at a time; `exits` may be a dict of Exits' fields."""
    exits = given.pop("exits", {})
    base: dict[str, Any] = {
        "timeframe": "1h",
        "maker_fee": 0.0,
        "taker_fee": 0.0,
        "sizing": Sizing(SizingKind.FIXED, amount=1000.0),
        "exits": Exits(**exits) if isinstance(exits, dict) else exits,
    }
    return Settings(**{**base, **given})


def trades_of(result: Simulated) -> list[Row]:
    """Return the trades as short rows, prices to 9 decimals."""
    return [
        (
            "short" if trade["is_short"] else "long",
            int(trade["open_bar"]),
            int(trade["close_bar"]),
            round(float(trade["open_price"]), 9),
            round(float(trade["close_price"]), 9),
            ExitReason(trade["exit_reason"]),
        )
        for trade in result.trades
    ]


def refusals_of(result: Simulated) -> list[tuple[int, Refusal]]:
    """Return on which candle an entry signal was refused, and why."""
    return [(int(row["bar"]), Refusal(row["reason"])) for row in result.refusals]
