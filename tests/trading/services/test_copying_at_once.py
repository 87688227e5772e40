"""Copied opens that are stored once, as what our own broker made of them; and two workers that serve one event."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolios.models import Balance, BookingKind, LedgerLine
from tests.fixtures_desk import Desk, Working
from tests.fixtures_trading import Pit, at_once, failed_checks, plain
from trading.models import CauseKind, Fill, Follow, LeadEventState, Leg, Order, OrderEvent, OrderState, Side
from trading.services import copying
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending

D = Decimal
FILLED, PENDING = OrderState.FILLED, OrderState.PENDING


def lead_trades(pit: Pit, side: Side, quantity: int | str) -> str:
    """Book a fill of the lead's that nobody has copied yet, and return its event's id."""
    order = pit.place(side, quantity)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    return str(pit.event().pk)


def copy_at_once(pit: Pit) -> None:
    while fan_out_batch(lead_id=pit.lead.pk, at_once=True):
        pass


def stored(follow: Follow, cause_id: str) -> object:
    """Return all that an event left of a follow, but for keys and times of the wall."""
    order = Order.objects.get(follow=follow, cause_id=cause_id)
    skipped = ("id", "cause_id", "client_order_id", "seq", "claim", "claimed_at", "recorded_at")
    columns = {
        one.attname: getattr(order, one.attname) for one in Order._meta.concrete_fields if one.name not in skipped
    }
    fill = Fill.objects.get(order=order)
    lines = LedgerLine.objects.filter(booking_id=fill.pk, kind=BookingKind.FILL).order_by("pk")
    events = OrderEvent.objects.filter(order=order).values_list("state", "code", "happened_at")
    told = (fill.side, fill.quantity, fill.price, fill.fee, fill.happened_at)
    return columns, told, list(lines.values_list("account", "asset", "amount")), list(events)


def test_what_is_stored_at_once_is_what_two_steps_would_have_stored(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    by_steps = pit.fan_out(Side.BUY, 4)
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=by_steps)
    at_one_go = lead_trades(pit, Side.BUY, 4)
    copy_at_once(pit)
    assert stored(follow, at_one_go) == stored(follow, by_steps)
    assert (pit.held(follow), pit.orders(follow)) == ("0.8", [(Side.BUY, Leg.OPEN, FILLED, "0.4", "")] * 2)
    assert Fill.objects.filter(portfolio=follow.portfolio).count() == 2
    assert failed_checks() == {}


def test_an_open_behind_one_in_flight_waits_for_its_turn(pit: Pit, bob: User, charlie: User) -> None:
    follow, other = pit.follow(bob), pit.follow(charlie)
    first = pit.fan_out(Side.BUY, 4)
    assert len(claim_orders(Order.objects.filter(follow=follow, cause_id=first))) == 1
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=first)
    second = lead_trades(pit, Side.BUY, 1)
    copy_at_once(pit)
    states = dict(Order.objects.filter(cause_id=second).values_list("follow_id", "state"))
    assert states == {follow.pk: PENDING, other.pk: FILLED}
    assert pit.held(follow) == "0"


def test_exits_are_claimed_as_any_order_is(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    event = lead_trades(pit, Side.SELL, 2)
    copy_at_once(pit)
    assert Order.objects.get(cause_id=event, follow=follow).state == PENDING
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=event)
    assert pit.held(follow) == "0.2"


def test_one_that_no_book_can_hold_leaves_the_others_their_rows(pit: Pit, bob: User, charlie: User) -> None:
    stuck, other = pit.follow(bob), pit.follow(charlie)
    # One more is more than any number of ours can be.
    Balance.objects.create(portfolio=stuck.portfolio, asset=pit.instrument.market.base, amount=D(10**20 - 1))
    lead_trades(pit, Side.BUY, 10)
    copy_at_once(pit)
    assert [one[2:4] for follow in (stuck, other) for one in pit.orders(follow)] == [(PENDING, "0")] * 2
    assert not Fill.objects.exclude(order__follow=None).exists()
    assert plain(Balance.objects.get(portfolio=other.portfolio, asset="USDT").reserved) == "0"
    assert pit.event().state == LeadEventState.DONE


def test_statements_at_once_do_not_grow_with_the_followers(pit: Pit) -> None:
    counts = []
    for size in (5, 60):
        pit.crowd(size)
        pit.buy(1)  # every follower's rows are there from now on
        lead_trades(pit, Side.BUY, 1)
        with CaptureQueriesContext(connection) as statements:
            assert fan_out_batch(lead_id=pit.lead.pk, at_once=True)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 40
    assert Order.objects.filter(state=FILLED, follow__isnull=False).count() == 5 * 2 + 65 * 2


# --- two workers ----------------------------------------------------------------------------------------------------
def test_the_window_of_a_worker_that_died_is_served_before_the_event_is_done(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)
    follows = pit.crowd(5)
    lead_trades(pit, Side.BUY, 1)
    dead = copying._take_window(pit.lead.pk)
    assert dead is not None and len(dead.follows) == 2
    assert [fan_out_batch(lead_id=pit.lead.pk, at_once=True) for _ in range(2)] == [True, True]
    assert (pit.event().state, Fill.objects.exclude(order__follow=None).count()) == (LeadEventState.WAITING, 3)
    assert not Order.objects.filter(follow__in=dead.follows).exists()
    assert [fan_out_batch(lead_id=pit.lead.pk, at_once=True) for _ in range(2)] == [True, False]
    assert [pit.held(one) for one in follows] == ["0.1"] * 5
    # He was only slow: what he comes back with has been done.
    assert copying._serve(dead, at_once=True) == []
    assert (pit.event().state, Fill.objects.exclude(order__follow=None).count()) == (LeadEventState.DONE, 5)
    assert failed_checks() == {}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_event_copy_it_to_everybody_once(
    desk: Desk, alice: User, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)
    pit = Pit(desk, alice, working)
    follows = pit.crowd(9)
    with pit.working():
        lead_trades(pit, Side.BUY, 1)
        at_once(*[lambda: copy_at_once(pit)] * 2)
    assert [pit.held(one) for one in follows] == ["0.1"] * 9
    assert Fill.objects.exclude(order__follow=None).count() == 9
    assert pit.event().state == LeadEventState.DONE
    assert failed_checks() == {}


def test_a_large_event_asks_for_a_second_worker_and_a_small_one_does_not(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(copying, "enqueue", lambda task, *args: asked.append(task.name))
    monkeypatch.setattr(copying, "BATCH", 2)
    pit.crowd(2)
    lead_trades(pit, Side.BUY, 1)
    copy_at_once(pit)
    assert asked == []
    pit.crowd(3)
    lead_trades(pit, Side.BUY, 1)
    copy_at_once(pit)
    assert asked == ["trading.fan_out"]
