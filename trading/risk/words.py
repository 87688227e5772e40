"""Risk in words for its page: figures in their units, what is switched, why something was denied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from common import display
from engine.risk.limits import Unit
from engine.risk.usage import Usage
from trading.codes import explain
from trading.models import Order
from trading.risk.models import RiskDecision

_NEAR, _REACHED = Decimal("0.75"), Decimal(1)
_UNITS = {Unit.FACTOR: "×", Unit.MINUTES: " min", Unit.DAYS: " days", Unit.SECONDS: " s", Unit.COUNT: ""}


def figure(value: Decimal | None, unit: Unit, currency: str) -> str:
    """Return a figure as its unit reads: 0.05 as "5%", money with its currency."""
    if value is None:
        return display.MISSING
    if unit == Unit.SHARE:
        return display.amount(value * 100, 2) + "%"
    if unit == Unit.MONEY:
        return f"{display.money(value)} {currency}"
    return display.amount(value, 2) + _UNITS[unit]


def usage_row(usage: Usage, currency: str) -> dict[str, Any]:
    """Return a limit as its line on the page: words, both figures, and a bar that warns as it fills."""
    part = usage.part
    tone = "" if part is None or part < _NEAR else "tone-down" if part >= _REACHED else "tone-warn"
    return {
        "spec": usage.spec,
        "used": figure(usage.used, usage.spec.unit, currency) if usage.part is not None else "",
        "limit": figure(usage.limit, usage.spec.unit, currency),
        "part": None if part is None else format(part, ".4f"),
        "tone": tone,
        # How long something lasts is used up by nothing.
        "is_per_order": part is None and usage.spec.unit not in (Unit.MINUTES, Unit.DAYS),
    }


def decision_row(decision: RiskDecision) -> dict[str, Any]:
    """Return a line of the log: what was asked and allowed, and why."""
    return {"decision": decision, "why": why(decision), "is_cut": bool(decision.allowed)}


def why(decision: RiskDecision) -> str:
    """Return the sentence of a decision's code."""
    return explain(decision.code, Order(instrument=decision.instrument))
