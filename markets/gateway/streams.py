"""A venue's streams as asynchronous iterators. They raise our errors and end; connecting again is the feed's business.

Prices of trades, tickers and fills are exact. Books are kept by the library in floats, of which the levels that are
read become the decimals that the venue wrote (exactly so up to 15 significant digits).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from common import clock
from engine.candle_builder import Candle
from engine.decimals import ONE
from markets.gateway import normalise
from markets.gateway.account import CcxtAccount
from markets.gateway.caches import Kept
from markets.gateway.client import Client
from markets.gateway.protocol import AccountTrade, OrderBook, OrderState, PublicTrade, Ticker

# A reader that does not keep up makes the sources wait instead of memory grow.
_MERGED_MESSAGES = 1000
Source = Callable[[], Awaitable[Any]]


async def merged(sources: Sequence[Source]) -> AsyncIterator[Any]:
    """Yield what several sources return, each asked again and again; the first that fails ends all."""
    queue: asyncio.Queue[tuple[Any, Exception | None]] = asyncio.Queue(_MERGED_MESSAGES)

    async def pump(source: Source) -> None:
        try:
            while True:
                await queue.put((await source(), None))
        except Exception as error:
            await queue.put((None, error))

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    try:
        while True:
            message, error = await queue.get()
            if error is not None:
                raise error
            yield message
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class CcxtStreams:
    """Streams over a streaming client of the library. One client holds few sockets, however many iterators read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._account = CcxtAccount(client)

    def supports(self, method: str) -> bool:
        """Return whether the venue streams something, by the library's name for it: watchOHLCV, watchMyTrades, …"""
        return bool(self._client.library.has.get(method))

    async def trades(self, symbols: Sequence[str]) -> AsyncIterator[list[PublicTrade]]:
        """Yield trades of one symbol as they happen, oldest first."""
        kept = Kept(self._client.library, symbols)
        async for _ in self._read(self._sources(symbols, "watchTradesForSymbols", "trades")):
            for rows in kept.trades():
                size = self._client.known_size(rows[0]["symbol"])
                yield [normalise.public_trade(one, size) for one in rows]

    async def tickers(self, symbols: Sequence[str]) -> AsyncIterator[Mapping[str, Ticker]]:
        """Yield those tickers that changed, by symbol."""
        kept = Kept(self._client.library, symbols)
        async for _ in self._read(self._sources(symbols, "watchTickers", "ticker")):
            now = clock.wall_now()
            yield {
                one["symbol"]: normalise.ticker(one, now, self._client.known_size(one["symbol"]))
                for one in kept.tickers()
            }

    async def candles(self, symbols: Sequence[str], timeframe: str) -> AsyncIterator[Mapping[str, list[Candle]]]:
        """Yield the newest candles of those symbols that changed, the forming one last; see Streams."""
        if self.supports("watchOHLCVForSymbols"):
            pairs = [[[symbol, timeframe] for symbol in part] for part in self._parts(symbols)]
            sources = [partial(self._ask, "watch_ohlcv_for_symbols", part) for part in pairs]
        else:
            sources = [partial(self._ask, "watch_ohlcv", symbol, timeframe) for symbol in symbols]
        kept, scale = Kept(self._client.library, symbols), self._client.venue.has_contract_volumes
        async for _ in self._read(sources):
            yield {
                symbol: normalise.live_candles(rows, self._client.known_size(symbol) if scale else ONE)
                for symbol, rows in kept.candles(timeframe)
            }

    async def order_books(self, symbols: Sequence[str], limit: int = 20) -> AsyncIterator[OrderBook]:
        """Yield a book as it stands whenever it changed; a reader that is slow sees fewer, never older ones."""
        kept = Kept(self._client.library, symbols)
        async for _ in self._read(self._sources(symbols, "watchOrderBookForSymbols", "order_book")):
            for raw in kept.books():
                size = self._client.known_size(raw["symbol"])
                yield normalise.order_book(raw, clock.wall_now(), size, limit)

    async def orders(self) -> AsyncIterator[list[OrderState]]:
        """Yield the account's orders as they change."""
        async for rows in self._read([partial(self._ask, "watch_orders")]):
            yield [self._account.state_of(one) for one in rows]

    async def my_trades(self) -> AsyncIterator[list[AccountTrade]]:
        """Yield the account's fills as they happen."""
        async for rows in self._read([partial(self._ask, "watch_my_trades")]):
            yield [self._account.fill_of(one) for one in rows]

    def _parts(self, symbols: Sequence[str]) -> list[list[str]]:
        step = self._client.venue.symbols_per_stream
        return [list(symbols[start : start + step]) for start in range(0, len(symbols), step)]

    def _sources(self, symbols: Sequence[str], many: str, one: str) -> list[Source]:
        """Return a source for each group of symbols where the venue takes groups, else for each symbol."""
        if self.supports(many):
            method = "watch_tickers" if one == "ticker" else f"watch_{one}_for_symbols"
            return [partial(self._ask, method, part) for part in self._parts(symbols)]
        return [partial(self._ask, f"watch_{one}", symbol) for symbol in symbols]

    async def _ask(self, method: str, *args: Any) -> Any:
        try:
            return await getattr(self._client.library, method)(*args)
        except Exception as error:
            raise await self._client.failure(error) from error

    async def _read(self, sources: Sequence[Source]) -> AsyncIterator[Any]:
        """Yield what the sources return; the first message tells the breaker that the venue is there."""
        await self._client.markets()
        await self._client.admit_streams()
        is_new = True
        async for message in merged(sources) if len(sources) != 1 else _repeated(sources[0]):
            if is_new:
                self._client.answered()
                is_new = False
            yield message


async def _repeated(source: Source) -> AsyncIterator[Any]:
    while True:
        yield await source()
