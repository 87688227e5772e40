"""Kraken's public channels (WebSocket v2): ticker, book with checksum, trade, ohlc, heartbeat."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from sandbox.core.book import Level
from sandbox.core.instruments import Instrument
from sandbox.core.klines import Kline
from sandbox.core.orders import Side, Trade
from sandbox.kraken import public, shapes
from sandbox.kraken.errors import KrakenError
from sandbox.sockets import Socket, encoded
from sandbox.venue import Venue

Json = dict[str, Any]
DEPTHS = (10, 25, 100, 500, 1000)
CHANNELS = ("ticker", "book", "trade", "ohlc")
HEARTBEAT_MS = 1000
TRADES_IN_SNAPSHOT = 50


@dataclass(slots=True)
class _SentBook:
    """What the listeners of a book's depth have."""

    sides: dict[Side, dict[Decimal, Decimal]] = field(default_factory=lambda: {side: {} for side in Side})


class PublicChannels:
    """Topics are (channel, symbol, detail): the depth of a book, the interval of candles, the trigger of a ticker."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._exchange = venue.spot.exchange
        self._listeners: dict[tuple[str, str, str], set[Socket]] = defaultdict(set)
        self._books: dict[tuple[str, int], _SentBook] = {}
        self._tickers: dict[tuple[str, str], object] = {}
        self._forming: dict[tuple[str, str], Kline] = {}
        self._all: set[Socket] = set()
        self._beat_at = 0
        self._exchange.matcher.listeners.append(self)

    def greet(self, socket: Socket) -> None:
        """Say what every fresh connection hears."""
        self._all.add(socket)
        data = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": id(socket)}
        socket.reply({"channel": "status", "type": "update", "data": [data]})

    def leave(self, socket: Socket) -> None:
        """Forget a socket."""
        self._all.discard(socket)
        for listeners in self._listeners.values():
            listeners.discard(socket)

    def subscribe(self, socket: Socket, channel: str, symbol: str, params: Json) -> tuple[Json, Json | None]:
        """Let a socket hear a topic; return the result to confirm with, and the snapshot to follow."""
        instrument = self._instrument(symbol)
        detail = _detail(channel, params)
        self._listeners[channel, symbol, detail].add(socket)
        result: Json = {"channel": channel, "symbol": symbol, "snapshot": True}
        if channel == "book":
            result["depth"] = int(detail)
            return result, self._book_snapshot(instrument, int(detail))
        if channel == "ohlc":
            result["interval"] = int(detail)
            return result, self._ohlc_snapshot(instrument, int(detail))
        if channel == "trade":
            known = list(self._exchange.matcher.trades[symbol])[-TRADES_IN_SNAPSHOT:]
            rows = [self._trade(trade) for trade in known]
            return result, {"channel": "trade", "type": "snapshot", "data": rows}
        result["event_trigger"] = detail
        return result, {"channel": "ticker", "type": "snapshot", "data": [self._ticker(instrument)]}

    def unsubscribe(self, socket: Socket, channel: str, symbol: str, params: Json) -> Json:
        """Let a socket hear a topic no more."""
        self._instrument(symbol)
        self._listeners[channel, symbol, _detail(channel, params)].discard(socket)
        return {"channel": channel, "symbol": symbol}

    def on_trade(self, trade: Trade) -> None:
        """Send a trade at once."""
        self._send("trade", trade.symbol, "", lambda: [self._trade(trade)])

    def on_order(self, event: object) -> None:
        """Orders are private."""

    def on_account(self, event: object) -> None:
        """So are accounts."""

    def flush(self) -> None:
        """Send what changed since the last step."""
        for (channel, symbol, detail), listeners in list(self._listeners.items()):
            if not listeners:
                # A book nobody hears is forgotten: the next listener starts from a snapshot.
                self._books.pop((symbol, int(detail)), None) if channel == "book" else None
                continue
            if channel == "book":
                self._flush_book(self._instrument(symbol), int(detail))
            elif channel == "ticker":
                self._flush_ticker(self._instrument(symbol), detail)
            elif channel == "ohlc":
                self._flush_ohlc(self._instrument(symbol), int(detail))
        self._exchange_changes_seen()
        now = self._venue.clock.steady_ms()
        if now - self._beat_at >= HEARTBEAT_MS:
            self._beat_at = now
            for socket in list(self._all):
                socket.reply({"channel": "heartbeat"})

    def _exchange_changes_seen(self) -> None:
        for symbol in self._exchange.instruments:
            self._exchange.book(symbol).changed.clear()

    # Books.

    def _book_snapshot(self, instrument: Instrument, depth: int) -> Json:
        """Return a snapshot; listeners of the same depth are brought to the same state first."""
        self._flush_book(instrument, depth)
        bids, asks = self._levels(instrument, depth)
        self._books[instrument.symbol, depth] = _SentBook({Side.BUY: dict(bids), Side.SELL: dict(asks)})
        return self._book_message(instrument, "snapshot", bids, asks, bids, asks)

    def _flush_book(self, instrument: Instrument, depth: int) -> None:
        sent = self._books.get((instrument.symbol, depth))
        if sent is None:
            return
        book = self._exchange.book(instrument.symbol)
        bids, asks = self._levels(instrument, depth)
        changes = {}
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            before, now = sent.sides[side], dict(levels)
            gone = [(p, Decimal(0)) for p in before if p not in now and not book.quantity_at(side, p)]
            changes[side] = gone + [(p, q) for p, q in levels if before.get(p) != q]
            sent.sides[side] = now
        if changes[Side.BUY] or changes[Side.SELL]:
            message = self._book_message(instrument, "update", changes[Side.BUY], changes[Side.SELL], bids, asks)
            self._broadcast("book", instrument.symbol, str(depth), message)

    def _levels(self, instrument: Instrument, depth: int) -> tuple[list[Level], list[Level]]:
        book = self._exchange.book(instrument.symbol)
        return book.levels(Side.BUY, depth), book.levels(Side.SELL, depth)

    def _book_message(
        self, instrument: Instrument, kind: str, told_bids: list[Level], told_asks: list[Level],
        bids: list[Level], asks: list[Level],
    ) -> Json:  # fmt: skip
        data: Json = {
            "symbol": instrument.symbol,
            "bids": [{"price": float(price), "qty": float(quantity)} for price, quantity in told_bids],
            "asks": [{"price": float(price), "qty": float(quantity)} for price, quantity in told_asks],
            "checksum": shapes.checksum(instrument, bids, asks),
            "timestamp": shapes.iso(self._venue.clock.market_ms()),
        }
        return {"channel": "book", "type": kind, "data": [data]}

    # Tickers, trades, candles.

    def _flush_ticker(self, instrument: Instrument, trigger: str) -> None:
        book = self._exchange.book(instrument.symbol)
        last = public.last_trade(self._venue, instrument)
        top = [book.levels(side, 1) for side in Side]
        seen: object = top if trigger == "bbo" else (last.id if last else 0)
        if self._tickers.get((instrument.symbol, trigger)) != seen and all(top):
            self._tickers[instrument.symbol, trigger] = seen
            self._send("ticker", instrument.symbol, trigger, lambda: [self._ticker(instrument)])

    def _ticker(self, instrument: Instrument) -> Json:
        book = self._exchange.book(instrument.symbol)
        day = self._venue.spot.market.klines[instrument.symbol].day()
        (bid, bid_quantity), (ask, ask_quantity) = (book.levels(side, 1)[0] for side in (Side.BUY, Side.SELL))
        change = day.close - day.open
        return {
            "symbol": instrument.symbol,
            "bid": float(bid),
            "bid_qty": float(bid_quantity),
            "ask": float(ask),
            "ask_qty": float(ask_quantity),
            "last": float(day.close),
            "volume": float(day.volume),
            "vwap": float(round(shapes.vwap(day), instrument.price_decimals)),
            "low": float(day.low),
            "high": float(day.high),
            "change": float(change),
            "change_pct": float(round(change / day.open * 100, 2)),
            "timestamp": shapes.iso(self._venue.clock.market_ms()),
        }

    def _trade(self, trade: Trade) -> Json:
        return {
            "symbol": trade.symbol,
            "side": "sell" if trade.buyer_is_maker else "buy",
            "price": float(trade.price),
            "qty": float(trade.quantity),
            "ord_type": "market",
            "trade_id": trade.id,
            "timestamp": shapes.iso(trade.at_ms),
        }

    def _ohlc_snapshot(self, instrument: Instrument, minutes: int) -> Json:
        series = self._venue.spot.market.klines[instrument.symbol].series(public.INTERVALS[minutes])
        rows = [self._candle(instrument, minutes, kline) for kline in series[-public.CANDLES_GIVEN :]]
        return {"channel": "ohlc", "type": "snapshot", "data": rows, "timestamp": rows[-1]["timestamp"]}

    def _flush_ohlc(self, instrument: Instrument, minutes: int) -> None:
        """Send the forming candle when it changed, and once more what became of it when the next one has begun."""
        key = (instrument.symbol, str(minutes))
        series = self._venue.spot.market.klines[instrument.symbol].series(public.INTERVALS[minutes])
        before = self._forming.get(key)
        if before == series[-1]:
            return
        changed = [k for k in series[-5:] if before is None or k.opened_ms >= before.opened_ms]
        self._forming[key] = series[-1].copy_at(series[-1].opened_ms)
        for kline in changed if before is not None else changed[-1:]:
            self._send("ohlc", *key, partial(self._candles, instrument, minutes, kline))

    def _candles(self, instrument: Instrument, minutes: int, kline: Kline) -> list[Json]:
        return [self._candle(instrument, minutes, kline)]

    def _candle(self, instrument: Instrument, minutes: int, kline: Kline) -> Json:
        return {
            "symbol": instrument.symbol,
            "open": float(kline.open),
            "high": float(kline.high),
            "low": float(kline.low),
            "close": float(kline.close),
            "trades": kline.trades,
            "volume": float(kline.volume),
            "vwap": float(round(shapes.vwap(kline), instrument.price_decimals)),
            "interval_begin": shapes.iso(kline.opened_ms),
            "interval": minutes,
            "timestamp": shapes.iso(kline.opened_ms + minutes * 60_000),
        }

    # Sending.

    def _instrument(self, symbol: str) -> Instrument:
        found = self._exchange.instruments.get(symbol)
        if found is None:
            raise KrakenError(f"Currency pair not supported {symbol}")
        return found

    def _send(self, channel: str, symbol: str, detail: str, make: Any) -> None:
        if self._listeners.get((channel, symbol, detail)):
            self._broadcast(channel, symbol, detail, {"channel": channel, "type": "update", "data": make()})

    def _broadcast(self, channel: str, symbol: str, detail: str, message: Json) -> None:
        text = encoded(message)
        for socket in list(self._listeners[channel, symbol, detail]):
            socket.send(f"{channel} {symbol}", text)


def _detail(channel: str, params: Json) -> str:
    if channel == "book":
        depth = params.get("depth", 10)
        if depth not in DEPTHS:
            raise KrakenError("Subscription depth not supported")
        return str(depth)
    if channel == "ohlc":
        interval = params.get("interval", 1)
        if interval not in public.INTERVALS:
            raise KrakenError("Subscription ohlc interval not supported")
        return str(interval)
    return str(params.get("event_trigger", "trades")) if channel == "ticker" else ""
