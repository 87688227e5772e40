"""What trading hands out about a person, and what has to end before they are forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit
from trading.models import Fill, Follow, Order
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
