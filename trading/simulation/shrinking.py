"""Making a failing plan shorter: delta debugging (Zeller and Hildebrandt, 2002) over its moves."""

from __future__ import annotations

from collections.abc import Callable

from trading.simulation.plan import Plan
from trading.simulation.running import Verdict, run_plan


def shrink(plan: Plan, seed: int, kind: str) -> tuple[Plan, Verdict]:
    """Return a shorter plan that still fails in the same way, of which no single move can be left out, and its verdict."""
    shortest = minimal(plan, lambda part: run_plan(part, seed).kind == kind)
    return shortest, run_plan(shortest, seed)


def minimal(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Return a part of a failing plan that fails, and fails no more without any one of its moves."""
    size = max(len(plan) // 2, 1)
    while True:
        shorter = _without_pieces(plan, size, fails)
        if len(shorter) == len(plan) and size == 1:
            return plan
        plan, size = shorter, max(min(size, len(shorter)) // 2, 1)


def _without_pieces(plan: Plan, size: int, fails: Callable[[Plan], bool]) -> Plan:
    """Leave out, from the end on, every piece of so many moves that the failure does not need."""
    for start in range(((len(plan) - 1) // size) * size, -1, -size):
        rest = plan[:start] + plan[start + size :]
        if fails(rest):
            plan = rest
    return plan
