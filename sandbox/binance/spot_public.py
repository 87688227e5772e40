"""Binance spot's public endpoints."""

from __future__ import annotations

import json
from typing import Any

from sandbox.binance import spot_shapes as shapes
from sandbox.binance.calls import Call
from sandbox.binance.errors import BinanceError
from sandbox.core.instruments import Instrument
from sandbox.core.klines import LENGTHS
from sandbox.core.orders import Side

Json = Any
INTERVALS = tuple(name for name in LENGTHS if name != "15d")
RATE_LIMITS = [
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
]


def ping(call: Call) -> Json:
    """GET ping."""
    return {}


def time(call: Call) -> Json:
    """GET time."""
    return {"serverTime": call.venue.clock.server_ms()}


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo."""
    weight = {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": call.venue.setup.spot_weight,
    }  # fmt: skip
    return {
        "timezone": "UTC",
        "serverTime": call.venue.clock.server_ms(),
        "rateLimits": [weight, *RATE_LIMITS],
        "exchangeFilters": [],
        "symbols": [shapes.symbol_info(instrument) for instrument in _asked(call)],
    }


def depth(call: Call) -> Json:
    """GET depth."""
    book = call.venue.spot.exchange.book(call.text("symbol"))
    limit = call.limit(100, 5000)
    return {
        "lastUpdateId": book.update_id,
        "bids": [[shapes.eight(price), shapes.eight(quantity)] for price, quantity in book.levels(Side.BUY, limit)],
        "asks": [[shapes.eight(price), shapes.eight(quantity)] for price, quantity in book.levels(Side.SELL, limit)],
    }


def trades(call: Call) -> Json:
    """GET trades."""
    exchange = call.venue.spot.exchange
    known = exchange.matcher.trades[exchange.instrument(call.text("symbol")).symbol]
    return [shapes.public_trade(trade) for trade in list(known)[-call.limit(500, 1000) :]]


def aggregate_trades(call: Call) -> Json:
    """GET aggTrades: fromId, startTime, endTime, limit."""
    exchange = call.venue.spot.exchange
    known = exchange.matcher.trades[exchange.instrument(call.text("symbol")).symbol]
    first, since, until = call.integer("fromId"), call.integer("startTime"), call.integer("endTime")
    found = [
        trade
        for trade in known
        if (first is None or trade.id >= first)
        and (since is None or trade.at_ms >= since)
        and (until is None or trade.at_ms <= until)
    ]
    limit = call.limit(500, 1000)
    found = found[-limit:] if first is None and since is None else found[:limit]
    return [shapes.aggregate_trade(trade) for trade in found]


def klines(call: Call) -> Json:
    """GET klines."""
    symbol = call.venue.spot.exchange.instrument(call.text("symbol")).symbol
    timeframe = interval(call)
    store = call.venue.spot.market.klines[symbol]
    found = store.query(timeframe, call.integer("startTime"), call.integer("endTime"), call.limit(500, 1000))
    return [shapes.kline_row(kline, timeframe) for kline in found]


def interval(call: Call) -> str:
    """Return the `interval` parameter."""
    timeframe = call.text("interval")
    if timeframe not in INTERVALS:
        raise BinanceError(-1120, "Invalid interval.")
    return timeframe


def ticker_day(call: Call) -> Json:
    """GET ticker/24hr."""
    return _for_each(call, lambda instrument: day_of(call, instrument))


def day_of(call: Call, instrument: Instrument) -> Json:
    """Return one market's 24 hour statistics."""
    place = call.venue.spot
    day = place.market.klines[instrument.symbol].day()
    return shapes.day_ticker(instrument, day, place.exchange.book(instrument.symbol), call.venue.clock.market_ms())


def ticker_price(call: Call) -> Json:
    """GET ticker/price."""
    last = call.venue.spot.exchange.last_price
    return _for_each(call, lambda i: {"symbol": i.symbol, "price": shapes.eight(last(i.symbol))})


def ticker_book(call: Call) -> Json:
    """GET ticker/bookTicker."""
    book = call.venue.spot.exchange.book
    return _for_each(call, lambda i: shapes.book_ticker(i, book(i.symbol)))


def average_price(call: Call) -> Json:
    """GET avgPrice: of the last five minutes."""
    symbol = call.venue.spot.exchange.instrument(call.text("symbol")).symbol
    recent = call.venue.spot.market.klines[symbol].series("1m")[-5:]
    volume = sum(kline.volume for kline in recent)
    price = sum(kline.quote_volume for kline in recent) / volume if volume else recent[-1].close
    return {"mins": 5, "price": f"{price:.8f}", "closeTime": call.venue.clock.market_ms()}


def empty_list(call: Call) -> Json:
    """Answer what this venue does not have any of."""
    return []


def _for_each(call: Call, make: Any) -> Json:
    """Return one object for `symbol`, a list for `symbols` or for all."""
    made = [make(instrument) for instrument in _asked(call)]
    return made[0] if call.optional("symbol") else made


def _asked(call: Call) -> list[Instrument]:
    exchange = call.venue.spot.exchange
    if one := call.optional("symbol"):
        return [exchange.instrument(one)]
    if several := call.optional("symbols"):
        return [exchange.instrument(symbol) for symbol in json.loads(several)]
    return list(exchange.instruments.values())
