"""A result's trades as a file that spreadsheets read."""

from __future__ import annotations

import csv
import io

from common.display import words
from engine.simulation.types import ExitReason
from engine.timeframes import moment
from strategies.models import Backtest
from strategies.presenting.stored import symbols_of, trades_of

_PLAIN = (
    "open_price",
    "close_price",
    "quantity",
    "stake",
    "fees",
    "funding",
    "profit",
    "profit_ratio",
    "best_ratio",
    "worst_ratio",
)
HEAD = ("symbol", "side", "opened_at", "closed_at", *_PLAIN, "exit_reason")


def trades_csv(backtest: Backtest) -> str:
    """Return all trades as CSV: times in ISO 8601 UTC, ratios 0–1, figures in full."""
    columns, symbols = trades_of(backtest), symbols_of(backtest)
    rows = zip(*(columns[name].tolist() for name in ("instrument", "is_short", "opened_at", "closed_at")), strict=True)
    figures = zip(*(columns[name].tolist() for name in _PLAIN), strict=True)
    reasons = [words(ExitReason(code).name) for code in columns["exit_reason"].tolist()]
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(HEAD)
    for (place, is_short, opened, closed), plain, reason in zip(rows, figures, reasons, strict=True):
        side = "short" if is_short else "long"
        write.writerow([symbols[place], side, moment(opened).isoformat(), moment(closed).isoformat(), *plain, reason])
    return out.getvalue()
