"""What trading hands out about a person, and what has to end before they are forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import AuditEntry, Notification, User
from accounts.privacy.services.leaving import ask_to_leave
from accounts.registry import describe
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, failed_checks
from tests.fixtures_waiting import Waiting, told
from trading.follow_models import FollowProtection, StopMode
from trading.kinds import OrderKind
from trading.models import Fill, Follow, FollowState, Order, OrderState, Side
from trading.risk.services.profiles import set_limits
from trading.services.follows import stop_follow
from trading.services.sweeping import sweep


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


def test_how_far_a_follow_is_protected_is_taken_along(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    FollowProtection.objects.create(follow=follow, share=Decimal("0.125"))
    taken = export_personal_data(user=bob)["trading"]
    assert taken["protective_stops"] == [{"follow_id": follow.pk, "share": Decimal("0.125")}]
    assert export_personal_data(user=pit.alice)["trading"]["protective_stops"] == []


def test_limits_and_what_they_denied_are_taken_along(pit: Pit, bob: User) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_order_share": "0.1"})
    with pytest.raises(DomainError):
        pit.place(Side.BUY, 20)
    taken = export_personal_data(user=pit.alice)["trading"]
    assert taken["limits"] == [{"portfolio_id": pit.lead.pk, "name": "CUSTOM", "limits": {"max_order_share": "0.1"}}]
    [denial] = taken["denials"]
    assert (denial["portfolio_id"], denial["code"], denial["asked"]) == (pit.lead.pk, "ORDER_SHARE_LIMIT", Decimal(20))
    assert export_personal_data(user=bob)["trading"]["denials"] == []


# What a worker notes for itself; the rest of an order is its owner's.
OURS = {
    "cancel_at",
    "claim",
    "plan_heard",
    "claimed_at",
    "ask_at",
    "times_asked",
    "missing_since",
    "change",
    "seq",
    "attempt",
    "instrument_id",
}


def test_nothing_of_an_order_is_kept_back(waiting: Waiting, bob: User) -> None:
    order = waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="90", stop_price="80")
    taken = export_personal_data(user=waiting.pit.alice)
    [kept] = taken["trading"]["orders"]
    assert {one.attname for one in Order._meta.concrete_fields} - OURS == set(kept) - {"instrument__symbol"}
    assert (kept["limit_price"], kept["stop_price"], kept["reserved"]) == (Decimal(90), Decimal(80), Decimal(90))
    assert [(one["order_id"], one["state"]) for one in taken["trading"]["order_events"]] == [(order.pk, "OPEN")]
    holds = [one["amount"] for one in taken["portfolios"]["ledger"] if one["order_id"] == order.pk]
    assert holds == [Decimal(90), Decimal(-90)]
    assert export_personal_data(user=bob)["trading"]["order_events"] == []


def test_what_waits_is_canceled_when_its_owner_leaves(waiting: Waiting, bob: User) -> None:
    pit = waiting.pit
    other = pit.portfolio(bob, 1_000, "Own")
    pit.buy(2)
    mine = [
        waiting.ask(Side.BUY, 1, OrderKind.LIMIT, limit_price="90"),
        waiting.ask(Side.SELL, 1, OrderKind.STOP, trigger_price="80", reduce_only=True),
        pit.place(Side.BUY, 1),
    ]
    others = waiting.ask(Side.BUY, 1, OrderKind.LIMIT, portfolio=other, limit_price="90")
    erase_person(user=pit.alice)
    assert [told(one)[:2] for one in mine] == [(OrderState.CANCELED, "OWNER_LEFT")] * 3
    assert (told(others)[0], waiting.promised(), failed_checks()) == (OrderState.OPEN, {}, {})


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


def test_who_leaves_does_not_stop_twice_what_is_being_sold_already(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(20)
    stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    ask_to_leave(user=bob, keeps_holdings=False)
    follow.refresh_from_db()
    assert (follow.state, follow.stop_mode) == ("STOPPING", StopMode.CLOSE_NOW)
    assert AuditEntry.objects.filter(action="follow.stopping").count() == 1


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
    # A lead who is gone never sells: what was copied is sold (rule 31).
    follow.refresh_from_db()
    assert (follow.state, follow.state_code) == (FollowState.STOPPING, "LEAD_LEFT")
    with pit.working():
        sweep(older_than_seconds=-1)
    follow.refresh_from_db()
    assert (follow.state, pit.held(follow)) == (FollowState.STOPPED, "0")


def test_who_leaves_has_follows_stopped_in_the_way_they_chose(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    ask_to_leave(user=bob, keeps_holdings=True)
    follow.refresh_from_db()
    assert follow.state in (FollowState.STOPPING, FollowState.STOPPED)
    assert follow.stop_mode == StopMode.KEEP


def test_who_follows_somebody_that_leaves_is_told_and_nobody_else(pit: Pit, bob: User, charlie: User) -> None:
    follow = pit.follow(bob)
    ask_to_leave(user=pit.alice, keeps_holdings=False)
    (told,) = Notification.objects.filter(event="lead.leaving")
    assert (told.user, told.context["portfolio"]) == (bob, str(follow.portfolio_id))
    follow.refresh_from_db()
    assert follow.state == FollowState.ACTIVE
