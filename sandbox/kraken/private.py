"""Kraken's private endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.core.errors import Refusal
from sandbox.core.keys import ApiKey, Permission
from sandbox.core.orders import Fill, Order, Status
from sandbox.kraken import names, public, shapes
from sandbox.kraken.desk import Desk
from sandbox.kraken.errors import KrakenError, translated

Params = Mapping[str, Any]
Json = Any
PAGE = 50


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the desk that serves him."""

    desk: Desk
    key: ApiKey

    @property
    def account(self) -> str:
        """Return the caller's account."""
        return self.key.account


@dataclass(frozen=True, slots=True)
class Method:
    """A private method: what it needs and what it adds to the caller's counter."""

    handler: Callable[[Caller, Params], Json]
    permission: Permission = Permission.READ
    cost: float = 1


def balance(caller: Caller, params: Params) -> Json:
    """Balance."""
    held = caller.desk.venue.spot.books.balances(caller.account)
    return {names.asset_id(code): f"{each.total:.10f}" for code, each in sorted(held.items())}


def balance_extended(caller: Caller, params: Params) -> Json:
    """BalanceEx: with what open orders hold."""
    held = caller.desk.venue.spot.books.balances(caller.account)
    return {
        names.asset_id(code): {"balance": f"{each.total:.10f}", "hold_trade": f"{each.locked:.10f}"}
        for code, each in sorted(held.items())
    }


def open_orders(caller: Caller, params: Params) -> Json:
    """OpenOrders."""
    found = caller.desk.exchange.orders(caller.account, open_only=True)
    return {"open": _rows(caller, _chosen(caller, found, params), params)}


def closed_orders(caller: Caller, params: Params) -> Json:
    """ClosedOrders, newest first, fifty a page."""
    found = [order for order in caller.desk.exchange.orders(caller.account) if not order.status.is_open]
    found = _chosen(caller, found, params)[::-1]
    offset = int(params.get("ofs") or 0)
    return {"closed": _rows(caller, found[offset : offset + PAGE], params), "count": len(found)}


def query_orders(caller: Caller, params: Params) -> Json:
    """QueryOrders: up to fifty ids; one that is unknown makes all fail, as there."""
    found = [caller.desk.find(caller.account, txid) for txid in str(params.get("txid") or "").split(",")[:PAGE]]
    return _rows(caller, found, params)


def trades_history(caller: Caller, params: Params) -> Json:
    """TradesHistory, newest first, fifty a page."""
    start, end = float(params.get("start") or 0) * 1000, float(params.get("end") or "inf") * 1000
    fills = [f for f in caller.desk.exchange.fills(caller.account) if start <= f.at_ms <= end][::-1]
    offset = int(params.get("ofs") or 0)
    return {"trades": _trades(caller, fills[offset : offset + PAGE]), "count": len(fills)}


def query_trades(caller: Caller, params: Params) -> Json:
    """QueryTrades by ids."""
    wanted = set(str(params.get("txid") or "").split(","))
    known = _trades(caller, caller.desk.exchange.fills(caller.account))
    return {txid: row for txid, row in known.items() if txid in wanted}


def trade_volume(caller: Caller, params: Params) -> Json:
    """TradeVolume: the fees of the pairs named, in percent."""
    pairs = public.named_pairs(caller.desk.venue, {"pair": str(params.get("pair") or "")})
    return {
        "currency": "ZUSD",
        "volume": "0.0000",
        "fees": {names.pair_id(each): {"fee": f"{each.taker_fee * 100:.4f}"} for each in pairs},
        "fees_maker": {names.pair_id(each): {"fee": f"{each.maker_fee * 100:.4f}"} for each in pairs},
    }


def key_info(caller: Caller, params: Params) -> Json:
    """GetApiKeyInfo: what the key may do."""
    spoken = {
        Permission.READ: ["query-funds", "query-open-trades", "query-closed-trades"],
        Permission.TRADE: ["modify-trades", "close-trades"],
        Permission.WITHDRAW: ["withdraw-funds"],
    }
    allowed = [name for permission in Permission if caller.key.may(permission) for name in spoken[permission]]
    return {
        "apiKeyName": caller.key.key[:8],
        "apiKey": caller.key.key,
        "permissions": allowed,
        "ipAllowlist": sorted(caller.key.addresses),
    }


def add_order(caller: Caller, params: Params) -> Json:
    """AddOrder."""
    desk = caller.desk
    request = desk.rest_request(params)
    order = desk.place(caller.account, request)
    return {"descr": _descr(desk, order), "txid": [names.order_txid(order.id)]}


def add_orders(caller: Caller, params: Params) -> Json:
    """AddOrderBatch: each order by itself, its refusal in its place."""
    made: list[Json] = []
    for each in params.get("orders") or []:
        try:
            made.append(_placed(caller, {**each, "pair": params.get("pair")}))
        except (KrakenError, Refusal) as trouble:
            text = translated(trouble) if isinstance(trouble, Refusal) else trouble.text
            made.append({"error": text})
    return {"orders": made}


def cancel_order(caller: Caller, params: Params) -> Json:
    """CancelOrder by txid (or userref), or cl_ord_id."""
    gone = caller.desk.cancel(caller.account, str(params.get("txid") or ""), str(params.get("cl_ord_id") or ""))
    return {"count": len(gone)}


def cancel_orders(caller: Caller, params: Params) -> Json:
    """CancelOrderBatch: those that can be cancelled are."""
    return {"count": sum(_cancels(caller, str(txid)) for txid in params.get("orders") or [])}


def cancel_all(caller: Caller, params: Params) -> Json:
    """CancelAll."""
    return {"count": len(caller.desk.exchange.cancel_all(caller.account))}


def no_positions(caller: Caller, params: Params) -> Json:
    """OpenPositions: spot only, so none."""
    return {}


def withdraw_methods(caller: Caller, params: Params) -> Json:
    """WithdrawMethods: an empty list for keys that may withdraw, and thereby a way to ask whether one may."""
    return []


METHODS: Mapping[str, Method] = {
    "Balance": Method(balance),
    "BalanceEx": Method(balance_extended),
    "OpenOrders": Method(open_orders),
    "ClosedOrders": Method(closed_orders),
    "QueryOrders": Method(query_orders),
    "TradesHistory": Method(trades_history, cost=2),
    "QueryTrades": Method(query_trades),
    "TradeVolume": Method(trade_volume),
    "OpenPositions": Method(no_positions),
    "GetApiKeyInfo": Method(key_info),
    "WithdrawMethods": Method(withdraw_methods, Permission.WITHDRAW),
    "AddOrder": Method(add_order, Permission.TRADE, 0),
    "AddOrderBatch": Method(add_orders, Permission.TRADE, 0),
    "CancelOrder": Method(cancel_order, Permission.TRADE, 0),
    "CancelOrderBatch": Method(cancel_orders, Permission.TRADE, 0),
    "CancelAll": Method(cancel_all, Permission.TRADE),
}


def _rows(caller: Caller, orders: list[Order], params: Params) -> dict[str, Json]:
    with_trades = str(params.get("trades")).lower() == "true"
    return {names.order_txid(order.id): caller.desk.row(order, trades=with_trades) for order in orders}


def _chosen(caller: Caller, orders: list[Order], params: Params) -> list[Order]:
    """Return the orders with the userref or cl_ord_id that is asked for."""
    if client_id := params.get("cl_ord_id"):
        orders = [order for order in orders if order.client_id == client_id]
    if userref := params.get("userref"):
        orders = [order for order in orders if str(order.userref) == str(userref)]
    return orders


def _trades(caller: Caller, fills: list[Fill]) -> dict[str, Json]:
    exchange = caller.desk.exchange
    made = {}
    for fill in fills:
        order = exchange.find(caller.account, "", fill.order_id)
        made[names.fill_txid(fill, order)] = shapes.my_trade(fill, order, exchange.instrument(fill.symbol))
    return made


def _placed(caller: Caller, params: Params) -> Json:
    answer = add_order(caller, params)
    return {"descr": answer["descr"], "txid": answer["txid"][0]}


def _cancels(caller: Caller, txid: str) -> bool:
    try:
        return caller.desk.cancel(caller.account, txid)[0].status is Status.CANCELED
    except (KrakenError, Refusal):
        return False


def _descr(desk: Desk, order: Order) -> Json:
    return shapes.description(order, desk.exchange.instrument(order.symbol))
