"""What the owner of a portfolio may limit: each limit with its unit and range, the ready-made profiles, and how they are stored.

A limit that is None is off. Shares and ratios are 0-1 of equity unless their line says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any

from engine.decimals import ONE

Figure = Decimal | None
MAX_SYMBOLS, MAX_SYMBOL = 200, 60


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one portfolio; `SPECS` says what each means."""

    # Symbols; nothing allowed by name means that everything is.
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    max_order_notional: Figure = None
    max_order_share: Figure = None
    max_position_notional: Figure = None
    max_instrument_share: Figure = None
    max_asset_share: Figure = None
    max_correlated_share: Figure = None
    max_positions: Figure = None
    max_leverage: Figure = None
    min_liquidation_ratio: Figure = None
    reserve_share: Figure = None
    max_trade_risk: Figure = None
    max_trade_loss: Figure = None
    max_daily_loss: Figure = None
    halve_at: Figure = None
    max_weekly_loss: Figure = None
    max_drawdown: Figure = None
    pause_minutes: Figure = None
    max_losses_in_row: Figure = None
    losses_pause_minutes: Figure = None
    loss_cooldown_minutes: Figure = None
    max_stops: Figure = None
    stops_window_minutes: Figure = None
    min_instrument_profit: Figure = None
    profit_window_days: Figure = None
    max_orders_per_minute: Figure = None
    max_orders_per_day: Figure = None
    max_price_distance: Figure = None
    max_price_age_seconds: Figure = None
    max_slippage: Figure = None


class Unit(StrEnum):
    """How a limit is counted, and shown."""

    SHARE = "SHARE"
    MONEY = "MONEY"
    FACTOR = "FACTOR"
    COUNT = "COUNT"
    MINUTES = "MINUTES"
    DAYS = "DAYS"
    SECONDS = "SECONDS"


_WHOLE = {Unit.COUNT, Unit.MINUTES, Unit.DAYS, Unit.SECONDS}


class Group(StrEnum):
    """Where a limit stands on its page."""

    SIZE = "Sizes"
    LOSS = "Losses"
    PAUSE = "Pauses"
    ORDER = "Orders and prices"


@dataclass(frozen=True, slots=True)
class Spec:
    """One limit: its field in `Limits`, its words, and the values it may have (both ends included).

    `fallback` is what holds where it is None; only companions of another limit have one.
    """

    name: str
    group: Group
    unit: Unit
    low: Decimal
    high: Decimal
    title: str
    meaning: str
    fallback: Decimal | None = None


def _spec(
    name: str, group: Group, unit: Unit, ends: tuple[str, str], title: str, meaning: str, fallback: str | None = None
) -> Spec:
    low, high = map(Decimal, ends)
    return Spec(name, group, unit, low, high, title, meaning, None if fallback is None else Decimal(fallback))


_SHARE, _LOSS, _MONEY, _WAIT = ("0.001", "1"), ("0.001", "0.95"), ("1", "1000000000"), ("1", "43200")

SPECS: tuple[Spec, ...] = (
    _spec("max_order_notional", Group.SIZE, Unit.MONEY, _MONEY, "One order", "An opening order is cut down to this."),
    _spec(
        "max_order_share", Group.SIZE, Unit.SHARE, _SHARE, "One order, of equity", "An opening order is cut to this."
    ),
    _spec(
        "max_position_notional", Group.SIZE, Unit.MONEY, _MONEY, "One position", "Opens that would go beyond are cut."
    ),
    _spec(
        "max_instrument_share", Group.SIZE, Unit.SHARE, _SHARE, "One instrument, of equity", "Beyond it opens are cut."
    ),
    _spec(
        "max_asset_share", Group.SIZE, Unit.SHARE, ("0.001", "5"), "One asset, of equity", "Over all its instruments."
    ),
    _spec(
        "max_correlated_share",
        Group.SIZE,
        Unit.SHARE,
        ("0.001", "5"),
        "What moves together, of equity",
        "Each position counts by its correlation with what is bought.",
    ),
    _spec("max_positions", Group.SIZE, Unit.COUNT, ("1", "500"), "Open positions", "One more is not opened."),
    _spec("max_leverage", Group.SIZE, Unit.FACTOR, ("0.1", "125"), "Leverage", "All positions ÷ equity."),
    _spec(
        "min_liquidation_ratio",
        Group.SIZE,
        Unit.SHARE,
        ("0.01", "1"),
        "Distance to liquidation",
        "How far all positions must be able to fall before equity is gone.",
    ),
    _spec("reserve_share", Group.SIZE, Unit.SHARE, _LOSS, "Emergency reserve", "This share of equity stays free cash."),
    _spec(
        "max_trade_risk", Group.LOSS, Unit.SHARE, _SHARE, "Risk per trade", "Lost at most if the order's stop is hit."
    ),
    _spec("max_trade_loss", Group.LOSS, Unit.SHARE, _LOSS, "Loss per trade", "Of one open position, of equity."),
    _spec("max_daily_loss", Group.LOSS, Unit.SHARE, _LOSS, "Loss per day", "Of the equity at the day's start (UTC)."),
    _spec(
        "halve_at",
        Group.LOSS,
        Unit.SHARE,
        ("0.1", "0.99"),
        "Halve sizes at",
        "Once this part of the daily loss is used up, opens are halved.",
    ),
    _spec("max_weekly_loss", Group.LOSS, Unit.SHARE, _LOSS, "Loss per week", "Of the equity on Monday, 00:00 UTC."),
    _spec("max_drawdown", Group.LOSS, Unit.SHARE, _LOSS, "Drawdown", "From the highest equity so far."),
    _spec(
        "pause_minutes",
        Group.LOSS,
        Unit.MINUTES,
        _WAIT,
        "Cool-down after a drawdown",
        "Also after a loss per trade and near liquidation; then the highest equity counts anew.",
        fallback="1440",
    ),
    _spec(
        "max_losses_in_row", Group.PAUSE, Unit.COUNT, ("1", "100"), "Losses in a row", "Then nothing opens for a while."
    ),
    _spec(
        "losses_pause_minutes",
        Group.PAUSE,
        Unit.MINUTES,
        _WAIT,
        "Pause after losses in a row",
        "From the last of them.",
        fallback="240",
    ),
    _spec(
        "loss_cooldown_minutes", Group.PAUSE, Unit.MINUTES, _WAIT, "Cool-down after a loss", "After every losing trade."
    ),
    _spec(
        "max_stops", Group.PAUSE, Unit.COUNT, ("1", "100"), "Stops hit", "So many within the time below pause opens."
    ),
    _spec(
        "stops_window_minutes",
        Group.PAUSE,
        Unit.MINUTES,
        _WAIT,
        "Time in which stops count",
        "As long do opens wait.",
        fallback="720",
    ),
    _spec(
        "min_instrument_profit",
        Group.PAUSE,
        Unit.SHARE,
        ("-0.95", "0.95"),
        "Least profit of an instrument",
        "Of equity, over its closed trades in the days below; what earns less is not opened.",
    ),
    _spec(
        "profit_window_days",
        Group.PAUSE,
        Unit.DAYS,
        ("1", "90"),
        "Days in which profit counts",
        "Of closed trades.",
        fallback="7",
    ),
    _spec("max_orders_per_minute", Group.ORDER, Unit.COUNT, ("1", "10000"), "Opens per minute", "More are denied."),
    _spec("max_orders_per_day", Group.ORDER, Unit.COUNT, ("1", "100000"), "Opens per day", "More are denied (UTC)."),
    _spec(
        "max_price_distance",
        Group.ORDER,
        Unit.SHARE,
        ("0.0001", "0.5"),
        "Price collar",
        "How far the market may be from an order's own price, or a lead's fill.",
    ),
    _spec(
        "max_price_age_seconds", Group.ORDER, Unit.SECONDS, ("1", "60"), "Age of a price", "Older ones open nothing."
    ),
    _spec(
        "max_slippage", Group.ORDER, Unit.SHARE, ("0.0001", "0.2"), "Slippage", "By the order book, where there is one."
    ),
)
SPEC = {spec.name: spec for spec in SPECS}


class Profile(StrEnum):
    """The ready-made sets of limits; CUSTOM is whatever its owner made."""

    CONSERVATIVE = "CONSERVATIVE"
    BALANCED = "BALANCED"
    AGGRESSIVE = "AGGRESSIVE"
    CUSTOM = "CUSTOM"


# One column for each ready-made profile; "-" is off.
_READY = """
max_order_share        0.1   0.2   0.5
max_instrument_share   0.2   0.3   0.6
max_asset_share        0.25  0.4   0.8
max_correlated_share   0.4   0.7   -
max_positions          5     20    50
max_leverage           1     3     5
min_liquidation_ratio  0.5   0.2   0.1
reserve_share          0.2   0.1   0.02
max_trade_risk         0.01  0.02  0.05
max_trade_loss         0.03  0.06  0.15
max_daily_loss         0.02  0.05  0.1
halve_at               0.5   0.7   -
max_weekly_loss        0.05  0.1   0.2
max_drawdown           0.1   0.2   0.4
pause_minutes          2880  1440  720
max_losses_in_row      3     5     10
losses_pause_minutes   720   240   60
loss_cooldown_minutes  60    15    -
max_stops              2     4     -
stops_window_minutes   1440  720   -
min_instrument_profit  -0.02 -0.05 -
profit_window_days     14    7     -
max_orders_per_minute  10    30    120
max_orders_per_day     50    200   1000
max_price_distance     0.003 0.005 0.015
max_price_age_seconds  15    30    60
max_slippage           0.002 0.005 0.015
"""


def _ready(column: int) -> Limits:
    rows = (line.split() for line in _READY.split("\n") if line)
    figures: dict[str, Any] = {row[0]: Decimal(row[column]) for row in rows if row[column] != "-"}
    return Limits(**figures)


PROFILES = {Profile.CONSERVATIVE: _ready(1), Profile.BALANCED: _ready(2), Profile.AGGRESSIVE: _ready(3)}


class LimitError(ValueError):
    """A value that a limit cannot have: the limit's name, and a sentence for whoever set it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def companion(limits: Limits, name: str) -> Decimal:
    """Return a limit that goes with another one, as it is set or by default."""
    value = getattr(limits, name)
    return value if value is not None else SPEC[name].fallback or ONE


def limits_from(given: Mapping[str, object]) -> Limits:
    """Return limits as they were typed, sent or stored (figures as text or Decimal); raise LimitError for the first that cannot be."""
    unknown = sorted(given.keys() - {one.name for one in fields(Limits)})
    if unknown:
        raise LimitError(unknown[0], f"There is no limit called {unknown[0][:60]}.")
    figures: dict[str, Any] = {name: _figure(SPEC[name], value) for name, value in given.items() if name in SPEC}
    lists = {name: _symbols(name, given.get(name)) for name in ("allowed", "denied")}
    if both := lists["allowed"] & lists["denied"]:
        raise LimitError("denied", f"{min(both)} is both allowed and denied; keep one of the two.")
    return Limits(lists["allowed"], lists["denied"], **figures)


def _figure(spec: Spec, value: object) -> Figure:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, (bool, float)):
            raise InvalidOperation
        figure = Decimal(str(value))
    except InvalidOperation:
        raise LimitError(spec.name, "Enter a number.") from None
    if not figure.is_finite() or not spec.low <= figure <= spec.high:
        raise LimitError(spec.name, f"Enter a value from {spec.low} to {spec.high}.")
    if spec.unit in _WHOLE and figure != figure.to_integral_value():
        raise LimitError(spec.name, "Enter a whole number.")
    if figure != round(figure, 6):
        raise LimitError(spec.name, "Enter at most six decimals.")
    return figure


def _symbols(name: str, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(one, str) for one in value):
        raise LimitError(name, "Give a list of symbols.")
    symbols = frozenset(str(one).strip() for one in value) - {""}
    if len(symbols) > MAX_SYMBOLS or any(len(one) > MAX_SYMBOL for one in symbols):
        raise LimitError(name, f"Name at most {MAX_SYMBOLS} symbols.")
    return symbols


def limits_data(limits: Limits) -> dict[str, object]:
    """Return limits as JSON holds them: figures as plain text, lists sorted, what is off left out."""
    figures = {spec.name: getattr(limits, spec.name) for spec in SPECS}
    data: dict[str, object] = {name: _plain(value) for name, value in figures.items() if value is not None}
    lists = {"allowed": limits.allowed, "denied": limits.denied}
    return data | {name: sorted(symbols) for name, symbols in lists.items() if symbols}


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def profile_of(limits: Limits) -> Profile:
    """Return the ready-made profile that these limits are, else CUSTOM."""
    return next((name for name, ready in PROFILES.items() if ready == limits), Profile.CUSTOM)


@cache
def _tightness(name: str) -> int:
    """Return 1 where more is looser, -1 where more is stricter, 0 where it cannot be said."""
    if name in {"min_liquidation_ratio", "reserve_share", "min_instrument_profit"}:
        return -1
    return -1 if SPEC[name].unit in {Unit.MINUTES, Unit.DAYS} else 1


# What a companion belongs to: alone it lets nothing pass and keeps nothing from passing.
_COMPANION_OF = {
    "pause_minutes": ("max_drawdown", "max_trade_loss", "min_liquidation_ratio"),
    "losses_pause_minutes": ("max_losses_in_row",),
    "stops_window_minutes": ("max_stops",),
    "profit_window_days": ("min_instrument_profit",),
}


def loosened(before: Limits, after: Limits) -> list[str]:
    """Return the names of the limits that let more pass than before."""
    return [spec.name for spec in SPECS if _is_looser(spec.name, before, after)] + _freed(before, after)


def _is_looser(name: str, before: Limits, after: Limits) -> bool:
    old, new = getattr(before, name), getattr(after, name)
    if name in _COMPANION_OF:
        if all(getattr(before, limit) is None for limit in _COMPANION_OF[name]):
            return False
        old, new = companion(before, name), companion(after, name)
    if old is None or old == new:
        return False
    return new is None or (new > old) == (_tightness(name) > 0)


def _freed(before: Limits, after: Limits) -> list[str]:
    """Return the lists that let more through."""
    shorter = before.denied - after.denied
    wider = before.allowed and (not after.allowed or after.allowed - before.allowed)
    return [name for name, looser in (("allowed", wider), ("denied", shorter)) if looser]
