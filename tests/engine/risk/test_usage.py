"""What is used of each limit: both figures and the part, and nothing said where only an order can tell."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.risk.limits import SPECS
from engine.risk.usage import Concentration, usage_after, usage_of
from tests.engine.risk.samples import FACTS, ORDER, D, judged, limits
from tests.engine.risk.test_caps import CAPS

MOST = Concentration(instrument=D(1_000), asset=D(1_500), correlated=D(1_600), worst_loss=D(100), free=D(8_000))


def used(**given: object) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    facts = replace(FACTS, limits=limits(**given), equity=D(9_000), orders_today=5)
    most = replace(MOST, free=D(4_500))
    return {one.spec.name: (one.used, one.part) for one in usage_of(facts, most)}


def test_each_limit_that_is_set_says_what_is_used_of_it() -> None:
    assert used(max_daily_loss="0.2", max_positions=4, max_orders_per_day=10, max_position_notional=500) == {
        "max_position_notional": (D(1_000), D(1)),
        "max_positions": (D(2), D("0.5")),
        "max_daily_loss": (D("0.1"), D("0.5")),
        "max_orders_per_day": (D(5), D("0.5")),
    }


def test_of_a_reserve_and_a_distance_less_is_worse() -> None:
    assert used(reserve_share="0.25") == {"reserve_share": (D("0.5"), D("0.5"))}
    assert used(min_liquidation_ratio="0.5") == {"min_liquidation_ratio": (D(1), D("0.5"))}


def test_what_only_an_order_can_tell_has_no_figure() -> None:
    assert used(max_order_share="0.1", max_slippage="0.01") == {
        "max_order_share": (None, None),
        "max_slippage": (None, None),
    }


def test_every_limit_stands_in_its_place() -> None:
    everything = {spec.name: spec.high for spec in SPECS}
    assert list(used(**everything)) == [spec.name for spec in SPECS]


# --- after one more order -------------------------------------------------------------------------------------------
def after(
    given: dict[str, object], cost: int = 1_000, **facts: Any
) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    risk = replace(FACTS, limits=limits(**given), **facts)
    return {one.spec.name: (one.used, one.part) for one in usage_after(replace(ORDER, risk=risk), D(cost))}


@pytest.mark.parametrize(("name", "enough", "tight", "facts", "clipped", "denied"), CAPS)
def test_an_order_that_a_cap_just_lets_pass_uses_its_limit_up(
    name: str, enough: str, tight: str, facts: dict[str, Any], clipped: str, denied: str
) -> None:
    assert judged(limits(**{name: enough}), **facts).code == ""
    assert after({name: enough}, **facts)[name][1] == 1
    half = after(
        {name: D(enough) * (2 if name not in ("min_liquidation_ratio", "reserve_share") else D("0.5"))}, **facts
    )
    assert half[name][1] == D("0.5")


def test_counts_stand_one_higher_and_a_position_that_grows_is_no_second_one() -> None:
    given: dict[str, object] = {"max_positions": 4, "max_orders_per_minute": 2, "max_orders_per_day": 10}
    found = after(given, instrument_exposure=D(0), orders_in_minute=1, orders_today=4)
    assert found == {
        "max_positions": (D(3), D("0.75")),
        "max_orders_per_minute": (D(2), D(1)),
        "max_orders_per_day": (D(5), D("0.5")),
    }
    assert after({"max_positions": 4}) == {"max_positions": (D(2), D("0.5"))}


def test_losses_are_no_orders_doing_and_exits_use_nothing() -> None:
    assert after({"max_daily_loss": "0.1", "max_slippage": "0.01", "max_trade_risk": "0.01"}) == {}
    risk = replace(FACTS, limits=limits(max_order_share="0.1"))
    for order in (replace(ORDER, reduces=True, risk=risk), replace(ORDER, market_price=None, risk=risk), ORDER):
        assert usage_after(order, D(1_000)) == []
