"""The kinds of plans with their settings: what each is asked for, its range, and the plan that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engine.decimals import BPS
from engine.matching.resting import Grid
from engine.plans.dca import DcaPlan, DcaState
from engine.plans.iceberg import IcebergPlan, IcebergState
from engine.plans.ladder import LadderPlan, LadderState
from engine.plans.martingale import MOST_STEPS, MartingalePlan, MartingaleState
from engine.plans.scheduled import ScheduledPlan, ScheduledState
from engine.plans.twap import MOST_SLICES, TwapPlan, TwapState
from engine.plans.types import BUY, SELL, Plan, PlanError

MOST = Decimal(10) ** 12
SECOND_MS, DAY_SECONDS = 1000, 86_400
# The first and the last moment that a plan may name, in ms: year 2000 to 2100.
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
# Each rung is an order that rests.
MOST_LIVE_RUNGS = 100


class PlanKind(StrEnum):
    GRID = "GRID"
    DCA = "DCA"
    MARTINGALE = "MARTINGALE"
    TWAP = "TWAP"
    ICEBERG = "ICEBERG"
    SCHEDULED = "SCHEDULED"


class Unit(StrEnum):
    """What a setting is: quote units on the price tick, base units on the lot step, quote units, a whole number …"""

    PRICE = "PRICE"
    QUANTITY = "QUANTITY"
    MONEY = "MONEY"
    COUNT = "COUNT"
    SECONDS = "SECONDS"
    BPS = "BPS"
    FACTOR = "FACTOR"
    SIDE = "SIDE"
    # Milliseconds since 1970 UTC, by the market's clock.
    TIME = "TIME"


_WHOLE = (Unit.COUNT, Unit.SECONDS, Unit.TIME)
# How fine a number may be that lies on no step of the instrument's.
_FINEST = {Unit.MONEY: Decimal("1E-8"), Unit.BPS: Decimal("1E-4"), Unit.FACTOR: Decimal("1E-4")}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `least` and `most` are in its range. Both are ignored for a side."""

    name: str
    unit: Unit
    least: Decimal = Decimal(0)
    most: Decimal = MOST
    is_optional: bool = False


def _setting(name: str, unit: Unit, least: int | str = 0, most: int | Decimal = MOST, **options: bool) -> Setting:
    return Setting(name, unit, Decimal(least), Decimal(most), **options)


_SIDE = _setting("side", Unit.SIDE)
_QUANTITY = _setting("quantity", Unit.QUANTITY)
_MAYBE_LIMIT = _setting("limit_price", Unit.PRICE, is_optional=True)
SETTINGS: dict[PlanKind, tuple[Setting, ...]] = {
    PlanKind.GRID: (
        _setting("lower", Unit.PRICE),
        _setting("upper", Unit.PRICE),
        _setting("rungs", Unit.COUNT, 1, MOST_LIVE_RUNGS),
        _QUANTITY,
    ),
    PlanKind.DCA: (
        _setting("amount", Unit.MONEY),
        _setting("interval_seconds", Unit.SECONDS, 60, 366 * DAY_SECONDS),
        _setting("times", Unit.COUNT, 1, 1000),
    ),
    PlanKind.MARTINGALE: (
        _QUANTITY,
        _setting("factor", Unit.FACTOR, 1, 4),
        _setting("step_bps", Unit.BPS, 1, BPS - 1),
        _setting("gain_bps", Unit.BPS, 1, BPS),
        _setting("most_steps", Unit.COUNT, 1, MOST_STEPS),
        _setting("most_spent", Unit.MONEY),
        _setting("cycles", Unit.COUNT, 1, 1000),
    ),
    PlanKind.TWAP: (
        _SIDE,
        _QUANTITY,
        _setting("duration_seconds", Unit.SECONDS, 1, 366 * DAY_SECONDS),
        _setting("slices", Unit.COUNT, 1, MOST_SLICES),
        _MAYBE_LIMIT,
    ),
    PlanKind.ICEBERG: (
        _SIDE,
        _QUANTITY,
        _setting("visible", Unit.QUANTITY),
        _setting("limit_price", Unit.PRICE),
    ),
    PlanKind.SCHEDULED: (_SIDE, _QUANTITY, _setting("at", Unit.TIME, EARLIEST_MS, LATEST_MS), _MAYBE_LIMIT),
}
STATES: dict[PlanKind, type[Any]] = {
    PlanKind.GRID: LadderState,
    PlanKind.DCA: DcaState,
    PlanKind.MARTINGALE: MartingaleState,
    PlanKind.TWAP: TwapState,
    PlanKind.ICEBERG: IcebergState,
    PlanKind.SCHEDULED: ScheduledState,
}


def checked(kind: PlanKind, given: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    """Return a kind's settings in their own types: decimals, whole numbers, a side; what is optional and missing is left out.

    Raises PlanError with the setting's name in its code: `…_REQUIRED`, `…_NOT_ALLOWED`, `…_INVALID`, `…_OFF_TICK`, `…_OFF_STEP`.
    """
    known = {one.name: one for one in SETTINGS[kind]}
    for name, value in given.items():
        if name not in known and value is not None:
            raise PlanError(f"{name.upper()}_NOT_ALLOWED", f"A {kind} plan has no {_named(name)}; leave it out.", name)
    found: dict[str, Any] = {}
    for name, setting in known.items():
        if given.get(name) is not None:
            found[name] = _checked(setting, given[name], grid)
        elif not setting.is_optional:
            raise PlanError(f"{name.upper()}_REQUIRED", f"A {kind} plan needs its {_named(name)}.", name)
    return found


def plan_of(kind: PlanKind, settings: Mapping[str, Any], grid: Grid) -> Plan[Any]:
    """Return the plan of checked settings. Raises PlanError where they make none together."""
    return _MAKERS[kind](settings, grid)


def _named(name: str) -> str:
    return name.replace("_", " ")


def _checked(setting: Setting, value: Any, grid: Grid) -> Any:
    name = setting.name
    if setting.unit is Unit.SIDE:
        if value not in (BUY, SELL):
            raise PlanError("SIDE_INVALID", f"Choose {BUY} or {SELL}.", name)
        return str(value)
    number = Decimal(value)
    # Of money, prices and quantities the least is above zero itself.
    in_range = number.is_finite() and setting.least <= number <= setting.most and number > 0
    if not in_range or (setting.unit in _WHOLE and number != number.to_integral_value()):
        raise PlanError(f"{name.upper()}_INVALID", _range_in_words(setting), name)
    if setting.unit is Unit.PRICE and number % grid.tick_size:
        message = f"Enter a multiple of {grid.tick_size.normalize():f}, the price tick."
        raise PlanError(f"{name.upper()}_OFF_TICK", message, name)
    if setting.unit is Unit.QUANTITY and number % grid.lot_step:
        message = f"Enter a multiple of {grid.lot_step.normalize():f}, the lot step."
        raise PlanError(f"{name.upper()}_OFF_STEP", message, name)
    if (finest := _FINEST.get(setting.unit)) is not None and number % finest:
        message = f"Enter a multiple of {finest:f}."
        raise PlanError(f"{name.upper()}_TOO_FINE", message, name)
    return int(number) if setting.unit in _WHOLE else number


def _range_in_words(setting: Setting) -> str:
    if setting.unit is Unit.TIME:
        return "Enter a time between the years 2000 and 2100."
    whole = "whole number" if setting.unit in _WHOLE else "number"
    least = f"from {setting.least:,}" if setting.least else "above zero"
    return f"Enter a {whole} {least} and at most {setting.most:,}."


def _grid(given: Mapping[str, Any], grid: Grid) -> LadderPlan:
    return LadderPlan(given["lower"], given["upper"], given["rungs"], given["quantity"], grid)


def _dca(given: Mapping[str, Any], grid: Grid) -> DcaPlan:
    return DcaPlan(given["amount"], given["interval_seconds"] * SECOND_MS, given["times"], grid)


def _martingale(given: Mapping[str, Any], grid: Grid) -> MartingalePlan:
    return MartingalePlan(**given, grid=grid)


def _twap(given: Mapping[str, Any], grid: Grid) -> TwapPlan:
    duration = given["duration_seconds"] * SECOND_MS
    limit = given.get("limit_price")
    return TwapPlan(given["side"], given["quantity"], duration, given["slices"], limit, grid)


def _iceberg(given: Mapping[str, Any], grid: Grid) -> IcebergPlan:
    return IcebergPlan(given["side"], given["quantity"], given["visible"], given["limit_price"], grid)


def _scheduled(given: Mapping[str, Any], grid: Grid) -> ScheduledPlan:
    return ScheduledPlan(given["side"], given["quantity"], given["at"], given.get("limit_price"), grid)


_MAKERS: dict[PlanKind, Callable[[Mapping[str, Any], Grid], Plan[Any]]] = {
    PlanKind.GRID: _grid,
    PlanKind.DCA: _dca,
    PlanKind.MARTINGALE: _martingale,
    PlanKind.TWAP: _twap,
    PlanKind.ICEBERG: _iceberg,
    PlanKind.SCHEDULED: _scheduled,
}
