"""Fills are booked once, in whatever pieces they come, and take the order, its promise and its stop along."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from common.clock import wall_now
from portfolios.models import Balance, LedgerLine, Portfolio
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_trading import Pit, at_once, everything_stored, failed_checks, plain
from trading.brokers import BrokerFill
from trading.models import CauseKind, Fill, LeadStream, Leg, Order, OrderEvent, OrderState, Side, Trigger
from trading.services.execution import claim_orders
from trading.services.fills import record_fills
from trading.services.orders import Cause, submit_order

D = Decimal


@pytest.fixture
def pit(pit: Pit) -> Pit:
    """The pit without a leader: what fills mean to followers is asked elsewhere."""
    LeadStream.objects.all().delete()
    return pit


def sent(pit: Pit, side: Side = Side.BUY, quantity: str = "4", **facts: Any) -> Order:
    """Return an order of the lead's that is at the venue, which has not answered yet."""
    given = {"leg": Leg.OPEN if side == Side.BUY else Leg.CLOSE} | facts
    order = submit_order(
        portfolio=pit.lead,
        instrument=pit.instrument,
        side=side,
        quantity=D(quantity),
        cause=Cause(CauseKind.RUN, f"run:{Order.objects.count()}"),
        **given,
    )
    claim_orders(Order.objects.filter(pk=order.pk))
    return Order.objects.get(pk=order.pk)


def piece(order: Order, number: int, quantity: str, price: str = "100", fee: str = "0", **facts: Any) -> BrokerFill:
    given: dict[str, Any] = {
        "venue_account": "paper",
        "venue_fill_id": f"{order.client_order_id}:{number}",
        "happened_at": NOON,
    }
    given |= facts
    return BrokerFill(order_id=order.pk, quantity=D(quantity), price=D(price), fee=D(fee), **given)


def state(order: Order) -> tuple[str, ...]:
    found = Order.objects.get(pk=order.pk)
    figures = (found.filled_quantity, found.average_price, found.fee, found.reserved)
    return (found.state, *(plain(figure) for figure in figures))


def reserved(portfolio: Portfolio) -> str:
    return plain(sum((row.reserved for row in Balance.objects.filter(portfolio=portfolio)), D(0)))


def test_a_fill_is_stored_with_both_times_and_its_number(pit: Pit) -> None:
    order = sent(pit)
    before = wall_now()
    [fill] = record_fills([piece(order, 1, "4", "99.5", "0.4", happened_at=NOON + timedelta(seconds=3))])
    stored = Fill.objects.get()
    assert stored.pk == fill.pk
    assert (stored.order_id, stored.portfolio_id, stored.instrument_id) == (order.pk, pit.lead.pk, pit.instrument.pk)
    assert (stored.side, plain(stored.quantity), plain(stored.price), plain(stored.fee)) == ("BUY", "4", "99.5", "0.4")
    assert (stored.number, stored.venue_account, stored.happened_at) == (1, "paper", NOON + timedelta(seconds=3))
    assert before <= stored.recorded_at <= wall_now()
    assert set(LedgerLine.objects.filter(booking_id=stored.pk).values_list("happened_at", flat=True)) == {
        stored.happened_at
    }


def test_an_order_is_filled_piece_by_piece(pit: Pit) -> None:
    order = sent(pit)
    record_fills([piece(order, 1, "1", "90", "0.1")])
    assert state(order) == (OrderState.PARTIALLY_FILLED, "1", "90", "0.1", "309.9")
    record_fills([piece(order, 2, "2", "105", "0.2")])
    assert state(order) == (OrderState.PARTIALLY_FILLED, "3", "100", "0.3", "99.7")
    # What is left of the promise is freed with the last piece, though that costs less.
    record_fills([piece(order, 3, "1", "80", "0.1")])
    assert state(order) == (OrderState.FILLED, "4", "95", "0.4", "0")
    assert (reserved(pit.lead), pit.held(pit.lead), pit.cash(pit.lead)) == ("0", "4", "9619.6")
    events = OrderEvent.objects.filter(order=order).order_by("pk").values_list("state", flat=True)
    assert list(events) == ["PARTIALLY_FILLED", "PARTIALLY_FILLED", "FILLED"]
    assert list(Fill.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert failed_checks() == {}


def test_pieces_in_one_report_come_to_the_same(pit: Pit) -> None:
    order = sent(pit)
    record_fills(
        [piece(order, 1, "1", "90", "0.1"), piece(order, 2, "2", "105", "0.2"), piece(order, 3, "1", "80", "0.1")]
    )
    assert state(order) == (OrderState.FILLED, "4", "95", "0.4", "0")
    assert (reserved(pit.lead), pit.held(pit.lead), pit.cash(pit.lead)) == ("0", "4", "9619.6")
    assert failed_checks() == {}


def test_a_sale_frees_what_it_promised_in_base_units(pit: Pit) -> None:
    pit.buy(5)
    order = sent(pit, Side.SELL, "3")
    assert reserved(pit.lead) == "3"
    record_fills([piece(order, 1, "1", "110", "0.5")])
    assert state(order) == (OrderState.PARTIALLY_FILLED, "1", "110", "0.5", "2")
    assert reserved(pit.lead) == "2"
    record_fills([piece(order, 2, "2", "110")])
    assert (state(order)[0], reserved(pit.lead), pit.held(pit.lead)) == (OrderState.FILLED, "0", "2")
    assert failed_checks() == {}


def test_a_fill_that_costs_more_than_was_promised_is_booked_all_the_same(pit: Pit) -> None:
    order = sent(pit)
    record_fills([piece(order, 1, "3", "120")])
    assert state(order) == (OrderState.PARTIALLY_FILLED, "3", "120", "0", "40")
    record_fills([piece(order, 2, "1", "120")])
    assert (pit.cash(pit.lead), reserved(pit.lead)) == ("9520", "0")


@pytest.mark.parametrize("reports", [[[1], [1]], [[1, 1]], [[1, 2], [2, 1]], [[1], [1, 2], [2, 2]]])
def test_a_report_that_comes_again_is_a_no_op(pit: Pit, reports: list[list[int]]) -> None:
    order = sent(pit)
    booked = [record_fills([piece(order, number, "2") for number in report]) for report in reports]
    pieces = {number for report in reports for number in report}
    assert sum(len(fills) for fills in booked) == Fill.objects.count() == len(pieces)
    assert pit.held(pit.lead) == str(2 * len(pieces))
    assert failed_checks().keys() == ({"no_orphan_order"} if len(pieces) == 1 else set())


def test_nothing_reported_is_nothing_done(db: None) -> None:
    assert record_fills([]) == []


def test_the_same_id_on_another_account_is_another_fill(pit: Pit) -> None:
    order = sent(pit)
    record_fills([piece(order, 1, "2"), piece(order, 1, "2", venue_account="other")])
    assert (Fill.objects.count(), state(order)[0]) == (2, OrderState.FILLED)


def test_a_booking_that_fails_leaves_nothing(pit: Pit) -> None:
    order = sent(pit)
    before = everything_stored()
    with pytest.raises(IntegrityError), transaction.atomic():
        record_fills([piece(order, 1, "4", "100000")])
    assert everything_stored() == before
    assert Fill.objects.count() == 0


def test_fills_of_several_portfolios_are_numbered_each_by_their_own(pit: Pit, bob: User) -> None:
    mine, others = sent(pit), pit.portfolio(bob, 1000, "Main")
    with pit.working():
        theirs = pit.place(Side.BUY, 1, others)
    assert Fill.objects.get(order=theirs).number == 1
    record_fills([piece(mine, 1, "4")])
    assert Fill.objects.get(order=mine).number == 1
    assert failed_checks() == {}


# --- stops ----------------------------------------------------------------------------------------------------------
def test_a_stop_is_armed_once_by_the_piece_that_fills_the_order(pit: Pit) -> None:
    order = sent(pit, stop_loss_ratio=D("0.05"))
    record_fills([piece(order, 1, "1", "90")])
    assert Trigger.objects.count() == 0
    record_fills([piece(order, 2, "3", "110")])
    trigger = Trigger.objects.get()
    assert (trigger.entry_id, trigger.state, plain(trigger.price)) == (order.pk, "ARMED", "99.75")


def test_a_stop_is_armed_once_where_all_pieces_come_together_or_more_than_all(pit: Pit) -> None:
    order = sent(pit, stop_loss_ratio=D("0.05"))
    record_fills([piece(order, 1, "1", "90"), piece(order, 2, "3", "110")])
    assert plain(Trigger.objects.get().price) == "99.75"
    record_fills([piece(order, 3, "1", "100")])
    assert Trigger.objects.count() == 1
    assert pit.held(pit.lead) == "5"
    assert failed_checks() == {}


# --- at the same time -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_report_that_comes_twice_at_the_same_time_is_booked_once(desk: Desk, alice: User, working: Working) -> None:
    pit = Pit(desk, alice, working)
    LeadStream.objects.all().delete()
    with pit.working():
        for _ in range(4):
            order = sent(pit)
            results = at_once(*[lambda order=order: len(record_fills([piece(order, 1, "4")]))] * 3)
            assert sorted(results) == [0, 0, 1]
    assert pit.held(pit.lead) == "16"
    assert failed_checks() == {}
