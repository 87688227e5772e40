"""Kraken's messages: how pairs, orders, fills, tickers and books are written there."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.decimals import ZERO
from sandbox.core.book import Level, OrderBook
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline
from sandbox.core.orders import Fill, Order, OrderType, Side, Status, Trade
from sandbox.kraken import names

Json = dict[str, Any]
ORDER_TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop-loss": OrderType.STOP_LOSS,
    "stop-loss-limit": OrderType.STOP_LOSS_LIMIT,
    "take-profit": OrderType.TAKE_PROFIT,
    "take-profit-limit": OrderType.TAKE_PROFIT_LIMIT,
}
TYPE_NAMES = {kind: name for name, kind in ORDER_TYPES.items()}
_STATUSES = {
    Status.NEW: "open",
    Status.PARTIALLY_FILLED: "open",
    Status.FILLED: "closed",
    Status.CANCELED: "canceled",
    Status.EXPIRED: "canceled",
}


def iso(at_ms: int) -> str:
    """Return a moment as 2023-10-06T17:35:55.440000Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rfc1123(at_ms: int) -> str:
    """Return a moment as Tue, 11 Nov 25 00:17:04 +0000, the two digits of the year included."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")


def price_text(instrument: Instrument, price: Decimal | None) -> str:
    """Return a price with the pair's decimals."""
    return f"{price or ZERO:.{instrument.price_decimals}f}"


def asset_row(code: str) -> Json:
    """Return an asset of Assets."""
    return {
        "aclass": "currency",
        "altname": names.asset_altname(code),
        "decimals": 10,
        "display_decimals": 5,
        "status": "enabled",
    }


def pair_row(instrument: Instrument) -> Json:
    """Return a pair of AssetPairs; fees in percent."""
    return {
        "altname": names.pair_altname(instrument),
        "wsname": names.old_websocket_name(instrument),
        "aclass_base": "currency",
        "base": names.asset_id(instrument.base),
        "aclass_quote": "currency",
        "quote": names.asset_id(instrument.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": instrument.price_decimals,
        "lot_decimals": instrument.quantity_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, float(instrument.taker_fee * 100)]],
        "fees_maker": [[0, float(instrument.maker_fee * 100)]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{instrument.min_quantity.normalize():f}",
        "costmin": f"{instrument.min_notional.normalize():f}",
        "tick_size": f"{instrument.tick.normalize():f}",
        "status": "online",
    }


def ticker_row(instrument: Instrument, book: OrderBook, day: Kline, today: Kline, last: Trade | None) -> Json:
    """Return a pair of Ticker: [today, last 24 hours] where there are two."""
    bid, ask = book.levels(Side.BUY, 1)[0], book.levels(Side.SELL, 1)[0]

    def top(level: Level) -> list[str]:
        return [price_text(instrument, level[0]), str(max(1, int(level[1]))), f"{level[1]:.3f}"]

    def both(name: str, decimals: int) -> list[str]:
        return [f"{getattr(each, name):.{decimals}f}" for each in (today, day)]

    places = instrument.price_decimals
    return {
        "a": top(ask),
        "b": top(bid),
        "c": [price_text(instrument, day.close), f"{last.quantity if last else instrument.step:.8f}"],
        "v": both("volume", 8),
        "p": [price_text(instrument, vwap(each)) for each in (today, day)],
        "t": [today.trades, day.trades],
        "l": both("low", places),
        "h": both("high", places),
        "o": price_text(instrument, today.open),
    }


def vwap(kline: Kline) -> Decimal:
    """Return the volume-weighted average price."""
    return kline.quote_volume / kline.volume if kline.volume else kline.close


def ohlc_row(instrument: Instrument, kline: Kline) -> list[Any]:
    """Return a candle of OHLC."""
    prices = [price_text(instrument, each) for each in (kline.open, kline.high, kline.low, kline.close, vwap(kline))]
    return [kline.opened_ms // 1000, *prices, f"{kline.volume:.8f}", kline.trades]


def trade_row(instrument: Instrument, trade: Trade) -> list[Any]:
    """Return a trade of Trades."""
    side = "s" if trade.buyer_is_maker else "b"
    return [price_text(instrument, trade.price), f"{trade.quantity:.8f}", trade.at_ms / 1000, side, "l", "", trade.id]


def description(order: Order, instrument: Instrument) -> Json:
    """Return an order's descr."""
    first = order.trigger_price if order.type.is_conditional else order.price
    second = order.price if order.type.is_conditional and order.type.is_limit else None
    pair, kind = names.pair_altname(instrument), TYPE_NAMES[order.type]
    prices = f" {price_text(instrument, first)}" if first is not None else ""
    limit = f" -> limit {price_text(instrument, second)}" if second is not None else ""
    spoken = kind if not order.type.is_conditional else kind.removesuffix("-limit").replace("-", " ")
    return {
        "pair": pair,
        "type": str(order.side).lower(),
        "ordertype": kind,
        "price": price_text(instrument, first) if first is not None else "0",
        "price2": price_text(instrument, second) if second is not None else "0",
        "leverage": "none",
        "order": f"{str(order.side).lower()} {order.quantity:.8f} {pair} @ {spoken}{prices}{limit}",
        "close": "",
    }


def order_row(order: Order, instrument: Instrument, *, trades: bool) -> Json:
    """Return an order of OpenOrders, ClosedOrders and QueryOrders."""
    row: Json = {
        "refid": None,
        "userref": order.userref,
        "cl_ord_id": order.given_id,
        "status": _STATUSES[order.status],
        "opentm": order.created_ms / 1000,
        "starttm": 0,
        "expiretm": 0,
        "descr": description(order, instrument),
        "vol": f"{order.quantity:.8f}",
        "vol_exec": f"{order.filled:.8f}",
        "cost": f"{order.filled_quote:.5f}",
        "fee": f"{order.fee:.5f}",
        "price": price_text(instrument, order.average_price),
        "stopprice": price_text(instrument, order.trigger_price),
        "limitprice": price_text(instrument, order.price if order.type.is_conditional else None),
        "misc": "",
        "oflags": "fciq,post" if order.post_only else "fciq",
    }
    if not order.status.is_open:
        row["closetm"] = order.updated_ms / 1000
        row["reason"] = None if order.status is Status.FILLED else cancel_reason(order)
    if trades:
        row["trades"] = [names.fill_txid(fill, order) for fill in order.fills]
    return row


def cancel_reason(order: Order) -> str:
    """Return why an order ended unfilled."""
    return "User requested" if order.status is Status.CANCELED else "Order could not be filled whole"


def my_trade(fill: Fill, order: Order, instrument: Instrument) -> Json:
    """Return a trade of TradesHistory."""
    return {
        "ordertxid": names.order_txid(order.id),
        "postxid": f"TKH2SE-M7IF5-{order.id % 1_000_000:06d}",
        "pair": names.pair_id(instrument),
        "time": fill.at_ms / 1000,
        "type": str(fill.side).lower(),
        "ordertype": TYPE_NAMES[order.type],
        "price": price_text(instrument, fill.price),
        "cost": f"{fill.price * fill.quantity:.5f}",
        "fee": f"{fill.fee:.5f}",
        "vol": f"{fill.quantity:.8f}",
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": fill.is_maker,
        "ledgers": [],
    }


def checksum(instrument: Instrument, bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """Return the CRC32 of a book's ten best levels: asks, then bids; prices and quantities without point and leading zeros."""
    text = "".join(
        f"{value:.{decimals}f}".replace(".", "").lstrip("0")
        for side in (asks[:10], bids[:10])
        for level in side
        for value, decimals in zip(level, (instrument.price_decimals, instrument.quantity_decimals), strict=True)
    )
    return zlib.crc32(text.encode())
