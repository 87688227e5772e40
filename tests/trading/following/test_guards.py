"""What guards a follow does: it pauses on a day's loss and closes at the copy stop (copy-trading rules 26 to 28, 31)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Notification, User
from common.bus import bus
from common.errors import DomainError
from engine.following import Guards, StopKind
from markets.prices import board_name
from portfolios.services.cash import deposit
from tests.fixtures_trading import UNGUARDED, Pit, failed_checks
from trading.follow_models import FollowGuard, StopMode
from trading.models import Follow, FollowState
from trading.services.follow_guards import change_guards, standing_of, watch_all_follows, watch_follows
from trading.services.follows import resume_follow, stop_follow

D = Decimal


def again(follow: Follow) -> Follow:
    return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)


def watch(pit: Pit) -> list[object]:
    with pit.working():
        return list(watch_follows(namespace=pit.desk.namespace))


def test_rule_26_a_days_loss_pauses_and_exits_are_still_mirrored(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    pit.buy(80)
    assert pit.held(follow) == "8"
    pit.price("93.76")
    assert (watch(pit), again(follow).state) == ([], FollowState.ACTIVE)
    pit.price("93.75")
    assert watch(pit) == [follow.pk]
    stored = again(follow)
    assert (stored.state, stored.state_code, pit.held(follow)) == (FollowState.PAUSED, "FOLLOW_DAILY_LOSS", "8")
    told = Notification.objects.get(event="follow.guard_hit")
    assert (told.user, told.context["equity"]) == (bob, "950.00 USDT")
    # Told and paused once, however often it is looked at.
    assert (watch(pit), Notification.objects.filter(event="follow.guard_hit").count()) == ([], 1)
    pit.sell(40)
    assert pit.held(follow) == "4"
    assert failed_checks() == {}


def test_rule_26_a_paused_follow_goes_on_only_when_its_owner_says_so(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    pit.buy(80)
    pit.price("93.75")
    watch(pit)
    pit.desk.at += timedelta(days=1)
    pit.price(100)
    assert (watch(pit), again(follow).state) == ([], FollowState.PAUSED)
    resumed = resume_follow(actor=bob, follow=follow)
    assert (resumed.state, resumed.state_code) == (FollowState.ACTIVE, "")
    # The next day's loss is measured from the next day's first equity.
    pit.price("93.76")
    assert watch(pit) == []


def test_rule_27_the_copy_stop_sells_everything_and_ends_the_follow_for_good(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    pit.buy(80)
    pit.price("50.01")
    watch(pit)
    assert again(follow).state == FollowState.PAUSED
    pit.price(50)
    assert watch(pit) == [follow.pk]
    stored = again(follow)
    assert (stored.state, stored.state_code, stored.stop_mode) == (
        FollowState.STOPPED,
        "COPY_STOP_LOSS",
        StopMode.CLOSE_NOW,
    )
    assert (pit.held(follow), pit.cash(follow)) == ("0", "600")
    pit.price(200)
    pit.sell(40)
    pit.buy(1)
    assert (watch(pit), again(follow).state, pit.held(follow)) == ([], FollowState.STOPPED, "0")
    assert failed_checks() == {}


def test_rule_27_a_trailing_stop_sells_from_the_height(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    change_guards(actor=bob, follow=follow, guards=Guards(None, D("0.4"), StopKind.TRAILING))
    pit.buy(80)
    pit.price("162.5")
    watch(pit)
    pit.price("112.51")
    assert watch(pit) == []
    pit.price("112.5")
    assert watch(pit) == [follow.pk]
    assert (again(follow).state, pit.cash(follow)) == (FollowState.STOPPED, "1100")


def test_rule_28_money_that_comes_moves_the_stop_and_is_no_gain(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    change_guards(actor=bob, follow=follow, guards=Guards(None, D("0.4")))
    pit.buy(80)
    pit.price(75)
    watch(pit)
    deposit(actor=bob, portfolio=follow.portfolio, amount=D(800))
    watch(pit)
    standing = standing_of(again(follow))
    assert standing is not None
    assert [standing.equity, standing.marks.capital, standing.level] == [1_600, 2_000, 1_200]
    # Eight coins and 1,000 in cash: worth 1,200 at 25.
    pit.price("25.01")
    assert watch(pit) == []
    pit.price(25)
    assert watch(pit) == [follow.pk]


def test_who_waits_for_the_leads_exits_is_still_guarded(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    pit.buy(80)
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.FOLLOW_EXITS)
    pit.price(50)
    assert watch(pit) == [follow.pk]
    assert (again(follow).state, pit.held(follow)) == (FollowState.STOPPED, "0")


def test_what_has_no_price_is_not_judged(pit: Pit, bob: User) -> None:
    pit.follow(bob, **UNGUARDED)
    pit.buy(80)
    pit.price(10)
    bus().board_drop(board_name(pit.desk.namespace))
    assert watch(pit) == []


def test_the_watch_takes_as_many_statements_for_ten_as_for_two(pit: Pit, bob: User, charlie: User) -> None:
    pit.follow(bob, **UNGUARDED)
    pit.follow(charlie)
    pit.buy(10)
    watch_all_follows()
    pit.price(101)
    with CaptureQueriesContext(connection) as few:
        watch_all_follows()
    for number in range(8):
        pit.follow(User.objects.create_user(f"more-{number}@example.org"))
    pit.buy(1)
    pit.price(102)
    with CaptureQueriesContext(connection) as many:
        watch_all_follows()
    assert len(many) == len(few)
    assert FollowGuard.objects.filter(peak__gt=1_000).count() == 10


@pytest.mark.parametrize(
    ("guards", "code"),
    [
        (Guards(stop=D("0.0499")), "COPY_STOP_OUT_OF_RANGE"),
        (Guards(stop=D("0.9501")), "COPY_STOP_OUT_OF_RANGE"),
        (Guards(stop=D("NaN")), "COPY_STOP_OUT_OF_RANGE"),
        (Guards(daily_loss=D(0)), "DAILY_LOSS_OUT_OF_RANGE"),
        (Guards(daily_loss=D("1.01")), "DAILY_LOSS_OUT_OF_RANGE"),
        (Guards(daily_loss=D("0.05001")), "GUARD_TOO_FINE"),
    ],
)
def test_absurd_guards_change_nothing(pit: Pit, bob: User, guards: Guards, code: str) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    before, audits = FollowGuard.objects.values().get(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        change_guards(actor=bob, follow=follow, guards=guards)
    assert refusal.value.code == code
    assert (FollowGuard.objects.values().get(), AuditEntry.objects.count()) == (before, audits)


def test_a_follow_from_before_there_were_guards_gets_them_when_its_owner_sets_some(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, **UNGUARDED)
    FollowGuard.objects.all().delete()
    pit.buy(80)
    pit.price("37.5")
    assert (watch(pit), standing_of(again(follow))) == ([], None)
    change_guards(actor=bob, follow=follow, guards=Guards(None, D("0.4")))
    standing = standing_of(again(follow))
    assert standing is not None
    # Losses count from now on.
    assert [standing.marks.capital, standing.level] == [500, 300]
    pit.price("12.5")
    assert watch(pit) == [follow.pk]
