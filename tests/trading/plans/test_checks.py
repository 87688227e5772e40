"""The check of plans is silent where all is well, and finds what was broken by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.plans.kinds import PlanKind
from tests.fixtures_trading import failed_checks
from tests.fixtures_wishes import Planning
from trading.models import Order
from trading.plans.models import Plan


@pytest.mark.parametrize("name", ["held", "cost", "realized_pnl", "fees_paid"])
def test_a_figure_that_its_fills_do_not_make_is_found(planning: Planning, name: str) -> None:
    plan = planning.begin(PlanKind.GRID)
    planning.price(106)
    assert failed_checks() == {}
    Plan.objects.filter(pk=plan.pk).update(**{name: Decimal(7)})
    assert list(failed_checks()) == ["plans_equal_fills"]
    # With news it has not counted yet.
    Plan.objects.filter(pk=plan.pk).update(has_news=True)
    assert failed_checks() == {}


def test_an_end_that_a_plan_was_never_told_is_found(planning: Planning) -> None:
    plan = planning.begin(PlanKind.DCA)
    Order.objects.filter(plan=plan).update(plan_heard=False)
    assert list(failed_checks()) == ["plans_equal_fills"]
