"""Our own broker against the numbered cases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from portfolios.models import Portfolio
from tests.fixtures_desk import Desk
from tests.trading.brokers.acceptance import REMOTE, Acceptance
from trading.brokers.paper import PaperBroker
from trading.models import Fill, Order, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.services.execution import execute_pending
from trading.services.orders import place_hand_order
from trading.trigger_engine import TriggerEngine


class PaperBench:
    """A market at 60,000 USDT that our own broker fills."""

    def __init__(self, desk: Desk, owner: User) -> None:
        self._desk, self._instrument = desk, desk.instrument()
        self.portfolio: Portfolio = desk.portfolio(owner, 5_000)
        self.broker = PaperBroker()
        self._placed: list[Order] = []

    def place(self, side: Side, quantity: Decimal, terms: OrderTerms = PLAIN) -> Order:
        self._desk.step({self._instrument: 60_000})
        order = place_hand_order(
            actor=self.portfolio.owner,
            portfolio=self.portfolio,
            instrument=self._instrument,
            side=side,
            quantity=quantity,
            terms=terms,
        )
        self._placed.append(order)
        return order

    def at(self, ratio: str) -> Decimal:
        return 60_000 * Decimal(ratio)

    def move(self, ratio: str) -> None:
        self._desk.step({self._instrument: str(self.at(ratio))})
        engine = TriggerEngine(self._desk.namespace)
        engine.refresh()
        engine.on_prices({self._instrument.pk: self.at(ratio)})

    def execute(self) -> None:
        for one in self._placed:
            execute_pending(cause_kind=one.cause_kind, cause_id=one.cause_id)

    def settle(self) -> bool:
        return True

    def at_venue(self) -> int:
        return Fill.objects.values("order").distinct().count()

    def agrees(self) -> bool:
        return True


class TestPaper(Acceptance):
    without = REMOTE

    @pytest.fixture
    def bench(self, desk: Desk, alice: User) -> PaperBench:
        return PaperBench(desk, alice)
