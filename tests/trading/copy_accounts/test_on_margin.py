"""What follows of perpetuals come to: funding and what the insurance fund bore are in profit share and shortfall account."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts.models import User
from engine.copy_accounts.shortfall import Part
from portfolios.margin_models import FundingTime
from tests.fixtures_trading import UNGUARDED, failed_checks
from tests.fixtures_waiting_on_margin import Perpetual
from trading.copy_accounts.differences import account_of
from trading.copy_accounts.models import ProfitShareSettlement
from trading.copy_accounts.services.settling import open_account, settle_due
from trading.follow_models import StopMode
from trading.models import Follow
from trading.services.follows import stop_follow

D = Decimal
FOUR = datetime(2026, 3, 2, 16, tzinfo=UTC)
# Of the capital: what the account may leave unexplained.
TOLERANCE = D("0.0001")


@pytest.fixture
def follow(perpetual: Perpetual, bob: User) -> Follow:
    """Bob follows alice's short of 100 at tenfold leverage with a tenth of her money: he is short 10, at 5 on a margin of 200."""
    started = perpetual.pit.follow(bob, **UNGUARDED)
    open_account(follow=started)
    perpetual.terms(10)
    perpetual.pit.sell(100)
    return started


def test_funding_is_no_profit_and_has_a_bar_of_its_own(perpetual: Perpetual, follow: Follow, bob: User) -> None:
    FundingTime.objects.create(instrument=perpetual.instrument, at=FOUR, rate=D("-0.001"))
    perpetual.pass_hours(4)
    assert perpetual.told(follow.portfolio)["funding_paid"] == "1"
    perpetual.pit.price(90)
    with perpetual.pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert settle_due(namespace=perpetual.pit.desk.namespace, until=perpetual.pit.desk.at) == 1
    settled = ProfitShareSettlement.objects.get()
    # 10 x (100 - 90) less the funding.
    assert (settled.realized_pnl, settled.funding, settled.profit, settled.due) == (100, 1, 99, D("9.9"))
    account = account_of(Follow.objects.select_related("portfolio").get(pk=follow.pk))
    assert account.parts[Part.FUNDING] == 1
    assert abs(account.residual) < TOLERANCE * account.capital
    assert failed_checks() == {}


def test_no_more_is_lost_than_the_margin_that_was_liquidated(perpetual: Perpetual, follow: Follow, bob: User) -> None:
    perpetual.waiting.price(130)
    assert perpetual.pit.held(follow) == "0"
    insured = perpetual.position(follow.portfolio).insured
    assert insured > 0
    with perpetual.pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert settle_due(namespace=perpetual.pit.desk.namespace, until=perpetual.pit.desk.at) == 1
    assert ProfitShareSettlement.objects.get().profit == -200
    account = account_of(Follow.objects.select_related("portfolio").get(pk=follow.pk))
    assert [account.parts[Part.OWN], account.follower_profit] == [-insured, -200]
    assert abs(account.residual) < TOLERANCE * account.capital
