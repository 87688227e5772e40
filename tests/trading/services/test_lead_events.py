"""What a lead's fills did, told once and in order: the outbox from which they are copied."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from portfolios.services.cash import deposit, withdraw
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_trading import Pit, at_once, failed_checks, plain
from trading.brokers import BrokerFill
from trading.models import LeadEvent, LeadEventState, LeadStream, Order, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders
from trading.services.fills import record_fills

D = Decimal


def told(event: LeadEvent) -> tuple[str, ...]:
    """Return an event's side, opened quantity, closed fraction and what the lead holds after it."""
    figures = (event.opened_quantity, event.closed_fraction, event.resulting_quantity)
    return (event.side, *(plain(figure) for figure in figures))


def sent(pit: Pit, side: Side, quantity: str) -> Order:
    order = pit.place(side, quantity)
    claim_orders(Order.objects.filter(pk=order.pk))
    return order


def report(order: Order, number: int, quantity: str, price: str = "100", seconds: float = 0) -> None:
    at = NOON + timedelta(seconds=seconds)
    name = f"{order.client_order_id}:{number}"
    record_fills([BrokerFill(order.pk, "paper", name, D(quantity), D(price), D(0), at)])


def test_an_event_tells_what_a_fill_opened_or_closed(pit: Pit) -> None:
    events = []
    for side, quantity in [("BUY", "4"), ("BUY", "2"), ("SELL", "1.5"), ("SELL", "4.5"), ("BUY", "0.123")]:
        pit.buy(quantity) if side == "BUY" else pit.sell(quantity)
        events.append(told(pit.event()))
    assert events == [
        ("BUY", "4", "0", "4"),
        ("BUY", "2", "0", "6"),
        ("SELL", "0", "0.25", "4.5"),
        ("SELL", "0", "1", "0"),
        ("BUY", "0.123", "0", "0.123"),
    ]
    assert list(LeadEvent.objects.order_by("pk").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert LeadStream.objects.get().last_seq == 5


@pytest.mark.parametrize(
    ("held", "sold", "fraction"), [("3", "1", "0.333333333333333333"), ("0.7", "0.599", "0.855714285714285714")]
)
def test_a_part_that_is_no_round_fraction_closes_and_opens_nothing(
    pit: Pit, held: str, sold: str, fraction: str
) -> None:
    pit.buy(held)
    pit.sell(sold)
    assert told(pit.event()) == ("SELL", "0", fraction, plain(D(held) - D(sold)))


def test_an_event_tells_its_price_times_and_order(pit: Pit) -> None:
    pit.lead.slippage_bps = D(100)
    pit.lead.save()
    order = pit.buy(2)
    event = pit.event()
    # The fill's price; the market's own is what followers meet.
    assert (plain(event.price), plain(event.market_price or D(0))) == ("101", "100")
    assert (event.lead_id, event.order_id, event.instrument_id) == (pit.lead.pk, order.pk, pit.instrument.pk)
    assert event.due_at == event.happened_at == NOON
    assert (event.state, event.cursor) == (LeadEventState.DONE, "")


def test_the_leads_worth_is_taken_at_the_fill_with_all_it_holds(pit: Pit) -> None:
    ether = pit.desk.instrument("ETH", taker_fee_bps=D(0))
    pit.price(10, ether)
    bitcoin, pit.instrument = pit.instrument, ether
    pit.buy(100)  # 1,000 USDT of ETH
    pit.price(20, ether)
    pit.instrument = bitcoin
    pit.buy(5)
    assert plain(pit.event().lead_equity) == "11000"
    pit.price(300)
    deposit(actor=pit.alice, portfolio=pit.lead, amount=D(500))
    pit.sell(1)
    assert plain(pit.event().lead_equity) == "12500"
    withdraw(actor=pit.alice, portfolio=pit.lead, amount=D(1000))
    pit.sell(4)
    assert plain(pit.event().lead_equity) == "11500"


def test_portfolios_that_nobody_leads_from_have_no_events(pit: Pit, bob: User) -> None:
    other = pit.portfolio(bob, 1000, "Main")
    pit.buy(1, other)
    assert LeadEvent.objects.count() == 0
    pit.follow(bob)
    pit.buy(1)
    # The follower's own fill is nobody's event.
    assert LeadEvent.objects.count() == 1


# --- in pieces ------------------------------------------------------------------------------------------------------
def test_rule_13_pieces_of_an_order_are_one_event_that_waits_250_ms_for_the_next(pit: Pit) -> None:
    order = sent(pit, Side.BUY, "4")
    report(order, 1, "1", "90")
    event = LeadEvent.objects.get()
    assert told(event) == ("BUY", "1", "0", "1")
    assert (plain(event.price), event.due_at) == ("90", NOON + timedelta(milliseconds=250))
    assert not fan_out_batch(lead_id=pit.lead.pk)
    report(order, 2, "1", "110", seconds=0.1)
    event.refresh_from_db()
    assert told(event) == ("BUY", "2", "0", "2")
    assert (plain(event.price), event.due_at) == ("100", NOON + timedelta(milliseconds=350))
    report(order, 3, "2", "110", seconds=0.2)
    event.refresh_from_db()
    assert told(event) == ("BUY", "4", "0", "4")
    # The whole order is filled: there is nothing to wait for.
    assert (plain(event.price), event.due_at) == ("105", NOON + timedelta(milliseconds=200))
    assert LeadEvent.objects.count() == 1


def test_a_venue_whose_clock_is_an_hour_ahead_keeps_no_follower_waiting(pit: Pit) -> None:
    order = sent(pit, Side.BUY, "4")
    report(order, 1, "4", seconds=3600)
    event = LeadEvent.objects.get()
    assert (event.happened_at, event.due_at) == (NOON + timedelta(hours=1), NOON + timedelta(seconds=1))


def test_rule_13_a_piece_that_waited_long_enough_is_copied_and_the_rest_is_the_next(pit: Pit) -> None:
    order = sent(pit, Side.BUY, "4")
    report(order, 1, "1")
    pit.desk.step({pit.instrument: 100}, at=NOON + timedelta(milliseconds=249))
    assert not fan_out_batch(lead_id=pit.lead.pk)
    pit.desk.step({pit.instrument: 100}, at=NOON + timedelta(milliseconds=250))
    assert fan_out_batch(lead_id=pit.lead.pk)
    report(order, 2, "3", seconds=1)
    events = LeadEvent.objects.order_by("seq")
    assert [(event.seq, *told(event)) for event in events] == [(1, "BUY", "1", "0", "1"), (2, "BUY", "3", "0", "4")]


def test_closing_in_pieces_closes_the_fraction_of_the_whole(pit: Pit) -> None:
    pit.buy(8)
    order = sent(pit, Side.SELL, "6")
    report(order, 1, "2")
    report(order, 2, "3")
    assert told(pit.event()) == ("SELL", "0", "0.625", "3")
    report(order, 3, "1")
    assert told(pit.event()) == ("SELL", "0", "0.75", "2")


# --- at the same time -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_events_are_numbered_without_gaps_by_bookings_at_the_same_time(
    desk: Desk, alice: User, working: Working
) -> None:
    pit = Pit(desk, alice, working)
    with pit.working():
        orders = [sent(pit, Side.BUY, "1") for _ in range(12)]

        def book(mine: list[Order]) -> int:
            for order in mine:
                report(order, 1, "1")
            return len(mine)

        assert at_once(*(lambda mine=orders[start::4]: book(mine) for start in range(4))) == [3] * 4
    assert list(LeadEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 13))
    # Each tells what was held after it, in the order of its number.
    held = LeadEvent.objects.order_by("seq").values_list("resulting_quantity", flat=True)
    assert [plain(quantity) for quantity in held] == [str(number) for number in range(1, 13)]
    assert failed_checks() == {}
