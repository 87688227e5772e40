"""How many may follow, the waiting list, and what ends a follow that nobody stopped (copy-trading rules 31 and 33)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Notification, User
from common.errors import DomainError
from portfolios.models import ExchangeAccount, Portfolio, PortfolioState
from portfolios.services.cash import withdraw
from tests.fixtures_trading import Pit, failed_checks
from trading.follow_models import StartMode, StopMode, WaitingFollow
from trading.models import Follow, FollowState, LeadStream
from trading.services.follows import start_follow, stop_follow
from trading.services.lead_caps import room_of
from trading.services.sweeping import sweep
from trading.services.waiting_list import admit_waiting, place_on_list

D = Decimal


def again(follow: Follow) -> Follow:
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)


def full(pit: Pit, followers: int) -> None:
    LeadStream.objects.filter(portfolio=pit.lead).update(most_followers=followers)


def start(pit: Pit, user: User, amount: int = 1_000, mode: StartMode = StartMode.NEW_ONLY) -> Follow:
    source = pit.portfolio(user, amount, "Savings")
    with pit.working():
        return start_follow(follower=user, lead=pit.lead, source=source, amount=D(amount), multiplier=D(1), start=mode)


def sweep_up(pit: Pit) -> None:
    with pit.working():
        sweep(older_than_seconds=-1)


def test_rule_33_a_small_lead_is_followed_by_nobody(pit: Pit, alice: User, bob: User) -> None:
    withdraw(actor=alice, portfolio=pit.lead, amount=D("9500.01"))
    source = pit.portfolio(bob, 1_000, "Savings")
    with pytest.raises(DomainError) as refusal:
        start_follow(follower=bob, lead=pit.lead, source=source, amount=D(100), multiplier=D(1))
    assert (refusal.value.code, Follow.objects.count()) == ("LEAD_TOO_SMALL", 0)


def test_rule_33_room_is_counted_by_people_and_by_capital(pit: Pit, bob: User) -> None:
    before = room_of(pit.lead)
    assert (before.most_followers, before.followers) == (500, 0)
    assert [before.most_capital, before.capital] == [1_000_000, 0]
    pit.follow(bob)
    after = room_of(pit.lead)
    assert after.followers == 1
    assert [after.capital, after.capital_left] == [1_000, 999_000]
    assert (after.has(D(999_000)), after.has(D("999000.01"))) == (True, False)


def test_rule_33_whoever_comes_when_it_is_full_waits_with_the_money_where_it_was(
    pit: Pit, bob: User, charlie: User
) -> None:
    full(pit, 1)
    first = start(pit, bob)
    second = start(pit, charlie, 500, StartMode.ADOPT_ALL)
    assert (again(first).state, again(second).state, place_on_list(second)) == (
        FollowState.ACTIVE,
        FollowState.WAITING,
        1,
    )
    assert (pit.cash(second), pit.cash(Portfolio.objects.get(owner=charlie, name="Savings"))) == ("0", "500")
    pit.buy(10)
    assert (pit.held(first), pit.held(second)) == ("1", "0")
    with pit.working():
        stop_follow(actor=bob, follow=again(first), mode=StopMode.CLOSE_NOW)
    stored = again(second)
    # What it was to begin with it begins with now: the lead's ten coins at a twentieth.
    assert (stored.state, stored.start_seq, pit.held(second), WaitingFollow.objects.count()) == ("ACTIVE", 1, "0.5", 0)
    assert Notification.objects.get(event="follow.admitted").user == charlie
    pit.sell(10)
    assert pit.held(second) == "0"
    assert failed_checks() == {}


def test_rule_33_nobody_overtakes_on_the_waiting_list(pit: Pit, bob: User, charlie: User, operator: User) -> None:
    LeadStream.objects.filter(portfolio=pit.lead).update(most_capital=D(1_000))
    start(pit, bob)
    big, small = start(pit, charlie, 800), start(pit, operator, 100)
    assert [again(one).state for one in (big, small)] == [FollowState.WAITING, FollowState.WAITING]
    LeadStream.objects.filter(portfolio=pit.lead).update(most_capital=D(1_500))
    # There is room for the small one, but the big one came first.
    assert admit_waiting(lead_id=pit.lead.pk) == 0
    LeadStream.objects.filter(portfolio=pit.lead).update(most_capital=D(1_800))
    sweep_up(pit)
    assert [again(one).state for one in (big, small)] == [FollowState.ACTIVE, FollowState.WAITING]


def test_rule_33_whose_money_is_gone_loses_the_place_and_is_told(
    pit: Pit, bob: User, charlie: User, operator: User
) -> None:
    full(pit, 0)
    LeadStream.objects.filter(portfolio=pit.lead).update(most_followers=1)
    first = start(pit, bob)
    gone, next_one = start(pit, charlie), start(pit, operator)
    withdraw(actor=charlie, portfolio=Portfolio.objects.get(owner=charlie, name="Savings"), amount=D(1))
    with pit.working():
        stop_follow(actor=bob, follow=first, mode=StopMode.KEEP)
    stored = again(gone)
    assert (stored.state, stored.state_code, pit.cash(gone)) == (FollowState.STOPPED, "WAITING_UNFUNDED", "0")
    assert Notification.objects.get(event="follow.place_lost").user == charlie
    assert again(next_one).state == FollowState.ACTIVE


def test_rule_33_who_waits_may_leave_the_list(pit: Pit, bob: User, charlie: User) -> None:
    full(pit, 1)
    start(pit, bob)
    waiting = start(pit, charlie)
    with pit.working():
        stopped = stop_follow(actor=charlie, follow=waiting, mode=StopMode.CLOSE_NOW)
    assert (again(stopped).state, WaitingFollow.objects.count(), room_of(pit.lead).followers) == ("STOPPED", 0, 1)


# --- endings that nobody asked for ------------------------------------------------------------------------------------
def test_rule_31_after_a_week_of_waiting_for_the_leads_exits_it_is_sold(pit: Pit, bob: User) -> None:
    follow = start(pit, bob)
    pit.buy(10)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
    pit.desk.at += timedelta(days=7) - timedelta(seconds=1)
    pit.price(100)
    sweep_up(pit)
    assert (again(follow).state, pit.held(follow)) == (FollowState.STOPPING, "1")
    pit.desk.at += timedelta(seconds=1)
    pit.price(100)
    sweep_up(pit)
    stored = again(follow)
    assert (stored.state, stored.state_code, pit.held(follow)) == (FollowState.STOPPED, "EXITS_OVERDUE", "0")
    assert Notification.objects.filter(event="follow.closing", user=bob).count() == 1


def test_rule_31_a_lead_that_is_closed_closes_its_follows(pit: Pit, bob: User) -> None:
    follow = start(pit, bob)
    pit.buy(10)
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.CLOSED)
    sweep_up(pit)
    stored = again(follow)
    assert (stored.state, stored.state_code, pit.held(follow)) == (FollowState.STOPPED, "LEAD_LEFT", "0")
    sweep_up(pit)
    assert Notification.objects.filter(event="follow.closing").count() == 1
    assert failed_checks() == {}


def test_rule_31_what_its_owner_keeps_is_not_sold_when_the_lead_leaves(pit: Pit, bob: User) -> None:
    follow = start(pit, bob)
    pit.buy(10)
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    Portfolio.objects.filter(pk=pit.lead.pk).update(state=PortfolioState.CLOSED)
    sweep_up(pit)
    assert pit.held(follow) == "1"
    assert not ExchangeAccount.objects.exists()
