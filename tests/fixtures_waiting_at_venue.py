"""Alice's orders of every kind at a venue that the test leads: the simulated one, without faults until some are laid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common import clock
from portfolios.models import Portfolio
from tests.fixtures_waiting import Waiting, again
from trading.brokers import Outcome
from trading.brokers.choosing import use_venue
from trading.kinds import OrderKind
from trading.models import LeadStream, Order, OrderState, Side
from trading.services.canceling import send_cancels
from trading.services.execution import execute
from trading.services.fills import record_fills
from trading.services.reconciliation import resolve_abandoned
from trading.simulation.venue import Fault, SimulatedVenue

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class AtVenue:
    """The pit's market at a venue: what is placed goes there, or waits here until a price sets it off."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting, self.pit = waiting, waiting.pit
        # Nobody follows here: lead events would only wait for their time.
        LeadStream.objects.all().delete()
        self.venue = SimulatedVenue({self.pit.instrument.pk: Decimal(100)}, lambda seconds: None)
        self.now = NOON

    def ask(self, side: Side, quantity: int | str, kind: OrderKind = OrderKind.LIMIT, **terms: Any) -> Order:
        return self.waiting.ask(side, quantity, kind, **terms)

    def limit(self, side: Side, quantity: int | str, price: int | str, **terms: Any) -> Order:
        return self.ask(side, quantity, limit_price=str(price), **terms)

    def price(self, price: int | str) -> None:
        """Let the market come to a price: first at the venue, whose fills are heard, then here."""
        self.venue.prices[self.pit.instrument.pk] = Decimal(price)
        self.venue.live_on()
        self.hear()
        self.waiting.price(price)
        self.hear()

    def hear(self) -> None:
        """Book all that the venue's stream says."""
        with self.pit.working():
            while self.venue.stream:
                record_fills([self.venue.stream.pop(0)])

    def work(self) -> int:
        """Do what the signer does: send cancels, then what waits to be sent; return how many cancels it was."""
        with self.pit.working():
            sent = send_cancels(Order.objects.all())
        self.hear()
        with self.pit.working():
            while execute(Order.objects.filter(state=OrderState.PENDING)):
                pass
        self.hear()
        return sent

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.venue.live_on()

    def later(self, seconds: float) -> None:
        """Let time pass, and everybody do what is theirs."""
        self.pass_time(seconds)
        with self.pit.working():
            resolve_abandoned()
        self.work()

    def on_cancel(self, name: str, *numbers: int) -> None:
        """Lay a fault for the next cancel."""
        self.venue.cancel_faults.append(Fault(name, numbers))

    def on_order(self, name: str, *numbers: int) -> None:
        self.venue.faults.append(Fault(name, numbers))

    def there(self, order: Order) -> Outcome | None:
        """Return what the venue has of an order; None where it never saw it."""
        held = self.venue.orders.get(order.client_order_id)
        return held.outcome if held is not None else None

    def alive(self) -> int:
        return sum(one.outcome is Outcome.OPEN for one in self.venue.orders.values())

    @property
    def book(self) -> Portfolio:
        return self.pit.lead


def state(order: Order) -> tuple[str, str]:
    one = again(order)
    return one.state, one.code


@pytest.fixture
def at_venue(waiting: Waiting) -> Iterator[AtVenue]:
    made = AtVenue(waiting)
    before = clock.use_wall_clock(lambda: made.now)
    use_venue(made.venue)
    yield made
    use_venue(None)
    clock.use_wall_clock(before)
    assert made.venue.wrongs == []
