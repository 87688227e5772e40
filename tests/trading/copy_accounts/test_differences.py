"""The shortfall account of real follows: its parts are the rows', and they leave nothing unexplained."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.ids import seeded_random
from engine.copy_accounts.shortfall import Shortfall
from portfolios.models import Portfolio
from portfolios.services.cash import withdraw
from tests.fixtures_trading import Pit, plain
from trading.copy_accounts.differences import account_of, steps_of
from trading.copy_accounts.services.settling import open_account, settle_due
from trading.follow_models import StopMode
from trading.models import CauseKind, Follow, Leg, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.follows import pause_follow, stop_follow
from trading.services.orders import Cause, submit_order

D = Decimal
# Of the capital: what the account may leave unexplained.
TOLERANCE = D("0.0001")
NOTHING: dict[str, str] = {}


def account(follow: Follow) -> Shortfall:
    return account_of(Follow.objects.select_related("portfolio").get(pk=follow.pk))


def told(one: Shortfall) -> dict[str, str]:
    return {part.value: plain(amount) for part, amount in one.parts.items() if amount}


def costs(follow: Follow, **costs: str) -> None:
    Portfolio.objects.filter(pk=follow.portfolio_id).update(**{name: D(value) for name, value in costs.items()})


def test_a_perfect_copy_has_no_shortfall(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    pit.price(150)
    pit.sell(5)
    one = account(follow)
    assert (told(one), one.lead_profit, one.follower_profit, one.capital) == (NOTHING, D(50), D(50), D(1000))


def test_slippage_fees_and_the_profit_share_are_told_apart(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, price_cap="0.03")
    open_account(follow=follow)
    costs(follow, slippage_bps="100", taker_fee_bps="50")
    pit.buy(10)
    pit.price(150)
    pit.sell(10)
    withdraw(actor=bob, portfolio=follow.portfolio, amount=D(1))
    settle_due(namespace=pit.desk.namespace, until=pit.desk.at)
    one = account(follow)
    # Bought at 101 and sold at 148.50, half a percent of both; a tenth of what was left.
    assert told(one) == {"spread": "2.5", "fees": "1.2475", "profit_share": "4.62525"}
    assert (one.lead_profit, plain(one.follower_profit), one.residual) == (D(50), "41.62725", D(0))


def test_the_price_that_moved_until_the_copy_is_delay(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, price_cap="0.03")
    order = pit.place(Side.BUY, 10)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    pit.price(102)
    with pit.working():
        fan_out_batch(lead_id=pit.lead.pk)
    one = account(follow)
    assert (told(one), one.lead_profit, one.residual) == ({"delay": "2"}, D(2), D(0))


def test_minimums_skip_lots_round_and_a_pause_skips(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy("10.005")  # 1.0005 units: half a lot is lost
    pit.buy("0.4")  # 4 USDT: below the venue's minimum of 5
    pause_follow(actor=bob, follow=follow)
    pit.buy(1)
    pit.price(200)
    one = account(follow)
    # (A ratio stands for what lies up to a unit of storage above it.)
    assert {name: round(D(amount), 12) for name, amount in told(one).items()} == {
        "rounding": D("0.05"),
        "skipped": D(14),
    }
    assert one.residual == 0


def test_what_is_sold_at_the_end_is_no_trade_of_ones_own(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, price_cap="0.03")
    costs(follow, slippage_bps="100")
    pit.buy(10)
    pit.price(120)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    pit.price(500)
    one = account(follow)
    assert (told(one), one.lead_profit, one.residual) == ({"spread": "2.2"}, D(20), D(0))


def test_a_trade_by_hand_is_told_as_ones_own(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    pit.price(120)
    with pit.working():
        submit_order(
            portfolio=follow.portfolio,
            instrument=pit.instrument,
            side=Side.SELL,
            leg=Leg.CLOSE,
            quantity=D("0.4"),
            cause=Cause(CauseKind.HAND, "own"),
        )
    pit.price(150)
    one = account(follow)
    assert (told(one), one.lead_profit, one.follower_profit, one.residual) == ({"own": "12"}, D(50), D(38), D(0))


@pytest.mark.parametrize("seed", range(2))
def test_after_any_trading_the_parts_sum_to_the_gap(pit: Pit, bob: User, seed: int) -> None:
    random = seeded_random("shortfall", seed)
    follow = pit.follow(bob, 1_130)
    costs(follow, slippage_bps="7", taker_fee_bps="10")
    open_account(follow=follow)
    held = D(0)
    for _ in range(16):
        pit.price(str(100 + random.randrange(-3000, 3000) / 100))
        quantity = D(random.randrange(1, 5_000)) / 1000
        if held and random.random() < 0.5:
            quantity = min(quantity, held) if random.random() < 0.7 else held
            pit.sell(str(quantity))
            held -= quantity
        else:
            pit.buy(str(quantity))
            held += quantity
    assert Order.objects.filter(follow=follow, state=OrderState.DENIED).exists()
    one = account(follow)
    assert {"spread", "rounding", "skipped", "fees"} <= told(one).keys()
    assert abs(one.ratio(one.residual)) < TOLERANCE
    assert abs(one.residual) < D("1E-12")


def test_the_chart_has_a_bar_for_each_part_that_came_to_something(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, price_cap="0.03")
    costs(follow, slippage_bps="100")
    pit.buy(10)
    pit.price(110)
    steps = steps_of(account(follow))
    assert [(step.bar.name, step.left, step.width) for step in steps] == [
        ("lead", 0.0, 100.0),
        ("spread", 90.0, 10.0),
        ("follower", 0.0, 90.0),
    ]


def test_an_account_costs_as_many_statements_for_many_orders_as_for_few(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)

    def statements(count: int) -> int:
        for _ in range(count):
            pit.buy(1)
        read = Follow.objects.select_related("portfolio").get(pk=follow.pk)
        with CaptureQueriesContext(connection) as queries:
            account_of(read)
        return len(queries)

    few = statements(4)
    assert statements(20) == few
