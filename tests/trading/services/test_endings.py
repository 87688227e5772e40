"""How a follow ends when something is in the way: an order in flight, a price that is missing, a change of mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from accounts.models import Notification, User
from common.bus import bus
from common.clock import market_now
from common.errors import DomainError
from markets.prices import board_name
from tests.fixtures_trading import Pit, failed_checks
from trading.brokers import OrderResult, Outcome
from trading.brokers.choosing import use_broker
from trading.brokers.paper import PaperBroker
from trading.due import due_commands
from trading.follow_models import StopMode
from trading.models import Follow, FollowCommand, FollowState, Leg, Order, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.follows import EXIT_AGAIN, LOOK_AGAIN, stop_follow
from trading.services.sweeping import sweep


def again(follow: Follow) -> Follow:
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)


def sweep_up(pit: Pit) -> None:
    with pit.working():
        sweep(older_than_seconds=-1)


def test_closing_now_waits_for_an_open_that_is_in_flight(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    order = pit.place(Side.BUY, 10)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    assert fan_out_batch(lead_id=pit.lead.pk)
    [copy] = claim_orders(Order.objects.filter(follow=follow))
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert FollowCommand.objects.get().is_done is False
    with pit.working():
        record_results(PaperBroker().submit([copy]))
    sweep_up(pit)
    assert pit.held(follow) == "0"
    assert again(follow).state == FollowState.STOPPED
    assert [row[:3] for row in pit.orders(follow)] == [("BUY", "OPEN", "FILLED"), ("SELL", "CLOSE", "FILLED")]
    pit.sell(10)
    assert failed_checks() == {}


def test_closing_now_waits_for_a_price(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    bus().board_drop(board_name(pit.desk.namespace))
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    sweep_up(pit)
    assert [row[:3] for row in pit.orders(follow)] == [("BUY", "OPEN", "FILLED"), ("SELL", "CLOSE", "PENDING")]
    pit.price(110)
    sweep_up(pit)
    assert pit.held(follow) == "0"
    assert again(follow).state == FollowState.STOPPED


def test_who_waits_for_the_leads_exits_may_close_now_after_all(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
    assert again(follow).state == FollowState.STOPPING
    with pit.working():
        stop_follow(actor=bob, follow=again(follow), mode=StopMode.CLOSE_NOW)
    assert (again(follow).state, again(follow).stop_mode) == (FollowState.STOPPED, StopMode.CLOSE_NOW)
    assert pit.held(follow) == "0"


def test_who_waits_for_the_leads_exits_may_keep_what_there_is(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
        stop_follow(actor=bob, follow=again(follow), mode=StopMode.KEEP)
    assert (again(follow).state, pit.held(follow)) == (FollowState.STOPPED, "1")


def test_stopping_in_the_same_way_twice_is_refused(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
    with pytest.raises(DomainError) as refused:
        stop_follow(actor=bob, follow=again(follow), mode=StopMode.FOLLOW_EXITS)
    assert refused.value.code == "FOLLOW_STATE"


class Refusing(PaperBroker):
    """A venue that says no to so many exits."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        results = []
        for order in orders:
            if order.leg == Leg.CLOSE and self.refusals:
                self.refusals -= 1
                results.append(OrderResult(order.pk, Outcome.REJECTED, code="VENUE_SAYS_NO"))
            else:
                results += super().submit([order])
        return results


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    broker = Refusing(0)
    use_broker(broker)
    yield broker
    use_broker(None)


def test_rule_16_an_exit_of_everything_that_is_refused_is_tried_until_it_gets_through(
    pit: Pit, bob: User, refusing: Refusing
) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    refusing.refusals = 4
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert (pit.held(follow), again(follow).state, FollowCommand.objects.get().is_done) == ("1", "STOPPING", False)
    # Whoever moves market time asks four times a second: what was looked at just now is not due.
    assert due_commands(pit.desk.namespace, market_now(pit.desk.namespace)) == []
    assert due_commands(pit.desk.namespace, market_now(pit.desk.namespace) + LOOK_AGAIN) != []
    sweep_up(pit)
    sweep_up(pit)
    told = Notification.objects.filter(user=bob, event="follow.close_failed")
    exits = Order.objects.filter(follow=follow, leg=Leg.CLOSE).order_by("attempt")
    assert [one.state for one in exits] == ["REJECTED"] * 3 and told.count() == 0
    # From the third on the tries are some seconds apart, and its owner knows.
    sweep_up(pit)
    assert exits.count() == 3
    for _ in range(3):
        exits.update(recorded_at=exits[0].recorded_at - EXIT_AGAIN)
        sweep_up(pit)
    assert [(one.attempt, one.state) for one in exits] == [(n, "REJECTED") for n in (1, 2, 3, 4)] + [(5, "FILLED")]
    assert len({one.client_order_id for one in exits}) == 5
    assert "VENUE_SAYS_NO" in str(told.get().context)
    assert (pit.held(follow), again(follow).state, FollowCommand.objects.get().is_done) == ("0", "STOPPED", True)
    assert failed_checks() == {}
