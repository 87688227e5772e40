"""Where prices go: paths through real candles, through a made market, and through the quotient of two other paths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as FilePath
from typing import NamedTuple, Protocol, overload

import pyarrow.parquet as pq

from engine.decimals import ZERO
from engine.market_sim import STEPS_PER_MINUTE, MarketSimulator, Minute, SimulatedAsset
from engine.timeframes import MINUTE_MS
from sandbox.core.klines import DAY_MS


class Knot(NamedTuple):
    """The path at a moment: the price, and the volume (base units) traded since the knot before."""

    at_ms: int
    price: Decimal
    volume: Decimal


class Path(Protocol):
    """Prices of one market over market time."""

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        """Return the knots in after < t ≤ until, one each `every_ms` (which divides a minute)."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle to be walked."""

    opened_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def reversed(self) -> Bar:
        """Return the bar as it looks to somebody walking back in time."""
        return Bar(self.opened_ms, self.close, self.high, self.low, self.open, self.volume)


class BarFile(Sequence[Bar]):
    """The bars of a Parquet file: columns timestamp (ms), open, high, low, close, volume.

    The shortest text of a float is its decimal; a bar is made when it is asked for, since a file may hold a million.
    """

    def __init__(self, file: FilePath) -> None:
        table = pq.read_table(file)
        self._opened = table.column("timestamp").to_numpy()
        self._values = [table.column(name).to_numpy() for name in ("open", "high", "low", "close", "volume")]

    def __len__(self) -> int:
        return len(self._opened)

    @overload
    def __getitem__(self, place: int) -> Bar: ...

    @overload
    def __getitem__(self, place: slice) -> list[Bar]: ...

    def __getitem__(self, place: int | slice) -> Bar | list[Bar]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        values = (Decimal(repr(float(column[place]))) for column in self._values)
        return Bar(int(self._opened[place]), *values)


class CandlePath:
    """Walks bars, moved by whole days so that `lead` bars lie before `start_ms`; at the end it turns and walks back.

    Each bar goes open → nearer extreme → other extreme → close, in no fewer than four knots; its volume is spread evenly.
    """

    def __init__(self, bars: Sequence[Bar], start_ms: int, *, lead: int) -> None:
        self._bars = bars
        self._length = bars[1].opened_ms - bars[0].opened_ms
        lead = min(lead, len(bars) - 1)
        # Whole days keep every timeframe's grid; what they leave over is bridged by more or fewer bars before the start.
        days = (start_ms - bars[lead].opened_ms) // DAY_MS
        self._first = bars[0].opened_ms + days * DAY_MS

    def bar(self, number: int) -> Bar:
        """Return the bar of a place on the timeline, there and back again."""
        lap, place = divmod(number, len(self._bars))
        bar = self._bars[place] if lap % 2 == 0 else self._bars[-1 - place].reversed()
        return Bar(self._first + number * self._length, bar.open, bar.high, bar.low, bar.close, bar.volume)

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        """Return the knots in after < t ≤ until."""
        first = max(0, (after_ms - self._first) // self._length)
        last = (until_ms - self._first) // self._length
        found = (knot for number in range(first, last + 1) for knot in self._walk(self.bar(number), every_ms))
        return [knot for knot in found if after_ms < knot.at_ms <= until_ms]

    @property
    def first_ms(self) -> int:
        """Return when the first bar opens."""
        return self._first

    def _walk(self, bar: Bar, every_ms: int) -> Iterator[Knot]:
        steps = max(4, self._length // every_ms)
        corners = (bar.open, bar.low, bar.high, bar.close)
        if bar.open > bar.close:
            corners = (bar.open, bar.high, bar.low, bar.close)
        share = bar.volume / steps
        for step in range(steps):
            leg, inside = divmod(step * 3, steps - 1)
            if leg == 3:
                leg, inside = 2, steps - 1
            price = corners[leg] + (corners[leg + 1] - corners[leg]) * inside / (steps - 1)
            # The corner itself is hit by the step that is nearest to it, so that the extremes are traded.
            if inside and inside + 3 > steps - 1:
                price = corners[leg + 1]
            yield Knot(bar.opened_ms + step * self._length // steps, price, share)


class MadeMarket:
    """A seeded market of several assets (engine.market_sim), walked minute by minute and shared by their paths."""

    def __init__(self, assets: Sequence[SimulatedAsset], seed: int, first_minute: int) -> None:
        self._simulator = MarketSimulator(assets, seed)
        self._state = self._simulator.start(first_minute)
        self._minutes: list[Minute] = []
        self.first_ms = first_minute * MINUTE_MS
        self.ticks = [Decimal(str(asset.tick_size)) for asset in assets]

    def step(self, number: int, asset: int) -> tuple[Decimal, Decimal]:
        """Return price and volume of a ten-second step since the beginning."""
        minute, place = divmod(max(0, number), STEPS_PER_MINUTE)
        while len(self._minutes) <= minute:
            made, self._state = self._simulator.advance(self._state)
            self._minutes.append(made)
        found = self._minutes[minute]
        return int(found.ticks[place, asset]) * self.ticks[asset], Decimal(str(float(found.volumes[place, asset])))


class MadePath:
    """One asset of a made market, its knots on the straight lines between its steps."""

    STEP_MS = MINUTE_MS // STEPS_PER_MINUTE

    def __init__(self, market: MadeMarket, asset: int) -> None:
        self._market = market
        self._asset = asset

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        """Return the knots in after < t ≤ until."""
        first = (after_ms // every_ms + 1) * every_ms
        return [self._knot(at_ms, every_ms) for at_ms in range(first, until_ms + 1, every_ms)]

    def _knot(self, at_ms: int, every_ms: int) -> Knot:
        number, inside = divmod(at_ms - self._market.first_ms, self.STEP_MS)
        price, volume = self._market.step(number, self._asset)
        following, _ = self._market.step(number + 1, self._asset)
        between = price + (following - price) * inside / self.STEP_MS
        return Knot(at_ms, between, volume * every_ms / self.STEP_MS)


class QuotientPath:
    """One path over another: ETH-BTC from ETH-USDT and BTC-USDT, so that triangles close."""

    def __init__(self, over: Path, under: Path) -> None:
        self._over = over
        self._under = under
        self._last = ZERO

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        """Return the knots in after < t ≤ until at which the upper path has one."""
        under = {knot.at_ms: knot.price for knot in self._under.knots(after_ms, until_ms, every_ms)}
        made = []
        for knot in self._over.knots(after_ms, until_ms, every_ms):
            self._last = under.get(knot.at_ms, self._last)
            if self._last:
                made.append(Knot(knot.at_ms, knot.price / self._last, knot.volume / 10))
        return made


class LeaningPath:
    """A path that leans from another by up to `bps`, to and fro in `period_ms`: what makes two venues differ."""

    def __init__(self, path: Path, bps: int, period_ms: int, phase: float = 0.0) -> None:
        self._path = path
        self._bps = bps
        self._period = period_ms
        self._phase = phase

    def knots(self, after_ms: int, until_ms: int, every_ms: int) -> list[Knot]:
        """Return the knots in after < t ≤ until."""
        return [
            Knot(knot.at_ms, knot.price * self._factor(knot.at_ms), knot.volume)
            for knot in self._path.knots(after_ms, until_ms, every_ms)
        ]

    def _factor(self, at_ms: int) -> Decimal:
        wave = math.sin(2 * math.pi * (at_ms % self._period) / self._period + self._phase)
        return 1 + Decimal(round(wave * self._bps * 100)) / 1_000_000
