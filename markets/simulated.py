"""The simulated venue: four coins and two perpetuals, moved by engine.market_sim, labelled SIMULATED everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import numpy as np

from common.errors import DomainError
from engine.candle_builder import Candle, CandleBuilder
from engine.market_sim import MEMORY_MINUTES, STEPS_PER_MINUTE, MarketSimulator, MarketState, Minute, SimulatedAsset
from engine.timeframes import MINUTE_MS, candle_start, moment
from markets.charts import candle_rows
from markets.models import Instrument
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.sources import plain_tick
from markets.steps import ClosedCandle, Step

VENUE_CODE = "simulated"
NAMESPACE = "sim"
# What the venue makes candles of, finest first.
SIMULATED_TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d")
PERPETUAL = "PERP"
_STEP_MS = MINUTE_MS // STEPS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class SimulatedInstrument:
    """A coin's rules (as Instrument has them) and what its market is like."""

    base: str
    name: str
    tick_size: Decimal
    lot_step: Decimal
    min_notional: Decimal
    start_price: float
    daily_volatility: float
    market_correlation: float
    minute_volume: float
    has_perpetual: bool = False

    @property
    def symbol(self) -> str:
        return f"{self.base}-USDT"

    @property
    def perpetual_symbol(self) -> str:
        """The symbol of the contract on it, which trades at the coin's own prices, under the same rules."""
        return f"{self.symbol}-{PERPETUAL}"

    def asset(self) -> SimulatedAsset:
        """Return it as the simulator wants it."""
        return SimulatedAsset(
            self.start_price, float(self.tick_size), self.daily_volatility, self.market_correlation, self.minute_volume
        )


INSTRUMENTS = (
    SimulatedInstrument(
        "BTC", "Bitcoin", Decimal("0.01"), Decimal("0.00001"), Decimal(5), 64_000.0, 0.028, 0.92, 9.0, True
    ),
    SimulatedInstrument(
        "ETH", "Ether", Decimal("0.01"), Decimal("0.0001"), Decimal(5), 3_200.0, 0.034, 0.90, 120.0, True
    ),
    SimulatedInstrument("SOL", "Solana", Decimal("0.01"), Decimal("0.001"), Decimal(5), 150.0, 0.045, 0.80, 900.0),
    SimulatedInstrument("XRP", "XRP", Decimal("0.0001"), Decimal("0.1"), Decimal(5), 0.52, 0.042, 0.72, 90_000.0),
)


def simulator(seed: int) -> MarketSimulator:
    """Return the venue's market, its assets in the order of INSTRUMENTS."""
    return MarketSimulator([one.asset() for one in INSTRUMENTS], seed)


class SimulatedSource:
    """Plays the simulated market on from its newest stored minute, ten market seconds a step.

    The minute after the newest stored one may have been under way when an earlier process ended: it is made again, the
    same as it was, and its candle kept, but nothing of it is announced. So market time never goes back.
    """

    persists_candles = True
    namespace = NAMESPACE

    def __init__(self, instruments: Sequence[Instrument], seed: int) -> None:
        """`instruments` are those of the venue, with their exchange and market."""
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        coins = [by_symbol[one.symbol] for one in INSTRUMENTS]
        # A venue that an earlier release made has no perpetuals until it is seeded again.
        contracts = [
            (by_symbol[one.perpetual_symbol], place)
            for place, one in enumerate(INSTRUMENTS)
            if one.perpetual_symbol in by_symbol
        ]
        self._coins = coins
        self._instruments = coins + [contract for contract, _ in contracts]
        # Which of the market's assets each instrument follows.
        self._places = [*range(len(coins)), *(place for _, place in contracts)]
        self._ids: list[UUID] = [instrument.id for instrument in self._instruments]
        self._ticks = [plain_tick(instrument) for instrument in self._instruments]
        self._simulator = simulator(seed)

    def steps(self) -> Iterator[Step]:
        state = self._stored_state()
        builders = [self._builder(instrument, state.minute) for instrument in self._instruments]
        minute, state = self._simulator.advance(state)
        for _ in self._steps(minute, state.minute - 1, builders):
            pass
        while True:
            minute, state = self._simulator.advance(state)
            yield from self._steps(minute, state.minute - 1, builders)

    def _steps(self, minute: Minute, number: int, builders: Sequence[CandleBuilder]) -> Iterator[Step]:
        for turn, (ticks, volumes) in enumerate(zip(minute.ticks.tolist(), minute.volumes.tolist(), strict=True)):
            at_ms = number * MINUTE_MS + turn * _STEP_MS
            prices: dict[UUID, Decimal] = {}
            closed: list[ClosedCandle] = []
            for key, asset, size, builder in zip(self._ids, self._places, self._ticks, builders, strict=True):
                price = prices[key] = ticks[asset] * size
                closed += [
                    closed_candle(key, timeframe, candle)
                    for timeframe, candle in builder.add(at_ms, float(price), volumes[asset])
                ]
            yield Step(moment(at_ms), prices, tuple(closed))

    def _stored_state(self) -> MarketState:
        histories = [
            candle_arrays(instrument, "1m", end=FAR_FUTURE, count=MEMORY_MINUTES) for instrument in self._coins
        ]
        length = min(len(history) for history in histories)
        if length == 0:
            raise DomainError("MARKET_WITHOUT_HISTORY", "The simulated market has no past yet: seed it first.")
        closes = np.column_stack([history.close[-length:] for history in histories])
        return self._simulator.resume(int(histories[0].opened_at[-1]) // MINUTE_MS + 1, closes)

    def _builder(self, instrument: Instrument, minute: int) -> CandleBuilder:
        builder = CandleBuilder(SIMULATED_TIMEFRAMES)
        longest = candle_start(minute * MINUTE_MS, SIMULATED_TIMEFRAMES[-1])
        builder.resume(candle_rows(candle_arrays(instrument, "1m", start=moment(longest), end=FAR_FUTURE)))
        return builder


def closed_candle(instrument_id: UUID, timeframe: str, candle: Candle) -> ClosedCandle:
    """Return a built candle as the news that it closed."""
    return ClosedCandle(
        instrument_id,
        timeframe,
        moment(candle.opened_at),
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
    )
