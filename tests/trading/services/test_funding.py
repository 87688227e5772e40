"""Funding on paper: every position pays or receives once at each funding time, whoever asks and however often."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from engine.margin import made_up_rate
from portfolios.margin_models import FundingPayment, FundingTime, MarginMode
from tests.fixtures_trading import failed_checks, plain
from tests.fixtures_waiting_on_margin import Perpetual
from trading.services.funding import run_funding

FOUR = datetime(2026, 3, 2, 16, tzinfo=UTC)


def rated(perpetual: Perpetual, rate: str) -> FundingTime:
    return FundingTime.objects.create(instrument=perpetual.instrument, at=FOUR, rate=Decimal(rate))


def test_longs_pay_a_positive_rate_and_shorts_receive_it_once(perpetual: Perpetual, bob: object) -> None:
    other = perpetual.pit.portfolio(bob, 10_000, "Short")  # type: ignore[arg-type] # bob is a user
    perpetual.terms(10)
    perpetual.pit.buy(10)
    perpetual.pit.sell(10, other)
    rated(perpetual, "0.0001")
    assert perpetual.pass_hours(3) == 0
    assert perpetual.pass_hours(1) == 2
    assert perpetual.pass_hours(0) == 0
    assert perpetual.told() == {"quantity": "10", "cost": "1000", "margin": "99.9", "funding_paid": "0.1"}
    assert perpetual.told(other)["funding_paid"] == "-0.1"
    assert perpetual.told(other)["margin"] == "1000.1"
    assert perpetual.lines("FUNDING") == [("MARGIN", "-0.1"), ("FUNDING", "0.1")]
    assert plain(perpetual.worth().equity) == "9999.9"
    assert perpetual.worth().profit == Decimal("-0.1")
    assert failed_checks() == {}


def test_a_made_up_market_has_a_rate_for_each_time(perpetual: Perpetual) -> None:
    perpetual.terms(10, MarginMode.CROSS)
    perpetual.pit.buy(10)
    assert perpetual.pass_hours(4) == 1
    [payment] = FundingPayment.objects.all()
    assert payment.rate == made_up_rate(perpetual.instrument.symbol, FOUR)
    assert payment.amount == 1000 * payment.rate
    assert perpetual.pit.cash(perpetual.book) == plain(10_000 - payment.amount)
    assert failed_checks() == {}


def test_what_was_opened_after_the_time_pays_nothing_and_what_was_closed_since_still_pays(
    perpetual: Perpetual, bob: object
) -> None:
    late = perpetual.pit.portfolio(bob, 10_000, "Late")  # type: ignore[arg-type] # bob is a user
    perpetual.terms(10)
    perpetual.pit.buy(10)
    rated(perpetual, "0.001")
    perpetual.pit.desk.at = FOUR.replace(minute=5)
    perpetual.pit.price(100)
    perpetual.pit.sell(10)
    perpetual.pit.buy(10, late)
    assert run_funding(namespace=perpetual.pit.desk.namespace, until=perpetual.pit.desk.at) == 1
    assert perpetual.told()["funding_paid"] == "1"
    assert "funding_paid" not in perpetual.told(late)
    assert perpetual.pit.cash(perpetual.book) == "9999"
    assert failed_checks() == {}


def test_an_isolated_position_pays_no_more_than_its_margin(perpetual: Perpetual) -> None:
    perpetual.terms(20)
    perpetual.pit.buy(10)
    rated(perpetual, "0.06")
    perpetual.pass_hours(4)
    assert perpetual.told() == {"quantity": "10", "cost": "1000", "funding_paid": "60", "insured": "10"}
    assert perpetual.pit.cash(perpetual.book) == "9950"
    assert failed_checks() == {}


def test_funding_moves_the_liquidation_price_and_the_engine_knows(perpetual: Perpetual) -> None:
    perpetual.terms(10)
    perpetual.pit.buy(10)
    rated(perpetual, "0.05")
    perpetual.pass_hours(4)
    # A margin of 50: 10 x p - 1,000 + 50 = 10 x p x 1 % at 95.96, and no longer at 90.91.
    perpetual.waiting.price("95.97")
    assert perpetual.pit.held(perpetual.book) == "10"
    perpetual.waiting.price("95.95")
    assert perpetual.pit.held(perpetual.book) == "0"
    assert failed_checks() == {}
