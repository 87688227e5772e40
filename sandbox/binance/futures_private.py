"""Binance futures' private endpoints: account, positions, leverage, orders, conditional (algo) orders."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from engine.decimals import ZERO
from sandbox.binance import futures_shapes as shapes
from sandbox.binance.calls import Call
from sandbox.binance.errors import BinanceError, translated
from sandbox.binance.spot_private import paged, side
from sandbox.core.errors import Refusal
from sandbox.core.instruments import Instrument
from sandbox.core.keys import Permission
from sandbox.core.margin import Position
from sandbox.core.orders import Order, OrderRequest, TimeInForce

Json = Any


def balance(call: Call) -> Json:
    """GET balance."""
    books = call.venue.futures.books
    return [
        {
            "accountAlias": call.account,
            "asset": asset,
            "balance": shapes.money(amount),
            "crossWalletBalance": shapes.money(amount),
            "crossUnPnl": shapes.money(books.unrealized(call.account)),
            "availableBalance": shapes.money(books.available(call.account, asset)),
            "maxWithdrawAmount": shapes.money(books.available(call.account, asset)),
            "marginAvailable": True,
            "updateTime": call.venue.clock.market_ms(),
        }
        for asset, amount in books.wallet(call.account).items()
    ]


def account(call: Call) -> Json:
    """GET account (v2 and v3)."""
    assert call.key is not None
    books = call.venue.futures.books
    wallet = sum(books.wallet(call.account).values(), ZERO)
    totals = _totals(call, wallet)
    return {
        "feeTier": 0,
        "canTrade": call.key.may(Permission.TRADE),
        "canDeposit": True,
        "canWithdraw": call.key.may(Permission.WITHDRAW),
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **{f"total{name[0].upper()}{name[1:]}": value for name, value in totals.items()},
        "availableBalance": shapes.money(books.available(call.account, "USDT")),
        "maxWithdrawAmount": shapes.money(books.available(call.account, "USDT")),
        "assets": [
            {
                "asset": asset,
                **_totals(call, amount),
                "availableBalance": shapes.money(books.available(call.account, asset)),
                "maxWithdrawAmount": shapes.money(books.available(call.account, asset)),
                "marginAvailable": True,
                "updateTime": call.venue.clock.market_ms(),
            }
            for asset, amount in books.wallet(call.account).items()
        ],
        "positions": [_account_position(call, position) for position in _positions(call)],
    }


def account_config(call: Call) -> Json:
    """GET accountConfig."""
    assert call.key is not None
    return {
        "feeTier": 0,
        "canTrade": call.key.may(Permission.TRADE),
        "canDeposit": True,
        "canWithdraw": call.key.may(Permission.WITHDRAW),
        "dualSidePosition": call.venue.futures.books.is_hedged(call.account),
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def symbol_config(call: Call) -> Json:
    """GET symbolConfig: leverage and margin type by market."""
    return [
        {
            "symbol": position.instrument.symbol,
            "marginType": "ISOLATED" if position.isolated else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": position.leverage,
            "maxNotionalValue": shapes.plain(shapes.max_notional(position)),
        }
        for position in _positions(call)
    ]


def position_risk(call: Call) -> Json:
    """GET positionRisk v3: markets in which there is a position."""
    return [_position(call, position) for position in _positions(call) if position.quantity]


def position_risk_all(call: Call) -> Json:
    """GET positionRisk v2: every market, with leverage."""
    return [shapes.with_leverage(_position(call, position), position) for position in _positions(call)]


def leverage_brackets(call: Call) -> Json:
    """GET leverageBracket."""
    return [
        {
            "symbol": instrument.symbol,
            "brackets": [
                {
                    "bracket": number,
                    "initialLeverage": bracket.leverage,
                    "notionalCap": float(bracket.cap),
                    "notionalFloor": float(bracket.floor),
                    "maintMarginRatio": float(bracket.maintenance),
                    "cum": float(bracket.cumulative),
                }
                for number, bracket in enumerate(instrument.brackets, 1)
            ],
        }
        for instrument in _asked(call)
    ]


def set_leverage(call: Call) -> Json:
    """POST leverage."""
    instrument = _instrument(call)
    wanted = call.integer("leverage") or 0
    position = call.venue.futures.books.set_leverage(call.account, instrument, wanted)
    return {
        "leverage": position.leverage,
        "maxNotionalValue": shapes.plain(shapes.max_notional(position)),
        "symbol": instrument.symbol,
    }


def set_margin_type(call: Call) -> Json:
    """POST marginType."""
    name = call.text("marginType")
    if name not in ("ISOLATED", "CROSSED"):
        raise BinanceError(-4045, "Margin type is not valid.")
    if not call.venue.futures.books.set_isolated(call.account, _instrument(call), isolated=name == "ISOLATED"):
        raise BinanceError(-4046, "No need to change margin type.")
    return {"code": 200, "msg": "success"}


def get_position_mode(call: Call) -> Json:
    """GET positionSide/dual: one-way at first."""
    return {"dualSidePosition": call.venue.futures.books.is_hedged(call.account)}


def set_position_mode(call: Call) -> Json:
    """POST positionSide/dual. In hedge mode no order is taken: this venue trades one-way only."""
    if not call.venue.futures.books.set_hedged(call.account, is_hedged=call.flag("dualSidePosition")):
        raise BinanceError(-4059, "No need to change position side.")
    return {"code": 200, "msg": "success"}


def commission_rate(call: Call) -> Json:
    """GET commissionRate."""
    instrument = _instrument(call)
    return {
        "symbol": instrument.symbol,
        "makerCommissionRate": str(instrument.maker_fee),
        "takerCommissionRate": str(instrument.taker_fee),
    }


def income(call: Call) -> Json:
    """GET income: funding payments."""
    wanted, since = call.optional("symbol"), call.integer("startTime") or 0
    if call.optional("incomeType") not in (None, "FUNDING_FEE"):
        return []
    # Numbered before they are narrowed: a payment's number stays the same however it is asked for.
    found = [
        (number, payment)
        for number, payment in enumerate(call.venue.futures.funding.payments, 1)
        if payment.account == call.account and wanted in (None, payment.symbol) and payment.at_ms >= since
    ]
    return [
        {
            "symbol": payment.symbol,
            "incomeType": "FUNDING_FEE",
            "income": shapes.money(payment.amount),
            "asset": payment.asset,
            "info": "FUNDING_FEE",
            "time": payment.at_ms,
            "tranId": number,
            "tradeId": "",
        }
        for number, payment in found
    ][-call.limit(100, 1000) :]


def new_order(call: Call) -> Json:
    """POST order."""
    name = call.text("type")
    if name in shapes.TYPES and shapes.TYPES[name].is_conditional:
        raise BinanceError(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    return shapes.order_row(call.venue.futures.exchange.place(call.account, _requested(call, algo=False)))


def new_batch(call: Call) -> Json:
    """POST batchOrders: each order by itself, its refusal in its place."""
    made: list[Json] = []
    for params in json.loads(call.text("batchOrders")):
        single = Call(call.venue, {name: str(value) for name, value in params.items()}, call.key)
        try:
            made.append(new_order(single))
        except BinanceError as error:
            made.append(error.as_json())
        except Refusal as refusal:
            made.append(translated(refusal, futures=True).as_json())
    return made


def query_order(call: Call) -> Json:
    """GET order."""
    return shapes.order_row(_named(call))


def cancel_order(call: Call) -> Json:
    """DELETE order."""
    order_id, client_id = _ids(call, "orderId", "origClientOrderId")
    gone = call.venue.futures.exchange.cancel(call.account, call.text("symbol"), order_id, client_id)
    return shapes.order_row(gone[0])


def cancel_all(call: Call) -> Json:
    """DELETE allOpenOrders."""
    _cancel_where(call, working=True)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(call: Call) -> Json:
    """GET openOrders."""
    return [shapes.order_row(order) for order in _open(call, working=True)]


def all_orders(call: Call) -> Json:
    """GET allOrders."""
    orders = call.venue.futures.exchange.orders(call.account, _instrument(call).symbol)
    return [shapes.order_row(order) for order in paged(call, orders) if order.working]


def my_trades(call: Call) -> Json:
    """GET userTrades."""
    order_id, first, since = call.integer("orderId"), call.integer("fromId"), call.integer("startTime")
    found = [
        fill
        for fill in call.venue.futures.exchange.fills(call.account, call.optional("symbol"))
        if order_id in (None, fill.order_id)
        and (first is None or fill.trade_id >= first)
        and (since is None or fill.at_ms >= since)
    ]
    return [shapes.my_trade(fill) for fill in found[-call.limit(500, 1000) :]]


def new_algo(call: Call) -> Json:
    """POST algoOrder."""
    return shapes.algo_row(call.venue.futures.exchange.place(call.account, _requested(call, algo=True)))


def query_algo(call: Call) -> Json:
    """GET algoOrder."""
    order_id, client_id = _ids(call, "algoId", "clientAlgoId")
    exchange = call.venue.futures.exchange
    if order_id is None:
        return shapes.algo_row(exchange.find_anywhere(call.account, client_id or ""))
    return shapes.algo_row(exchange.find(call.account, "", order_id))


def cancel_algo(call: Call) -> Json:
    """DELETE algoOrder."""
    exchange = call.venue.futures.exchange
    order_id, client_id = _ids(call, "algoId", "clientAlgoId")
    if order_id is None:
        order_id = exchange.find_anywhere(call.account, client_id or "").id
    order = exchange.cancel(call.account, "", order_id)[0]
    return {"algoId": order.id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}


def cancel_all_algo(call: Call) -> Json:
    """DELETE algoOpenOrders."""
    _cancel_where(call, working=False)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_algo(call: Call) -> Json:
    """GET openAlgoOrders."""
    return [shapes.algo_row(order) for order in _open(call, working=False)]


def _requested(call: Call, *, algo: bool) -> OrderRequest:
    name = call.text("type")
    if name not in shapes.TYPES or shapes.TYPES[name].is_conditional is not algo:
        raise BinanceError(-1116, "Invalid orderType.")
    is_hedged = call.venue.futures.books.is_hedged(call.account)
    if is_hedged or call.optional("positionSide") not in (None, "BOTH"):
        raise BinanceError(-4061, "Order's position side does not match user's setting.")
    kind = shapes.TYPES[name]
    force = call.optional("timeInForce") or "GTC"
    if not algo and kind.is_limit:
        force = call.text("timeInForce")
    if force not in ("GTX", *TimeInForce.__members__):
        raise BinanceError(-1115, "Invalid timeInForce.")
    return OrderRequest(
        symbol=call.text("symbol"),
        side=side(call),
        type=kind,
        quantity=call.decimal("quantity"),
        price=call.decimal("price"),
        trigger_price=call.decimal("triggerPrice") if algo else None,
        time_in_force=TimeInForce.GTC if force == "GTX" else TimeInForce(force),
        post_only=force == "GTX",
        reduce_only=call.flag("reduceOnly"),
        close_position=call.flag("closePosition"),
        client_id=call.optional("clientAlgoId" if algo else "newClientOrderId") or "",
    )


def _ids(call: Call, by_id: str, by_client: str) -> tuple[int | None, str | None]:
    order_id, client_id = call.integer(by_id), call.optional(by_client)
    if order_id is None and client_id is None:
        raise BinanceError(-1102, f"Param '{by_client}' or '{by_id}' must be sent, but both were empty/null!")
    return order_id, client_id


def _named(call: Call) -> Order:
    order_id, client_id = _ids(call, "orderId", "origClientOrderId")
    order = call.venue.futures.exchange.find(call.account, _instrument(call).symbol, order_id, client_id)
    if not order.working:
        raise BinanceError(-2013, "Order does not exist.")
    return order


def _open(call: Call, *, working: bool) -> list[Order]:
    orders = call.venue.futures.exchange.orders(call.account, call.optional("symbol"), open_only=True)
    return [order for order in orders if order.working is working]


def _cancel_where(call: Call, *, working: bool) -> None:
    for order in _open(call, working=working):
        if order.status.is_open:
            call.venue.futures.exchange.cancel(call.account, order.symbol, order.id)


def _instrument(call: Call) -> Instrument:
    return call.venue.futures.exchange.instrument(call.text("symbol"))


def _asked(call: Call) -> list[Instrument]:
    return [_instrument(call)] if call.optional("symbol") else list(call.venue.futures.exchange.instruments.values())


def _positions(call: Call) -> list[Position]:
    books = call.venue.futures.books
    return [books.position(call.account, instrument) for instrument in _asked(call)]


def _position(call: Call, position: Position) -> Json:
    books = call.venue.futures.books
    return shapes.position_row(position, books.mark(position.instrument.symbol), books.liquidation_price(position))


def _account_position(call: Call, position: Position) -> Json:
    row = _position(call, position)
    return {
        "symbol": row["symbol"],
        "initialMargin": row["initialMargin"],
        "maintMargin": row["maintMargin"],
        "unrealizedProfit": row["unRealizedProfit"],
        "positionInitialMargin": row["positionInitialMargin"],
        "openOrderInitialMargin": "0",
        "leverage": str(position.leverage),
        "isolated": position.isolated,
        "entryPrice": row["entryPrice"],
        "breakEvenPrice": row["breakEvenPrice"],
        "maxNotional": shapes.plain(shapes.max_notional(position)),
        "bidNotional": "0",
        "askNotional": "0",
        "positionSide": "BOTH",
        "positionAmt": row["positionAmt"],
        "notional": row["notional"],
        "isolatedMargin": row["isolatedMargin"],
        "isolatedWallet": row["isolatedWallet"],
        "updateTime": row["updateTime"],
    }


def _totals(call: Call, wallet: Decimal) -> dict[str, str]:
    books = call.venue.futures.books
    unrealized, initial = books.unrealized(call.account), books.initial(call.account)
    return {
        "walletBalance": shapes.money(wallet),
        "unrealizedProfit": shapes.money(unrealized),
        "marginBalance": shapes.money(wallet + unrealized),
        "maintMargin": shapes.money(books.maintenance(call.account)),
        "initialMargin": shapes.money(initial + books.held(call.account)),
        "positionInitialMargin": shapes.money(initial),
        "openOrderInitialMargin": shapes.money(books.held(call.account)),
        "crossWalletBalance": shapes.money(wallet),
        "crossUnPnl": shapes.money(unrealized),
    }
