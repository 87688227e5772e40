"""Binance futures' messages: how orders, positions, candles and updates are written there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.decimals import ZERO
from sandbox.core.events import OrderChange, OrderEvent
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline, bucket_end
from sandbox.core.margin import Position
from sandbox.core.orders import Fill, Order, OrderType, Side, Status, Trade

Json = dict[str, Any]
PREVENTION = "EXPIRE_MAKER"
# What Binance calls the stop kinds here.
TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LOSS_LIMIT,
    "STOP_MARKET": OrderType.STOP_LOSS,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT,
}
NAMES = {kind: name for name, kind in TYPES.items()}


def plain(amount: Decimal | None) -> str:
    """Return an amount without needless zeros."""
    value = amount or ZERO
    return f"{value.normalize():f}" if value else "0"


def money(amount: Decimal) -> str:
    """Return an amount of a settlement asset, eight decimals."""
    return f"{amount:.8f}"


def symbol_info(instrument: Instrument) -> Json:
    """Return a market of exchangeInfo."""
    lot = {
        "minQty": plain(instrument.min_quantity),
        "maxQty": plain(instrument.max_quantity),
        "stepSize": plain(instrument.step),
    }
    return {
        "symbol": instrument.symbol,
        "pair": instrument.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.quote,
        "pricePrecision": instrument.price_decimals,
        "quantityPrecision": instrument.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(max(instrument.min_price, instrument.tick)),
                "maxPrice": plain(instrument.max_price),
                "tickSize": plain(instrument.tick),
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": plain(instrument.min_notional)},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": list(TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def time_in_force(order: Order) -> str:
    """Return an order's time in force; post-only is GTX here."""
    return "GTX" if order.post_only else str(order.time_in_force)


def order_row(order: Order) -> Json:
    """Return an order as queries show it."""
    return {
        "orderId": order.id,
        "symbol": order.symbol,
        "status": str(order.status),
        "clientOrderId": order.client_id,
        "price": plain(order.price),
        "avgPrice": plain(order.average_price.quantize(Decimal("1E-8"))),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "cumQuote": plain(order.filled_quote),
        "timeInForce": time_in_force(order),
        "type": _working_type(order),
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": str(order.side),
        "positionSide": "BOTH",
        "stopPrice": plain(order.trigger_price),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": NAMES[order.type],
        "priceMatch": "NONE",
        "selfTradePreventionMode": PREVENTION,
        "goodTillDate": 0,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def _working_type(order: Order) -> str:
    """Return what an order works as: a stop that went off is a plain order of the matching engine."""
    return "LIMIT" if order.type.is_limit else "MARKET"


def algo_status(order: Order) -> str:
    """Return where a conditional order stands: NEW until it triggers, FINISHED once its order is done."""
    if not order.working:
        return str(order.status)
    return "TRIGGERED" if order.status.is_open else "FINISHED"


def algo_row(order: Order) -> Json:
    """Return a conditional order."""
    return {
        "algoId": order.id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": NAMES[order.type],
        "symbol": order.symbol,
        "side": str(order.side),
        "positionSide": "BOTH",
        "timeInForce": time_in_force(order),
        "quantity": plain(None if order.close_position else order.quantity),
        "algoStatus": algo_status(order),
        "actualOrderId": str(order.id) if order.working else "",
        "actualPrice": plain(order.average_price),
        "triggerPrice": plain(order.trigger_price),
        "price": plain(order.price),
        "icebergQuantity": None,
        "tpTriggerPrice": "0",
        "tpPrice": "0",
        "slTriggerPrice": "0",
        "slPrice": "0",
        "tpOrderType": "",
        "selfTradePreventionMode": PREVENTION,
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.updated_ms if order.working else 0,
        "goodTillDate": 0,
    }


def my_trade(fill: Fill) -> Json:
    """Return a fill of userTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": str(fill.side),
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "realizedPnl": money(fill.realized_pnl),
        "marginAsset": fill.fee_asset,
        "quoteQty": plain(fill.price * fill.quantity),
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.at_ms,
        "positionSide": "BOTH",
        "buyer": fill.side is Side.BUY,
        "maker": fill.is_maker,
    }


def public_trade(trade: Trade) -> Json:
    """Return a public trade."""
    return {
        "id": trade.id,
        "price": plain(trade.price),
        "qty": plain(trade.quantity),
        "quoteQty": plain(trade.price * trade.quantity),
        "time": trade.at_ms,
        "isBuyerMaker": trade.buyer_is_maker,
    }


def aggregate_trade(trade: Trade) -> Json:
    """Return a trade as an aggregate of one."""
    return {
        "a": trade.id,
        "p": plain(trade.price),
        "q": plain(trade.quantity),
        "f": trade.id,
        "l": trade.id,
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
    }


def kline_row(kline: Kline, timeframe: str) -> list[Any]:
    """Return a candle as a row of klines."""
    return [
        kline.opened_ms,
        plain(kline.open),
        plain(kline.high),
        plain(kline.low),
        plain(kline.close),
        plain(kline.volume),
        bucket_end(kline.opened_ms, timeframe) - 1,
        plain(kline.quote_volume),
        kline.trades,
        plain(kline.taker_base),
        plain(kline.taker_quote),
        "0",
    ]


def day_ticker(instrument: Instrument, day: Kline, now_ms: int) -> Json:
    """Return the 24 hour statistics."""
    change = day.close - day.open
    average = day.quote_volume / day.volume if day.volume else day.close
    return {
        "symbol": instrument.symbol,
        "priceChange": plain(change),
        "priceChangePercent": f"{change / day.open * 100:.3f}",
        "weightedAvgPrice": plain(average.quantize(instrument.tick)),
        "lastPrice": plain(day.close),
        "lastQty": plain(instrument.step),
        "openPrice": plain(day.open),
        "highPrice": plain(day.high),
        "lowPrice": plain(day.low),
        "volume": plain(day.volume),
        "quoteVolume": plain(day.quote_volume),
        "openTime": day.opened_ms,
        "closeTime": now_ms,
        "firstId": max(day.first_trade, 0),
        "lastId": max(day.last_trade, 0),
        "count": day.trades,
    }


def position_row(position: Position, mark: Decimal, liquidation: Decimal) -> Json:
    """Return a position of positionRisk (v3)."""
    notional = position.quantity * mark
    initial = position.initial_margin(mark)
    return {
        "symbol": position.instrument.symbol,
        "positionSide": "BOTH",
        "positionAmt": plain(position.quantity),
        "entryPrice": plain(position.state.average_price.quantize(Decimal("1E-8"))),
        "breakEvenPrice": plain(position.state.average_price.quantize(Decimal("1E-8"))),
        "markPrice": plain(mark),
        "unRealizedProfit": money(position.unrealized(mark)),
        "liquidationPrice": plain(liquidation),
        "isolatedMargin": money(initial if position.isolated else ZERO),
        "notional": money(notional),
        "marginAsset": position.instrument.quote,
        "isolatedWallet": money(initial if position.isolated else ZERO),
        "initialMargin": money(initial),
        "maintMargin": money(position.maintenance_margin(mark)),
        "positionInitialMargin": money(initial),
        "openOrderInitialMargin": "0",
        "adl": 2,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.updated_ms,
    }


def with_leverage(row: Json, position: Position) -> Json:
    """Return a position of positionRisk v2, which tells leverage and margin type too."""
    return {
        **row,
        "leverage": str(position.leverage),
        "maxNotionalValue": plain(max_notional(position)),
        "marginType": "isolated" if position.isolated else "cross",
        "isAutoAddMargin": "false",
    }


def max_notional(position: Position) -> Decimal:
    """Return the notional up to which the position's leverage is allowed."""
    allowed = [b.cap for b in position.instrument.brackets if b.leverage >= position.leverage]
    return max(allowed, default=position.instrument.brackets[0].cap)


_EXECUTIONS = {
    OrderChange.NEW: "NEW",
    OrderChange.TRIGGERED: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
}


def order_update(event: OrderEvent) -> Json:
    """Return ORDER_TRADE_UPDATE."""
    order, fill = event.order, event.fill
    told: Json = {
        "s": order.symbol,
        "c": order.client_id,
        "S": str(order.side),
        "o": _working_type(order),
        "f": time_in_force(order),
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average_price.quantize(Decimal("1E-8"))),
        "sp": plain(order.trigger_price),
        "x": _EXECUTIONS[event.change],
        "X": str(order.status),
        "i": order.id,
        "l": plain(fill.quantity if fill else ZERO),
        "z": plain(order.filled),
        "L": plain(fill.price if fill else ZERO),
        "N": fill.fee_asset if fill else "USDT",
        "n": money(fill.fee) if fill else "0",
        "T": event.at_ms,
        "t": fill.trade_id if fill else 0,
        "b": "0",
        "a": "0",
        "m": fill.is_maker if fill else False,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": NAMES[order.type],
        "ps": "BOTH",
        "cp": order.close_position,
        "rp": money(fill.realized_pnl if fill else ZERO),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": PREVENTION,
        "pm": "NONE",
        "gtd": 0,
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": event.at_ms, "T": event.at_ms, "o": told}


def algo_update(event: OrderEvent) -> Json:
    """Return ALGO_UPDATE: a conditional order before its trigger, and the trigger itself."""
    order = event.order
    return {
        "e": "ALGO_UPDATE",
        "T": event.at_ms,
        "E": event.at_ms,
        "o": {
            "caid": order.client_id,
            "aid": order.id,
            "at": "CONDITIONAL",
            "o": NAMES[order.type],
            "s": order.symbol,
            "S": str(order.side),
            "ps": "BOTH",
            "f": time_in_force(order),
            "q": plain(order.quantity),
            "X": "TRIGGERED" if event.change is OrderChange.TRIGGERED else str(order.status),
            "ai": str(order.id) if order.working else "",
            "ap": plain(order.average_price),
            "aq": plain(order.filled),
            "act": "0",
            "tp": plain(order.trigger_price),
            "p": plain(order.price),
            "V": PREVENTION,
            "wt": "CONTRACT_PRICE",
            "pm": "NONE",
            "cp": order.close_position,
            "pP": False,
            "R": order.reduce_only,
            "tt": event.at_ms if order.working else 0,
            "gtd": 0,
            "rm": "Reduce Only reject" if order.status is Status.EXPIRED else "",
        },
    }


def trade_lite(event: OrderEvent) -> Json:
    """Return TRADE_LITE: the quick word about a fill."""
    order, fill = event.order, event.fill
    assert fill is not None, "only fills are told so"
    return {
        "e": "TRADE_LITE",
        "E": event.at_ms,
        "T": fill.at_ms,
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": fill.is_maker,
        "c": order.client_id,
        "S": str(order.side),
        "L": plain(fill.price),
        "l": plain(fill.quantity),
        "t": fill.trade_id,
        "i": order.id,
    }
