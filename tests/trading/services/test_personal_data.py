"""What trading hands out about a person, and what has to end before they are forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import Notification, User
from accounts.registry import describe
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit
from trading.models import Fill, Follow, FollowState, Order
from trading.services.follows import StopMode, stop_follow


def test_orders_fills_and_follows_are_taken_along(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(20)
    taken = export_personal_data(user=bob)["trading"]
    [kept] = taken["follows"]
    assert (kept["id"], kept["lead_id"], kept["state"]) == (follow.pk, pit.lead.pk, "ACTIVE")
    [order] = taken["orders"]
    assert (order["follow_id"], order["instrument__symbol"], order["state"]) == (follow.pk, "BTC-USDT", "FILLED")
    [fill] = taken["fills"]
    assert (fill["order_id"], fill["quantity"], fill["price"]) == (order["id"], Decimal(2), Decimal(100))
    # The lead's are the lead's.
    assert [row["portfolio_id"] for row in export_personal_data(user=pit.alice)["trading"]["fills"]] == [pit.lead.pk]
    assert export_personal_data(user=pit.alice)["trading"]["follows"] == []


def test_follows_end_before_their_owner_is_forgotten(pit: Pit, bob: User, unchanged: Unchanged) -> None:
    follow = pit.follow(bob)
    with unchanged(), pytest.raises(DomainError) as refused:
        erase_person(user=bob)
    assert refused.value.code == "FOLLOWS_UNFINISHED"
    bob.refresh_from_db()
    assert bob.is_active
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    erase_person(user=bob)
    bob.refresh_from_db()
    assert not bob.is_active


def test_what_was_traded_outlives_the_account(pit: Pit) -> None:
    pit.buy(1)
    erase_person(user=pit.alice)
    assert (Order.objects.count(), Fill.objects.count(), Follow.objects.count()) == (1, 1, 0)


def test_followers_are_told_that_their_lead_has_left(pit: Pit, bob: User, charlie: User) -> None:
    follow, ended = pit.follow(bob), pit.follow(charlie)
    stop_follow(actor=charlie, follow=ended, mode=StopMode.KEEP)
    pit.buy(20)
    erase_person(user=pit.alice)
    told = Notification.objects.filter(event="lead.left")
    assert [(one.user_id, one.context) for one in told] == [
        (bob.pk, {"portfolio": str(follow.portfolio_id), "portfolio_name": follow.portfolio.name})
    ]
    words = describe(told[0].event, told[0].context)
    assert words.title == f"The lead of {follow.portfolio.name} has left"
    follow.refresh_from_db()
    assert follow.state == FollowState.ACTIVE
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
