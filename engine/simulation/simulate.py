"""The door of the simulation: checks what comes in, lays it out for the kernel, and hands back what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.candles import Candles, Times
from engine.simulation.entries import SIZING_CODES
from engine.simulation.kernel import pack_signals, run
from engine.simulation.prices import SLIPPAGE_CODES
from engine.simulation.records import ACCOUNT, BOOK, FEED, SETUP
from engine.simulation.types import (
    REFUSAL_DTYPE,
    TRADE_DTYPE,
    FillRule,
    Series,
    Settings,
    Simulated,
    SimulationError,
    SlippageKind,
)
from engine.strategy.types import SizingKind
from engine.timeframes import MINUTE_MS, timeframe_ms

DAY_MS: Final = 86_400_000
Row = NDArray[np.void]


def simulate(series: Sequence[Series], settings: Settings) -> Simulated:
    """Trade the signals of one or several instruments that share one cash account, by the fill model `candle`.

    Candles of different series meet by their opening times; at equal times the order of `series` decides who comes
    first. A candle without a price (NaN, not positive) is not traded at. Raises SimulationError for what can not be.
    """
    _check(series, settings)
    setup = _setup(settings)
    feeds, books = np.zeros(len(series), FEED), np.zeros(len(series), BOOK)
    kept: list[Any] = []  # the kernel reads by address: nothing that it reads may be freed before it is done
    roi = sorted(settings.exits.roi)
    setup["roi_minutes"] = _address(np.array([row[0] for row in roi]), np.int64, kept)
    setup["roi_ratios"] = _address(np.array([row[1] for row in roi]), np.float64, kept)
    setup["roi_rows"] = len(roi)
    entries = sum(_lay_out(one, settings, feeds[place : place + 1], kept) for place, one in enumerate(series))
    setup["fine_ms"] = _fine_ms(series, timeframe_ms(settings.timeframe))
    account = np.zeros(1, ACCOUNT)
    account["cash"] = settings.initial_cash
    marks, span = _marks(series, settings)
    equity = np.empty(len(marks), np.float64)
    trades, refusals = np.empty(entries, TRADE_DTYPE), np.empty(entries, REFUSAL_DTYPE)
    rows = {"feeds": feeds, "books": books, "trades": trades, "refusals": refusals}
    for name, array in rows.items():
        account[name] = array.__array_interface__["data"][0]
    account["instruments"], feeds["instrument"] = len(series), np.arange(len(series))
    run(setup, account, np.empty(len(series), np.int64), marks, equity)
    done = _in_order(_cut(trades, int(account["n_trades"][0])))
    return Simulated(
        trades=done,
        refusals=_cut(refusals, int(account["n_refusals"][0])),
        equity_at=marks,
        equity=equity,
        final_equity=float(account["cash"][0]),
        exposure=_covered(done, timeframe_ms(settings.timeframe)) / span if span else 0.0,
    )


def _check(series: Sequence[Series], settings: Settings) -> None:
    """Refuse what the kernel could not make sense of."""
    if not any(len(one.candles) for one in series):
        raise SimulationError("NO_CANDLES", "There is not one candle in this range.")
    for fee in (settings.maker_fee, settings.taker_fee):
        _demand(-0.1 < fee < 0.5, "FEE", f"A fee of {fee} of the value is not possible.")
    _demand(settings.leverage >= 1.0, "LEVERAGE", "Leverage is at least 1.")
    _demand(settings.first_candle >= 0, "FIRST_CANDLE", "The first candle that may signal is number 0 or later.")
    limit = 5_000.0 if settings.slippage is SlippageKind.BPS else 0.5
    if settings.slippage is SlippageKind.RANGE_SHARE:
        limit = 1.0
    _demand(0.0 <= settings.slippage_value <= limit, "SLIPPAGE", f"Slippage goes from 0 to {limit:g} in this model.")
    for one in series:
        _check_series(one, settings)


def _check_series(one: Series, settings: Settings) -> None:
    size = len(one.candles)
    arrays = (one.enter_long, one.exit_long, one.enter_short, one.exit_short)
    optional = (one.atr, one.entry_price, one.adjusted_entry_price, one.exit_price)
    fits = all(len(array) == size for array in (*arrays, *(array for array in optional if array is not None)))
    _demand(fits, "LENGTHS", f"The signals of {one.name} are not as many as its candles.")
    rising = size < 2 or bool((one.candles.opened_at[1:] > one.candles.opened_at[:-1]).all())
    _demand(rising, "TIMES", f"The candles of {one.name} are not in order of time.")
    if settings.sizing.kind is SizingKind.ATR_RISK:
        _demand(one.atr is not None, "NO_ATR", f"Sizing by risk needs the ATR of {one.name}.")
    if settings.fill_rule is FillRule.DETAIL:
        _demand(one.detail is not None, "NO_DETAIL", f"There are no finer candles of {one.name}.")
    affordable = one.rules.maintenance_margin * settings.leverage < 1.0
    _demand(affordable, "MARGIN", f"{one.name} demands more margin than a leverage of {settings.leverage:g} leaves.")
    given = (one.funding_at is None) == (one.funding_rate is None)
    _demand(given, "FUNDING", f"Funding of {one.name} needs both times and rates.")


def _demand(holds: bool, code: str, message: str) -> None:
    if not holds:
        raise SimulationError(code, message)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _setup(settings: Settings) -> Row:
    """Return the settings as one row for the kernel."""
    setup = np.zeros(1, SETUP)
    exits, sizing, trailing = settings.exits, settings.sizing, settings.exits.trailing
    distance = trailing.distance if trailing and trailing.distance is not None else exits.stop_loss
    entry, timeout = settings.entry, settings.exit_timeout_minutes
    values = {
        "step_ms": timeframe_ms(settings.timeframe),
        "leverage": settings.leverage,
        "maker_fee": settings.maker_fee,
        "taker_fee": settings.taker_fee,
        "slippage_kind": SLIPPAGE_CODES[settings.slippage],
        "slippage_value": settings.slippage_value,
        "max_open_trades": settings.max_open_trades,
        "pessimistic": settings.fill_rule is FillRule.PESSIMISTIC,
        "stop_loss": _number(exits.stop_loss),
        "custom_stop": settings.custom_stop,
        "trailing": trailing is not None,
        "trail_distance": _number(distance),
        "trail_positive": _number(trailing.positive_distance if trailing else None),
        "trail_offset": float(trailing.offset) if trailing else 0.0,  # type: ignore[arg-type]  # no references here
        "trail_only_after": trailing is not None and trailing.only_after_offset,
        "take_profit": _number(exits.take_profit),
        "time_stop": int(_number(exits.time_stop_candles or 0)),
        "use_exit_signal": exits.use_exit_signal,
        "exit_profit_only": exits.exit_profit_only,
        "ignore_roi": exits.ignore_roi_if_entry_signal,
        "exit_offset": _number(settings.exit_limit_offset),
        "exit_timeout_ms": -1 if timeout is None else timeout * MINUTE_MS,
        "entry_offset": _number(entry.offset if entry else None),
        "entry_timeout_ms": int(_number(entry.timeout_minutes) * MINUTE_MS) if entry else -1,
        "sizing_kind": SIZING_CODES[sizing.kind],
        "share": _number(sizing.share),
        "amount": _number(sizing.amount),
        "atr_multiple": _number(sizing.atr_multiple),
        "cap": _number(sizing.cap),
        "watch": bool(exits.roi)
        or trailing is not None
        or exits.stop_loss is not None
        or exits.take_profit is not None,
    }
    for name, value in values.items():
        setup[name] = value
    return setup


def _address(array: NDArray[Any] | None, kind: Any, kept: list[Any]) -> int:
    """Return where an array lies as contiguous numbers of this kind; 0 for none."""
    if array is None:
        return 0
    ready = np.ascontiguousarray(array, kind)
    kept.append(ready)
    return int(ready.__array_interface__["data"][0])


def _lay_out(one: Series, settings: Settings, feed: Row, kept: list[Any]) -> int:
    """Fill the feed's row of one series; return how many entry signals it has."""
    candles, size = one.candles, len(one.candles)
    _put_candles(feed, candles, "", kept)
    if settings.fill_rule is FillRule.DETAIL:
        _put_detail(feed, one, timeframe_ms(settings.timeframe), kept)
    flags, events = np.empty(size, np.uint8), np.empty(size, np.int64)
    signals = (one.enter_long, one.exit_long, one.enter_short, one.exit_short)
    bytes_of = [np.ascontiguousarray(signal, np.bool_).view(np.uint8) for signal in signals]
    count, entries = pack_signals(
        bytes_of[0], bytes_of[1], bytes_of[2], bytes_of[3], flags, events, min(settings.first_candle, size)
    )
    rates, rules = one.funding_rate, one.rules
    values = {
        "flags": _address(flags, np.uint8, kept),
        "events": _address(events, np.int64, kept),
        "n_events": count,
        "entry_price": _address(one.entry_price, np.float64, kept),
        "adjusted_price": _address(one.adjusted_entry_price, np.float64, kept),
        "exit_price": _address(one.exit_price, np.float64, kept),
        "atr": _address(one.atr, np.float64, kept),
        "funding_at": _address(one.funding_at, np.int64, kept),
        "funding_rate": _address(rates, np.float64, kept),
        "n_funding": 0 if rates is None else len(rates),
        "last": _last_priced(candles),
        "tick_size": rules.tick_size,
        "lot_step": rules.lot_step,
        "min_quantity": rules.min_quantity,
        "min_notional": rules.min_notional,
        "maintenance_margin": rules.maintenance_margin,
    }
    for name, value in values.items():
        feed[name] = value
    return entries


def _put_candles(feed: Row, candles: Candles, prefix: str, kept: list[Any]) -> None:
    feed[f"{prefix}at" if prefix else "opened_at"] = _address(candles.opened_at, np.int64, kept)
    for name in ("open", "high", "low", "close", "volume"):
        feed[prefix + name] = _address(getattr(candles, name), np.float64, kept)


def _put_detail(feed: Row, one: Series, step: int, kept: list[Any]) -> None:
    """Lay out the finer candles that have prices and lie inside candles, and where each candle's begin."""
    fine, coarse = one.detail, one.candles.opened_at
    if fine is None:
        return
    home = np.searchsorted(coarse, fine.opened_at, side="right") - 1
    inside = _priced(fine) & (home >= 0) & (fine.opened_at < coarse[home] + step)
    if not inside.all():
        fine = Candles(*(getattr(fine, name)[inside] for name in Candles.__slots__))
    _put_candles(feed, fine, "fine_", kept)
    bounds = np.append(np.searchsorted(fine.opened_at, coarse), len(fine))
    feed["fine_from"] = _address(bounds, np.int64, kept)


def _fine_ms(series: Sequence[Series], step: int) -> int:
    """Return the length of the finer candles: the smallest distance between two of them."""
    lengths = [int(np.diff(one.detail.opened_at).min()) for one in series if one.detail and len(one.detail) > 1]
    return min([*lengths, step])


def _priced(candles: Candles) -> NDArray[np.bool_]:
    inside = (candles.low > 0) & (candles.low <= candles.high) & (candles.high < np.inf)
    prices = (candles.open > 0) & (candles.open < np.inf) & (candles.close > 0) & (candles.close < np.inf)
    return inside & prices


def _last_priced(candles: Candles) -> int:
    """Return the last candle with a price; the very last one if there is none."""
    stop = len(candles)
    while stop > 0:
        start = max(0, stop - 1000)
        found = np.flatnonzero(_priced(candles.part(start, stop)))
        if len(found):
            return start + int(found[-1])
        stop = start
    return len(candles) - 1


def _marks(series: Sequence[Series], settings: Settings) -> tuple[Times, int]:
    """Return when equity is marked (the start, then each day's end) and how many ms lie between start and end."""
    first = settings.first_candle
    filled = [one.candles.opened_at for one in series if len(one.candles)]
    end = max(int(times[-1]) for times in filled) + timeframe_ms(settings.timeframe)
    start = min(int(times[min(first, len(times) - 1)]) for times in filled)
    days = np.arange(start // DAY_MS + 1, (end - 1) // DAY_MS + 2, dtype=np.int64) * DAY_MS
    return np.concatenate([np.array([start], np.int64), days]), end - start


def _cut(rows: Row, count: int) -> Row:
    """Return the rows that were filled; a copy where keeping all would waste most of the memory."""
    return rows[:count] if 2 * count > len(rows) else rows[:count].copy()


def _in_order(trades: Row) -> Row:
    """Return the trades by their opening: a limit order may have filled after one that was placed later."""
    opened = trades["opened_at"]
    if len(trades) < 2 or bool((opened[1:] >= opened[:-1]).all()):
        return trades
    return trades[np.argsort(opened, kind="stable")]


def _covered(trades: Row, step: int) -> int:
    """Return how many ms lie inside at least one trade, whole candles from its first to its last."""
    if not len(trades):
        return 0
    closed = trades["closed_at"] + step
    seen = np.maximum.accumulate(closed)
    begin = trades["opened_at"].copy()
    begin[1:] = np.maximum(begin[1:], seen[:-1])
    return int(np.maximum(closed - begin, 0).sum())
