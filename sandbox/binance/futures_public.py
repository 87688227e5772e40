"""Binance futures' public endpoints."""

from __future__ import annotations

from typing import Any

from sandbox.binance import futures_shapes as shapes
from sandbox.binance.calls import Call
from sandbox.binance.spot_public import interval
from sandbox.core.funding import FUNDING_MS
from sandbox.core.instruments import Instrument
from sandbox.core.orders import Side

Json = Any


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo."""
    exchange = call.venue.futures.exchange
    assets = sorted({instrument.quote for instrument in exchange.instruments.values()})
    return {
        "timezone": "UTC",
        "serverTime": call.venue.clock.server_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                "limit": call.venue.setup.futures_weight,
            },
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-100"} for asset in assets],
        "symbols": [shapes.symbol_info(instrument) for instrument in exchange.instruments.values()],
    }  # fmt: skip


def no_markets(call: Call) -> Json:
    """Answer exchangeInfo of a side that trades nothing here (coin-margined)."""
    return {"timezone": "UTC", "serverTime": call.venue.clock.server_ms(), "rateLimits": [], "symbols": []}


def depth(call: Call) -> Json:
    """GET depth."""
    book = call.venue.futures.exchange.book(call.text("symbol"))
    limit = call.limit(500, 1000)
    now = call.venue.clock.market_ms()
    return {
        "lastUpdateId": book.update_id,
        "E": now,
        "T": now,
        "bids": [[shapes.plain(price), shapes.plain(quantity)] for price, quantity in book.levels(Side.BUY, limit)],
        "asks": [[shapes.plain(price), shapes.plain(quantity)] for price, quantity in book.levels(Side.SELL, limit)],
    }


def trades(call: Call) -> Json:
    """GET trades."""
    known = call.venue.futures.exchange.matcher.trades[_instrument(call).symbol]
    return [shapes.public_trade(trade) for trade in list(known)[-call.limit(500, 1000) :]]


def aggregate_trades(call: Call) -> Json:
    """GET aggTrades."""
    since, until = call.integer("startTime"), call.integer("endTime")
    known = call.venue.futures.exchange.matcher.trades[_instrument(call).symbol]
    found = [t for t in known if (since is None or t.at_ms >= since) and (until is None or t.at_ms <= until)]
    return [shapes.aggregate_trade(trade) for trade in found[-call.limit(500, 1000) :]]


def klines(call: Call) -> Json:
    """GET klines."""
    timeframe = interval(call)
    store = call.venue.futures.market.klines[_instrument(call).symbol]
    found = store.query(timeframe, call.integer("startTime"), call.integer("endTime"), call.limit(500, 1500))
    return [shapes.kline_row(kline, timeframe) for kline in found]


def ticker_day(call: Call) -> Json:
    """GET ticker/24hr."""
    return _for_each(call, lambda instrument: day_of(call, instrument))


def day_of(call: Call, instrument: Instrument) -> Json:
    """Return one market's 24 hour statistics."""
    day = call.venue.futures.market.klines[instrument.symbol].day()
    return shapes.day_ticker(instrument, day, call.venue.clock.market_ms())


def ticker_price(call: Call) -> Json:
    """GET ticker/price."""
    last, now = call.venue.futures.exchange.last_price, call.venue.clock.market_ms()
    return _for_each(call, lambda i: {"symbol": i.symbol, "price": shapes.plain(last(i.symbol)), "time": now})


def ticker_book(call: Call) -> Json:
    """GET ticker/bookTicker."""
    return _for_each(call, lambda instrument: book_ticker(call, instrument))


def book_ticker(call: Call, instrument: Instrument) -> Json:
    """Return the best bid and ask."""
    book = call.venue.futures.exchange.book(instrument.symbol)
    (bid, bid_quantity), (ask, ask_quantity) = (book.levels(side, 1)[0] for side in (Side.BUY, Side.SELL))
    return {
        "symbol": instrument.symbol,
        "bidPrice": shapes.plain(bid),
        "bidQty": shapes.plain(bid_quantity),
        "askPrice": shapes.plain(ask),
        "askQty": shapes.plain(ask_quantity),
        "time": call.venue.clock.market_ms(),
        "lastUpdateId": book.update_id,
    }


def premium_index(call: Call) -> Json:
    """GET premiumIndex: mark, index, and the funding to come."""
    return _for_each(call, lambda instrument: premium(call, instrument))


def premium(call: Call, instrument: Instrument) -> Json:
    """Return one market's mark price and funding."""
    place, now = call.venue.futures, call.venue.clock.market_ms()
    mark = place.exchange.last_price(instrument.symbol)
    index = place.market.index[instrument.symbol]
    following = place.funding.slot(now) + FUNDING_MS
    return {
        "symbol": instrument.symbol,
        "markPrice": f"{mark:.8f}",
        "indexPrice": f"{index:.8f}",
        "estimatedSettlePrice": f"{index:.8f}",
        "lastFundingRate": f"{place.funding.rate(instrument.symbol, following):.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": following,
        "time": now,
    }


def funding_rates(call: Call) -> Json:
    """GET fundingRate: what was paid, oldest first."""
    place, now = call.venue.futures, call.venue.clock.market_ms()
    symbol = _instrument(call).symbol
    limit = call.limit(100, 1000)
    last = place.funding.slot(min(call.integer("endTime") or now, now))
    since = call.integer("startTime")
    first = last - (limit - 1) * FUNDING_MS if since is None else -(-since // FUNDING_MS) * FUNDING_MS
    mark = place.exchange.last_price(symbol)
    return [
        {
            "symbol": symbol,
            "fundingTime": at_ms,
            "fundingRate": f"{place.funding.rate(symbol, at_ms):.8f}",
            "markPrice": f"{mark:.8f}",
        }
        for at_ms in range(first, last + 1, FUNDING_MS)
    ][:limit]


def funding_info(call: Call) -> Json:
    """GET fundingInfo."""
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.00030000",
            "adjustedFundingRateFloor": "-0.00010000",
            "fundingIntervalHours": FUNDING_MS // 3_600_000,
            "disclaimer": False,
        }
        for symbol in call.venue.futures.exchange.instruments
    ]


def open_interest(call: Call) -> Json:
    """GET openInterest: of the accounts here, long side."""
    symbol = _instrument(call).symbol
    held = [p.quantity for p in call.venue.futures.books.positions() if p.instrument.symbol == symbol]
    total = sum(quantity for quantity in held if quantity > 0)
    return {"symbol": symbol, "openInterest": str(total), "time": call.venue.clock.market_ms()}


def _instrument(call: Call) -> Instrument:
    return call.venue.futures.exchange.instrument(call.text("symbol"))


def _for_each(call: Call, make: Any) -> Json:
    exchange = call.venue.futures.exchange
    if symbol := call.optional("symbol"):
        return make(exchange.instrument(symbol))
    return [make(instrument) for instrument in exchange.instruments.values()]
