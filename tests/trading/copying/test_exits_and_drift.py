"""Exits that are never given up (rule 16), targets (model.md 10), drift and its repair (rules 21-24)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Notification, User
from common.errors import DomainError
from tests.fixtures_trading import Pit, failed_checks, plain
from trading import tasks
from trading.brokers import OrderResult, Outcome
from trading.brokers.choosing import use_broker
from trading.brokers.paper import PaperBroker
from trading.follow_models import StopMode
from trading.models import (
    CauseKind,
    Follow,
    FollowCommand,
    FollowCommandKind,
    FollowPosition,
    Leg,
    Order,
    OrderState,
    SafetyLevel,
    ScopeKind,
    Side,
)
from trading.services.drifting import check_drift
from trading.services.execution import claim_orders, record_results
from trading.services.follows import stop_follow
from trading.services.orders import Cause, submit_order
from trading.services.reconciliation import resolve_abandoned
from trading.services.resyncing import accept_plan, ask_resync, drift_plan
from trading.services.safety import set_safety
from trading.services.sweeping import run_due

D = Decimal
MINUTE = timedelta(seconds=60)


def aim(follow: Follow) -> FollowPosition:
    return FollowPosition.objects.get(follow=follow)


class Unwilling(PaperBroker):
    """Ends copied exits unfilled, as a market does that runs away; `fills` of them are done nevertheless, the last ones."""

    def __init__(self, misses: int) -> None:
        self.misses, self.seen = misses, list[tuple[str, str, str]]()

    def submit(self, orders):  # type: ignore[no-untyped-def]  # as the broker's
        results = []
        for order in orders:
            if order.leg == Leg.CLOSE and order.follow_id and self.misses:
                self.misses -= 1
                results.append(OrderResult(order.pk, Outcome.EXPIRED))
            else:
                results += super().submit([order])
            if order.leg == Leg.CLOSE and order.follow_id:
                self.seen.append((order.kind, plain(order.limit_price or D(0)), plain(order.quantity)))
        return results


@pytest.fixture
def unwilling() -> Iterator[Unwilling]:
    broker = Unwilling(0)
    use_broker(broker)
    yield broker
    use_broker(None)


# --- exits ----------------------------------------------------------------------------------------------------------
def test_rule_16_within_a_band_twice_then_at_any_price(pit: Pit, bob: User, unwilling: Unwilling) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    unwilling.misses = 2
    pit.sell(2)
    assert unwilling.seen == [("LIMIT", "99", "0.2"), ("LIMIT", "99", "0.2"), ("MARKET", "0", "0.2")]
    assert (pit.held(follow), plain(aim(follow).target), failed_checks()) == ("0.2", "0.2", {})
    assert Notification.objects.filter(user=bob, event="follow.exit_failed").count() == 0


def test_rule_16_after_the_third_its_owner_is_told(pit: Pit, bob: User, unwilling: Unwilling) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    unwilling.misses = 3
    pit.sell(4)
    assert [row[2] for row in pit.orders(follow)[1:]] == [OrderState.EXPIRED] * 3
    [told] = Notification.objects.filter(user=bob, event="follow.exit_failed")
    assert told.context["symbol"] == "BTC-USDT"
    assert pit.held(follow) == "0.4"


def test_rule_16_an_exit_passes_a_pause_an_old_event_and_a_halt(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="Drill")
    Follow.objects.filter(pk=follow.pk).update(state="PAUSED", frozen_at=pit.desk.at)
    order = pit.place(Side.SELL, 4)
    claimed = claim_orders(Order.objects.filter(pk=order.pk))
    record_results(PaperBroker().submit(claimed))
    pit.desk.step({pit.instrument: 50}, at=pit.desk.at + timedelta(hours=1))
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert pit.held(follow) == "0"


# --- targets --------------------------------------------------------------------------------------------------------
def test_what_is_missed_after_a_reduction_is_taken_off_with_its_part(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    first = pit.fan_out(Side.BUY, 4)
    [order] = claim_orders(Order.objects.filter(cause_id=first))
    close = pit.fan_out(Side.SELL, 4)
    assert plain(aim(follow).target) == "0.4"
    with pit.working():
        # Of the 0.4 in flight nothing is had: the target was halved since, and so is what is taken off it.
        record_results([OrderResult(order.pk, Outcome.EXPIRED)])
        tasks.execute_orders(CauseKind.LEAD_EVENT, close)
    assert (pit.held(follow), plain(aim(follow).target), plain(aim(follow).missed)) == ("0.2", "0.2", "0.2")


# --- drift ----------------------------------------------------------------------------------------------------------
def look(pit: Pit, after: timedelta = MINUTE) -> None:
    """Let market time pass, and look at the drift of whoever is due."""
    pit.desk.step({pit.instrument: 100}, at=pit.desk.at + after)
    with pit.working():
        run_due(namespace=pit.desk.namespace, until=pit.desk.at)


def drift(pit: Pit, follow: Follow, target: str) -> None:
    """Let a follow aim at something else than it holds, and be due."""
    FollowPosition.objects.filter(follow=follow).update(target=D(target))
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=pit.desk.at)


def repairs(follow: Follow) -> list[tuple[str, str, str]]:
    found = Order.objects.filter(follow=follow, cause_kind=CauseKind.FOLLOW_COMMAND).order_by("pk")
    return [(one.leg, one.state, plain(one.filled_quantity)) for one in found]


def test_rule_21_a_drift_is_mended_when_it_was_seen_twice(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    drift(pit, follow, "0.2")
    look(pit)
    assert (repairs(follow), aim(follow).drift_since) == ([], pit.desk.at)
    look(pit, timedelta(seconds=29))
    assert repairs(follow) == []
    look(pit)
    assert repairs(follow) == [("CLOSE", "FILLED", "0.2")]
    assert (pit.held(follow), failed_checks()) == ("0.2", {})
    assert FollowCommand.objects.get().kind == FollowCommandKind.REPAIR
    look(pit)
    follow.refresh_from_db()
    assert (follow.drift_due_at, len(repairs(follow))) == (None, 1)


@pytest.mark.parametrize(("target", "count"), [("0.21", 0), ("0.2", 1)])
def test_rule_21_two_per_cent_of_equity(pit: Pit, bob: User, target: str, count: int) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    drift(pit, follow, target)
    look(pit)
    look(pit)
    assert len(repairs(follow)) == count


def test_rule_21_nothing_is_mended_while_an_order_is_in_flight_or_trading_is_halted(
    pit: Pit, bob: User, operator: User
) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    cause = pit.fan_out(Side.BUY, 1)
    claim_orders(Order.objects.filter(cause_id=cause))
    drift(pit, follow, "0")
    look(pit)
    look(pit)
    assert repairs(follow) == []
    resolve_abandoned(older_than_seconds=-1)
    set_safety(
        actor=operator, scope=ScopeKind.LEAD, scope_id=str(pit.lead.pk), level=SafetyLevel.HALTED, reason="Drill"
    )
    drift(pit, follow, "0.1")
    look(pit)
    look(pit)
    assert repairs(follow) == []


@pytest.mark.parametrize(("price", "expected"), [(100, [("OPEN", "FILLED", "0.4")]), (101, [])])
def test_rule_22_opens_only_near_the_leads_entry_else_missed(
    pit: Pit, bob: User, price: int, expected: list[object]
) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    drift(pit, follow, "0.8")
    for _ in range(2):
        pit.desk.step({pit.instrument: price}, at=pit.desk.at + MINUTE)
        with pit.working():
            run_due(namespace=pit.desk.namespace, until=pit.desk.at)
    assert repairs(follow) == expected
    missed = D(0) if expected else D("0.4")
    assert (aim(follow).missed, aim(follow).target) == (missed, D("0.8") - missed)


def test_rule_23_ten_missed_events_ask_for_a_comparison_that_opens_nothing_by_itself(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    FollowPosition.objects.filter(follow=follow).update(missed=D("0.1"), missed_events=10, ratio=D("0.2"))
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=pit.desk.at)
    look(pit)
    [command] = FollowCommand.objects.filter(kind=FollowCommandKind.RESYNC)
    assert (command.is_done, repairs(follow), aim(follow).missed_events) == (True, [], 0)
    assert Notification.objects.filter(user=bob, event="follow.out_of_step").count() == 1
    [line] = drift_plan(follow)
    assert (plain(line.held), plain(line.wanted)) == ("0.4", "0.5")
    with pit.working():
        accept_plan(actor=bob, follow=follow)
    assert repairs(follow) == [("OPEN", "FILLED", "0.1")]
    assert (pit.held(follow), plain(aim(follow).target), aim(follow).missed) == ("0.5", "0.5", 0)


def by_hand(pit: Pit, follow: Follow, side: Side, quantity: str) -> None:
    """Trade in a follow's portfolio past its door, as an exchange's own app does."""
    with pit.working():
        submit_order(
            portfolio=follow.portfolio,
            instrument=pit.instrument,
            side=side,
            leg=Leg.OPEN if side == Side.BUY else Leg.CLOSE,
            quantity=D(quantity),
            cause=Cause(CauseKind.VENUE, f"{side} {quantity} {Order.objects.count()}"),
        )


def test_rule_24_a_trade_by_hand_diverges_and_is_left_alone_until_a_plan_is_accepted(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    by_hand(pit, follow, Side.SELL, "0.3")
    assert (aim(follow).diverged_at, aim(follow).unexplained_orders) == (pit.desk.at, 1)
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=pit.desk.at)
    look(pit)
    look(pit)
    assert (repairs(follow), pit.held(follow)) == ([], "0.1")
    [line] = drift_plan(follow)
    assert (plain(line.held), plain(line.wanted), line.is_diverged, line.is_sent) == ("0.1", "0.4", True, True)
    with pit.working():
        accept_plan(actor=bob, follow=follow)
    assert (pit.held(follow), aim(follow).diverged_at, failed_checks()) == ("0.4", None, {})


def test_rule_23_two_unexplained_orders_ask_for_a_comparison(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    by_hand(pit, follow, Side.SELL, "0.1")
    by_hand(pit, follow, Side.BUY, "0.9")
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=pit.desk.at)
    look(pit)
    assert FollowCommand.objects.filter(kind=FollowCommandKind.RESYNC, is_done=True).count() == 1
    # It diverged: nothing is sold before the follower says so.
    assert (repairs(follow), pit.held(follow)) == ([], "1.2")


def test_a_comparison_reduces_what_the_lead_no_longer_holds(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    order = pit.place(Side.SELL, 4)
    record_results(PaperBroker().submit(claim_orders(Order.objects.filter(pk=order.pk))))
    with pit.working():
        ask_resync([follow], at=pit.desk.at)
        ask_resync([follow], at=pit.desk.at)
    assert FollowCommand.objects.filter(follow=follow).count() == 1
    assert (repairs(follow), pit.held(follow)) == ([("CLOSE", "FILLED", "0.4")], "0")


def test_a_comparison_that_comes_after_a_stop_leaves_what_its_follower_keeps(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    order = pit.place(Side.SELL, 4)
    record_results(PaperBroker().submit(claim_orders(Order.objects.filter(pk=order.pk))))
    ask_resync([follow], at=pit.desk.at)
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    with pit.working():
        tasks.sweep()
    follow.refresh_from_db()
    [command] = FollowCommand.objects.all()
    assert (follow.state, command.is_done, repairs(follow), pit.held(follow)) == ("STOPPED", True, [], "0.4")


def test_a_plan_of_a_follow_that_ends_is_refused(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    Follow.objects.filter(pk=follow.pk).update(state="STOPPING")
    with pytest.raises(DomainError) as refusal:
        accept_plan(actor=bob, follow=follow)
    assert (refusal.value.code, FollowCommand.objects.count()) == ("FOLLOW_STATE", 0)


def test_rule_08_weights_are_aligned_when_they_are_off_by_the_tolerance(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, sizing="WEIGHTS")
    pit.buy(10)
    assert pit.held(follow) == "1"
    # The lead pays in as much again: its weight halves, and the follower's is twice as large.
    from portfolios.services.cash import deposit

    deposit(actor=pit.alice, portfolio=pit.lead, amount=D(10_000))
    look(pit)
    look(pit)
    assert (repairs(follow), pit.held(follow)) == ([("CLOSE", "FILLED", "0.5")], "0.5")


def test_rule_08_weights_buy_back_nothing_that_a_protective_stop_has_closed(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, sizing="WEIGHTS")
    pit.buy(10)
    by_hand(pit, follow, Side.SELL, "1")
    assert pit.held(follow) == "0"
    closed = {"stopped_at": pit.desk.at, "target": D(0), "diverged_at": None, "unexplained_orders": 0}
    FollowPosition.objects.filter(follow=follow).update(**closed)
    look(pit)
    look(pit)
    assert (repairs(follow), pit.held(follow), plain(aim(follow).target)) == ([], "0", "0")
    # Had nothing stopped it, the lead's weight would bring it back.
    FollowPosition.objects.filter(follow=follow).update(stopped_at=None)
    Follow.objects.filter(pk=follow.pk).update(drift_due_at=pit.desk.at)
    look(pit)
    look(pit)
    assert pit.held(follow) == "1"


def test_the_statements_of_a_look_do_not_grow_with_the_followers(pit: Pit) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for size in (3, 30):
        pit.crowd(size)
        pit.buy(4)
        for _ in range(2):
            FollowPosition.objects.update(target=D("0.1"), drift_since=None)
            Follow.objects.update(drift_due_at=pit.desk.at)
            pit.desk.step({pit.instrument: 100}, at=pit.desk.at + MINUTE)
        FollowPosition.objects.update(drift_since=pit.desk.at - MINUTE)
        with CaptureQueriesContext(connection) as statements:
            assert check_drift(namespace=pit.desk.namespace) == Follow.objects.count()
        counts.append(len(statements))
        with pit.working():
            tasks.sweep()
    assert counts[0] == counts[1] <= 40
