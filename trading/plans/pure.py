"""Where a plan's row becomes the engine's plan and state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.matching.resting import Grid
from engine.plans.kinds import SETTINGS, STATES, PlanKind, Unit, checked, plan_of
from engine.plans.storing import restored
from engine.plans.types import Plan as PurePlan
from markets.models import Instrument
from trading.plans.models import Plan


def grid_of(instrument: Instrument) -> Grid:
    return Grid(instrument.tick_size, instrument.lot_step)


def pure_plan(plan: Plan) -> PurePlan[Any]:
    """Return the engine's plan of a row."""
    kind, grid = PlanKind(plan.kind), grid_of(plan.instrument)
    return plan_of(kind, checked(kind, plan.settings, grid), grid)


def state_of(plan: Plan) -> Any:
    """Return the engine's state of a row; None before it has begun."""
    return restored(STATES[PlanKind(plan.kind)], plan.memory) if plan.memory else None


def shown_settings(plan: Plan) -> dict[str, Any]:
    """Return a row's settings for people: times as moments, everything else as it is stored."""
    times = {one.name for one in SETTINGS[PlanKind(plan.kind)] if one.unit is Unit.TIME}
    return {
        name: datetime.fromtimestamp(value / 1000, UTC) if name in times else value
        for name, value in plan.settings.items()
    }
