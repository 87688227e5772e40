"""Plans in the pit's market: alice's, begun and led by prices and by the clock, and told in a few words."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.plans.kinds import PlanKind
from portfolios.models import Portfolio
from tests.fixtures_trading import plain
from tests.fixtures_waiting import Waiting
from trading.models import Order
from trading.plans.models import Plan
from trading.plans.services.managing import begin_plan, pause_plan, resume_plan, stop_plan

SETTINGS: dict[PlanKind, dict[str, Any]] = {
    PlanKind.GRID: {"lower": "90", "upper": "110", "rungs": "4", "quantity": "1"},
    PlanKind.DCA: {"amount": "100", "interval_seconds": "3600", "times": "3"},
    PlanKind.MARTINGALE: {
        "quantity": "1",
        "factor": "2",
        "step_bps": "500",
        "gain_bps": "100",
        "most_steps": "3",
        "most_spent": "1000",
        "cycles": "2",
    },
    PlanKind.TWAP: {"side": "BUY", "quantity": "4", "duration_seconds": "240", "slices": "4"},
    PlanKind.ICEBERG: {"side": "BUY", "quantity": "5", "visible": "2", "limit_price": "95"},
    # A quarter past the desk's noon.
    PlanKind.SCHEDULED: {"side": "BUY", "quantity": "1", "at": "1772453700000"},
}


class Planning:
    """The pit with an engine, in which plans are begun and led; nobody pays fees."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting, self.pit = waiting, waiting.pit
        instrument = self.pit.instrument
        instrument.maker_fee_bps = instrument.taker_fee_bps = Decimal(0)
        instrument.save(update_fields=["maker_fee_bps", "taker_fee_bps"])

    def begin(self, kind: PlanKind, portfolio: Portfolio | None = None, key: str | None = None, **changes: Any) -> Plan:
        """Begin a plan (default: in the lead's portfolio) and do all that follows from it."""
        book = portfolio or self.pit.lead
        with self.pit.working():
            plan = begin_plan(
                actor=book.owner,
                portfolio=book,
                instrument=self.pit.instrument,
                kind=kind,
                settings=SETTINGS[kind] | changes,
                key=key,
            )
        self.settle()
        return self.again(plan)

    def pause(self, plan: Plan) -> Plan:
        return self._done(pause_plan, plan)

    def resume(self, plan: Plan) -> Plan:
        return self._done(resume_plan, plan)

    def stop(self, plan: Plan, **choice: Any) -> Plan:
        return self._done(stop_plan, plan, **choice)

    def price(self, *prices: int | str) -> None:
        """Let the market go through these prices, each met by everything that waits."""
        for price in prices:
            self.waiting.price(price)
            self.settle()

    def later(self, price: int | str, **time: int) -> None:
        """Let time pass, and the market then stand at a price."""
        self.pit.desk.at += timedelta(**time)
        self.price(price)

    def settle(self) -> None:
        """Let the engine look until nothing has news any more."""
        for _ in range(5):
            with self.pit.working():
                self.waiting.engine.look()
            self.waiting.engine.refresh()

    def again(self, plan: Plan) -> Plan:
        return Plan.objects.select_related("portfolio", "instrument__market", "instrument__exchange").get(pk=plan.pk)

    def told(self, plan: Plan) -> tuple[str, str, str, str]:
        """Return a plan's state, code, what it holds and what that cost."""
        one = self.again(plan)
        return one.state, one.state_code, plain(one.held), plain(one.cost)

    def orders(self, plan: Plan) -> list[str]:
        """Return a plan's orders, in the order of their keys: key, side, quantity, limit, state."""
        rows = Order.objects.filter(plan=plan).order_by("plan_key", "attempt")
        return [
            f"{one.plan_key} {one.side} {plain(one.requested_quantity)}"
            f"@{plain(one.limit_price) if one.limit_price else 'market'} {one.state}"
            for one in rows
        ]

    def _done(self, act: Any, plan: Plan, **choice: Any) -> Plan:
        with self.pit.working():
            act(actor=self.pit.alice, plan=plan, **choice)
        self.settle()
        return self.again(plan)


@pytest.fixture
def planning(waiting: Waiting) -> Planning:
    return Planning(waiting)
