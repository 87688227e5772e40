"""Delayed work waits for market time, not for the wall; and market time does not wait for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from common.clock import set_market_time
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit
from trading.brokers import BrokerFill
from trading.due import has_unfinished_work
from trading.models import LeadEvent, LeadEventState, Order, Side
from trading.services.execution import claim_orders
from trading.services.fills import record_fills
from trading.services.sweeping import run_due

D = Decimal


@pytest.fixture
def half_filled(pit: Pit, bob: User) -> LeadEvent:
    """A followed lead's order of which half has filled: more fills may come within the batching time."""
    pit.follow(bob)
    order = pit.place(Side.BUY, "4")
    claim_orders(Order.objects.filter(pk=order.pk))
    fill = BrokerFill(order.pk, "paper", f"{order.client_order_id}:1", D(2), D(100), D(0), NOON)
    with pit.working():
        record_fills([fill])
    return LeadEvent.objects.get()


def test_an_event_waits_until_market_time_has_come(pit: Pit, half_filled: LeadEvent) -> None:
    due = NOON + timedelta(milliseconds=250)
    assert half_filled.due_at == due
    assert half_filled.state == LeadEventState.WAITING
    Order.objects.filter(portfolio=pit.lead).update(state="FILLED")  # the rest of it is not this test's subject
    assert not has_unfinished_work(pit.desk.namespace)

    namespace = pit.desk.namespace
    set_market_time(namespace, due)
    assert has_unfinished_work(namespace)
    with pit.working():
        assert run_due(namespace=namespace, until=due - timedelta(milliseconds=1)) == 0
        assert run_due(namespace=namespace, until=due) == 1
    half_filled.refresh_from_db()
    assert half_filled.state == LeadEventState.DONE
    assert Order.objects.exclude(follow=None).get().requested_quantity > 0
    later = due + timedelta(days=1)
    set_market_time(namespace, later)
    with pit.working():
        # The drift of whoever copied it is looked at once.
        assert run_due(namespace=namespace, until=later) == 1
    assert run_due(namespace=namespace, until=later) == 0
