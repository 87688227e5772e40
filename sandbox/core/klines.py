"""Candles of every length, exact: closed ones and the one that forms, from history and from trades as they happen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

from engine.decimals import ZERO
from engine.timeframes import TIMEFRAMES
from sandbox.core.orders import Trade

SECOND_MS = 1000
DAY_MS = 86_400_000
LENGTHS: Mapping[str, int] = MappingProxyType(
    {"1s": SECOND_MS, **TIMEFRAMES, "3d": 3 * DAY_MS, "15d": 15 * DAY_MS, "1w": 7 * DAY_MS, "1M": 28 * DAY_MS}
)
# 1970-01-01 was a Thursday; weeks begin on Mondays.
_FIRST_MONDAY_MS = 4 * DAY_MS
_SECONDS_KEPT = 1000


@dataclass(slots=True)
class Kline:
    """One candle: opened at (milliseconds), prices, base and quote volume, trades, and what takers bought of it."""

    opened_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0
    taker_base: Decimal = ZERO
    taker_quote: Decimal = ZERO
    first_trade: int = -1
    last_trade: int = -1

    def extend(self, later: Kline) -> None:
        """Take in a later candle."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote_volume += later.quote_volume
        self.trades += later.trades
        self.taker_base += later.taker_base
        self.taker_quote += later.taker_quote
        if later.last_trade >= 0:
            self.last_trade = later.last_trade
            self.first_trade = later.first_trade if self.first_trade < 0 else self.first_trade

    def copy_at(self, opened_ms: int) -> Kline:
        """Return the same candle as the beginning of a longer one."""
        return Kline(
            opened_ms, self.open, self.high, self.low, self.close, self.volume, self.quote_volume, self.trades,
            self.taker_base, self.taker_quote, self.first_trade, self.last_trade,
        )  # fmt: skip


def bucket_start(at_ms: int, timeframe: str) -> int:
    """Return when the candle that holds a moment opened; weeks begin on Mondays, months on the first."""
    if timeframe == "1w":
        return at_ms - (at_ms - _FIRST_MONDAY_MS) % LENGTHS["1w"]
    if timeframe == "1M":
        day = datetime.fromtimestamp(at_ms / 1000, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp() * 1000)
    return at_ms - at_ms % LENGTHS[timeframe]


def bucket_end(opened_ms: int, timeframe: str) -> int:
    """Return the first moment after a candle."""
    if timeframe != "1M":
        return opened_ms + LENGTHS[timeframe]
    return bucket_start(opened_ms + 31 * DAY_MS, "1M")


def grouped(minutes: Iterable[Kline], timeframe: str) -> list[Kline]:
    """Return candles of a coarser timeframe made from minutes; the last may still be forming."""
    made: list[Kline] = []
    for kline in minutes:
        start = bucket_start(kline.opened_ms, timeframe)
        if made and made[-1].opened_ms == start:
            made[-1].extend(kline)
        else:
            made.append(kline.copy_at(start))
    return made


class KlineStore:
    """All candles of one market. The last of each timeframe forms; quiet time makes flat candles without volume."""

    def __init__(self, history: Iterable[Kline]) -> None:
        """Take in closed minutes, oldest first, without gaps at the end."""
        self._kept: dict[str, list[Kline]] = {"1m": list(history), "1s": []}
        self._day: Kline | None = None
        self._day_until = -1

    def series(self, timeframe: str) -> list[Kline]:
        """Return all candles of a timeframe, the forming one last; a coarse one is made when first asked for."""
        if timeframe not in self._kept:
            self._kept[timeframe] = grouped(self._kept["1m"], timeframe)
        return self._kept[timeframe]

    def query(self, timeframe: str, start: int | None, end: int | None, limit: int) -> list[Kline]:
        """Return up to `limit` candles opened in start ≤ t ≤ end: the first of them when `start` is given, else the last."""
        found = [
            kline
            for kline in self.series(timeframe)
            if (start is None or kline.opened_ms >= start) and (end is None or kline.opened_ms <= end)
        ]
        return found[:limit] if start is not None else found[-limit:]

    def add(self, trade: Trade) -> None:
        """Take a trade in."""
        value = trade.price * trade.quantity
        bought = ZERO if trade.buyer_is_maker else trade.quantity
        tick = Kline(
            trade.at_ms, trade.price, trade.price, trade.price, trade.price, trade.quantity, value, 1,
            bought, bought * trade.price, trade.id, trade.id,
        )  # fmt: skip
        for timeframe, series in self._kept.items():
            start = bucket_start(trade.at_ms, timeframe)
            if series and series[-1].opened_ms >= start:
                series[-1].extend(tick)
            else:
                self._fill_gap(series, timeframe, start)
                series.append(tick.copy_at(start))
        del self._kept["1s"][:-_SECONDS_KEPT]

    def roll(self, now_ms: int) -> None:
        """Open the candles of this moment, flat at the last price where nothing traded yet."""
        for timeframe, series in self._kept.items():
            start = bucket_start(now_ms, timeframe)
            if series and series[-1].opened_ms < start:
                self._fill_gap(series, timeframe, start)
                series.append(_flat(series[-1], start))

    def day(self) -> Kline:
        """Return the last 24 hours as one candle: 1,439 closed minutes and the forming one."""
        minutes = self._kept["1m"]
        if self._day is None or self._day_until != minutes[-1].opened_ms:
            recent = minutes[-1440:-1] or minutes[-1:]
            self._day, self._day_until = recent[0].copy_at(recent[0].opened_ms), minutes[-1].opened_ms
            for kline in recent[1:]:
                self._day.extend(kline)
        whole = self._day.copy_at(self._day.opened_ms)
        whole.extend(minutes[-1])
        return whole

    @staticmethod
    def _fill_gap(series: list[Kline], timeframe: str, until: int) -> None:
        while series and (following := bucket_end(series[-1].opened_ms, timeframe)) < until:
            series.append(_flat(series[-1], following))


def _flat(before: Kline, opened_ms: int) -> Kline:
    return Kline(opened_ms, before.close, before.close, before.close, before.close)
