"""Each check of what is held on margin finds what it is for, once the fact is broken by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from portfolios.margin_models import FundingPayment, FundingTime
from portfolios.models import Balance, Position
from tests.fixtures_trading import failed_checks
from tests.fixtures_waiting_on_margin import Perpetual

# The checks that are seen to fail here, beside those of test_checks.py.
SEEN = {"margins_equal_entries", "funding_equals_entries", "insurance_equals_entries", "only_margin_owes"}


@pytest.fixture
def lived(perpetual: Perpetual) -> Perpetual:
    """A short that was liquidated in a gap, and a long that has paid funding since."""
    perpetual.terms(10)
    perpetual.pit.sell(100)
    perpetual.waiting.price(130)
    perpetual.pit.buy(10)
    at = datetime(2026, 3, 2, 16, tzinfo=UTC)
    FundingTime.objects.create(instrument=perpetual.instrument, at=at, rate=Decimal("0.001"))
    perpetual.pass_hours(4, 130)
    assert failed_checks() == {}
    return perpetual


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"margin": Decimal(7)}, {"margins_equal_entries", "promises_equal_holds"}),
        ({"funding_paid": Decimal(7)}, {"funding_equals_entries"}),
        ({"insured": Decimal(7)}, {"insurance_equals_entries"}),
    ],
)
def test_a_position_that_differs_from_its_lines_is_found(
    lived: Perpetual, facts: dict[str, Any], found: set[str]
) -> None:
    Position.objects.filter(portfolio=lived.book).update(**facts)
    assert failed_checks().keys() == found


def test_a_payment_that_is_not_what_was_held_is_found(lived: Perpetual) -> None:
    FundingPayment.objects.update(rate=Decimal("0.002"))
    assert failed_checks().keys() == {"funding_equals_entries"}


def test_a_balance_that_owes_without_a_cross_position_is_found(lived: Perpetual) -> None:
    Balance.objects.filter(portfolio=lived.book, asset="USDT").update(owes=True)
    assert failed_checks().keys() == {"only_margin_owes"}
