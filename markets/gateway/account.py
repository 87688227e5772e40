"""The private half of a venue over REST: an account's money, orders, fills and positions.

Orders are known by *our* client order ids. A time-out of an order request is Unknown: its reader asks `order`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.timeframes import milliseconds
from markets.gateway import normalise
from markets.gateway.client import Client
from markets.gateway.errors import OrderNotFound, Rejected, Skip, Unknown
from markets.gateway.protocol import (
    AccountTrade,
    Balance,
    FundingReceived,
    MarginMode,
    OrderRequest,
    OrderState,
    OrderType,
    Position,
    TimeInForce,
)
from markets.gateway.venues import ClientIdForm, Lookup, Venue
from markets.models import MarketKind

# As many payments as venues list at once: those of days, even of somebody who holds everything.
FUNDING_PAGE = 1000
_OURS = re.compile("[0-9a-f]{32}")
# Where finished orders are listed, the widest list first.
_FINISHED_LISTS = {
    "fetchOrders": "fetch_orders",
    "fetchCanceledAndClosedOrders": "fetch_canceled_and_closed_orders",
    "fetchClosedOrders": "fetch_closed_orders",
}


def written_id(venue: Venue, client_order_id: str) -> str:
    """Return our client order id as a venue writes it."""
    if venue.client_id_form == ClientIdForm.PREFIXED_HEX:
        return f"0x{client_order_id}"
    if venue.client_id_form == ClientIdForm.UINT32:
        return str(int(client_order_id[:8], 16))
    return client_order_id


def our_id(venue: Venue, written: str | None) -> str:
    """Return what a venue wrote as our id, where that can be told; else its own text, or ""."""
    text = written or ""
    return text.removeprefix("0x") if venue.client_id_form == ClientIdForm.PREFIXED_HEX else text


def told_id(venue: Venue, raw: Mapping[str, Any]) -> str:
    """Return which of our orders a message is about; where it is none of ours, what the venue says, or ""."""
    said = our_id(venue, raw.get("clientOrderId"))
    info = raw.get("info")
    own = our_id(venue, info.get(venue.client_id_field)) if isinstance(info, Mapping) and venue.client_id_field else ""
    return own if _OURS.fullmatch(own) and not _OURS.fullmatch(said) else said


class CcxtAccount:
    """AccountAccess over a client of the library that has credentials."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._venue = client.venue

    @property
    def venue(self) -> str:
        """Return the code of the exchange that it lies at."""
        return self._client.code

    @property
    def on_margin(self) -> bool:
        """Say whether the account trades perpetuals."""
        return self._venue.account_kind == MarketKind.PERPETUAL

    async def balances(self) -> dict[str, Balance]:
        """Return what the account holds, by asset; of a futures account its wallets."""
        await self._client.markets()
        raw, told = await self._client.call("fetch_balance"), self._venue.wallets
        if told is not None:
            code = self._client.library.safe_currency_code
            raw = {**raw, "total": {code(row[told.asset]): row[told.amount] for row in raw["info"][told.rows]}}
        return normalise.balances(raw)

    async def create_order(self, order: OrderRequest) -> OrderState:
        """Send an order; raise Rejected, also before it is sent where quantity or price are not on the venue's grid."""
        size = await self._client.size(order.symbol)
        kind, price, params = self._wording(order)
        quantity = order.quantity / size
        self._check_grid(order, quantity, price)
        raw = await self._client.call(
            "create_order",
            order.symbol,
            str(kind),
            str(order.side),
            normalise.plain_text(quantity),
            None if price is None else normalise.plain_text(price),
            params,
            is_order=True,
        )
        if not raw.get("id"):
            raise Unknown(self._client.code, "ANSWER_NOT_UNDERSTOOD", "The answer names no order.")
        said = {"symbol": order.symbol, "side": str(order.side), "type": str(order.type), "price": order.price}
        told = {name: value for name, value in raw.items() if value is not None}
        return normalise.order_state({**said, "amount": quantity, **told}, order.client_order_id, size)

    async def cancel_order(self, client_order_id: str, symbol: str) -> OrderState | None:
        """Cancel an order; OrderNotFound means that it is no longer open, perhaps because it filled: ask `order`."""
        size = await self._client.size(symbol)
        venue_id: str | None = None
        params: dict[str, Any] = {}
        if self._venue.cancels_by_client_id:
            name = self._venue.lookup_param or self._venue.client_id_param
            params[name] = written_id(self._venue, client_order_id)
        else:
            venue_id = (await self.order(client_order_id, symbol)).venue_order_id
        raw = await self._client.call("cancel_order", venue_id, symbol, params, is_order=True)
        if not isinstance(raw, dict) or raw.get("status") is None:
            return None
        return normalise.order_state({**raw, "symbol": symbol}, client_order_id, size)

    async def order(self, client_order_id: str, symbol: str) -> OrderState:
        """Return what the venue says of an order; OrderNotFound is its definite word that it knows none."""
        size = await self._client.size(symbol)
        written = written_id(self._venue, client_order_id)
        if self._venue.lookup == Lookup.DIRECT:
            raw = await self._client.call("fetch_order", None, symbol, {self._venue.client_id_param: written})
        else:
            raw = await self._listed(written, symbol)
        return normalise.order_state({**raw, "symbol": symbol}, client_order_id, size)

    async def open_orders(self, symbol: str | None = None) -> list[OrderState]:
        """Return the orders that rest, of one market or of all."""
        await self._client.markets()
        return [self.state_of(one) for one in await self._client.call("fetch_open_orders", symbol)]

    async def my_trades(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[AccountTrade]:
        """Return the account's fills, oldest first."""
        await self._client.size(symbol)
        start = None if since is None else milliseconds(since)
        return [self.fill_of(one) for one in await self._client.call("fetch_my_trades", symbol, start, limit)]

    async def positions(self, symbols: Sequence[str] | None = None) -> list[Position]:
        """Return the account's open contract positions."""
        await self._client.markets()
        rows = await self._client.call("fetch_positions", None if symbols is None else list(symbols))
        found = (normalise.position(one, self._client.known_size(one["symbol"])) for one in rows)
        return [one for one in found if one is not None]

    async def is_hedged(self) -> bool:
        """Say whether the account is in hedge mode."""
        return bool((await self._client.call("fetch_position_mode"))["hedged"])

    async def set_terms(self, symbol: str, leverage: int, mode: MarginMode) -> None:
        """Set a market's margin mode and leverage; some venues refuse what is so already, which is as good."""
        await self._client.size(symbol)
        for method, value in (("set_margin_mode", str(mode)), ("set_leverage", leverage)):
            try:
                await self._client.call(method, value, symbol)
            except Skip as error:
                if error.code != "NO_CHANGE":
                    raise

    async def funding_received(self, *, since: datetime) -> list[FundingReceived]:
        """Return what positions received and paid at funding times, oldest first."""
        await self._client.markets()
        rows = await self._client.call("fetch_funding_history", None, milliseconds(since), FUNDING_PAGE)
        return sorted((normalise.funding_received(one) for one in rows), key=lambda one: one.at)

    def state_of(self, raw: Any) -> OrderState:
        """Return one of the library's orders as ours."""
        client_id = told_id(self._venue, raw)
        return normalise.order_state(raw, client_id, self._client.known_size(str(raw.get("symbol"))))

    def fill_of(self, raw: Any) -> AccountTrade:
        """Return one of the library's own trades as ours."""
        client_id = told_id(self._venue, raw)
        return normalise.account_trade(raw, client_id, self._client.known_size(str(raw["symbol"])))

    def _wording(self, order: OrderRequest) -> tuple[OrderType, Decimal | None, dict[str, Any]]:
        """Return type, price and parameters with which this venue understands an order."""
        params: dict[str, Any] = {
            self._venue.client_id_param: written_id(self._venue, order.client_order_id),
        }
        kind, force = order.type, order.time_in_force
        if kind == OrderType.MARKET and order.side in self._venue.market_sides_as_limit:
            if order.price is None:
                raise Rejected(
                    self._client.code, "PRICE_NEEDED", f"{self._venue.name} wants a bound for a market order's price."
                )
            kind, force = OrderType.LIMIT, TimeInForce.IOC
        if kind == OrderType.LIMIT:
            if force == TimeInForce.POST_ONLY:
                params["postOnly"] = True
            else:
                params["timeInForce"] = str(force)
        if order.stop_price is not None:
            params["stopLossPrice"] = normalise.plain_text(order.stop_price)
        if order.is_reduce_only:
            params["reduceOnly"] = True
        return kind, order.price if kind == OrderType.LIMIT else None, params

    def _check_grid(self, order: OrderRequest, quantity: Decimal, price: Decimal | None) -> None:
        """Refuse what the library would round in silence: the venue would get another order than was asked for."""
        steps = self._client.library.markets[order.symbol]["precision"]
        step, tick = normalise.exact(steps["amount"]), normalise.exact(steps["price"])
        if quantity <= 0 or quantity % step:
            raise Rejected(
                self._client.code, "QUANTITY_NOT_ON_STEP", f"{order.quantity} is no multiple of the lot step."
            )
        for one in (price, order.stop_price):
            if one is not None and (one <= 0 or one % tick):
                raise Rejected(self._client.code, "PRICE_NOT_ON_TICK", f"{one} is no multiple of the tick size.")

    async def _listed(self, written: str, symbol: str) -> Any:
        """Find an order in the lists of open and of finished ones."""
        params = {self._venue.lookup_param: written} if self._venue.lookup_param else {}
        finished = next(method for name, method in _FINISHED_LISTS.items() if self._client.library.has.get(name))
        for method in ("fetch_open_orders", finished):
            rows = await self._client.call(method, symbol, None, None, params)
            for one in rows:
                if str(one.get("clientOrderId") or "") == written:
                    return one
        raise OrderNotFound(self._client.code, "ORDER_NOT_FOUND", f"No order has the client order id {written}.")
