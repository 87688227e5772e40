"""Where messages of streams arrive: outliers are held, every price meets the alerts, and of the rest the newest is kept.

Nothing here waits. What is kept is taken away four times a second (`take`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import clock
from engine.candle_builder import Candle
from engine.timeframes import milliseconds
from markets.alerting import AlertWatch
from markets.boards import TRADES_KEPT
from markets.gateway.protocol import FundingRate, OrderBook, PublicTrade, Ticker
from markets.models import Instrument
from markets.steps import ClosedCandle, Step
from markets.venue_feed.outliers import OutlierGuard
from markets.venue_feed.venue_time import VenueTime


@dataclass(slots=True)
class Batch:
    """What is to be published at once, by instrument. `trades` are all that are kept, `new_trades` those nobody was told."""

    prices: dict[UUID, Decimal] = field(default_factory=dict)
    tickers: dict[UUID, Ticker] = field(default_factory=dict)
    books: dict[UUID, OrderBook] = field(default_factory=dict)
    trades: dict[UUID, list[PublicTrade]] = field(default_factory=dict)
    new_trades: dict[UUID, list[PublicTrade]] = field(default_factory=dict)
    funding: dict[UUID, FundingRate] = field(default_factory=dict)
    live_candles: dict[UUID, list[Candle]] = field(default_factory=dict)
    closed: list[ClosedCandle] = field(default_factory=list)
    history: list[ClosedCandle] = field(default_factory=list)
    revised: list[tuple[Instrument, Candle]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


class Intake:
    """The newest of everything since the last `take`; prices that count are also told to the alerts, each of them."""

    def __init__(self, guard: OutlierGuard, alerts: AlertWatch, venue_time: VenueTime) -> None:
        self._guard, self._alerts, self._time = guard, alerts, venue_time
        self._instruments: Mapping[str, Instrument] = {}
        self._batch = Batch()
        self._trades: dict[UUID, _Trades] = {}
        # When each source of an instrument's prices last spoke, by its own clock: what is older is no news.
        self._told_at: dict[tuple[UUID, str], datetime] = {}
        # When an instrument's price was last renewed, by our steady clock.
        self.priced_at: dict[UUID, float] = {}
        self.messages = 0
        self.last_message_at: datetime | None = None
        self.late = 0
        self.unknown = 0

    def watch(self, instruments: Mapping[str, Instrument]) -> None:
        """Take in messages of these instruments, by symbol, and pass all others over."""
        self._instruments = instruments
        kept = {one.pk for one in instruments.values()}
        for key in self._trades.keys() - kept:
            del self._trades[key]

    def note_message(self) -> None:
        """Count a message of whatever kind."""
        self.messages += 1
        self.last_message_at = clock.wall_now()

    def hear_tickers(self, message: Mapping[str, Ticker], *, source: str = "ticker") -> None:
        """Take in tickers by symbol, from a stream or (`source` "rest") from an answer."""
        now, mono = clock.wall_now(), clock.monotonic()
        for symbol, ticker in message.items():
            instrument = self._known(symbol)
            if instrument is None or self._is_late(instrument.pk, source, ticker.at):
                continue
            if ticker.last is None or self._price(instrument.pk, ticker.last, (source, ticker.at), now, mono):
                self._batch.tickers[instrument.pk] = ticker

    def hear_trades(self, epoch: int, trades: Sequence[PublicTrade]) -> None:
        """Take in what a connection (a later one has a greater `epoch`) says of trades, oldest first.

        Of the first that it says of an instrument only the newest is news: the rest is the past.
        """
        now, mono = clock.wall_now(), clock.monotonic()
        for trade in trades:
            instrument = self._known(trade.symbol)
            if instrument is None:
                continue
            kept = self._trades.get(instrument.pk)
            if kept is None:
                kept = self._trades[instrument.pk] = _Trades()
            is_past = epoch > kept.epoch and trade is not trades[-1]
            kept.epoch = kept.epoch if is_past else max(epoch, kept.epoch)
            if not kept.add(trade) or is_past or self._is_late(instrument.pk, "trade", trade.at):
                continue
            self._time.hear_trade(milliseconds(trade.at), mono)
            self._price(instrument.pk, trade.price, ("trade", trade.trade_id, trade.at), now, mono)

    def hear_book(self, book: OrderBook) -> None:
        """Take in a book in place of the one before."""
        instrument = self._known(book.symbol)
        if instrument is not None and (book.bids or book.asks):
            self._batch.books[instrument.pk] = book

    def hear_funding(self, rates: Mapping[str, FundingRate]) -> None:
        """Take in funding rates by symbol."""
        for symbol, rate in rates.items():
            if (instrument := self._known(symbol)) is not None:
                self._batch.funding[instrument.pk] = rate

    def take(self) -> Batch:
        """Return what is new since the last time."""
        batch, self._batch = self._batch, Batch()
        for instrument_id, kept in self._trades.items():
            if new := kept.take():
                batch.new_trades[instrument_id] = new
                batch.trades[instrument_id] = list(kept.trades)
        return batch

    def put_back(self, batch: Batch) -> None:
        """Keep what could not be published, under what has come since. Candles stay with who was to store them."""
        mine = self._batch
        mine.prices = batch.prices | mine.prices
        mine.tickers = batch.tickers | mine.tickers
        mine.books = batch.books | mine.books
        mine.funding = batch.funding | mine.funding
        mine.live_candles = batch.live_candles | mine.live_candles
        for instrument_id, trades in batch.new_trades.items():
            if instrument_id in self._trades:
                self._trades[instrument_id].put_back(trades)

    def _known(self, symbol: str) -> Instrument | None:
        found = self._instruments.get(symbol)
        if found is None:
            self.unknown += 1
        return found

    def _is_late(self, instrument_id: UUID, source: str, at: datetime) -> bool:
        key = (instrument_id, source)
        before = self._told_at.get(key)
        if before is not None and at < before:
            self.late += 1
            return True
        self._told_at[key] = at
        return False

    def _price(self, instrument_id: UUID, price: Decimal, message: Any, now: datetime, mono: float) -> bool:
        if not self._guard.admit(instrument_id, price, message, mono):
            return False
        self._batch.prices[instrument_id] = price
        self.priced_at[instrument_id] = mono
        self._alerts.on_step(Step(now, {instrument_id: price}, ()))
        return True


class _Trades:
    """The newest trades of an instrument in order, each once, and which of them are new."""

    # Of so many trades a repeat is known: those that a venue sends again after a reconnect.
    _KNOWN = 1000

    def __init__(self) -> None:
        # The newest connection that spoke of them.
        self.epoch = 0
        self.trades: list[PublicTrade] = []
        self._new: list[PublicTrade] = []
        self._ids: dict[str, None] = {}

    def add(self, trade: PublicTrade) -> bool:
        """Take a trade in; return False for one that is known."""
        if trade.trade_id:
            if trade.trade_id in self._ids:
                return False
            self._ids[trade.trade_id] = None
            if len(self._ids) > self._KNOWN:
                del self._ids[next(iter(self._ids))]
        self._new.append(trade)
        return True

    def take(self) -> list[PublicTrade]:
        """Return the new ones, oldest first, at most as many as are kept."""
        if not self._new:
            return []
        new, self._new = sorted(self._new, key=_order)[-TRADES_KEPT:], []
        self.trades = sorted((*self.trades, *new), key=_order)[-TRADES_KEPT:]
        return new

    def put_back(self, new: Sequence[PublicTrade]) -> None:
        """Count these as new again."""
        known = {one.trade_id for one in new}
        self.trades = [one for one in self.trades if one.trade_id not in known]
        self._new = [*new, *self._new]


def _order(trade: PublicTrade) -> tuple[datetime, int, str]:
    return trade.at, len(trade.trade_id), trade.trade_id
