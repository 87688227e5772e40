"""Who sees orders, fills and follows, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from common.errors import NotFound
from common.ids import new_id
from tests.fixtures_trading import Pit
from trading import selectors
from trading.due import has_unfinished_work
from trading.follow_models import StopMode
from trading.models import Fill, Follow, FollowState, Order, OrderState, SafetyLevel
from trading.selectors import fill_for_user, follow_for_user, follows_in_circle, order_for_user
from trading.services.follows import stop_follow

Gate = Callable[[Any, Any], Any]


@pytest.fixture
def followed(pit: Pit, bob: User) -> Pit:
    pit.follow(bob)
    pit.buy(10)
    return pit


def answers(gate: Gate, key: object, askers: list[Any]) -> list[bool]:
    """Return for each asker whether the gate opens; who is refused learns nothing."""
    found = []
    for asker in askers:
        try:
            found.append(gate(asker, key).pk == key)
        except NotFound as refusal:
            assert refusal.status == 404
            found.append(False)
    return found


def test_orders_fills_and_follows_are_their_owners_alone(
    followed: Pit, alice: User, bob: User, charlie: User, operator: User
) -> None:
    askers = [alice, bob, charlie, operator, AnonymousUser(), None]
    alices, bobs = [True, False, False, False, False, False], [False, True, False, False, False, False]
    copy = Order.objects.get(portfolio__owner=bob)
    own = Order.objects.get(portfolio__owner=alice)
    assert answers(order_for_user, own.pk, askers) == alices
    # A lead does not see who copied what, nor a follower the lead's own orders.
    assert answers(order_for_user, copy.pk, askers) == bobs
    assert answers(fill_for_user, Fill.objects.get(order=own).pk, askers) == alices
    assert answers(fill_for_user, Fill.objects.get(order=copy).pk, askers) == bobs
    assert answers(follow_for_user, Follow.objects.get().pk, askers) == bobs


@pytest.mark.parametrize("gate", [order_for_user, fill_for_user, follow_for_user])
@pytest.mark.parametrize("key", ["", "1", "x" * 40, "\x00", None])
def test_what_is_no_id_is_not_found(followed: Pit, alice: User, gate: Gate, key: object) -> None:
    with pytest.raises(NotFound):
        gate(alice, key)
    with pytest.raises(NotFound):
        gate(alice, new_id())


def test_lists_are_newest_first_and_ones_own(followed: Pit, alice: User, bob: User) -> None:
    followed.sell(4)
    lead = followed.lead
    own = list(Order.objects.filter(portfolio=lead).order_by("-pk"))
    assert list(selectors.orders_of(lead)) == list(selectors.orders_of_user(alice)) == own
    assert [fill.number for fill in selectors.fills_of(lead)] == [2, 1]
    assert list(selectors.fills_of_user(bob)) == list(Fill.objects.filter(portfolio__owner=bob).order_by("-pk"))
    assert list(selectors.follows_of(bob)) == [Follow.objects.get()]
    assert list(selectors.follows_of(alice)) == []


def test_markers_are_ones_fills_on_a_chart(followed: Pit, bob: User) -> None:
    followed.price("110.50")
    followed.sell("4.5")
    at = int(followed.desk.at.timestamp())
    assert selectors.markers(followed.lead, followed.instrument) == [
        {"time": at, "side": "buy", "text": "10 @ 100"},
        {"time": at, "side": "sell", "text": "4.5 @ 110.5"},
    ]
    assert selectors.markers(followed.lead, followed.instrument, limit=1)[0]["side"] == "sell"
    copies = Follow.objects.get().portfolio
    assert [one["text"] for one in selectors.markers(copies, followed.instrument)] == ["1 @ 100", "0.45 @ 110.5"]
    assert selectors.markers(followed.lead, followed.desk.instrument("ETH")) == []


def test_a_portfolio_follows_until_its_follow_has_ended(followed: Pit, bob: User) -> None:
    follow = Follow.objects.get()
    source = bob.portfolios.exclude(pk=follow.portfolio_id).get()
    for state in FollowState:
        Follow.objects.update(state=state)
        ended = state == FollowState.STOPPED
        assert selectors.is_following(follow.portfolio) is not ended
        assert set(selectors.free_portfolios_of(bob)) == ({source, follow.portfolio} if ended else {source})
        assert follows_in_circle(follower=followed.alice, lead_owner_id=bob.pk) is not ended
    assert not selectors.is_following(followed.lead)
    assert selectors.follow_of(follow.portfolio) == follow
    assert selectors.follow_of(followed.lead) is None


def test_what_is_held_can_be_sold_though_it_may_not_be_opened(pit: Pit) -> None:
    ether = pit.desk.instrument("ETH")
    pit.buy(1)
    pit.lead.is_restricted = True
    pit.lead.save(update_fields=["is_restricted"])
    pit.lead.allowed_instruments.set([ether])
    assert set(selectors.ticket_instruments(pit.lead)) == {pit.instrument, ether}
    pit.sell(1)
    assert list(selectors.ticket_instruments(pit.lead)) == [ether]


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.SUBMITTING, OrderState.UNKNOWN])
def test_market_time_waits_for_orders_that_are_under_way(pit: Pit, state: OrderState) -> None:
    namespace = pit.desk.namespace
    pit.buy(1)
    assert not has_unfinished_work(namespace)
    Order.objects.update(state=state)
    assert has_unfinished_work(namespace)
    assert not has_unfinished_work("elsewhere")


def test_market_time_waits_for_commands(followed: Pit, bob: User) -> None:
    stop_follow(actor=bob, follow=Follow.objects.get(), mode=StopMode.CLOSE_NOW)
    assert has_unfinished_work(followed.desk.namespace)
    assert not has_unfinished_work("elsewhere")


def test_the_platform_is_active_until_somebody_touches_its_switch(operator: User) -> None:
    assert (selectors.platform_level(), selectors.platform_switch()) == (SafetyLevel.ACTIVE, None)
