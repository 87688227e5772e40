# Made of its twin in _async by `python -m tools.client_models`.
"""What is done: orders, strategies and their backtests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any, Literal, TypeVar

from slipstream_client import models, wire
from slipstream_client._sync.resources import Id, Resource
from slipstream_client.errors import WaitTimeout

T = TypeVar("T", bound=models.Order | models.BacktestDetail)
Amount = Decimal | str | int
FIRST_LOOK_SECONDS, LOOK_SECONDS = 0.1, 2.0


class Orders(Resource):
    """Orders by hand, and all others to look at."""

    def each(
        self,
        *,
        portfolio: Id | None = None,
        instrument: Id | None = None,
        state: str | None = None,
        side: str | None = None,
        kind: str | None = None,
        cause: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> Iterator[models.Order]:
        """Yield orders, newest first."""
        what = {"portfolio": portfolio, "instrument": instrument, "state": state, "side": side, "kind": kind}
        when = {"cause": cause, "since": since, "until": until, "page_size": page_size}
        return self._client.each(models.Order, "orders/", what | when)

    def get(self, order: Id) -> models.Order:
        """Return an order."""
        return self._client.get(models.Order, f"orders/{order}/")

    def place(
        self,
        *,
        portfolio: Id,
        instrument: Id,
        side: Literal["BUY", "SELL"],
        quantity: Amount,
        kind: str = "MARKET",
        limit_price: Amount | None = None,
        trigger_price: Amount | None = None,
        stop_price: Amount | None = None,
        target_price: Amount | None = None,
        time_in_force: str | None = None,
        expires_at: datetime | None = None,
        reduce_only: bool | None = None,
        post_only: bool | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> models.Order:
        """Place an order and return it as it was accepted; `wait` tells what became of it.

        `quantity` is in base units; `more` are rarer fields of `POST /orders/`. What is sent again after a broken
        connection makes no second order; name an `idempotency_key` where your program may die and start over.
        """
        terms = {
            "portfolio": portfolio,
            "instrument": instrument,
            "side": side,
            "quantity": quantity,
            "kind": kind,
            "limit_price": limit_price,
            "trigger_price": trigger_price,
            "stop_price": stop_price,
            "target_price": target_price,
            "time_in_force": time_in_force,
            "expires_at": expires_at,
            "reduce_only": reduce_only,
            "post_only": post_only,
        }
        return self._client.post(models.Order, "orders/", wire.body(terms | more), idempotency_key)

    def modify(
        self,
        order: Id,
        *,
        quantity: Amount | None = None,
        limit_price: Amount | None = None,
        trigger_price: Amount | None = None,
        **more: Any,
    ) -> models.Order:
        """Change an order that waits. A PATCH is sent once: after `NoAnswer`, look at the order."""
        terms = {"quantity": quantity, "limit_price": limit_price, "trigger_price": trigger_price}
        answer = self._client.request("PATCH", f"orders/{order}/", json=wire.body(terms | more))
        return models.Order.model_validate_json(answer.content)

    def cancel(self, order: Id) -> models.Order:
        """Cancel an order; at an exchange it ends when that says so."""
        return self._client.post(models.Order, f"orders/{order}/cancel/")

    def cancel_all(
        self, *, portfolio: Id | None = None, instrument: Id | None = None, account: Id | None = None
    ) -> list[models.Order]:
        """Cancel what waits; without any of these, all of one's own orders."""
        which = wire.body({"portfolio": portfolio, "instrument": instrument, "account": account})
        return wire.many(models.Order, (self._client.request("POST", "orders/cancel/", json=which)).json())

    def wait(self, order: Id, *, timeout_seconds: float = 30.0) -> models.Order:
        """Return an order once it is filled, canceled, expired, rejected or denied; raise WaitTimeout before that."""
        return _wait(lambda: self.get(order), wire.FINAL_ORDER_STATES, timeout_seconds)

    def entries(self, order: Id) -> Iterator[models.LedgerLine]:
        """Yield what an order booked."""
        return self._client.each(models.LedgerLine, f"orders/{order}/entries/", {})


class Strategies(Resource):
    """Definitions of strategies."""

    def each(self, *, page_size: int | None = None) -> Iterator[models.Strategy]:
        """Yield one's strategies, newest first."""
        return self._client.each(models.Strategy, "strategies/", {"page_size": page_size})

    def get(self, strategy: Id) -> models.Strategy:
        """Return a strategy with its versions."""
        return self._client.get(models.Strategy, f"strategies/{strategy}/")

    def templates(self) -> list[dict[str, Any]]:
        """Return the ready formulas with their parameters."""
        return list(self._client.rows("strategies/templates/"))

    def create(self, strategy: models.StrategyWriteRequest, *, idempotency_key: str | None = None) -> models.Version:
        """Save a new strategy and return its first version."""
        return self._client.post(models.Version, "strategies/", strategy, idempotency_key)


class Backtests(Resource):
    """Strategies on the past."""

    def each(self, *, page_size: int | None = None) -> Iterator[models.Backtest]:
        """Yield one's backtests, newest first."""
        return self._client.each(models.Backtest, "backtests/", {"page_size": page_size})

    def get(self, backtest: Id) -> models.BacktestDetail:
        """Return a backtest with its result."""
        return self._client.get(models.BacktestDetail, f"backtests/{backtest}/")

    def start(self, asked: models.AskRequest, *, idempotency_key: str | None = None) -> models.Backtest:
        """Ask for a backtest; what was computed before is returned as it is."""
        return self._client.post(models.Backtest, "backtests/", asked, idempotency_key)

    def cancel(self, backtest: Id) -> models.Backtest:
        """Stop computing."""
        return self._client.post(models.Backtest, f"backtests/{backtest}/cancel/")

    def wait(self, backtest: Id, *, timeout_seconds: float = 600.0) -> models.BacktestDetail:
        """Return a backtest once it is done, has failed or was canceled; raise WaitTimeout before that."""
        return _wait(lambda: self.get(backtest), wire.FINAL_JOB_STATES, timeout_seconds)

    def trades(self, backtest: Id, *, limit: int | None = None, offset: int | None = None) -> models.TradePage:
        """Return a page of its round trips."""
        parameters = {"limit": limit, "offset": offset}
        return self._client.get(models.TradePage, f"backtests/{backtest}/trades/", parameters)

    def equity(self, backtest: Id) -> models.Equity:
        """Return its equity curve and that of holding the instrument."""
        return self._client.get(models.Equity, f"backtests/{backtest}/equity/")


def _wait(look: Callable[[], T], final: frozenset[str], timeout_seconds: float) -> T:
    """Look until the state is final, at first often."""
    until, pause = monotonic() + timeout_seconds, FIRST_LOOK_SECONDS
    while True:
        seen = look()
        if seen.state in final:
            return seen
        left = until - monotonic()
        if left <= 0:
            raise WaitTimeout(f"{seen.id} is still {seen.state} after {timeout_seconds:g} s.", seen)
        time.sleep(min(pause, left))
        pause = min(LOOK_SECONDS, pause * 1.5)
