"""Binance spot's messages: how orders, fills, candles and tickers are written there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.decimals import ZERO
from sandbox.core.book import OrderBook
from sandbox.core.events import OrderChange, OrderEvent
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline, bucket_end
from sandbox.core.orders import Fill, Order, OrderType, Side, TimeInForce, Trade

Json = dict[str, Any]
ORDER_TYPES = [
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
]  # fmt: skip
_PREVENTION = "EXPIRE_MAKER"


def eight(amount: Decimal | None) -> str:
    """Return an amount with eight decimals, as spot writes all of them."""
    return f"{amount or ZERO:.8f}"


def symbol_info(instrument: Instrument) -> Json:
    """Return a market of exchangeInfo."""
    return {
        "symbol": instrument.symbol,
        "status": "TRADING",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": eight(max(instrument.min_price, instrument.tick)),
                "maxPrice": eight(instrument.max_price),
                "tickSize": eight(instrument.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": eight(instrument.min_quantity),
                "maxQty": eight(instrument.max_quantity),
                "stepSize": eight(instrument.step),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": eight(ZERO),
                "maxQty": eight(instrument.max_quantity),
                "stepSize": eight(ZERO),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": eight(instrument.min_notional),
                "applyMinToMarket": True,
                "maxNotional": eight(Decimal(9_000_000)),
                "applyMaxToMarket": False,
                "avgPriceMins": 0,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": _PREVENTION,
        "allowedSelfTradePreventionModes": [_PREVENTION],
    }


def order_type(order: Order) -> str:
    """Return an order's type in Binance's words."""
    if order.type is OrderType.LIMIT and order.post_only:
        return "LIMIT_MAKER"
    return str(order.type)


def order_row(order: Order) -> Json:
    """Return an order as queries show it."""
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        "price": eight(order.price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.filled),
        "cummulativeQuoteQty": eight(order.filled_quote),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": order_type(order),
        "side": str(order.side),
        "stopPrice": eight(order.trigger_price),
        "icebergQty": eight(ZERO),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working,
        "workingTime": order.created_ms if order.working else -1,
        "origQuoteOrderQty": eight(order.quote_quantity),
        "selfTradePreventionMode": _PREVENTION,
    }


def placed_order(order: Order, response_type: str) -> Json:
    """Return the answer to a new order: ACK, RESULT or FULL."""
    row: Json = {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        "transactTime": order.created_ms,
    }
    if response_type == "ACK":
        return row
    shown = order_row(order)
    for name in (
        "price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type",
        "side", "workingTime", "selfTradePreventionMode",
    ):  # fmt: skip
        row[name] = shown[name]
    if order.trigger_price is not None:
        row["stopPrice"] = shown["stopPrice"]
    if response_type == "FULL":
        row["fills"] = [
            {
                "price": eight(fill.price),
                "qty": eight(fill.quantity),
                "commission": eight(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
    return row


def cancelled_order(order: Order, cancel_id: str) -> Json:
    """Return the answer to a cancel."""
    shown = order_row(order)
    row: Json = {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
    }
    for name in (
        "price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type",
        "side", "selfTradePreventionMode",
    ):  # fmt: skip
        row[name] = shown[name]
    return row


def order_list(legs: list[Order], reports: list[Json], *, done: bool) -> Json:
    """Return an OCO list with its legs' reports."""
    return {
        "orderListId": legs[0].list_id,
        "contingencyType": "OCO",
        "listStatusType": "ALL_DONE" if done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if done else "EXECUTING",
        "listClientOrderId": legs[0].list_client_id,
        "transactionTime": max(leg.updated_ms for leg in legs),
        "symbol": legs[0].symbol,
        "orders": [{"symbol": leg.symbol, "orderId": leg.id, "clientOrderId": leg.client_id} for leg in legs],
        "orderReports": reports,
    }


def my_trade(fill: Fill, list_id: int) -> Json:
    """Return a fill of myTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": list_id,
        "price": eight(fill.price),
        "qty": eight(fill.quantity),
        "quoteQty": eight(fill.price * fill.quantity),
        "commission": eight(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.at_ms,
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def public_trade(trade: Trade) -> Json:
    """Return a public trade."""
    return {
        "id": trade.id,
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "quoteQty": eight(trade.price * trade.quantity),
        "time": trade.at_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregate_trade(trade: Trade) -> Json:
    """Return a trade as an aggregate of one."""
    return {
        "a": trade.id,
        "p": eight(trade.price),
        "q": eight(trade.quantity),
        "f": trade.id,
        "l": trade.id,
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def kline_row(kline: Kline, timeframe: str) -> list[Any]:
    """Return a candle as a row of klines."""
    return [
        kline.opened_ms,
        eight(kline.open),
        eight(kline.high),
        eight(kline.low),
        eight(kline.close),
        eight(kline.volume),
        bucket_end(kline.opened_ms, timeframe) - 1,
        eight(kline.quote_volume),
        kline.trades,
        eight(kline.taker_base),
        eight(kline.taker_quote),
        "0",
    ]


def day_ticker(instrument: Instrument, day: Kline, book: OrderBook, now_ms: int) -> Json:
    """Return the 24 hour statistics."""
    change = day.close - day.open
    bid, ask = book.levels(Side.BUY, 1), book.levels(Side.SELL, 1)
    return {
        "symbol": instrument.symbol,
        "priceChange": eight(change),
        "priceChangePercent": f"{change / day.open * 100:.3f}",
        "weightedAvgPrice": eight(day.quote_volume / day.volume if day.volume else day.close),
        "prevClosePrice": eight(day.open),
        "lastPrice": eight(day.close),
        "lastQty": eight(instrument.step),
        "bidPrice": eight(bid[0][0] if bid else ZERO),
        "bidQty": eight(bid[0][1] if bid else ZERO),
        "askPrice": eight(ask[0][0] if ask else ZERO),
        "askQty": eight(ask[0][1] if ask else ZERO),
        "openPrice": eight(day.open),
        "highPrice": eight(day.high),
        "lowPrice": eight(day.low),
        "volume": eight(day.volume),
        "quoteVolume": eight(day.quote_volume),
        "openTime": day.opened_ms,
        "closeTime": now_ms,
        "firstId": max(day.first_trade, 0),
        "lastId": max(day.last_trade, 0),
        "count": day.trades,
    }


def book_ticker(instrument: Instrument, book: OrderBook) -> Json:
    """Return the best bid and ask."""
    bid, ask = book.levels(Side.BUY, 1), book.levels(Side.SELL, 1)
    return {
        "symbol": instrument.symbol,
        "bidPrice": eight(bid[0][0] if bid else ZERO),
        "bidQty": eight(bid[0][1] if bid else ZERO),
        "askPrice": eight(ask[0][0] if ask else ZERO),
        "askQty": eight(ask[0][1] if ask else ZERO),
    }


_EXECUTIONS = {
    OrderChange.NEW: "NEW",
    OrderChange.TRIGGERED: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
}


def execution_report(event: OrderEvent, execution_id: int) -> Json:
    """Return an order's change as the user data stream tells it."""
    order, fill = event.order, event.fill
    is_limit = order.type.is_limit and not order.post_only
    return {
        "e": "executionReport",
        "E": event.at_ms,
        "s": order.symbol,
        "c": order.client_id,
        "S": str(order.side),
        "o": order_type(order),
        "f": str(order.time_in_force if is_limit else TimeInForce.GTC),
        "q": eight(order.quantity),
        "p": eight(order.price),
        "P": eight(order.trigger_price),
        "F": eight(ZERO),
        "g": order.list_id,
        "C": order.client_id if event.change is OrderChange.CANCELED else "",
        "x": _EXECUTIONS[event.change],
        "X": str(order.status),
        "r": "NONE",
        "i": order.id,
        "l": eight(fill.quantity if fill else ZERO),
        "z": eight(order.filled),
        "L": eight(fill.price if fill else ZERO),
        "n": eight(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": event.at_ms,
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": order.working and order.status.is_open and order.price is not None,
        "m": fill.is_maker if fill else False,
        "M": False,
        "O": order.created_ms,
        "Z": eight(order.filled_quote),
        "Y": eight(fill.price * fill.quantity if fill else ZERO),
        "Q": eight(order.quote_quantity),
        "W": order.created_ms,
        "V": _PREVENTION,
    }
