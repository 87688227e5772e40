"""Kraken's public endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.core.instruments import Instrument
from sandbox.core.klines import DAY_MS, Kline
from sandbox.core.orders import Side, Trade
from sandbox.kraken import names, shapes
from sandbox.kraken.errors import KrakenError
from sandbox.venue import Venue

Params = Mapping[str, str]
Json = Any
# Minutes of an interval: ours.
INTERVALS = {
    1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 1440: "1d", 10_080: "1w", 21_600: "15d",
}  # fmt: skip
CANDLES_GIVEN = 720


def named_pairs(venue: Venue, params: Params) -> list[Instrument]:
    """Return the pairs that `pair` names, all without one."""
    known = venue.spot.exchange.instruments.values()
    if not params.get("pair"):
        return list(known)
    return [find_pair(venue, name) for name in params["pair"].split(",")]


def find_pair(venue: Venue, name: str) -> Instrument:
    """Return a pair by any of its names."""
    found = names.by_any_name(venue.spot.exchange.instruments.values()).get(name)
    if found is None:
        raise KrakenError("EQuery:Unknown asset pair")
    return found


def time(venue: Venue, params: Params) -> Json:
    """Time."""
    now = venue.clock.server_ms()
    return {"unixtime": now // 1000, "rfc1123": shapes.rfc1123(now)}


def system_status(venue: Venue, params: Params) -> Json:
    """SystemStatus."""
    return {"status": "online", "timestamp": shapes.iso(venue.clock.server_ms())[:19] + "Z"}


def assets(venue: Venue, params: Params) -> Json:
    """Assets."""
    known = venue.spot.exchange.instruments.values()
    codes = sorted({i.base for i in known} | {i.quote for i in known})
    return {names.asset_id(code): shapes.asset_row(code) for code in codes}


def asset_pairs(venue: Venue, params: Params) -> Json:
    """AssetPairs."""
    return {names.pair_id(each): shapes.pair_row(each) for each in named_pairs(venue, params)}


def ticker(venue: Venue, params: Params) -> Json:
    """Ticker."""
    place = venue.spot
    return {
        names.pair_id(each): shapes.ticker_row(
            each,
            place.exchange.book(each.symbol),
            place.market.klines[each.symbol].day(),
            place.market.klines[each.symbol].series("1d")[-1],
            last_trade(venue, each),
        )
        for each in named_pairs(venue, params)
    }


def last_trade(venue: Venue, instrument: Instrument) -> Trade | None:
    """Return the newest trade."""
    known = venue.spot.exchange.matcher.trades[instrument.symbol]
    return known[-1] if known else None


def ohlc(venue: Venue, params: Params) -> Json:
    """OHLC: up to 720 candles after `since` (seconds), the forming one last."""
    instrument = find_pair(venue, params.get("pair", ""))
    interval = INTERVALS.get(_whole(params, "interval", 1))
    if interval is None:
        raise KrakenError("EGeneral:Invalid arguments:interval")
    since = _whole(params, "since", 0) * 1000
    found: list[Kline] = venue.spot.market.klines[instrument.symbol].query(interval, None, None, CANDLES_GIVEN)
    rows = [shapes.ohlc_row(instrument, kline) for kline in found if kline.opened_ms > since]
    return {names.pair_id(instrument): rows, "last": found[-2 if len(found) > 1 else -1].opened_ms // 1000}


def depth(venue: Venue, params: Params) -> Json:
    """Depth."""
    instrument = find_pair(venue, params.get("pair", ""))
    book, now = venue.spot.exchange.book(instrument.symbol), venue.clock.market_ms() // 1000
    count = _whole(params, "count", 100)

    def rows(side: Side) -> list[list[Any]]:
        levels = book.levels(side, count)
        return [[shapes.price_text(instrument, price), f"{quantity:.3f}", now] for price, quantity in levels]

    return {names.pair_id(instrument): {"asks": rows(Side.SELL), "bids": rows(Side.BUY)}}


def trades(venue: Venue, params: Params) -> Json:
    """Trades: since a nanosecond time, oldest first."""
    instrument = find_pair(venue, params.get("pair", ""))
    since = _whole(params, "since", 0)
    # Older clients send seconds, newer ones nanoseconds.
    since_ms = since // 1_000_000 if since > DAY_MS * 1_000_000 else since * 1000
    known = [t for t in venue.spot.exchange.matcher.trades[instrument.symbol] if t.at_ms >= since_ms]
    known = known[-_whole(params, "count", 1000) :]
    last = known[-1].at_ms if known else since_ms
    rows = [shapes.trade_row(instrument, trade) for trade in known]
    return {names.pair_id(instrument): rows, "last": str(last * 1_000_000)}


def _whole(params: Params, name: str, default: int) -> int:
    value = params.get(name) or str(default)
    if not value.isdigit():
        raise KrakenError(f"EGeneral:Invalid arguments:{name}")
    return int(value)
