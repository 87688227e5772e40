"""Copies of perpetuals: what the rules of copying do where the lead is short, turns over, or trades on other terms."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from portfolios.models import Portfolio
from portfolios.services.cash import deposit
from tests.fixtures_trading import UNGUARDED, failed_checks, plain
from tests.fixtures_waiting_on_margin import Perpetual
from trading.brokers.paper import PaperBroker
from trading.models import CauseKind, Follow, FollowPosition, Leg, Order, Side
from trading.services.copy_settings import change_settings
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.follows import pause_follow, resume_follow
from trading.services.orders import Cause, submit_order
from trading.services.resyncing import accept_plan, drift_plan
from trading.services.sweeping import run_due

D = Decimal
MINUTE = timedelta(seconds=60)


def repairs(follow: Follow) -> list[tuple[str, str, str, str]]:
    found = Order.objects.filter(follow=follow, cause_kind=CauseKind.FOLLOW_COMMAND).order_by("pk")
    return [(one.side, one.leg, one.state, plain(one.filled_quantity)) for one in found]


def open_past_the_door(perpetual: Perpetual, book: Portfolio, quantity: int | str) -> None:
    """Buy with one order, whatever it closes on its way, as an exchange's own app does."""
    with perpetual.pit.working():
        submit_order(
            portfolio=book,
            instrument=perpetual.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=D(quantity),
            cause=Cause(CauseKind.VENUE, "by hand"),
        )


def aim_at(perpetual: Perpetual, follow: Follow, price: int, **aim: str) -> None:
    """Let a follow aim at something else than it holds, and look at its drift twice."""
    FollowPosition.objects.filter(follow=follow).update(**{name: D(value) for name, value in aim.items()})
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=perpetual.pit.desk.at)
    for _ in range(2):
        perpetual.pit.desk.step({perpetual.instrument: price}, at=perpetual.pit.desk.at + MINUTE)
        with perpetual.pit.working():
            run_due(namespace=perpetual.pit.desk.namespace, until=perpetual.pit.desk.at)


def test_a_plan_sells_what_was_missed_of_a_short_even_where_nothing_is_held(perpetual: Perpetual, bob: User) -> None:
    follow = perpetual.pit.follow(bob)
    pause_follow(actor=bob, follow=follow)
    perpetual.pit.sell(4)
    resume_follow(actor=bob, follow=follow)
    FollowPosition.objects.filter(follow=follow).update(missed=D("0.4"), ratio=D("0.1"))
    [line] = drift_plan(follow)
    assert (plain(line.held), plain(line.wanted)) == ("0", "0.4")
    with perpetual.pit.working():
        accept_plan(actor=bob, follow=follow)
    assert repairs(follow) == [("SELL", "OPEN", "FILLED", "0.4")]
    assert (perpetual.pit.held(follow), failed_checks()) == ("-0.4", {})


@pytest.mark.parametrize(("price", "is_mended"), [(100, True), (101, True), (99, False)])
def test_a_repair_adds_to_a_short_only_where_it_sells_no_cheaper_than_near_the_leads_entry(
    perpetual: Perpetual, bob: User, price: int, is_mended: bool
) -> None:
    follow = perpetual.pit.follow(bob)
    perpetual.pit.sell(4)
    aim_at(perpetual, follow, price, target="0.8")
    assert repairs(follow) == ([("SELL", "OPEN", "FILLED", "0.4")] if is_mended else [])
    assert perpetual.pit.held(follow) == ("-0.8" if is_mended else "-0.4")


def test_a_plan_closes_what_lies_on_the_other_side_than_the_leads(perpetual: Perpetual, bob: User) -> None:
    follow = perpetual.pit.follow(bob)
    perpetual.pit.sell(4)
    open_past_the_door(perpetual, follow.portfolio, "0.9")
    assert perpetual.pit.held(follow) == "0.5"
    with perpetual.pit.working():
        accept_plan(actor=bob, follow=follow)
    assert repairs(follow) == [("SELL", "CLOSE", "FILLED", "0.5")]
    assert (perpetual.pit.held(follow), failed_checks()) == ("0", {})


def test_what_a_reversal_opens_is_a_new_position(perpetual: Perpetual, bob: User) -> None:
    follow = perpetual.pit.follow(bob, max_order_share="0.3")
    perpetual.pit.sell(30)
    assert perpetual.pit.held(follow) == "-3"
    # The follower pays in as much again: the ratio of the next position is twice that of the short.
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(1_000))
    change_settings(actor=bob, follow=follow, settings={"max_order_share": "0.25"})
    # An open that meets a short in its way is one fill that does both.
    open_past_the_door(perpetual, perpetual.book, 60)
    assert perpetual.pit.orders(follow)[1:] == [
        ("BUY", "CLOSE", "FILLED", "3", ""),
        ("BUY", "OPEN", "FILLED", "5", "CLIPPED_ORDER_SHARE"),
    ]
    aim = FollowPosition.objects.get(follow=follow)
    assert (plain(aim.target), plain(aim.ratio), perpetual.pit.held(follow)) == ("5", "0.2", "5")
    assert failed_checks() == {}


@pytest.mark.parametrize(("lead", "settings", "copied"), [(3, {}, 3), (20, {}, 5), (20, {"max_leverage": "2.5"}, 2)])
def test_rule_25_a_copy_is_on_the_leads_leverage_and_on_five_at_most(
    perpetual: Perpetual, bob: User, lead: int, settings: dict[str, str], copied: int
) -> None:
    follow = perpetual.pit.follow(bob, **(UNGUARDED | settings))
    perpetual.terms(lead)
    perpetual.pit.sell(60)
    position = perpetual.position(follow.portfolio)
    # As large as ever: only what is set aside for it differs.
    assert (plain(position.quantity), position.leverage) == ("-6", copied)
    assert (position.margin, position.margin_mode) == (D(600) / copied, "ISOLATED")
    # What is added later is on the terms of the position.
    perpetual.pit.sell(3)
    assert perpetual.position(follow.portfolio).leverage == copied
    assert failed_checks() == {}


def test_an_open_in_flight_keeps_the_terms_that_it_was_promised_on(perpetual: Perpetual, bob: User) -> None:
    follow = perpetual.pit.follow(bob, **UNGUARDED)
    perpetual.terms(10)
    first = perpetual.pit.fan_out(Side.SELL, 90)
    claimed = claim_orders(Order.objects.filter(cause_id=first))
    assert [plain(one.reserved) for one in claimed] == ["180"]
    perpetual.terms(1)
    second = perpetual.pit.fan_out(Side.SELL, 1)
    record_results(PaperBroker().submit(claimed))
    assert perpetual.told(follow.portfolio) == {"quantity": "-9", "cost": "-900", "margin": "180"}
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=second)
    assert perpetual.told(follow.portfolio) == {"quantity": "-9.1", "cost": "-910", "margin": "182"}
    assert failed_checks() == {}
