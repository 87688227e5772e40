"""Orders that wait for a price: asked for, met by prices, and told in a few words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from portfolios.models import Balance, Portfolio
from tests.fixtures_trading import Pit, plain
from trading.kinds import OrderKind
from trading.models import Fill, Order, OrderEvent, Side
from trading.order_terms import OrderTerms
from trading.services.orders import place_hand_order, place_pair
from trading.trigger_engine import TriggerEngine

_PRICES = {
    "limit_price",
    "trigger_price",
    "trail_amount",
    "trail_bps",
    "activation_price",
    "stop_price",
    "target_price",
}


def terms_with(kind: OrderKind, **terms: Any) -> OrderTerms:
    """Return terms whose prices may be written as text."""
    exact: dict[str, Any] = {name: Decimal(value) if name in _PRICES else value for name, value in terms.items()}
    return OrderTerms(kind=kind, **exact)


class Waiting:
    """The pit's market with its engine: alice's orders of every kind, and prices that meet them."""

    def __init__(self, pit: Pit) -> None:
        self.pit = pit
        pit.instrument.maker_fee_bps = Decimal(0)
        pit.instrument.save(update_fields=["maker_fee_bps"])
        self.engine = TriggerEngine(pit.desk.namespace)
        self.engine.refresh()

    def ask(
        self,
        side: Side,
        quantity: int | str,
        kind: OrderKind,
        portfolio: Portfolio | None = None,
        key: str | None = None,
        **terms: Any,
    ) -> Order:
        """Place an order by hand (default: in the lead's portfolio), and do all that follows from it."""
        book = portfolio or self.pit.lead
        with self.pit.working():
            order = place_hand_order(
                actor=book.owner,
                portfolio=book,
                instrument=self.pit.instrument,
                side=side,
                quantity=Decimal(quantity),
                key=key,
                terms=terms_with(kind, **terms),
            )
        self.engine.refresh()
        return again(order)

    def pair(self, side: Side, quantity: int | str, limit: int | str, stop: int | str) -> list[Order]:
        """Place a pair of the lead's, and do all that follows from it."""
        with self.pit.working():
            orders = place_pair(
                actor=self.pit.alice,
                portfolio=self.pit.lead,
                instrument=self.pit.instrument,
                side=side,
                quantity=Decimal(quantity),
                limit_price=Decimal(limit),
                stop_price=Decimal(stop),
            )
        self.engine.refresh()
        return [again(order) for order in orders]

    def price(self, *prices: int | str) -> None:
        """Let the market go through these prices, each met by everything that waits."""
        for price in prices:
            self.pit.price(price)
            with self.pit.working():
                self.engine.refresh()
                self.engine.on_prices({self.pit.instrument.pk: Decimal(price)})
            self.engine.refresh()

    def restart(self) -> None:
        """Let the engine die and another one begin."""
        self.engine = TriggerEngine(self.pit.desk.namespace)
        self.engine.refresh()

    def promised(self) -> dict[str, str]:
        rows = Balance.objects.filter(portfolio=self.pit.lead)
        return {row.asset_id: plain(row.reserved) for row in rows if row.reserved}


def again(order: Order) -> Order:
    return Order.objects.select_related("instrument__market", "portfolio").get(pk=order.pk)


def told(order: Order) -> tuple[str, str, str, str]:
    """Return an order's state, code, filled quantity and average price."""
    one = again(order)
    return one.state, one.code, plain(one.filled_quantity), plain(one.average_price)


def events(order: Order) -> list[tuple[str, str]]:
    return list(OrderEvent.objects.filter(order=order).order_by("pk").values_list("state", "code"))


def fills(order: Order) -> list[tuple[str, str, str]]:
    """Return quantity, price and fee of an order's fills."""
    rows = Fill.objects.filter(order=order).order_by("number")
    return [(plain(one.quantity), plain(one.price), plain(one.fee)) for one in rows]


class Died(BaseException):
    """What a process that is killed at a statement leaves: nothing of the transaction."""


@contextmanager
def dying_at(statement: int) -> Iterator[list[str]]:
    """Die at the so-many-th statement of the block (from 0); yield the statements that ran."""
    ran: list[str] = []

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return run(sql, params, many, context)
        if len(ran) == statement:
            raise Died(sql)
        ran.append(sql)
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield ran


@pytest.fixture
def waiting(pit: Pit) -> Waiting:
    return Waiting(pit)
