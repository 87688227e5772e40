"""Profit shares of real follows: settled each Monday, at a withdrawal, at the end and when the lead leaves; each once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import market_now
from common.errors import DomainError
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.cash import deposit, withdraw
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit, plain
from trading.copy_accounts.models import HighWaterMark, ProfitShareAccount, ProfitShareSettlement
from trading.copy_accounts.selectors import profit_share_of
from trading.copy_accounts.services.settling import open_account, settle_due
from trading.follow_models import StopMode
from trading.models import Follow, Order
from trading.services.follows import stop_follow
from trading.services.personal_data import export_trading
from trading.services.sweeping import run_due

D = Decimal
# NOON is a Monday's.
MONDAY = NOON.replace(hour=0) + timedelta(days=7)
Line = tuple[str, str, str, str, str]


@pytest.fixture
def follow(pit: Pit, bob: User) -> Follow:
    """Bob follows with 1,000 USDT, a tenth of alice's 10,000, for a tenth of his profit."""
    started = pit.follow(bob)
    open_account(follow=started)
    return started


def lines(follow: Follow) -> list[Line]:
    """Return each settlement's key, profit, mark before and after, and what was due, oldest first."""
    rows = ProfitShareSettlement.objects.filter(account=follow.pk).order_by("number")
    return [(one.key, plain(one.profit), plain(one.high_before), plain(one.high_after), plain(one.due)) for one in rows]


def trade(pit: Pit, buys_at: int, sells_at: int, days: int = 1) -> None:
    """Let the lead buy 10 units at one price and sell them at another, a day later."""
    pit.price(buys_at)
    pit.buy(10)
    pit.desk.step({pit.instrument: sells_at}, pit.desk.at + timedelta(days=days))
    pit.sell(10)


def monday(pit: Pit, weeks: int = 0) -> int:
    """Let market time come to a Monday's midnight and settle; return how many settlements that made."""
    at = MONDAY + timedelta(weeks=weeks)
    pit.desk.step({pit.instrument: 100}, at)
    return settle_due(namespace=pit.desk.namespace, until=at)


def test_rule_35_new_profit_is_settled_on_monday_and_once(pit: Pit, follow: Follow) -> None:
    trade(pit, 100, 150)
    assert settle_due(namespace=pit.desk.namespace, until=market_now(pit.desk.namespace)) == 0
    pit.desk.step({pit.instrument: 150}, MONDAY)
    with pit.working():
        run_due(namespace=pit.desk.namespace, until=MONDAY)
        assert ProfitShareSettlement.objects.count() == 1
        run_due(namespace=pit.desk.namespace, until=MONDAY)
        assert ProfitShareSettlement.objects.count() == 1
    assert lines(follow) == [("WEEK:2026-03-09", "50", "0", "50", "5")]
    settled = ProfitShareSettlement.objects.get()
    parts = (settled.realized_pnl, settled.unrealized_pnl, settled.fees, settled.ratio, settled.platform_fee)
    assert parts == (50, 0, 0, D("0.1"), D("0.5"))
    assert (settled.settled_at, settled.equity, settled.is_hypothetical) == (MONDAY, 1050, True)


def test_rule_34_a_gain_on_paper_is_not_shared_and_a_loss_on_paper_counts(pit: Pit, follow: Follow) -> None:
    trade(pit, 100, 150)
    pit.price(100)
    pit.buy(10)
    pit.desk.step({pit.instrument: 90}, MONDAY)
    settle_due(namespace=pit.desk.namespace, until=MONDAY)
    assert lines(follow)[-1][1] == "40"
    pit.desk.step({pit.instrument: 500}, MONDAY + timedelta(weeks=1))
    settle_due(namespace=pit.desk.namespace, until=MONDAY + timedelta(weeks=1))
    assert lines(follow)[-1][1] == "50"


def test_rule_34_a_loss_is_earned_back_first_over_stop_and_restart(pit: Pit, bob: User, follow: Follow) -> None:
    trade(pit, 100, 50)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert settle_due(namespace=pit.desk.namespace, until=market_now(pit.desk.namespace)) == 1
    assert lines(follow) == [("STOP", "-50", "0", "0", "0")]
    mark = HighWaterMark.objects.get()
    assert (mark.loss, mark.equity, mark.stopped_at) == (50, 950, market_now(pit.desk.namespace))

    again = pit.follow(bob, 950)
    assert plain(open_account(follow=again).high) == "50"
    assert plain(HighWaterMark.objects.get().loss) == "0"
    trade(pit, 100, 200)
    share = profit_share_of(again)
    assert share is not None
    earned = D(950) / D(9500) * 1000
    assert (share.accrued, share.is_hypothetical) == ((earned - 50) / 10, True)
    monday(pit)
    assert lines(again) == [("WEEK:2026-03-09", "100", "50", "100", "5")]
    assert profit_share_of(again) is not None


def test_rule_34_a_restart_right_after_the_stop_loses_no_loss(pit: Pit, bob: User, follow: Follow) -> None:
    trade(pit, 100, 50)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    again = pit.follow(bob, 475)
    # Half of the capital came back: that half's loss is to be earned back.
    assert plain(open_account(follow=again).high) == "25"
    assert lines(follow) == [("STOP", "-50", "0", "0", "0")]


def test_rule_34_a_loss_lapses_after_180_days(pit: Pit, bob: User, follow: Follow) -> None:
    trade(pit, 100, 50)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    settle_due(namespace=pit.desk.namespace, until=market_now(pit.desk.namespace))
    pit.desk.step({pit.instrument: 100}, pit.desk.at + timedelta(days=181))
    assert plain(open_account(follow=pit.follow(bob, 950)).high) == "0"


def test_rule_35_a_withdrawal_settles_and_scales_the_loss_below_the_mark(pit: Pit, bob: User, follow: Follow) -> None:
    trade(pit, 100, 50)
    withdraw(actor=bob, portfolio=follow.portfolio, amount=D(190))
    now = market_now(pit.desk.namespace)
    assert settle_due(namespace=pit.desk.namespace, until=now) == 1
    assert settle_due(namespace=pit.desk.namespace, until=now) == 0
    # A fifth of 950 went, and with it a fifth of the loss of 50.
    assert lines(follow) == [("WITHDRAWAL:1", "-50", "0", "-10", "0")]
    assert plain(ProfitShareSettlement.objects.get().withdrawn) == "190"
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(500))
    assert settle_due(namespace=pit.desk.namespace, until=now) == 0
    withdraw(actor=bob, portfolio=follow.portfolio, amount=D(126))
    settle_due(namespace=pit.desk.namespace, until=now)
    assert lines(follow)[1] == ("WITHDRAWAL:2", "-50", "-10", "-14", "0")


def test_rule_35_profit_is_settled_when_it_is_taken_out(pit: Pit, bob: User, follow: Follow) -> None:
    trade(pit, 100, 150)
    withdraw(actor=bob, portfolio=follow.portfolio, amount=D(1050))
    settle_due(namespace=pit.desk.namespace, until=market_now(pit.desk.namespace))
    assert lines(follow) == [("WITHDRAWAL:1", "50", "0", "50", "5")]


@pytest.mark.parametrize("how", ["closed", "erased"])
def test_rule_35_the_leads_exit_settles_once_and_the_weeks_go_on(
    pit: Pit, alice: User, follow: Follow, how: str
) -> None:
    trade(pit, 100, 150)
    if how == "closed":
        Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.CLOSED)
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)
    now = market_now(pit.desk.namespace)
    assert [settle_due(namespace=pit.desk.namespace, until=now) for _ in range(2)] == [1, 0]
    assert lines(follow) == [("LEAD_EXIT", "50", "0", "50", "5")]
    assert monday(pit) == 1


def test_a_week_without_the_worker_is_settled_once_and_late(pit: Pit, follow: Follow) -> None:
    trade(pit, 100, 150)
    assert monday(pit, weeks=3) == 1
    assert [line[0] for line in lines(follow)] == ["WEEK:2026-03-30"]
    assert ProfitShareAccount.objects.get().settles_at == MONDAY + timedelta(weeks=4)


def test_what_is_held_at_no_fresh_price_waits_an_hour_for_one(pit: Pit, follow: Follow) -> None:
    pit.buy(10)
    namespace = pit.desk.namespace
    pit.desk.step({}, MONDAY)
    assert settle_due(namespace=namespace, until=MONDAY) == 0
    pit.desk.step({}, MONDAY + timedelta(minutes=61))
    assert settle_due(namespace=namespace, until=MONDAY + timedelta(minutes=61)) == 1
    assert [line[0] for line in lines(follow)] == ["WEEK:2026-03-09"]


def test_a_follower_takes_their_settlements_along(pit: Pit, alice: User, bob: User, follow: Follow) -> None:
    trade(pit, 100, 150)
    monday(pit)
    [taken] = export_trading(bob)["profit_shares"]
    assert (taken["account_id"], taken["due"], taken["key"]) == (follow.pk, D(5), "WEEK:2026-03-09")
    assert export_trading(alice)["profit_shares"] == []


def test_a_follow_without_an_account_owes_nothing(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    trade(pit, 100, 150)
    assert (monday(pit), profit_share_of(follow), HighWaterMark.objects.count()) == (0, None, 0)


@pytest.mark.parametrize("ratio", ["-0.01", "0.3001", "0.12345", "NaN"])
def test_rule_34_a_share_is_from_0_to_30_percent(pit: Pit, bob: User, ratio: str) -> None:
    follow = pit.follow(bob)
    with pytest.raises(DomainError) as refused:
        open_account(follow=follow, ratio=D(ratio))
    assert (refused.value.code, ProfitShareAccount.objects.count()) == ("PROFIT_SHARE_OUT_OF_RANGE", 0)


def test_settling_costs_as_many_statements_for_thirty_as_for_three(pit: Pit) -> None:
    def statements(count: int) -> int:
        for one in pit.crowd(count):
            open_account(follow=one)
        pit.buy(10)
        pit.desk.step({pit.instrument: 120}, pit.desk.at + timedelta(days=1))
        pit.sell(10)
        at = MONDAY + timedelta(weeks=Order.objects.count())
        pit.desk.step({pit.instrument: 100}, at)
        with CaptureQueriesContext(connection) as queries:
            assert settle_due(namespace=pit.desk.namespace, until=at) > 0
        return len(queries)

    few = statements(3)
    assert statements(30) == few
    assert few < 20
