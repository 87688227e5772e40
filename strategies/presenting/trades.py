"""The table of a backtest's trades: filtered, sorted and cut into pages as arrays; only a page's rows become words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.core.paginator import Page, Paginator
from numpy.typing import NDArray

from common.display import amount, money, percent, words
from engine.simulation.types import ExitReason
from engine.timeframes import moment
from strategies.models import Backtest
from strategies.presenting.stored import Columns, symbols_of, trades_of

PAGE_SIZE = 25
# How a column's head is called -> the stored column that it sorts by.
SORTS = {
    "opened": "opened_at",
    "closed": "closed_at",
    "entry": "open_price",
    "exit": "close_price",
    "stake": "stake",
    "profit": "profit",
    "return": "profit_ratio",
    "held": "held",
}
HEADS = (
    ("opened", "Opened", ""),
    ("closed", "Closed", ""),
    ("entry", "Entry", "num"),
    ("exit", "Exit", "num"),
    ("stake", "Stake", "num"),
    ("profit", "Profit", "num"),
    ("return", "Return", "num"),
    ("held", "Held", "num"),
)


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One round trip as the table writes it; times as moments, figures as text."""

    number: int
    symbol: str
    side: str
    opened_at: datetime
    closed_at: datetime
    open_price: str
    close_price: str
    quantity: str
    stake: str
    profit: str
    profit_ratio: str
    sign: str
    fees: str
    held: str
    reason: str
    # For the chart: seconds of opening and closing.
    span: str


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: what a click on it sorts by, and how the table is sorted by it now."""

    name: str
    label: str
    kind: str
    query: str
    direction: str


@dataclass(frozen=True, slots=True)
class TradePage:
    """A page of the table, with the filters and heads as they stand."""

    page: Page[Any]
    rows: list[TradeRow]
    heads: list[Head]
    sides: list[tuple[str, str, bool]]
    results: list[tuple[str, str, bool]]
    reasons: list[tuple[str, str, bool]]
    total: int
    is_filtered: bool
    several: bool
    sort: str


def trade_page(backtest: Backtest, query: Mapping[str, str]) -> TradePage:
    """Return the part of the trades that a query asks for; what it asks wrongly is as if it had not asked."""
    columns = trades_of(backtest)
    columns["held"] = columns["closed_at"] - columns["opened_at"]
    side, result, reason = (query.get(name, "") for name in ("side", "result", "reason"))
    sort = query.get("sort", "opened")
    sort = sort if sort.removeprefix("-") in SORTS else "opened"
    places = _sorted(columns, _kept(columns, side, result, reason), sort)
    page = Paginator(places, PAGE_SIZE).get_page(query.get("page"))
    symbols = symbols_of(backtest)
    held_reasons = [ExitReason(code) for code in np.unique(columns["exit_reason"]).tolist()]
    return TradePage(
        page=page,
        rows=[_row(columns, int(place), symbols) for place in page.object_list],
        heads=[_head(name, label, kind, sort) for name, label, kind in HEADS],
        sides=_options([("", "Both sides"), ("long", "Long"), ("short", "Short")], side),
        results=_options([("", "All results"), ("won", "Won"), ("lost", "Lost")], result),
        reasons=_options([("", "All reasons"), *((one.name.lower(), words(one.name)) for one in held_reasons)], reason),
        total=len(columns["profit"]),
        is_filtered=bool(side or result or reason),
        several=len(symbols) > 1,
        sort=sort,
    )


def _kept(columns: Columns, side: str, result: str, reason: str) -> NDArray[np.int64]:
    keep = np.ones(len(columns["profit"]), dtype=bool)
    if side in ("long", "short"):
        keep &= columns["is_short"] == (side == "short")
    if result in ("won", "lost"):
        keep &= (columns["profit"] > 0) == (result == "won")
    if reason.upper() in ExitReason.__members__:
        keep &= columns["exit_reason"] == ExitReason[reason.upper()]
    return np.flatnonzero(keep)


def _sorted(columns: Columns, places: NDArray[np.int64], sort: str) -> NDArray[np.int64]:
    order = np.argsort(columns[SORTS[sort.removeprefix("-")]][places], kind="stable")
    return places[order[::-1] if sort.startswith("-") else order]


def _row(columns: Columns, place: int, symbols: list[str]) -> TradeRow:
    cell = {name: column[place].item() for name, column in columns.items()}
    return TradeRow(
        number=place + 1,
        symbol=symbols[cell["instrument"]] if cell["instrument"] < len(symbols) else "",
        side="Short" if cell["is_short"] else "Long",
        opened_at=moment(cell["opened_at"]),
        closed_at=moment(cell["closed_at"]),
        open_price=price(cell["open_price"]),
        close_price=price(cell["close_price"]),
        quantity=amount(cell["quantity"], 6),
        stake=money(cell["stake"]),
        profit=money(cell["profit"]),
        profit_ratio=percent(cell["profit_ratio"]),
        sign="pos" if cell["profit"] > 0 else "neg" if cell["profit"] < 0 else "zero",
        fees=money(cell["fees"]),
        held=duration(cell["held"] / 1000),
        reason=words(ExitReason(cell["exit_reason"]).name),
        span=f"{cell['opened_at'] // 1000},{cell['closed_at'] // 1000}",
    )


def price(value: float) -> str:
    """Return a price with six significant digits at least, and no more decimals than those need."""
    return amount(value, 2 if abs(value) >= 1000 else 4 if abs(value) >= 1 else 8)


def duration(seconds: float) -> str:
    """Return a time span in its two largest units: 93,784 s → "1 d 2 h"."""
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    if days >= 100:
        return f"{days:,} d"
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _options(choices: list[tuple[str, str]], chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, label, value == chosen) for value, label in choices]


def _head(name: str, label: str, kind: str, sort: str) -> Head:
    direction = "" if sort.removeprefix("-") != name else "descending" if sort.startswith("-") else "ascending"
    # Figures are first sorted by the largest, times by the earliest.
    first = f"-{name}" if kind else name
    other = name if direction == "descending" else f"-{name}"
    return Head(name, label, kind, other if direction else first, direction)
