"""What plans are and why they stand, in words for their owner."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from common import display
from engine.plans.kinds import SETTINGS, PlanKind, Setting, Unit
from engine.plans.types import SELL
from trading.codes import explain
from trading.models import Order
from trading.plans.models import KINDS, Plan
from trading.plans.pure import pure_plan, shown_settings, state_of

LABELS = {PlanKind(value): label for value, label in KINDS}
SENTENCES = {
    PlanKind.GRID: "Between two prices each rung buys low and sells one step higher, again and again.",
    PlanKind.DCA: "The same amount of money at regular times, whatever the price.",
    PlanKind.MARTINGALE: "Buys more the deeper it falls, and sells all at a gain on the average. Capped in steps and money.",
    PlanKind.TWAP: "One large order in equal slices over a time, so that no slice moves the market.",
    PlanKind.ICEBERG: "A large limit order of which one slice shows at a time.",
    PlanKind.SCHEDULED: "One order at a time that you name.",
}
_WARNINGS = {
    PlanKind.MARTINGALE: "A market that keeps falling takes all that it may spend, and gives nothing back until it turns.",
    PlanKind.GRID: "Below its lowest price it holds all it could buy, and waits.",
}
_REASONS = {
    "PAUSED_BY_OWNER": "Paused by its owner.",
    "STOPPED_BY_OWNER": "Stopped by its owner.",
    "ACCOUNT_CLOSED": "Stopped: its owner has left.",
}


def warning_of(kind: PlanKind) -> str:
    """Return what somebody should know before beginning one; "" where there is nothing."""
    return _WARNINGS.get(kind, "")


def reason_of(plan: Plan) -> str:
    """Return why a plan is paused or was stopped; "" while it runs."""
    return _REASONS.get(plan.state_code) or explain(plan.state_code, Order(instrument=plan.instrument))


def progress_of(plan: Plan) -> tuple[str, float | None]:
    """Return how far a plan has come, in words and, where it has an end, as a ratio (0-1)."""
    return _PROGRESS[PlanKind(plan.kind)](pure_plan(plan), state_of(plan))


def _of_grid(plan: Any, state: Any) -> tuple[str, float | None]:
    rounds = sum(rung.rounds for rung in state.rungs)
    selling = sum(rung.side == SELL for rung in state.rungs)
    return f"{rounds} sold at a gain · {selling} of {plan.rungs} rungs wait to sell", None


def _of_dca(plan: Any, state: Any) -> tuple[str, float | None]:
    return f"{state.bought} of {plan.times} purchases", state.bought / plan.times


def _of_martingale(plan: Any, state: Any) -> tuple[str, float | None]:
    over = state.cycle + state.is_done
    return f"Cycle {state.cycle + 1} of {plan.cycles} · {state.steps} of {plan.most_steps} steps", over / plan.cycles


def _of_twap(plan: Any, state: Any) -> tuple[str, float | None]:
    return f"{state.sent} of {plan.slices} slices sent", state.sent / plan.slices


def _of_iceberg(plan: Any, state: Any) -> tuple[str, float | None]:
    return f"{state.done} of {plan.slices} slices filled", state.done / plan.slices


def _of_scheduled(plan: Any, state: Any) -> tuple[str, float | None]:
    return ("Sent", 1.0) if state.is_sent else ("Waits for its time", 0.0)


_PROGRESS: dict[PlanKind, Callable[[Any, Any], tuple[str, float | None]]] = {
    PlanKind.GRID: _of_grid,
    PlanKind.DCA: _of_dca,
    PlanKind.MARTINGALE: _of_martingale,
    PlanKind.TWAP: _of_twap,
    PlanKind.ICEBERG: _of_iceberg,
    PlanKind.SCHEDULED: _of_scheduled,
}

_NAMES = {
    "side": "Side",
    "quantity": "Quantity",
    "lower": "Lowest price",
    "upper": "Highest price",
    "rungs": "Rungs",
    "amount": "Money each time",
    "interval_seconds": "Every",
    "times": "Times",
    "factor": "Each purchase, times the last",
    "step_bps": "Buys again below the last by",
    "gain_bps": "Sells above the average by",
    "most_steps": "Purchases in a cycle, at most",
    "most_spent": "Money in a cycle, at most",
    "cycles": "Cycles",
    "duration_seconds": "Over",
    "slices": "Slices",
    "limit_price": "Limit price",
    "visible": "Shown at a time",
    "at": "At, UTC by the market's clock",
}
_OF_KIND = {(PlanKind.GRID, "quantity"): "Quantity on each rung", (PlanKind.MARTINGALE, "quantity"): "First quantity"}


def label_of(kind: PlanKind, name: str) -> str:
    """Return what a setting is called."""
    return _OF_KIND.get((kind, name)) or _NAMES[name]


def unit_of(setting: Setting, *, base: str, quote: str) -> str:
    """Return what a setting is typed and shown in; "" where its name says enough."""
    units = {Unit.QUANTITY: base, Unit.PRICE: quote, Unit.MONEY: quote, Unit.SECONDS: "minutes", Unit.BPS: "%"}
    return units.get(setting.unit, "×" if setting.unit is Unit.FACTOR else "")


def facts_of(plan: Plan) -> list[tuple[str, str]]:
    """Return a plan's settings as (name, figure with its unit)."""
    kind, settings, market = PlanKind(plan.kind), shown_settings(plan), plan.instrument.market
    rows = []
    for one in SETTINGS[kind]:
        if one.name in settings:
            unit = unit_of(one, base=market.base_id, quote=market.quote_id)
            rows.append((label_of(kind, one.name), f"{_figure(one, settings[one.name])} {unit}".rstrip()))
    return rows


def _figure(setting: Setting, value: Any) -> str:
    if setting.unit is Unit.TIME:
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if setting.unit in (Unit.SECONDS, Unit.BPS):
        return display.amount(Decimal(value) / (60 if setting.unit is Unit.SECONDS else 100))
    return str(value).capitalize() if setting.unit is Unit.SIDE else display.amount(Decimal(value), 18)
