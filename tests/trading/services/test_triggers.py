"""Stops: armed by a fill, fired once, disarmed when there is nothing left to guard."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import set_market_time
from common.ids import new_id
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_trading import Pit, at_once, failed_checks, plain
from trading.models import CauseKind, Fill, Leg, Order, OrderState, Side, Trigger, TriggerBook, TriggerState
from trading.services.execution import execute_pending
from trading.services.orders import Cause, submit_order
from trading.services.triggers import fire
from trading.trigger_engine import TriggerEngine

D = Decimal
ARMED, FIRED, CANCELED = TriggerState.ARMED, TriggerState.FIRED, TriggerState.CANCELED


def enter(pit: Pit, ratio: str | None = "0.1", quantity: int | str = 1, side: Side = Side.BUY) -> Order:
    with pit.working():
        order = submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=side,
            leg=Leg.OPEN if side == Side.BUY else Leg.CLOSE,
            quantity=D(quantity),
            cause=Cause(CauseKind.RUN, new_id().hex),
            stop_loss_ratio=D(ratio) if ratio else None,
        )
    return Order.objects.get(pk=order.pk)


def stops() -> list[tuple[str, str, int]]:
    return [(plain(one.price), one.state, one.change) for one in Trigger.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("price", "ratio", "stop"),
    [
        ("100", "0.05", "95"),
        ("100", "0.00001", "99.99"),
        # Rounded down to the tick.
        ("33.33", "0.05", "31.66"),
        ("0.02", "0.99999", "0.01"),
    ],
)
def test_an_entry_arms_a_stop_below_its_own_price(pit: Pit, price: str, ratio: str, stop: str) -> None:
    pit.price(price)
    order = enter(pit, ratio, 1000)
    trigger = Trigger.objects.get()
    assert (trigger.entry_id, trigger.portfolio_id, trigger.instrument_id) == (order.pk, pit.lead.pk, pit.instrument.pk)
    assert (trigger.namespace, trigger.armed_at, trigger.fired_at) == (pit.desk.namespace, NOON, None)
    assert stops() == [(stop, ARMED, 1)]


def test_only_an_entry_that_asks_for_one_is_guarded(pit: Pit) -> None:
    enter(pit, None)
    enter(pit, "0.1", "0.5", Side.SELL)
    assert stops() == []


def test_an_entry_that_was_denied_arms_nothing(pit: Pit) -> None:
    assert enter(pit, quantity="0.001").state == OrderState.DENIED
    assert stops() == []


def test_followers_have_no_stop_of_their_own_and_leave_with_the_lead(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    enter(pit, quantity=10)
    assert [one.portfolio_id for one in Trigger.objects.all()] == [pit.lead.pk]
    pit.price(90)
    with pit.working():
        fire(trigger_id=Trigger.objects.get().pk)
    assert (pit.held(pit.lead), pit.held(follow)) == ("0", "0")
    assert failed_checks() == {}


# --- firing ---------------------------------------------------------------------------------------------------------
def test_firing_closes_all_that_is_held_at_the_market(pit: Pit) -> None:
    enter(pit)
    pit.buy("0.5")
    trigger = Trigger.objects.get()
    set_market_time(pit.desk.namespace, NOON + timedelta(seconds=9))
    pit.desk.step({pit.instrument: 88}, at=NOON + timedelta(seconds=9))
    with pit.working():
        order = fire(trigger_id=trigger.pk)
    assert order is not None
    order.refresh_from_db()
    trigger.refresh_from_db()
    assert (trigger.state, trigger.fired_at, trigger.change) == (FIRED, NOON + timedelta(seconds=9), 2)
    assert (order.cause_kind, order.cause_id, order.side, order.leg) == ("TRIGGER", str(trigger.pk), "SELL", "CLOSE")
    assert (order.state, plain(order.filled_quantity), plain(order.average_price)) == ("FILLED", "1.5", "88")
    assert pit.held(pit.lead) == "0"


def test_a_stop_fires_once(pit: Pit) -> None:
    enter(pit)
    trigger = Trigger.objects.get()
    with pit.working():
        assert fire(trigger_id=trigger.pk) is not None
        assert fire(trigger_id=trigger.pk) is None
    assert fire(trigger_id=trigger.pk) is None
    assert Order.objects.filter(cause_kind=CauseKind.TRIGGER).count() == 1


def test_a_stop_that_was_disarmed_does_not_fire(pit: Pit) -> None:
    enter(pit)
    pit.sell(1)
    assert fire(trigger_id=Trigger.objects.get().pk) is None
    assert Order.objects.filter(cause_kind=CauseKind.TRIGGER).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_engines_that_see_the_same_price_fire_once(desk: Desk, alice: User, working: Working) -> None:
    pit = Pit(desk, alice, working)
    with pit.working():
        for _ in range(5):
            enter(pit)
    engines = [TriggerEngine(desk.namespace) for _ in range(3)]
    for engine in engines:
        engine.refresh()
    price = {pit.instrument.pk: D(50)}
    with pit.working():
        results = at_once(*(lambda engine=engine: engine.on_prices(price) for engine in engines))
    assert sum(results) == 5
    orders = Order.objects.filter(cause_kind=CauseKind.TRIGGER)
    assert orders.count() == 5
    assert Fill.objects.filter(order__in=orders).count() == 1
    assert pit.held(pit.lead) == "0"
    assert {state for _, state, _ in stops()} == {FIRED}


# --- disarming ------------------------------------------------------------------------------------------------------
def test_a_flat_position_needs_no_stop(pit: Pit) -> None:
    enter(pit)
    enter(pit)
    pit.sell("0.5")
    assert {state for _, state, _ in stops()} == {ARMED}
    pit.sell("1.5")
    assert stops() == [("90", CANCELED, 3), ("90", CANCELED, 4)]


def test_other_instruments_and_portfolios_keep_their_stops(pit: Pit, bob: User) -> None:
    enter(pit)
    bitcoin, pit.instrument = pit.instrument, pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10)
    enter(pit)
    ether, pit.instrument = pit.instrument, bitcoin
    mine, pit.lead = pit.lead, pit.portfolio(bob, 1000, "Main")
    enter(pit)
    pit.lead = mine
    pit.sell(1)
    found = Trigger.objects.order_by("pk").values_list("portfolio", "instrument", "state")
    assert list(found) == [
        (mine.pk, bitcoin.pk, CANCELED),
        (mine.pk, ether.pk, ARMED),
        (Trigger.objects.order_by("-pk")[0].portfolio_id, bitcoin.pk, ARMED),
    ]


def test_one_stop_that_fires_disarms_the_others_of_its_position(pit: Pit) -> None:
    enter(pit, "0.1")
    enter(pit, "0.2")
    pit.price(90)
    with pit.working():
        fire(trigger_id=Trigger.objects.get(price=90).pk)
    assert [row[:2] for row in stops()] == [("90", FIRED), ("80", CANCELED)]


# --- the numbers of changes -----------------------------------------------------------------------------------------
def seen(engine: TriggerEngine, price: int, instrument: UUID) -> int:
    return engine.on_prices({instrument: D(price)})


def test_an_engine_follows_changes_by_their_numbers(pit: Pit) -> None:
    engine = TriggerEngine(pit.desk.namespace)
    engine.refresh()
    assert seen(engine, 1, pit.instrument.pk) == 0
    enter(pit, "0.1")
    enter(pit, "0.2")
    engine.refresh()
    with pit.working():
        assert seen(engine, 85, pit.instrument.pk) == 1
    engine.refresh()
    # The other one was disarmed when the first had closed the position.
    assert seen(engine, 1, pit.instrument.pk) == 0
    assert TriggerBook.objects.get(namespace=pit.desk.namespace).last_change == 4


def test_an_engine_that_starts_again_reads_what_is_armed(pit: Pit) -> None:
    enter(pit, "0.1")
    with pit.working():
        fire(trigger_id=Trigger.objects.get().pk)
    enter(pit, "0.3")
    engine = TriggerEngine(pit.desk.namespace)
    with CaptureQueriesContext(connection) as statements:
        engine.refresh()
        # A price that crosses nothing asks nothing.
        assert seen(engine, 75, pit.instrument.pk) == 0
    # What rests, which plans go on, what is armed, and what is held on margin.
    assert len(statements) == 4
    with pit.working():
        assert seen(engine, 69, pit.instrument.pk) == 1
    assert Order.objects.filter(cause_kind=CauseKind.TRIGGER).count() == 2


@pytest.mark.django_db(transaction=True)
def test_changes_made_at_the_same_time_have_numbers_without_gaps(desk: Desk, alice: User, working: Working) -> None:
    pit = Pit(desk, alice, working)
    books = [pit.portfolio(alice, 1000, f"Book {number}") for number in range(4)]
    with pit.working():
        orders = [
            submit_order(
                portfolio=book,
                instrument=pit.instrument,
                side=Side.BUY,
                leg=Leg.OPEN,
                quantity=D(1),
                cause=Cause(CauseKind.RUN, new_id().hex),
                stop_loss_ratio=D("0.1"),
            )
            for book in books
            for _ in range(3)
        ]

        def work(mine: list[Order]) -> int:
            return sum(execute_pending(cause_kind=one.cause_kind, cause_id=one.cause_id) for one in mine)

        assert at_once(*(lambda mine=orders[start::4]: work(mine) for start in range(4))) == [3] * 4
    assert sorted(change for _, _, change in stops()) == list(range(1, 13))
