"""Binance spot's private endpoints: account, orders, lists, trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.binance import errors
from sandbox.binance import spot_shapes as shapes
from sandbox.binance.calls import Call
from sandbox.binance.errors import BinanceError
from sandbox.core.keys import Permission
from sandbox.core.orders import Order, OrderRequest, OrderType, Side, TimeInForce

Json = Any


def account(call: Call) -> Json:
    """GET account."""
    assert call.key is not None
    hide_empty = call.flag("omitZeroBalances")
    balances = call.venue.spot.books.balances(call.account)
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000",
        },
        "canTrade": call.key.may(Permission.TRADE),
        "canWithdraw": call.key.may(Permission.WITHDRAW),
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.venue.clock.market_ms(),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": shapes.eight(balance.free), "locked": shapes.eight(balance.locked)}
            for asset, balance in sorted(balances.items())
            if balance.total or not hide_empty
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }  # fmt: skip


def api_restrictions(call: Call) -> Json:
    """GET /sapi/v1/account/apiRestrictions: what the key may do."""
    assert call.key is not None
    return {
        "ipRestrict": bool(call.key.addresses),
        "createTime": call.key.created_ms,
        "enableReading": call.key.may(Permission.READ),
        "enableSpotAndMarginTrading": call.key.may(Permission.TRADE),
        "enableWithdrawals": call.key.may(Permission.WITHDRAW),
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": call.key.may(Permission.TRADE),
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def coins(call: Call) -> Json:
    """GET /sapi/v1/capital/config/getall: the coins, without networks."""
    known = call.venue.spot.exchange.instruments.values()
    assets = sorted({i.base for i in known} | {i.quote for i in known})
    held = call.venue.spot.books.balances(call.account)
    return [
        {
            "coin": asset,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "name": asset,
            "free": shapes.eight(held[asset].free) if asset in held else "0",
            "locked": shapes.eight(held[asset].locked) if asset in held else "0",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for asset in assets
    ]


def trade_fees(call: Call) -> Json:
    """GET /sapi/v1/asset/tradeFee."""
    wanted = call.optional("symbol")
    return [
        {"symbol": i.symbol, "makerCommission": str(i.maker_fee), "takerCommission": str(i.taker_fee)}
        for i in call.venue.spot.exchange.instruments.values()
        if wanted in (None, i.symbol)
    ]


def new_order(call: Call) -> Json:
    """POST order."""
    order = call.venue.spot.exchange.place(call.account, requested(call))
    default = "FULL" if order.type in (OrderType.MARKET, OrderType.LIMIT) else "ACK"
    return shapes.placed_order(order, call.optional("newOrderRespType") or default)


def test_order(call: Call) -> Json:
    """POST order/test: reads the order, and places nothing."""
    requested(call)
    return {}


def query_order(call: Call) -> Json:
    """GET order."""
    return shapes.order_row(_named(call))


def cancel_order(call: Call) -> Json:
    """DELETE order; the cancel of one leg of a list answers with the list."""
    order_id, client_id = _ids(call)
    gone = call.venue.spot.exchange.cancel(call.account, call.text("symbol"), order_id, client_id)
    return _cancelled(call, gone)[0]


def cancel_all(call: Call) -> Json:
    """DELETE openOrders."""
    gone = call.venue.spot.exchange.cancel_all(call.account, call.text("symbol"))
    if not gone:
        raise BinanceError(-2011, "Unknown order sent.")
    return _cancelled(call, gone)


def open_orders(call: Call) -> Json:
    """GET openOrders."""
    symbol = call.optional("symbol")
    if symbol:
        call.venue.spot.exchange.instrument(symbol)
    orders = call.venue.spot.exchange.orders(call.account, symbol, open_only=True)
    return [shapes.order_row(order) for order in orders]


def all_orders(call: Call) -> Json:
    """GET allOrders."""
    orders = call.venue.spot.exchange.orders(call.account, call.text("symbol"))
    return [shapes.order_row(order) for order in paged(call, orders)]


def my_trades(call: Call) -> Json:
    """GET myTrades."""
    exchange = call.venue.spot.exchange
    fills = exchange.fills(call.account, exchange.instrument(call.text("symbol")).symbol)
    order_id, first = call.integer("orderId"), call.integer("fromId")
    since, until = call.integer("startTime"), call.integer("endTime")
    found = [
        fill
        for fill in fills
        if order_id in (None, fill.order_id)
        and (first is None or fill.trade_id >= first)
        and (since is None or fill.at_ms >= since)
        and (until is None or fill.at_ms <= until)
    ]
    limit = call.limit(500, 1000)
    found = found[-limit:] if first is None and since is None else found[:limit]
    return [shapes.my_trade(fill, exchange.find(call.account, fill.symbol, fill.order_id).list_id) for fill in found]


def new_list(call: Call) -> Json:
    """POST order/oco (price, stopPrice) and orderList/oco (above…, below…)."""
    exchange = call.venue.spot.exchange
    limit, stop = _legs(call) if call.optional("aboveType") else _old_legs(call)
    legs = exchange.place_list(call.account, limit, stop, call.optional("listClientOrderId") or "")
    return shapes.order_list(legs, [shapes.placed_order(leg, "RESULT") for leg in legs], done=False)


def cancel_list(call: Call) -> Json:
    """DELETE orderList."""
    exchange = call.venue.spot.exchange
    list_id, client_id = call.integer("orderListId"), call.optional("listClientOrderId")
    for order in exchange.orders(call.account, call.text("symbol"), open_only=True):
        if order.list_id == list_id or (client_id and order.list_client_id == client_id):
            cancelled: Json = _cancelled(call, exchange.cancel(call.account, order.symbol, order.id))[0]
            return cancelled
    raise BinanceError(-2011, "Unknown order list sent.")


def paged(call: Call, orders: Sequence[Order]) -> list[Order]:
    """Return the orders that orderId (from it on), startTime, endTime and limit choose."""
    first, since, until = call.integer("orderId"), call.integer("startTime"), call.integer("endTime")
    found = [
        order
        for order in orders
        if (first is None or order.id >= first)
        and (since is None or order.created_ms >= since)
        and (until is None or order.created_ms <= until)
    ]
    limit = call.limit(500, 1000)
    return found[-limit:] if first is None and since is None else found[:limit]


def side(call: Call) -> Side:
    """Return the `side` parameter."""
    name = call.text("side")
    if name not in Side.__members__:
        raise BinanceError(-1117, "Invalid side.")
    return Side(name)


def time_in_force(call: Call) -> TimeInForce:
    """Return the `timeInForce` parameter of an order that needs one."""
    name = call.text("timeInForce")
    if name not in TimeInForce.__members__:
        raise BinanceError(-1115, "Invalid timeInForce.")
    return TimeInForce(name)


def requested(call: Call) -> OrderRequest:
    """Return the order that a call asks for."""
    name = call.text("type")
    if name not in shapes.ORDER_TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    kind = OrderType.LIMIT if name == "LIMIT_MAKER" else OrderType(name)
    quantity, quote = call.decimal("quantity"), call.decimal("quoteOrderQty")
    if quantity is None and (quote is None or kind is not OrderType.MARKET):
        raise errors.missing("quantity")
    return OrderRequest(
        symbol=call.text("symbol"),
        side=side(call),
        type=kind,
        quantity=quantity,
        quote_quantity=quote,
        price=call.decimal("price"),
        trigger_price=call.decimal("stopPrice") if kind.is_conditional else None,
        time_in_force=time_in_force(call) if kind.is_limit and name != "LIMIT_MAKER" else TimeInForce.GTC,
        post_only=name == "LIMIT_MAKER",
        client_id=call.optional("newClientOrderId") or "",
    )


def _legs(call: Call) -> tuple[OrderRequest, OrderRequest]:
    """Return the two legs of orderList/oco, the resting one first."""
    above, below = (_leg(call, where) for where in ("above", "below"))
    return (above, below) if above.type is OrderType.LIMIT else (below, above)


def _leg(call: Call, where: str) -> OrderRequest:
    name = call.text(f"{where}Type")
    if name not in shapes.ORDER_TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    kind = OrderType.LIMIT if name == "LIMIT_MAKER" else OrderType(name)
    return OrderRequest(
        symbol=call.text("symbol"),
        side=side(call),
        type=kind,
        quantity=_quantity(call),
        price=call.decimal(f"{where}Price"),
        trigger_price=call.decimal(f"{where}StopPrice") if kind.is_conditional else None,
        client_id=call.optional(f"{where}ClientOrderId") or "",
    )


def _old_legs(call: Call) -> tuple[OrderRequest, OrderRequest]:
    limit = OrderRequest(
        call.text("symbol"), side(call), OrderType.LIMIT, _quantity(call), price=call.decimal("price"),
        client_id=call.optional("limitClientOrderId") or "",
    )  # fmt: skip
    stop_limit = call.decimal("stopLimitPrice")
    stop = replace(
        limit,
        type=OrderType.STOP_LOSS if stop_limit is None else OrderType.STOP_LOSS_LIMIT,
        price=stop_limit,
        trigger_price=call.decimal("stopPrice"),
        client_id=call.optional("stopClientOrderId") or "",
    )
    return limit, stop


def _quantity(call: Call) -> Decimal:
    quantity = call.decimal("quantity")
    if quantity is None:
        raise errors.missing("quantity")
    return quantity


def _ids(call: Call) -> tuple[int | None, str | None]:
    order_id, client_id = call.integer("orderId"), call.optional("origClientOrderId")
    if order_id is None and client_id is None:
        raise BinanceError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return order_id, client_id


def _named(call: Call) -> Order:
    order_id, client_id = _ids(call)
    exchange = call.venue.spot.exchange
    return exchange.find(call.account, exchange.instrument(call.text("symbol")).symbol, order_id, client_id)


def _cancelled(call: Call, gone: list[Order]) -> list[Json]:
    """Return the reports of cancelled orders, legs of one list gathered in theirs."""
    made: list[Json] = []
    seen: set[int] = set()
    for order in gone:
        if order.list_id < 0:
            made.append(shapes.cancelled_order(order, call.optional("newClientOrderId") or f"cancel-{order.id}"))
        elif order.list_id not in seen:
            seen.add(order.list_id)
            legs = [leg for leg in gone if leg.list_id == order.list_id]
            reports = [shapes.cancelled_order(leg, f"cancel-{leg.id}") for leg in legs]
            made.append(shapes.order_list(legs, reports, done=True))
    return made
