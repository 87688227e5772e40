"""The public half of a venue over REST: what can be traded, and at what price."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from common import clock
from engine.candles import Candles
from engine.decimals import ONE
from engine.timeframes import milliseconds, moment, timeframe_ms
from markets.gateway import normalise
from markets.gateway.client import Client
from markets.gateway.protocol import FundingRate, LeverageTier, MarketInfo, OrderBook, PublicTrade, Ticker


def _since(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


class CcxtMarketData:
    """MarketData over a client of the library."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def load_markets(self) -> list[MarketInfo]:
        """Return all spot and perpetual markets of the kinds that this venue is used for, asked afresh."""
        raw = await self._client.call("load_markets", True)
        found = (normalise.market_info(one) for one in raw.values())
        return [one for one in found if one is not None and one.kind in self._client.venue.kinds]

    async def tickers(self, symbols: Sequence[str] | None = None) -> dict[str, Ticker]:
        """Return tickers by symbol: of all, or of those named as far as the venue knows them."""
        await self._client.markets()
        wanted = None if symbols is None else list(symbols)
        if self._client.library.has.get("fetchTickers"):
            raw = await self._client.call("fetch_tickers", wanted)
        else:
            raw = {symbol: await self._client.call("fetch_ticker", symbol) for symbol in wanted or ()}
        now = clock.wall_now()
        return {
            symbol: normalise.ticker(one, now, self._client.known_size(symbol))
            for symbol, one in raw.items()
            if wanted is None or symbol in wanted
        }

    async def candles(
        self, symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Candles:
        """Return one page, oldest first, at most as long as the venue allows; its last candle may still be forming."""
        size = await self._client.size(symbol)
        page = self._client.venue.candles_per_page
        count = page if limit is None else min(limit, page)
        rows = await self._client.call("fetch_ohlcv", symbol, timeframe, _since(since), count)
        return normalise.candles(rows, size if self._client.venue.has_contract_volumes else ONE)

    async def candle_pages(
        self, symbol: str, timeframe: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[Candles]:
        """Yield page after page of candles with since ≤ opened < until, each candle once.

        A page in which nothing is new is a stretch without trades, or one before the venue's memory: the next begins
        where it ends.
        """
        length, page = timeframe_ms(timeframe), self._client.venue.candles_per_page
        cursor, end = milliseconds(since), milliseconds(until)
        while cursor < end:
            limit = min(page, -(-(end - cursor) // length))
            found = await self.candles(symbol, timeframe, since=moment(cursor), limit=limit)
            first, last = (int(found.opened_at.searchsorted(at)) for at in (cursor, end))
            if first < last:
                yield found.part(first, last)
                cursor = int(found.opened_at[last - 1]) + length
            else:
                cursor += limit * length

    async def order_book(self, symbol: str, limit: int | None = None) -> OrderBook:
        """Return a book with exact prices and quantities, best first."""
        size = await self._client.size(symbol)
        raw = await self._client.call("fetch_order_book", symbol, limit)
        return normalise.order_book({"symbol": symbol, **raw}, clock.wall_now(), size, limit)

    async def trades(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[PublicTrade]:
        """Return trades between others, oldest first."""
        size = await self._client.size(symbol)
        rows = await self._client.call("fetch_trades", symbol, _since(since), limit)
        return [normalise.public_trade(one, size) for one in rows]

    async def funding_rates(self, symbols: Sequence[str]) -> dict[str, FundingRate]:
        """Return the rates that are paid next, by symbol."""
        await self._client.markets()
        raw: dict[str, Any] = (
            await self._client.call("fetch_funding_rates", list(symbols))
            if self._client.library.has.get("fetchFundingRates")
            else {symbol: await self._client.call("fetch_funding_rate", symbol) for symbol in symbols}
        )
        now = clock.wall_now()
        return {symbol: normalise.funding_rate(one, now) for symbol, one in raw.items() if symbol in symbols}

    async def funding_history(
        self, symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> list[FundingRate]:
        """Return rates that were paid, oldest first."""
        await self._client.size(symbol)
        rows = await self._client.call("fetch_funding_rate_history", symbol, _since(since), limit)
        return sorted((normalise.funding_rate(one, clock.wall_now()) for one in rows), key=lambda one: one.at)

    async def leverage_tiers(self, symbol: str) -> list[LeverageTier]:
        """Return how much leverage which size of position may have; some venues tell only those who hold keys."""
        await self._client.size(symbol)
        if self._client.library.has.get("fetchLeverageTiers"):
            rows = (await self._client.call("fetch_leverage_tiers", [symbol])).get(symbol, [])
        else:
            rows = await self._client.call("fetch_market_leverage_tiers", symbol)
        return normalise.leverage_tiers(symbol, rows)

    async def public_tiers(self, symbols: Sequence[str]) -> dict[str, list[LeverageTier]]:
        """Return the tiers of perpetuals by symbol, without a key; of none where the venue does not tell everybody."""
        method = self._client.venue.public_tiers
        if not method:
            return {}
        known = [symbol for symbol in symbols if symbol in await self._client.markets()]
        if method == "fetch_leverage_tiers":
            raw: dict[str, Any] = await self._client.call(method, known)
        else:
            raw = {symbol: await self._client.call(method, symbol) for symbol in known}
        return {symbol: normalise.leverage_tiers(symbol, raw[symbol]) for symbol in known if raw.get(symbol)}
