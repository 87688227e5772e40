"""Kraken's order desk: reads orders as REST and WebSocket send them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.core.orders import Order, OrderRequest, OrderType, Side, TimeInForce
from sandbox.kraken import names, public, shapes
from sandbox.kraken.errors import KrakenError
from sandbox.venue import Venue


class Desk:
    """Places, finds and cancels orders for both doors."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.exchange = venue.spot.exchange

    def row(self, order: Order, *, trades: bool = False) -> dict[str, Any]:
        """Return an order as REST shows it."""
        instrument = self.exchange.instrument(order.symbol)
        return shapes.order_row(order, instrument, trades=trades)

    def place(self, account: str, request: OrderRequest) -> Order:
        """Place an order."""
        return self.exchange.place(account, request)

    def rest_request(self, params: Mapping[str, Any]) -> OrderRequest:
        """Return the order that AddOrder asks for."""
        kind = _kind(params.get("ordertype"))
        flags = str(params.get("oflags") or "").split(",")
        first, second = _amount(params, "price"), _amount(params, "price2")
        volume = _amount(params, "volume")
        return OrderRequest(
            symbol=public.find_pair(self.venue, str(params.get("pair", ""))).symbol,
            side=_side(params.get("type")),
            type=kind,
            quantity=None if "viqc" in flags else volume,
            quote_quantity=volume if "viqc" in flags else None,
            price=second if kind.is_conditional else first,
            trigger_price=first if kind.is_conditional else None,
            time_in_force=_force(params.get("timeinforce")),
            post_only="post" in flags,
            client_id=str(params.get("cl_ord_id") or ""),
            userref=int(params.get("userref") or 0),
        )

    def socket_request(self, params: Mapping[str, Any]) -> OrderRequest:
        """Return the order that add_order asks for."""
        kind = _kind(params.get("order_type"))
        triggers = params.get("triggers") or {}
        return OrderRequest(
            symbol=public.find_pair(self.venue, str(params.get("symbol", ""))).symbol,
            side=_side(params.get("side")),
            type=kind,
            quantity=_amount(params, "order_qty"),
            quote_quantity=_amount(params, "cash_order_qty"),
            price=_amount(params, "limit_price"),
            trigger_price=_amount(triggers, "price") if kind.is_conditional else None,
            time_in_force=_force(params.get("time_in_force")),
            post_only=params.get("post_only") is True,
            client_id=str(params.get("cl_ord_id") or ""),
            userref=int(params.get("order_userref") or 0),
        )

    def find(self, account: str, txid: str = "", client_id: str = "") -> Order:
        """Return an order by Kraken's id or the client's; KrakenError when there is none."""
        if client_id:
            return self.exchange.find_anywhere(account, client_id)
        number = names.order_number(txid)
        if number is not None:
            return self.exchange.find(account, "", number)
        for order in reversed(self.exchange.orders(account)):
            if txid.isdigit() and order.userref == int(txid) and order.status.is_open:
                return order
        raise KrakenError("EOrder:Unknown order")

    def cancel(self, account: str, txid: str = "", client_id: str = "") -> list[Order]:
        """Cancel an order."""
        order = self.find(account, txid, client_id)
        return self.exchange.cancel(account, order.symbol, order.id)


def _kind(name: object) -> OrderType:
    if name not in shapes.ORDER_TYPES:
        raise KrakenError("EGeneral:Invalid arguments:ordertype")
    return shapes.ORDER_TYPES[str(name)]


def _side(name: object) -> Side:
    if name not in ("buy", "sell"):
        raise KrakenError("EGeneral:Invalid arguments:type")
    return Side(str(name).upper())


def _force(name: object) -> TimeInForce:
    wanted = str(name or "GTC").upper()
    if wanted not in TimeInForce.__members__:
        raise KrakenError("EGeneral:Invalid arguments:timeinforce")
    return TimeInForce(wanted)


def _amount(params: Mapping[str, Any], name: str) -> Decimal | None:
    """Return an amount; a JSON number comes here as the decimal that was written."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise KrakenError(f"EGeneral:Invalid arguments:{name}")
    return number
