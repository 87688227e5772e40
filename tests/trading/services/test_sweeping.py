"""Every task may be lost: each kind of work waits in a row, and the sweep finds it."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from common import clock
from common.tasks import inline_tasks
from tests.fixtures_trading import Pit, everything_stored, failed_checks
from trading import tasks
from trading.brokers import OrderResult, Outcome
from trading.follow_models import StopMode
from trading.models import Follow, FollowCommand, FollowState, LeadEvent, LeadEventState, Order, OrderState, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.follows import stop_follow
from trading.services.sweeping import PATIENCE_SECONDS, sweep


def executed(order: Order) -> Order:
    """Do what the order's own task does; what that enqueues is lost."""
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    return order


def swept(pit: Pit, seconds: float = 0) -> int:
    """Sweep, do what that found, and return how many pieces of work it was."""
    with pit.working():
        return sweep(older_than_seconds=seconds, lease_seconds=0)


def test_an_order_whose_task_was_lost_is_sent(pit: Pit) -> None:
    pit.place(Side.BUY, 1)
    assert swept(pit) == 1
    assert pit.orders(pit.lead)[0][2] == OrderState.FILLED
    assert swept(pit) == 0


def test_an_event_whose_task_was_lost_is_copied_and_its_copies_sent(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    executed(pit.place(Side.BUY, 10))
    assert LeadEvent.objects.get().state == LeadEventState.WAITING
    assert swept(pit) == 1
    assert (LeadEvent.objects.get().state, pit.held(follow)) == (LeadEventState.DONE, "1")
    assert failed_checks() == {}


def test_copies_whose_task_was_lost_are_sent(pit: Pit, bob: User, charlie: User) -> None:
    follows = [pit.follow(bob), pit.follow(charlie)]
    executed(pit.place(Side.BUY, 10))
    fan_out_batch(lead_id=pit.lead.pk)
    # Both copies have one cause: one piece of work.
    assert swept(pit) == 1
    assert [pit.held(follow) for follow in follows] == ["1", "1"]


def test_an_order_whose_worker_died_is_asked_about(pit: Pit) -> None:
    pit.place(Side.BUY, 1)
    claim_orders(Order.objects.all())
    with pit.working():
        assert sweep(older_than_seconds=0) == 0  # the lease is not over
    assert swept(pit) == 1
    assert pit.held(pit.lead) == "1"


def test_an_order_without_an_answer_is_asked_about(pit: Pit) -> None:
    pit.place(Side.BUY, 1)
    [order] = claim_orders(Order.objects.all())
    record_results([OrderResult(order.pk, Outcome.UNKNOWN)])
    assert swept(pit) == 1
    assert pit.orders(pit.lead)[0][2] == OrderState.FILLED


def test_a_command_whose_task_was_lost_is_run(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert FollowCommand.objects.get().is_done is False
    assert swept(pit) == 1
    assert FollowCommand.objects.get().is_done
    assert (pit.held(follow), Follow.objects.get().state) == ("0", FollowState.STOPPED)


def test_a_follow_whose_ending_was_lost_is_ended(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
    executed(pit.place(Side.SELL, 10))
    fan_out_batch(lead_id=pit.lead.pk)
    executed(Order.objects.filter(follow=follow).order_by("-pk")[0])
    assert (pit.held(follow), Follow.objects.get().state) == ("0", FollowState.STOPPING)
    swept(pit)
    assert Follow.objects.get().state == FollowState.STOPPED


@pytest.mark.parametrize(("age", "found"), [(PATIENCE_SECONDS - 1, 0), (PATIENCE_SECONDS + 1, 1)])
def test_what_is_young_is_left_to_its_own_task(pit: Pit, age: float, found: int) -> None:
    order = pit.place(Side.BUY, 1)
    at = clock.wall_now() - timedelta(seconds=age)
    Order.objects.filter(pk=order.pk).update(recorded_at=at)
    with pit.working():
        assert sweep() == found


def test_a_sweep_over_clean_books_does_nothing(pit: Pit, bob: User) -> None:
    pit.follow(bob)
    pit.buy(10)
    before = everything_stored()
    assert swept(pit) == 0
    assert everything_stored() == before


@pytest.mark.parametrize("seed", range(4))
def test_all_tasks_may_be_lost_all_the_time(pit: Pit, bob: User, charlie: User, seed: int) -> None:
    """Whatever a transaction enqueues comes to nothing: sweeps alone bring everything to its end."""
    chance = random.Random(seed)
    follows = [pit.follow(bob), pit.follow(charlie, 777, "2.5")]
    with inline_tasks(chance):
        for side, quantity in [(Side.BUY, "8"), (Side.BUY, "4"), (Side.SELL, "3"), (Side.SELL, "9")]:
            executed(pit.place(side, quantity))
            if chance.random() < 0.5:
                tasks.sweep()
    rounds = 0
    while swept(pit):
        rounds += 1
        assert rounds < 20
    assert [pit.held(follow) for follow in follows] == ["0", "0"]
    assert failed_checks() == {}
    assert all(event.state == LeadEventState.DONE for event in LeadEvent.objects.all())


def test_the_task_sweeps_with_the_leases_of_the_settings(pit: Pit) -> None:
    pit.place(Side.BUY, 1)
    claim_orders(Order.objects.all())
    tasks.sweep()
    assert pit.orders(pit.lead)[0][2] == OrderState.SUBMITTING
    Order.objects.update(claimed_at=clock.wall_now() - timedelta(seconds=31))
    tasks.sweep()
    assert pit.orders(pit.lead)[0][2:] == (OrderState.FILLED, "1", "")
    assert pit.cash(pit.lead) == str(Decimal(9900))
