"""The statements that are no nodes: parameters, exits, sizing, limit entry, number of trades."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.strategy.formula.scan import Statement, wrong
from engine.strategy.types import (
    LimitEntry,
    NodeRef,
    Parameter,
    ParameterRef,
    Setting,
    Sizing,
    SizingKind,
    StrategyError,
    Trailing,
)

Names = Mapping[str, NodeRef | ParameterRef | float | int]

# Statement -> field of Exits.
RATIOS = {"stop_loss": "stop_loss", "take_profit": "take_profit", "time_stop": "time_stop_candles"}
FLAGS = ("use_exit_signal", "exit_profit_only", "ignore_roi_if_entry_signal")
SETTINGS = (*RATIOS, "trailing_stop", "roi", *FLAGS, "size", "entry", "max_open_trades")


@dataclass(frozen=True, slots=True)
class Form:
    """A setting that is written like a function.

    `values` are its arguments in order, as (name, field, default); `others` can be given by name only.
    """

    name: str
    values: tuple[tuple[str, str, Setting | bool | None], ...]
    example: str
    doc: str
    others: tuple[tuple[str, str, Setting | bool | None], ...] = ()


# What some sizing does not use it still keeps, since the graph has it.
_SIZING = {
    "share": ("share", "share", 0.2),
    "amount": ("amount", "amount", 0.0),
    "period": ("period", "atr_period", 14),
    "multiple": ("multiple", "atr_multiple", 2.0),
    "cap": ("cap", "cap", 0.25),
}


def _size(kind: SizingKind, words: str, example: str, doc: str) -> Form:
    own = words.split()
    others = tuple(value for word, value in _SIZING.items() if word not in own)
    return Form(kind.value, tuple(_SIZING[word] for word in own), example, doc, others)


_SIZE_FORMS = (
    _size(SizingKind.SHARE_OF_EQUITY, "share", "share_of_equity(0.2)", "Stake a share of equity at each entry."),
    _size(SizingKind.FIXED, "amount", "fixed(100)", "Stake the same amount at each entry, in quote units."),
    _size(
        SizingKind.ATR_RISK,
        "share period multiple",
        "atr_risk(0.01, period=14, multiple=2)",
        "Stake so much that a move of multiple × ATR(period) against the entry loses a share of equity.",
    ),
    _size(
        SizingKind.KELLY,
        "share cap",
        "kelly(0.1, cap=0.25)",
        "Stake the Kelly share of the trades closed so far, at most cap; share until there are 20.",
    ),
)
SIZES = {SizingKind(form.name): form for form in _SIZE_FORMS}
TRAILING = Form(
    "trailing",
    (
        ("distance", "distance", None),
        ("positive", "positive_distance", None),
        ("offset", "offset", 0.0),
        ("only_after_offset", "only_after_offset", False),
    ),
    "trailing(0.02, positive=0.01, offset=0.03, only_after_offset=True)",
    "A stop that follows the best price at a distance; closer once the profit has reached offset.",
)
LIMIT = Form(
    "limit",
    (("offset", "offset", 0.0), ("timeout", "timeout_minutes", 0)),
    "limit(0.001, timeout=60)",
    "Enter by a limit order, offset better than the next open, given up after timeout minutes.",
)
PARAMETER_EXAMPLE = 'parameter(12, 2, 500, "Fast period")'


class Settings:
    """Reads the settings of one formula; `names` are those that its statements have given so far."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def number(self, statement: Statement) -> Setting:
        """Return the number or parameter that a setting is."""
        return self._number(statement, statement.value)

    def flag(self, statement: Statement) -> bool:
        """Return the yes or no that a setting is."""
        return self._flag(statement, statement.value)

    def whole_number(self, statement: Statement) -> int:
        """Return the literal whole number that a setting is."""
        value = self._number(statement, statement.value)
        if not isinstance(value, int):
            raise _wrong(statement, statement.value, f"{statement.name} is a whole number, such as 5.")
        return value

    def roi(self, statement: Statement) -> tuple[tuple[int, float], ...]:
        """Return a table of (minutes since opening, profit ratio), by minutes."""
        table = statement.value
        example = (
            f"Write {statement.name} = {{0: 0.1, 60: 0.05}}: minutes since opening, and the profit that ends the trade."
        )
        if not isinstance(table, ast.Dict):
            raise _wrong(statement, table, example)
        rows: dict[int, float] = {}
        for key, value in zip(table.keys, table.values, strict=True):
            minutes = key and self._number(statement, key)
            ratio = self._number(statement, value)
            if not isinstance(minutes, int) or not isinstance(ratio, int | float):
                raise _wrong(statement, key or value, example)
            if minutes in rows:
                raise _wrong(statement, key or value, f"{minutes} minutes stand in the table twice.")
            rows[minutes] = float(ratio)
        return tuple(sorted(rows.items()))

    def trailing(self, statement: Statement) -> Trailing:
        """Return a stop that follows the best price."""
        return Trailing(**self._form(statement, [TRAILING])[1])

    def limit(self, statement: Statement) -> LimitEntry:
        """Return an entry by limit order."""
        return LimitEntry(**self._form(statement, [LIMIT])[1])

    def size(self, statement: Statement) -> Sizing:
        """Return how much an entry stakes."""
        name, fields = self._form(statement, list(SIZES.values()))
        return Sizing(SizingKind(name), **fields)

    def parameter(self, statement: Statement, call: ast.Call) -> Parameter:
        """Return the parameter that `name = parameter(value, minimum, maximum, "label")` declares."""
        numbers = [self._literal(statement, part) for part in call.args[:3]]
        label = ""
        for part in call.args[3:4]:
            if not isinstance(part, ast.Constant) or not isinstance(part.value, str):
                raise _wrong(statement, part, "A label is a text in quotes.")
            label = part.value
        if len(numbers) != 3 or len(call.args) > 4 or call.keywords:
            message = f"A parameter has a value, its least, its most, and perhaps a label: write {PARAMETER_EXAMPLE}."
            raise _wrong(statement, call, message)
        integer = all(isinstance(number, int) for number in numbers)
        value, minimum, maximum = numbers if integer else [float(number) for number in numbers]
        if not minimum <= value <= maximum:
            raise _wrong(
                statement, call.args[0], f"{statement.name} starts at {value:g}, outside {minimum:g} to {maximum:g}."
            )
        return Parameter(statement.name, value, minimum, maximum, integer, label)

    def _form(self, statement: Statement, forms: list[Form]) -> tuple[str, dict[str, Any]]:
        call = statement.value
        examples = " or ".join(form.example for form in forms)
        name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
        form = next((form for form in forms if form.name == name), None)
        if form is None or not isinstance(call, ast.Call):
            raise _wrong(statement, call, f"Write {statement.name} = {examples}.")
        fields: dict[str, Any] = {}
        named = [(None, part) for part in call.args] + [(keyword.arg, keyword.value) for keyword in call.keywords]
        for index, (word, part) in enumerate(named):
            known = next((value for value in (*form.values, *form.others) if value[0] == word), None)
            if word is None and index < len(form.values):
                known = form.values[index]
            if known is None or known[1] in fields:
                raise _wrong(statement, part, f"{name} does not take this: write {statement.name} = {form.example}.")
            read = self._flag if isinstance(known[2], bool) else self._number
            fields[known[1]] = read(statement, part)
        return name, fields

    def _number(self, statement: Statement, part: ast.expr) -> Setting:
        if isinstance(part, ast.Name):
            known = self._names.get(part.id)
            if known is not None and not isinstance(known, NodeRef):
                return known
        else:
            number = _plain_number(part)
            if number is not None:
                return number
        raise _wrong(
            statement, part, f"{statement.name} takes numbers and parameters; define a parameter above its use."
        )

    def _literal(self, statement: Statement, part: ast.expr) -> float | int:
        number = _plain_number(part)
        if number is None:
            raise _wrong(statement, part, f"A plain number stands here: write {PARAMETER_EXAMPLE}.")
        return number

    def _flag(self, statement: Statement, part: ast.expr) -> bool:
        if not isinstance(part, ast.Constant) or not isinstance(part.value, bool):
            raise _wrong(statement, part, "Write True or False.")
        return part.value


def _plain_number(part: ast.expr) -> float | int | None:
    sign = 1
    while isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(part.op, ast.USub) else sign
        part = part.operand
    if not isinstance(part, ast.Constant) or isinstance(part.value, bool) or not isinstance(part.value, int | float):
        return None
    return sign * part.value


def _wrong(statement: Statement, part: ast.AST, message: str) -> StrategyError:
    return wrong("SETTING_WRONG", message, statement.place_of(part))
