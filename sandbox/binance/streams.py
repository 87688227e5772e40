"""Binance's market streams: who listens to what, and the messages of each step of the market."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from sandbox.binance.spot_public import INTERVALS
from sandbox.core.book import OrderBook
from sandbox.core.exchange import Exchange
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline, bucket_end
from sandbox.core.market import Market
from sandbox.core.orders import Side, Trade
from sandbox.sockets import Socket, encoded

Json = dict[str, Any]
NAME = re.compile(
    r"^(?P<symbol>[a-z0-9]+)@(trade|aggTrade|bookTicker|ticker|miniTicker|markPrice(@1s)?|kline_(?P<timeframe>\w+)"
    r"|depth(?P<levels>5|10|20)?(@\d+ms)?)$|^!(ticker|miniTicker|markPrice)@arr(@1s)?$|^!bookTicker$"
)
# Statistics are sent once a second, as there.
SLOW_MS = 1000


class MarketStreams:
    """The streams of one side (spot or futures). `flush` after each step sends what has changed."""

    def __init__(self, exchange: Exchange, market: Market, *, futures: bool) -> None:
        self._exchange = exchange
        self._market = market
        self._futures = futures
        self._now = exchange.clock.market_ms
        self._listeners: dict[str, set[Socket]] = {}
        self._combined: set[Socket] = set()
        self._sent_ids = {symbol: exchange.book(symbol).update_id for symbol in exchange.instruments}
        self._tops: dict[str, object] = {}
        self._forming: dict[str, Kline] = {}
        self._slow_at = 0
        self._day: Callable[[Instrument], Json] | None = None
        self._premium: Callable[[Instrument], Json] | None = None
        exchange.matcher.listeners.append(self)

    def use(self, day: Callable[[Instrument], Json], premium: Callable[[Instrument], Json] | None = None) -> None:
        """Take in where 24 hour statistics and mark prices come from."""
        self._day, self._premium = day, premium

    def subscribe(self, socket: Socket, names: list[str]) -> bool:
        """Let a socket hear streams; False when one of them does not exist."""
        if not all(self._exists(name) for name in names):
            return False
        for name in names:
            self._listeners.setdefault(name, set()).add(socket)
            socket.streams.add(name)
        return True

    def unsubscribe(self, socket: Socket, names: list[str]) -> None:
        """Let a socket hear streams no more."""
        for name in names:
            self._listeners.get(name, set()).discard(socket)
            socket.streams.discard(name)

    def combine(self, socket: Socket, *, combined: bool) -> None:
        """Wrap a socket's messages as {"stream", "data"}, or not."""
        (self._combined.add if combined else self._combined.discard)(socket)

    def is_combined(self, socket: Socket) -> bool:
        """Tell whether a socket's messages are wrapped."""
        return socket in self._combined

    def leave(self, socket: Socket) -> None:
        """Forget a socket."""
        self.unsubscribe(socket, list(socket.streams))
        self._combined.discard(socket)

    def on_trade(self, trade: Trade) -> None:
        """Send a trade at once."""
        name = trade.symbol.lower()
        self._send(f"{name}@trade", lambda: self._trade(trade))
        self._send(f"{name}@aggTrade", lambda: self._aggregate(trade))

    def on_order(self, event: object) -> None:
        """Orders are private."""

    def on_account(self, event: object) -> None:
        """So are accounts."""

    def flush(self) -> None:
        """Send changes of books and candles; once a second the statistics."""
        for symbol in self._exchange.instruments:
            self._flush_book(symbol)
        for name in list(self._listeners):
            if "@kline_" in name and self._listeners[name]:
                self._flush_kline(name)
        now = self._exchange.clock.steady_ms()
        if now - self._slow_at >= SLOW_MS:
            self._slow_at = now
            self._flush_statistics()

    # Books.

    def _flush_book(self, symbol: str) -> None:
        book = self._exchange.book(symbol)
        changed, book.changed = book.changed, set()
        if not changed:
            return
        name, before = symbol.lower(), self._sent_ids[symbol]
        self._sent_ids[symbol] = book.update_id
        update = self._lazily(lambda: self._depth(symbol, book, before, changed))
        for suffix in ("", "@100ms", "@250ms", "@500ms", "@1000ms"):
            self._send(f"{name}@depth{suffix}", update)
            for levels in (5, 10, 20):
                self._send(f"{name}@depth{levels}{suffix}", partial(self._partial, symbol, book, levels))
        top = [book.levels(side, 1) for side in Side]
        if self._tops.get(symbol) != top and all(top):
            self._tops[symbol] = top
            message = self._lazily(lambda: self._book_ticker(symbol, book))
            self._send(f"{name}@bookTicker", message)
            self._send("!bookTicker", message)

    def _depth(self, symbol: str, book: OrderBook, before: int, changed: set[tuple[Side, Decimal]]) -> Json:
        now = self._now()
        sides = {
            side: [
                [self._price(symbol, price), self._amount(symbol, book.quantity_at(side, price))]
                for each, price in sorted(changed)
                if each is side
            ]
            for side in Side
        }
        extra = {"T": now, "ps": symbol, "st": 1, "pu": before} if self._futures else {}
        return {
            "e": "depthUpdate", "E": now, "s": symbol, "U": before + 1, "u": book.update_id, **extra,
            "b": sides[Side.BUY], "a": sides[Side.SELL],
        }  # fmt: skip

    def _partial(self, symbol: str, book: OrderBook, levels: int) -> Json:
        bids, asks = (
            [[self._price(symbol, price), self._amount(symbol, q)] for price, q in book.levels(side, levels)]
            for side in (Side.BUY, Side.SELL)
        )
        if not self._futures:
            return {"lastUpdateId": book.update_id, "bids": bids, "asks": asks}
        now = self._now()
        return {
            "e": "depthUpdate", "E": now, "T": now, "s": symbol, "ps": symbol, "st": 1, "U": book.update_id,
            "u": book.update_id, "pu": book.update_id - 1, "b": bids, "a": asks,
        }  # fmt: skip

    def _book_ticker(self, symbol: str, book: OrderBook) -> Json:
        bid, ask = book.levels(Side.BUY, 1)[0], book.levels(Side.SELL, 1)[0]
        told: Json = {
            "u": book.update_id,
            "s": symbol,
            "b": self._price(symbol, bid[0]),
            "B": self._amount(symbol, bid[1]),
            "a": self._price(symbol, ask[0]),
            "A": self._amount(symbol, ask[1]),
        }
        if self._futures:
            now = self._now()
            told |= {"e": "bookTicker", "E": now, "T": now, "st": 1, "ps": symbol}
        return told

    # Trades and candles.

    def _trade(self, trade: Trade) -> Json:
        told: Json = {
            "e": "trade",
            "E": self._now(),
            "s": trade.symbol,
            "t": trade.id,
            "p": self._price(trade.symbol, trade.price),
            "q": self._amount(trade.symbol, trade.quantity),
            "T": trade.at_ms,
            "m": trade.buyer_is_maker,
        }
        return told | ({"X": "MARKET"} if self._futures else {"M": True})

    def _aggregate(self, trade: Trade) -> Json:
        told: Json = {
            "e": "aggTrade",
            "E": self._now(),
            "s": trade.symbol,
            "a": trade.id,
            "p": self._price(trade.symbol, trade.price),
            "q": self._amount(trade.symbol, trade.quantity),
            "f": trade.id,
            "l": trade.id,
            "T": trade.at_ms,
            "m": trade.buyer_is_maker,
            "st": 1,
        }
        return told if self._futures else told | {"M": True}

    def _flush_kline(self, name: str) -> None:
        symbol, timeframe = name.split("@kline_")
        series = self._market.klines[symbol.upper()].series(timeframe)
        if not series:
            return
        forming, before = series[-1], self._forming.get(name)
        if before is not None and before.opened_ms < forming.opened_ms:
            for kline in series[-50:]:
                if before.opened_ms <= kline.opened_ms < forming.opened_ms:
                    self._send(name, partial(self._kline, symbol.upper(), timeframe, kline, closed=True))
        if before != forming:
            self._forming[name] = forming.copy_at(forming.opened_ms)
            self._send(name, lambda: self._kline(symbol.upper(), timeframe, forming, closed=False))

    def _kline(self, symbol: str, timeframe: str, kline: Kline, *, closed: bool) -> Json:
        return {
            "e": "kline",
            "E": self._now(),
            "s": symbol,
            "k": {
                "t": kline.opened_ms,
                "T": bucket_end(kline.opened_ms, timeframe) - 1,
                "s": symbol,
                "i": timeframe,
                "f": kline.first_trade,
                "L": kline.last_trade,
                "o": self._price(symbol, kline.open),
                "c": self._price(symbol, kline.close),
                "h": self._price(symbol, kline.high),
                "l": self._price(symbol, kline.low),
                "v": self._amount(symbol, kline.volume),
                "n": kline.trades,
                "x": closed,
                "q": f"{kline.quote_volume:.8f}",
                "V": self._amount(symbol, kline.taker_base),
                "Q": f"{kline.taker_quote:.8f}",
                "B": "0",
            },
        }

    # Statistics.

    def _flush_statistics(self) -> None:
        whole: dict[str, list[Json]] = {"!ticker@arr": [], "!miniTicker@arr": [], "!markPrice@arr": []}
        for symbol, instrument in self._exchange.instruments.items():
            name = symbol.lower()
            if self._wanted("!ticker@arr", "!miniTicker@arr", f"{name}@ticker", f"{name}@miniTicker"):
                ticker, mini = self._ticker(instrument)
                self._send(f"{name}@ticker", partial(_same, ticker))
                self._send(f"{name}@miniTicker", partial(_same, mini))
                whole["!ticker@arr"].append(ticker)
                whole["!miniTicker@arr"].append(mini)
            if self._premium is not None:
                mark = self._mark(instrument)
                for stream in (f"{name}@markPrice", f"{name}@markPrice@1s"):
                    self._send(stream, partial(_same, mark))
                whole["!markPrice@arr"].append(mark)
        for stream, rows in whole.items():
            self._send(stream, partial(_same, rows))
            self._send(f"{stream}@1s", partial(_same, rows))

    def _ticker(self, instrument: Instrument) -> tuple[Json, Json]:
        assert self._day is not None, "use() comes before the first step"
        day, now = self._day(instrument), self._now()
        mini = {
            "e": "24hrMiniTicker", "E": now, "s": instrument.symbol, "c": day["lastPrice"], "o": day["openPrice"],
            "h": day["highPrice"], "l": day["lowPrice"], "v": day["volume"], "q": day["quoteVolume"],
        }  # fmt: skip
        ticker = {
            "e": "24hrTicker", "E": now, "s": instrument.symbol, "p": day["priceChange"], "P": day["priceChangePercent"],
            "w": day["weightedAvgPrice"], "c": day["lastPrice"], "Q": day["lastQty"], "o": day["openPrice"],
            "h": day["highPrice"], "l": day["lowPrice"], "v": day["volume"], "q": day["quoteVolume"],
            "O": day["openTime"], "C": day["closeTime"], "F": day["firstId"], "L": day["lastId"], "n": day["count"],
        }  # fmt: skip
        if self._futures:
            ticker["st"] = 1
        else:
            ticker |= {"x": day["prevClosePrice"], "b": day["bidPrice"], "B": day["bidQty"], "a": day["askPrice"],
                       "A": day["askQty"]}  # fmt: skip
        return ticker, mini

    def _mark(self, instrument: Instrument) -> Json:
        assert self._premium is not None, "only futures have mark prices"
        row = self._premium(instrument)
        return {
            "e": "markPriceUpdate", "E": self._now(), "s": instrument.symbol, "p": row["markPrice"],
            "i": row["indexPrice"], "P": row["estimatedSettlePrice"], "r": row["lastFundingRate"],
            "T": row["nextFundingTime"],
        }  # fmt: skip

    # Sending.

    def _exists(self, name: str) -> bool:
        match = NAME.match(name)
        if match is None:
            return False
        symbol, timeframe = match["symbol"], match["timeframe"]
        return (symbol is None or symbol.upper() in self._exchange.instruments) and (
            timeframe is None or timeframe in INTERVALS
        )

    def _wanted(self, *names: str) -> bool:
        return any(self._listeners.get(name) for name in names)

    def _send(self, name: str, make: Callable[[], object]) -> None:
        """Send a message, made and encoded only when somebody listens, to everybody on a stream."""
        listeners = self._listeners.get(name)
        if not listeners:
            return
        plain = encoded(make())
        wrapped = f'{{"stream":"{name}","data":{plain}}}'
        for socket in list(listeners):
            socket.send(name, wrapped if socket in self._combined else plain)

    @staticmethod
    def _lazily(make: Callable[[], Json]) -> Callable[[], Json]:
        """Make a message once, however many streams carry it."""
        made: list[Json] = []

        def once() -> Json:
            if not made:
                made.append(make())
            return made[0]

        return once

    def _price(self, symbol: str, price: Decimal) -> str:
        return f"{price:.{self._decimals(symbol)[0]}f}"

    def _amount(self, symbol: str, amount: Decimal) -> str:
        return f"{amount:.{self._decimals(symbol)[1]}f}"

    def _decimals(self, symbol: str) -> tuple[int, int]:
        if not self._futures:
            return 8, 8
        instrument = self._exchange.instruments[symbol]
        return instrument.price_decimals, instrument.quantity_decimals


def requested_names(message: Mapping[str, Any]) -> list[str]:
    """Return the stream names of a SUBSCRIBE or UNSUBSCRIBE."""
    names = message.get("params")
    return [str(name) for name in names] if isinstance(names, list) else []


def _same(message: object) -> object:
    return message
