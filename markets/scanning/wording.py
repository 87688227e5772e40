"""How what scanners find reads to a person: the same in a page's first rendering and in the live cells that follow."""

from __future__ import annotations

from common import display
from markets.scanning.results import WINDOWS, Found, Mover, Opportunity, Scanner

_MANY = 1_000
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000


def cells_of(scanner: Scanner, found: Found) -> dict[str, str]:
    """Return the live cells of all rows: `<row's key>.<cell>`; a mover's key is `<instrument id>.<minutes>`."""
    if scanner is Scanner.MOVERS:
        return {
            f"{row['key']}.{minutes}.{name}": text
            for row in found["rows"]
            for minutes in WINDOWS
            for name, text in mover_words(row, minutes).items()
        }
    return {f"{row['key']}.{name}": text for row in found["rows"] for name, text in opportunity_words(row).items()}


def opportunity_words(row: Opportunity) -> dict[str, str]:
    """Return an opportunity's figures in words: bps, profit, size, quantity, age, decay."""
    return {
        "bps": display.signed(display.money(row["profit_bps"], 1)),
        "profit": display.signed(_figures(row["profit"])),
        "size": _figures(row["size"]),
        "quantity": _figures(row["quantity"]),
        # Words before the figure: a page flashes cells whose figure changed, and age always does.
        "age": "–" if row["age_ms"] is None else f"for {duration(row['age_ms'])}",
        "decay": decay(row),
    }


def mover_words(row: Mover, minutes: int) -> dict[str, str]:
    """Return a mover's figures over so many minutes in words: price, change, score, volume, turnover."""
    window = row["windows"][str(minutes)]
    multiple = window["volume_multiple"]
    return {
        "price": display.amount(f"{row['price']:.7g}", 12),
        "change": display.signed(display.percent(window["change_ratio"])),
        "score": "–" if window["score"] is None else f"{display.money(window['score'], 1)}×",
        "volume": "–" if multiple is None else f"{display.money(multiple, 1)}×",
        "turnover": display.compact(row["turnover"]),
    }


def decay(row: Opportunity) -> str:
    """Return how an opportunity shrinks: "at its best", or what it has lost and how fast."""
    shrunk = row["shrunk_ratio"]
    if shrunk is None:
        return "–"
    if shrunk <= 0:
        return "at its best"
    half = row["half_life_ms"]
    speed = "" if half is None or half >= _HOUR else f", halves in {duration(half)}"
    return f"lost {display.percent(shrunk, 0)}{speed}"


def duration(milliseconds: int) -> str:
    """Return a length of time in its largest unit: "0.5 s", "12 s", "3 min", "2 h"."""
    if milliseconds < 10 * _SECOND:
        return f"{milliseconds / _SECOND:.1f} s"
    if milliseconds < 2 * _MINUTE:
        return f"{milliseconds // _SECOND} s"
    if milliseconds < 2 * _HOUR:
        return f"{milliseconds // _MINUTE} min"
    return f"{milliseconds // _HOUR} h"


def _figures(value: float | None) -> str:
    """Return a figure as short as it may be: 12345.6 → "12,346", 12.3456 → "12.35", 0.000123456 → "0.000123"."""
    if value is None or abs(value) >= _MANY:
        return display.amount(value, 0)
    return display.amount(value, 2) if abs(value) >= 1 else display.amount(f"{value:.3g}", 12)
