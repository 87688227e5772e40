"""Where a feed meets the database and the bus: one thread beside its loop, so that order is kept and no socket waits."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import redis
from django.db import Error as DatabaseError
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from common import clock, realtime
from engine.candle_builder import Candle
from engine.candles import Candles
from engine.timeframes import aggregate, candle_start, moment, timeframe_ms
from markets import boards
from markets.charts import candle_rows
from markets.feed import announce_prices, tell_closed
from markets.gateway.protocol import Ticker
from markets.live import LivePrices
from markets.models import Exchange, Instrument
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.services import revise_candles, store_recent_candles
from markets.steps import ClosedCandle
from markets.venue_feed.intake import Batch
from markets.venue_feed.tuning import TIMEFRAMES_MADE

logger = logging.getLogger(__name__)

# The database, the bus or the broker is away for now: what was to be done is kept and tried again.
AWAY = (DatabaseError, redis.RedisError, OSError, OperationalError)
# Stored in one transaction; and told in one turn, so that prices go on while a long hole is told.
_STORED_AT_ONCE, _TOLD_AT_ONCE = 5_000, 500


@dataclass(slots=True)
class Outcome:
    """What a publication did: candles that everybody was told of, and stored minutes of the day where some changed."""

    told: list[ClosedCandle] = field(default_factory=list)
    rebuilt: list[tuple[Instrument, list[Candle]]] = field(default_factory=list)


class Publisher:
    """Everything that a feed writes and tells. Belongs to one thread; keeps candles until they are stored and told."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._live = LivePrices(exchange.namespace, makes_candles=False)
        self._history: deque[ClosedCandle] = deque()
        self._closed: deque[ClosedCandle] = deque()
        self._stored: deque[ClosedCandle] = deque()
        self._revised: deque[tuple[Instrument, Candle]] = deque()
        # The newest candle of each series that was told: none is told twice, or after a later one.
        self._told_until: dict[tuple[UUID, str], datetime] = {}

    @property
    def waiting(self) -> int:
        """How many candles wait to be stored or told."""
        return len(self._history) + len(self._closed) + len(self._stored) + len(self._revised)

    def publish(self, batch: Batch) -> Outcome:
        """Store the batch's candles, write its newest values down, then tell of all.

        Where the database is away the rest is done all the same, and the candles the next time. Raises what the bus
        raises when it is away: then nothing of the batch but its candles is kept here.
        """
        self._history += batch.history
        self._closed += batch.closed
        self._revised += batch.revised
        outcome, now = Outcome(), clock.wall_now()
        self._attempt(self._store)
        self._attempt(self._revise, outcome)
        self._announce(batch, now)
        self._attempt(self._tell, outcome)
        self._show(batch, now)
        return outcome

    def stored_minutes(self, instrument: Instrument, since_ms: int) -> list[Candle]:
        """Return an instrument's stored minutes from a time on, oldest first."""
        return list(candle_rows(candle_arrays(instrument, "1m", start=moment(since_ms), end=FAR_FUTURE)))

    def _attempt(self, step: Callable[..., None], *args: object) -> None:
        try:
            step(*args)
        except AWAY:
            logger.warning("Candles of %s wait to be stored or told.", self._exchange, exc_info=True)
            close_old_connections()

    def _store(self) -> None:
        for waiting in (self._history, self._closed):
            while waiting:
                part = [waiting[place] for place in range(min(len(waiting), _STORED_AT_ONCE))]
                store_recent_candles(candles=part)
                for _ in part:
                    waiting.popleft()
                if waiting is self._closed:
                    self._stored += part

    def _revise(self, outcome: Outcome) -> None:
        """Correct stored candles. After the storing: where that has to wait, this does, too."""
        while self._revised and not self._closed:
            instrument, candle = self._revised[0]
            revise_candles(instrument=instrument, timeframe="1m", candles=_candles([candle]))
            for timeframe in TIMEFRAMES_MADE[1:]:
                self._revise_longer(instrument, timeframe, candle_start(candle.opened_at, timeframe))
            since_ms = candle_start(candle.opened_at, "1d")
            outcome.rebuilt.append((instrument, self.stored_minutes(instrument, since_ms)))
            self._revised.popleft()

    def _revise_longer(self, instrument: Instrument, timeframe: str, opened_ms: int) -> None:
        """Make a longer candle that is stored anew from its minutes."""
        start, end = moment(opened_ms), moment(opened_ms + timeframe_ms(timeframe))
        if len(candle_arrays(instrument, timeframe, start=start, end=end)):
            made = aggregate(candle_arrays(instrument, "1m", start=start, end=end), timeframe)
            revise_candles(instrument=instrument, timeframe=timeframe, candles=made)

    def _announce(self, batch: Batch, now: datetime) -> None:
        code = self._exchange.code
        if batch.prices:
            announce_prices(self._exchange.namespace, batch.prices, now, moves_market_time=False)
        boards.put_tickers(code, batch.tickers)
        boards.put_books(code, batch.books)
        boards.put_trades(code, batch.trades)
        boards.put_funding(code, batch.funding)

    def _tell(self, outcome: Outcome) -> None:
        """Tell of stored candles in order. What hears of one and fails for a reason of its own keeps nobody waiting."""
        for _ in range(min(len(self._stored), _TOLD_AT_ONCE)):
            candle = self._stored[0]
            series = (candle.instrument_id, candle.timeframe)
            until = self._told_until.get(series)
            if until is None or candle.opened_at > until:
                try:
                    tell_closed(candle)
                except AWAY:
                    raise
                except Exception:
                    logger.exception("Who hears of closed candles failed at %s of %s.", candle.opened_at, series)
                self._told_until[series] = candle.opened_at
                outcome.told.append(candle)
            self._stored.popleft()

    def _show(self, batch: Batch, now: datetime) -> None:
        """Tell open pages."""
        self._attempt(self._show_prices, batch, now)
        messages: list[tuple[str, realtime.Payload]] = [
            (f"book:{key}", {"book": boards.book_payload(book)}) for key, book in batch.books.items()
        ]
        messages += [
            (f"trades:{key}", {"trades": [boards.trade_payload(one) for one in trades]})
            for key, trades in batch.new_trades.items()
        ]
        realtime.publish(messages)

    def _show_prices(self, batch: Batch, now: datetime) -> None:
        self._live.set_day_opens(now, {key: opened for key, one in batch.tickers.items() if (opened := _day_open(one))})
        self._live.add(now, batch.prices)
        self._live.add_candles(now, batch.live_candles)
        self._live.flush()


def _day_open(ticker: Ticker) -> Decimal | None:
    """Return the price a day ago, as a venue's last price and change say it."""
    if ticker.last is None or ticker.change_ratio is None or ticker.change_ratio <= -1:
        return None
    return ticker.last / (1 + ticker.change_ratio)


def _candles(rows: Sequence[Candle]) -> Candles:
    columns = np.array([(c.open, c.high, c.low, c.close, c.volume) for c in rows], dtype=np.float64)
    return Candles(np.array([one.opened_at for one in rows], dtype=np.int64), *columns.T.copy())
