"""What a replay found: counts, equity, speed, and every check. Decimals are strings in the JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from django.db import connection
from django.db.models import Count

from common.fields import canonical
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from strategies.replay.account import rules_of
from strategies.replay.cast import Cast
from strategies.replay.guarding import Guarded, exits_got_through, guards_hold, readings_of, summary_of
from trading.checks import run_checks
from trading.models import CauseKind, Fill, Order


@dataclass(frozen=True, slots=True)
class Report:
    database: str
    workers: str
    seed: int
    candles: int
    followers: int
    lead_orders: dict[str, int]
    lead_fills: int
    copied_orders: dict[str, int]
    copied_total: int
    copied_fills: int
    stops_fired: int
    rules: dict[str, int]
    guards: dict[str, Any]
    faults: dict[str, int]
    lead_equity: str
    follower_equity: dict[str, str]
    setup_seconds: float
    replay_seconds: float
    candles_per_second: float
    copied_orders_per_second: float
    worker_deaths: int
    checks: dict[str, str]

    @property
    def passed(self) -> bool:
        return all(result == "ok" for result in self.checks.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make_report(
    cast: Cast,
    *,
    candles: int,
    workers: str,
    seed: int,
    setup_seconds: float,
    replay_seconds: float,
    worker_deaths: int,
    guarded: Guarded | None = None,
) -> Report:
    """Count and check everything in the replay's database."""
    copied = Order.objects.exclude(follow=None)
    copied_total = copied.count()
    followers = worth_of(Portfolio.objects.filter(follow__in=cast.follows))
    checks = {
        name: "ok" if not errors else f"{len(errors)} errors; first: {errors[0].detail}"
        for name, errors in run_checks().items()
    }
    guards: dict[str, Any] = {}
    if guarded is not None:
        readings = readings_of(cast, guarded.looks, guarded.weather)
        guards = {**summary_of(readings), "each": [one.as_json() for one in readings]}
        checks |= {"guards_hold": guards_hold(readings), "exits_got_through": exits_got_through(cast)}
    return Report(
        database=connection.vendor,
        workers=workers,
        seed=seed,
        candles=candles,
        followers=len(cast.follows),
        lead_orders=_by_state(Order.objects.filter(portfolio=cast.lead)),
        lead_fills=Fill.objects.filter(portfolio=cast.lead).count(),
        copied_orders=_by_state(copied),
        copied_total=copied_total,
        copied_fills=Fill.objects.filter(order__follow__isnull=False).count(),
        stops_fired=Order.objects.filter(cause_kind=CauseKind.TRIGGER).count(),
        rules=rules_of(cast),
        guards=guards,
        faults=dict(guarded.faults) if guarded is not None else {},
        lead_equity=canonical(worth_of([cast.lead])[cast.lead.pk].equity),
        follower_equity=_summary([worth.equity for worth in followers.values()]),
        setup_seconds=round(setup_seconds, 2),
        replay_seconds=round(replay_seconds, 2),
        candles_per_second=round(candles / replay_seconds, 1),
        copied_orders_per_second=round(copied_total / replay_seconds, 1),
        worker_deaths=worker_deaths,
        checks=checks,
    )


def _by_state(orders: Any) -> dict[str, int]:
    """Count orders by state and code, for example {"FILLED": 12, "DENIED NOTIONAL_BELOW_MINIMUM": 3}."""
    rows = orders.order_by().values_list("state", "code").annotate(count=Count("pk"))
    return {f"{state} {code}".strip(): count for state, code, count in sorted(rows)}


def _summary(equities: Sequence[Decimal]) -> dict[str, str]:
    if not equities:
        return {}
    figures = {
        "sum": sum(equities, Decimal(0)),
        "least": min(equities),
        "median": median(equities),
        "most": max(equities),
    }
    return {name: canonical(Decimal(value)) for name, value in figures.items()}


def as_text(report: Report) -> str:
    """Return the report for a terminal."""
    facts = report.as_json()
    checks, guards = facts.pop("checks"), facts["guards"].pop("each", [])
    lines = [f"{name.replace('_', ' '):<26}{_plain(value)}" for name, value in facts.items()]
    return "\n".join(
        [
            *lines,
            *_acted(guards),
            "",
            *(
                f"{'ok' if result == 'ok' else 'FAILED':<8}{name}{'' if result == 'ok' else ': ' + result}"
                for name, result in checks.items()
            ),
        ]
    )


def _acted(guards: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each guard that acted, or should have: where it stood, where the follow ended, and why."""
    parts = ("beyond", "gap", "waited", "costs", "excess")
    lines = []
    for one in guards:
        if one["times_fired"] or one["wrong"]:
            figures = [f"{name} {Decimal(one[name]):.4f}" for name in ("level", *parts) if one[name] is not None]
            told = f"follower {one['follower']}, {one['guard']} {one['limit']} at {one['fired_at']}"
            lines.append(", ".join([told, *figures, *([one["wrong"]] if one["wrong"] else [])]))
    return ["", *lines] if lines else []


def _plain(value: object) -> str:
    return ", ".join(f"{key}: {count}" for key, count in value.items()) if isinstance(value, dict) else str(value)
