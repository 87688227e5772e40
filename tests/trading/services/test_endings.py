"""How a follow ends when something is in the way: an order in flight, a price that is missing, a change of mind."""

from __future__ import annotations

import pytest

from accounts.models import User
from common.bus import bus
from common.errors import DomainError
from markets.prices import board_name
from tests.fixtures_trading import Pit, failed_checks
from trading.brokers.paper import PaperBroker
from trading.models import Follow, FollowCommand, FollowState, Order, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.follows import StopMode, stop_follow
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
    assert (again(follow).state, again(follow).state_code) == (FollowState.STOPPED, StopMode.CLOSE_NOW)
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
