"""One instrument's closed minutes: each once, in order, without holes. The only way to a closed candle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.candle_builder import Candle
from engine.timeframes import MINUTE_MS, candle_start
from markets.venue_feed.outliers import ABSURD_PRICE

# How many closed minutes are remembered, to tell a revision from a repeat.
_KEPT = 20
_ABSURD = float(ABSURD_PRICE)


@dataclass(slots=True)
class _Minute:
    """What streams have said of a minute: its newest value, who said that, and who spoke of the minute first."""

    candle: Candle
    first_epoch: int
    epoch: int


class CandleLine:
    """Everything before `until_ms` is closed. What a stream says closes a minute only where nothing can be missing.

    A stream does not say that a candle is final. It is when the next one has begun, and one connection heard of both:
    then nothing fell between. Whatever else is asked for (`asks`), and the answer taken in with `fill`.
    """

    def __init__(self, until_ms: int | None = None, settle_seconds: float = 0.25) -> None:
        """`until_ms` is where the stored candles end; None where the line has not begun (`begin`)."""
        self.until_ms = until_ms
        self._settle_seconds = settle_seconds
        self._minutes: dict[int, _Minute] = {}
        self._newest_ms = -1
        self._newest_at = 0.0
        self._kept: dict[int, Candle] = {}

    @property
    def forming(self) -> Candle | None:
        """Return the minute that forms, once all before it are closed."""
        minute = self._minutes.get(self._newest_ms)
        return minute.candle if minute is not None and self._newest_ms == self.until_ms else None

    def hear(self, epoch: int, candles: Iterable[Candle], now: float) -> list[Candle]:
        """Take in what a connection (`epoch`) says, oldest first; return closed minutes that are different now."""
        revised = []
        for candle in candles:
            opened_ms = candle.opened_at
            if not is_sound(candle):
                # What it had said of this minute does not count either: the minute is asked for.
                self._minutes.pop(opened_ms, None)
            elif self.until_ms is not None and opened_ms < self.until_ms:
                if self._is_revision(candle):
                    revised.append(candle)
            elif (minute := self._minutes.get(opened_ms)) is not None:
                minute.candle, minute.epoch = candle, epoch
            else:
                self._minutes[opened_ms] = _Minute(candle, epoch, epoch)
            if opened_ms > self._newest_ms and opened_ms % MINUTE_MS == 0:
                self._newest_ms, self._newest_at = opened_ms, now
        return revised

    def closed(self, now: float) -> list[Candle]:
        """Return the minutes that have ended for certain, and count them as closed."""
        found = []
        while self._has_successor(now) and self.until_ms is not None and self._is_whole(self.until_ms):
            found.append(self._minutes.pop(self.until_ms).candle)
            self._keep(found[-1])
            self.until_ms += MINUTE_MS
        return found

    def has_hole(self, now: float) -> bool:
        """Return whether a minute has ended that the streams cannot vouch for."""
        return self._has_successor(now) and self.until_ms is not None and not self._is_whole(self.until_ms)

    def is_late(self, venue_ms: int) -> bool:
        """Return whether a minute has ended at this time of the venue, and none has followed it."""
        return self.until_ms is not None and self._newest_ms <= self.until_ms and venue_ms >= self.until_ms + MINUTE_MS

    def begin(self, candles: Sequence[Candle]) -> list[Candle]:
        """Begin the line with the venue's own history, oldest first, its last one forming; return what is closed of it."""
        sound = [one for one in candles if is_sound(one)]
        if not sound:
            return []
        self.until_ms = sound[-1].opened_at
        for candle in sound[:-1]:
            self._keep(candle)
        self._forget_closed()
        return sound[:-1]

    def fill(self, candles: Sequence[Candle], known_ms: int) -> list[Candle]:
        """Take in the venue's answer, oldest first: all of its candles before the last one, and before `known_ms`.

        Returns what that closes, in order. A minute that is not in it had no trades.
        """
        if self.until_ms is None:
            return []
        sound = [one for one in candles if is_sound(one)]
        until_ms = max(known_ms, sound[-1].opened_at if sound else 0)
        if until_ms <= self.until_ms:
            return []
        found = [one for one in sound if self.until_ms <= one.opened_at < until_ms]
        for candle in found:
            self._keep(candle)
        self.until_ms = until_ms
        self._forget_closed()
        return found

    def kept(self, since_ms: int) -> list[Candle]:
        """Return the remembered closed minutes from a time on, oldest first."""
        return [self._kept[opened_ms] for opened_ms in sorted(self._kept) if opened_ms >= since_ms]

    def _has_successor(self, now: float) -> bool:
        if self.until_ms is None or self._newest_ms <= self.until_ms:
            return False
        return self._newest_ms > self.until_ms + MINUTE_MS or now - self._newest_at >= self._settle_seconds

    def _is_whole(self, opened_ms: int) -> bool:
        minute, following = self._minutes.get(opened_ms), self._minutes.get(opened_ms + MINUTE_MS)
        return minute is not None and following is not None and minute.epoch == following.first_epoch

    def _is_revision(self, candle: Candle) -> bool:
        known = self._kept.get(candle.opened_at)
        if known is None or known == candle:
            return False
        self._kept[candle.opened_at] = candle
        return True

    def _keep(self, candle: Candle) -> None:
        self._kept[candle.opened_at] = candle
        while len(self._kept) > _KEPT:
            del self._kept[min(self._kept)]

    def _forget_closed(self) -> None:
        assert self.until_ms is not None
        for opened_ms in [one for one in self._minutes if one < self.until_ms]:
            del self._minutes[opened_ms]


def is_sound(candle: Candle) -> bool:
    """Return whether a candle can be: on the grid, positive, its extremes around open and close."""
    prices = (candle.low, candle.open, candle.close, candle.high)
    return (
        candle.opened_at == candle_start(candle.opened_at, "1m")
        and all(math.isfinite(price) for price in prices)
        and 0.0 < candle.low <= min(candle.open, candle.close)
        and max(candle.open, candle.close) <= candle.high < _ABSURD
        and candle.volume >= 0.0
    )
