"""Price alerts held in memory: which of thousands a price, a move or a closed candle reaches, without a look at all.

Prices are exact decimals; a watch that is reached is told of once and leaves the board.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np

from engine.candles import Candles
from engine.decimals import ONE
from engine.price_ladder import PriceLadder

Key = TypeVar("Key", bound=Hashable)

# A window is kept in so many parts: it is never longer than asked, and up to one part shorter.
WINDOW_PARTS = 60
# Usual volume is the mean of this many candles before, and nothing is unusual before the fewest are known.
USUAL_CANDLES, FEWEST_CANDLES = 20, 5
_HIGHEST, _LOWEST = Decimal("Infinity"), Decimal("-Infinity")


class WatchKind(StrEnum):
    """What is watched for."""

    ABOVE = "ABOVE"
    BELOW = "BELOW"
    MOVE = "MOVE"
    VOLUME_SPIKE = "VOLUME_SPIKE"


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched for: a price in quote units, a move as a ratio within a window, or a multiple of the usual volume.

    `window_ms` is the move's window, or the length of the candles whose volume counts. `since_ms` (ms since 1970 UTC)
    is when it was armed: a candle that opened earlier says nothing about what came after.
    """

    kind: WatchKind
    level: Decimal
    window_ms: int = 0
    since_ms: int = 0


class AlertBoard(Generic[Key]):
    """The watches on any number of instruments. Cheap where nothing is reached: two comparisons for most prices."""

    def __init__(self) -> None:
        self._of: dict[Key, Hashable] = {}
        self._watched: dict[Hashable, _Watched[Key]] = {}

    def __len__(self) -> int:
        return len(self._of)

    def arm(self, key: Key, instrument: Hashable, watch: Watch) -> None:
        """Add a watch, or put another in its place."""
        self.disarm(key)
        self._of[key] = instrument
        self._watched.setdefault(instrument, _Watched()).arm(key, watch)

    def disarm(self, key: Key) -> None:
        """Remove a watch; nothing happens where there is none."""
        if (instrument := self._of.pop(key, None)) is not None:
            self._watched[instrument].disarm(key)

    def on_price(self, instrument: Hashable, price: Decimal, at_ms: int) -> list[Key]:
        """Remove and return the watches that a price, made at `at_ms`, reaches."""
        watched = self._watched.get(instrument)
        if watched is None or watched.passes(price, at_ms):
            return []
        return self._gone(watched.cross(price, at_ms))

    def on_candle(
        self, instrument: Hashable, length_ms: int, opened_at_ms: int, high: Decimal, low: Decimal, volume: float
    ) -> list[Key]:
        """Remove and return the watches that a closed candle reaches: prices that no tick showed, and volume."""
        watched = self._watched.get(instrument)
        return [] if watched is None else self._gone(watched.close(length_ms, opened_at_ms, high, low, volume))

    def learn(self, instrument: Hashable, length_ms: int, candles: Candles) -> None:
        """Take in past candles (oldest first) as what moves and volumes are measured against, where nothing is known yet."""
        if (watched := self._watched.get(instrument)) is not None:
            watched.learn(length_ms, candles)

    def _gone(self, reached: list[Key]) -> list[Key]:
        for key in reached:
            del self._of[key]
        return reached


class _Watched(Generic[Key]):
    """The watches on one instrument."""

    __slots__ = ("_above", "_below", "_ladder", "_volumes", "_watches", "_windows")

    def __init__(self) -> None:
        self._watches: dict[Key, Watch] = {}
        self._ladder: PriceLadder[Key] = PriceLadder()
        self._windows: dict[int, _Window[Key]] = {}
        self._volumes: dict[int, _Volumes[Key]] = {}
        self._bound()

    def arm(self, key: Key, watch: Watch) -> None:
        self._watches[key] = watch
        if watch.kind is WatchKind.MOVE:
            self._windows.setdefault(watch.window_ms, _Window(watch.window_ms)).arm(key, watch.level)
        elif watch.kind is WatchKind.VOLUME_SPIKE:
            self._volumes.setdefault(watch.window_ms, _Volumes()).ladder.arm(key, watch.level, below=False)
        else:
            self._ladder.arm(key, watch.level, below=watch.kind is WatchKind.BELOW)
            self._bound()

    def disarm(self, key: Key) -> None:
        watch = self._watches.pop(key)
        if watch.kind is WatchKind.MOVE:
            self._windows[watch.window_ms].disarm(key)
        elif watch.kind is WatchKind.VOLUME_SPIKE:
            self._volumes[watch.window_ms].ladder.disarm(key)
        else:
            self._ladder.disarm(key)
            self._bound()

    def passes(self, price: Decimal, at_ms: int) -> bool:
        """Take in a price and tell whether it reaches nothing."""
        passes = self._below < price < self._above
        for window in self._windows.values():
            passes &= window.passes(price, at_ms)
        return passes

    def cross(self, price: Decimal, at_ms: int) -> list[Key]:
        reached = self._ladder.cross(price)
        for window in self._windows.values():
            reached += window.cross(price)
        return self._left(reached)

    def close(self, length_ms: int, opened_at_ms: int, high: Decimal, low: Decimal, volume: float) -> list[Key]:
        reached: list[Key] = []
        if not self._below < low <= high < self._above:
            for key in self._ladder.cross(high) + self._ladder.cross(low):
                watch = self._watches[key]
                if watch.since_ms > opened_at_ms:
                    self._ladder.arm(key, watch.level, below=watch.kind is WatchKind.BELOW)
                else:
                    reached.append(key)
        if length_ms in self._volumes:
            volumes = self._volumes[length_ms]
            for key in volumes.cross(volume):
                watch = self._watches[key]
                if watch.since_ms > opened_at_ms:
                    volumes.ladder.arm(key, watch.level, below=False)
                else:
                    reached.append(key)
        return self._left(reached)

    def learn(self, length_ms: int, candles: Candles) -> None:
        if length_ms in self._volumes and not self._volumes[length_ms].usual:
            self._volumes[length_ms].usual.extend(candles.volume[-USUAL_CANDLES:].tolist())
        for window in self._windows.values():
            window.learn(length_ms, candles)

    def _left(self, reached: list[Key]) -> list[Key]:
        for key in reached:
            del self._watches[key]
        self._bound()
        return reached

    def _bound(self) -> None:
        self._below, self._above = self._ladder.bounds()


class _Window(Generic[Key]):
    """The lowest and highest price of the last `window_ms`, and the moves watched for, the smallest first."""

    __slots__ = ("_armed", "_down_at", "_high", "_low", "_part_ms", "_parts", "_up_at", "_window_ms")

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._part_ms = max(1, window_ms // WINDOW_PARTS)
        # (start, lowest, highest) of each part in which there was a price, oldest first.
        self._parts: deque[tuple[int, Decimal, Decimal]] = deque()
        self._armed: list[tuple[Decimal, Key]] = []
        self._low = self._up_at = _HIGHEST
        self._high = self._down_at = _LOWEST

    def arm(self, key: Key, ratio: Decimal) -> None:
        insort(self._armed, (ratio, key), key=_ratio)
        self._bound()

    def disarm(self, key: Key) -> None:
        self._armed = [entry for entry in self._armed if entry[1] != key]
        self._bound()

    def learn(self, length_ms: int, candles: Candles) -> None:
        """Take in past candles where no price is known yet."""
        if self._parts or not len(candles):
            return
        part = candles.part(int(candles.opened_at.searchsorted(candles.opened_at[-1] - self._window_ms)), len(candles))
        for opened_at, *prices in zip(part.opened_at.tolist(), part.high.tolist(), part.low.tolist(), strict=True):
            for price in prices:
                # Nobody knows the order within a candle: both count as made when it ended.
                self.passes(Decimal(repr(price)), opened_at + length_ms - 1)

    def passes(self, price: Decimal, at_ms: int) -> bool:
        """Take in a price and tell whether no move that is watched for ends with it."""
        start = at_ms - at_ms % self._part_ms
        if not self._parts or start > self._parts[-1][0]:
            self._open(start, at_ms, price)
        elif not self._parts[-1][1] <= price <= self._parts[-1][2]:
            self._widen(price)
        return self._down_at < price < self._up_at

    def cross(self, price: Decimal) -> list[Key]:
        count = 0
        for ratio, _ in self._armed:
            if self._low * (ONE + ratio) > price > self._high * (ONE - ratio):
                break
            count += 1
        reached = [key for _, key in self._armed[:count]]
        del self._armed[:count]
        self._bound()
        return reached

    def _open(self, start: int, at_ms: int, price: Decimal) -> None:
        parts = self._parts
        while parts and parts[0][0] < at_ms - self._window_ms:
            parts.popleft()
        parts.append((start, price, price))
        self._low, self._high = min(part[1] for part in parts), max(part[2] for part in parts)
        self._bound()

    def _widen(self, price: Decimal) -> None:
        start, low, high = self._parts[-1]
        self._parts[-1] = start, min(low, price), max(high, price)
        self._low, self._high = min(self._low, price), max(self._high, price)
        self._bound()

    def _bound(self) -> None:
        self._up_at, self._down_at = _HIGHEST, _LOWEST
        if self._armed and self._parts:
            least = self._armed[0][0]
            self._up_at, self._down_at = self._low * (ONE + least), self._high * (ONE - least)


class _Volumes(Generic[Key]):
    """The volumes of the newest candles of one length, and the multiples of the usual that are watched for."""

    __slots__ = ("ladder", "usual")

    def __init__(self) -> None:
        self.usual: deque[float] = deque(maxlen=USUAL_CANDLES)
        self.ladder: PriceLadder[Key] = PriceLadder()

    def cross(self, volume: float) -> list[Key]:
        known, usual = len(self.usual), sum(self.usual)
        self.usual.append(volume)
        if known < FEWEST_CANDLES or not usual > 0.0:
            return []
        return self.ladder.cross(Decimal(volume * known / usual))


def _ratio(entry: tuple[Decimal, Key]) -> Decimal:
    return entry[0]


def reached_by(candles: Candles, length_ms: int, watch: Watch) -> int | None:
    """Return when (ms since 1970 UTC) the first of these candles ended that reached a watch; None where none did.

    What nobody evaluated while no feed ran, or a killed one did not get to. Only candles that opened once the watch was
    armed count; a move must come about between candles, since the order of prices within one is not known.
    """
    level = float(watch.level)
    if watch.kind is WatchKind.ABOVE:
        hit = candles.high >= level
    elif watch.kind is WatchKind.BELOW:
        hit = candles.low <= level
    elif watch.kind is WatchKind.VOLUME_SPIKE:
        hit = _spikes(candles, level)
    else:
        hit = _moves(candles, length_ms, watch.window_ms, level)
    places = np.flatnonzero(hit & (candles.opened_at >= watch.since_ms))
    return int(candles.opened_at[places[0]]) + length_ms if len(places) else None


def _spikes(candles: Candles, level: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    sums = np.concatenate(([0.0], np.cumsum(candles.volume)))
    places = np.arange(len(candles))
    first = np.maximum(0, places - USUAL_CANDLES)
    known, usual = places - first, sums[places] - sums[first]
    spikes: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (known >= FEWEST_CANDLES) & (usual > 0.0) & (candles.volume * known >= level * usual)
    )
    return spikes


def _moves(
    candles: Candles, length_ms: int, window_ms: int, ratio: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    hit = np.zeros(len(candles), np.bool_)
    for back in range(1, window_ms // length_ms):
        near = candles.opened_at[back:] - candles.opened_at[:-back] < window_ms
        up = candles.high[back:] >= candles.low[:-back] * (1.0 + ratio)
        down = candles.low[back:] <= candles.high[:-back] * (1.0 - ratio)
        hit[back:] |= near & (up | down)
    return hit
