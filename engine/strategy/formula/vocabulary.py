"""Every word of the formula language with its signature and meaning: for completion and help in an editor."""

from __future__ import annotations

from engine.strategy.formula.settings import LIMIT, PARAMETER_EXAMPLE, SIZES, TRAILING
from engine.strategy.formula.wording import signature
from engine.strategy.nodes import NODE_TYPES

_STATEMENTS = (
    ("enter_long", "enter_long = condition", "Buy at the next candle's open after a candle on which this holds."),
    ("exit_long", "exit_long = condition", "Sell what was bought."),
    (
        "enter_short",
        "enter_short = condition",
        "Sell short at the next candle's open after a candle on which this holds.",
    ),
    ("exit_short", "exit_short = condition", "Buy back what was sold short."),
    ("stop_loss", "stop_loss = 0.05", "End a trade that has lost this share of its opening price."),
    ("take_profit", "take_profit = 0.1", "End a trade that has won this share of its stake."),
    (
        "roi",
        "roi = {0: 0.1, 60: 0.05}",
        "End a trade by profit: minutes since opening, and the ratio from then on; -1 forces it out.",
    ),
    ("time_stop", "time_stop = 48", "End a trade after this many candles."),
    ("trailing_stop", f"trailing_stop = {TRAILING.example}", TRAILING.doc),
    ("use_exit_signal", "use_exit_signal = True", "Whether exit_long and exit_short end trades."),
    ("exit_profit_only", "exit_profit_only = False", "Whether an exit signal ends only trades in profit."),
    ("ignore_roi_if_entry_signal", "ignore_roi_if_entry_signal = False", "Whether a fresh entry signal suspends roi."),
    ("size", "size = share_of_equity(0.2)", "How much an entry stakes."),
    ("entry", f"entry = {LIMIT.example}", LIMIT.doc),
    ("max_open_trades", "max_open_trades = 5", "How many trades may be open at once, over all instruments."),
)
_OPERATORS = (
    ("+ - * /", "close * 1.02", "Arithmetic, candle by candle."),
    ("< <= > >= ==", "30 < rsi(close, 14) < 70", "Comparison; a < b < c means a < b and b < c."),
    (
        "and or not",
        "close > open and not rising(volume, 3)",
        "Conditions combined; not binds first, then and, then or.",
    ),
)


def vocabulary() -> list[dict[str, str]]:
    """Return the words in the order of a reference: name, signature, doc and group of each."""
    return [
        _word("parameter", f"fast = {PARAMETER_EXAMPLE}", _PARAMETER, "Parameters"),
        *(_word(*operator, "Operators") for operator in _OPERATORS),
        *(_word(t.name, signature(t), t.doc, t.group) for t in NODE_TYPES.values()),
        *(_word(*statement, "What to do") for statement in _STATEMENTS),
        *(_word(form.name, form.example, form.doc, "Sizing") for form in SIZES.values()),
        *(_word(form.name, form.example, form.doc, "Forms") for form in (TRAILING, LIMIT)),
    ]


_PARAMETER = "A number to turn by form or sweep: value, least, most, label. Whole, unless one of them has a point."


def _word(name: str, written: str, doc: str, group: str) -> dict[str, str]:
    return {"name": name, "signature": written, "doc": doc, "group": group}
