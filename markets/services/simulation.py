"""The simulated venue: made with a past, so that its charts are full on first sight, and put on the board."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from common import clock
from engine.candles import Candles, Floats
from engine.market_sim import Minute
from engine.timeframes import MINUTE_MS, aggregate, candle_start, milliseconds, moment, timeframe_ms
from markets.candle_store import candle_store
from markets.models import Exchange, Instrument, MarketKind, SourceKind
from markets.prices import latest_prices, put_prices
from markets.selectors import FAR_FUTURE, candle_arrays, tradable_instruments
from markets.services.instruments import register_exchange, register_instrument
from markets.simulated import (
    INSTRUMENTS,
    NAMESPACE,
    PERPETUAL,
    SIMULATED_TIMEFRAMES,
    VENUE_CODE,
    SimulatedInstrument,
    simulator,
)
from markets.sources import on_tick, plain_tick

HISTORY_MINUTES = 30 * 1440
# What large venues charge their busier customers: the demo trades once a minute, and dear fees would drown its story.
MAKER_FEE_BPS, TAKER_FEE_BPS = Decimal(2), Decimal(4)


def seed_simulated_venue(*, history_minutes: int = HISTORY_MINUTES, seed: int | None = None) -> Exchange:
    """Make the venue, its coins and perpetuals, and at least so many minutes of history until now; again, it changes nothing."""
    exchange = register_exchange(
        code=VENUE_CODE, name="Simulated exchange", namespace=NAMESPACE, source_kind=SourceKind.SIMULATED
    )
    coins = [_register(exchange, one) for one in INSTRUMENTS]
    # The last coin's finest candles are written last of all: where they stand, everything does.
    if not _has_past(coins[-1]):
        _store_history(history_minutes, settings.SIMULATION_SEED if seed is None else seed)
    for one, coin in zip(INSTRUMENTS, coins, strict=True):
        if one.has_perpetual:
            _store_past_of(coin, _register(exchange, one, contract=PERPETUAL))
    announce_simulated_market()
    return exchange


def _register(exchange: Exchange, one: SimulatedInstrument, contract: str = "") -> Instrument:
    return register_instrument(
        exchange=exchange,
        base=one.base,
        quote="USDT",
        contract=contract,
        kind=MarketKind.PERPETUAL if contract else MarketKind.SPOT,
        tick_size=one.tick_size,
        lot_step=one.lot_step,
        min_quantity=one.lot_step,
        min_notional=one.min_notional,
        maker_fee_bps=MAKER_FEE_BPS,
        taker_fee_bps=TAKER_FEE_BPS,
    )


def _has_past(instrument: Instrument) -> bool:
    return bool(len(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=1)))


def _store_past_of(coin: Instrument, contract: Instrument) -> None:
    """Give a perpetual its coin's past, also beside a coin that has been traded for long.

    A feed that runs does not know a perpetual that is made beside it: what the coin had until the feed's next start comes then.
    """
    for timeframe in reversed(SIMULATED_TIMEFRAMES):
        newest = candle_arrays(contract, timeframe, end=FAR_FUTURE, count=1)
        start = moment(int(newest.opened_at[-1]) + timeframe_ms(timeframe)) if len(newest) else None
        if len(past := candle_arrays(coin, timeframe, start=start, end=FAR_FUTURE)):
            candle_store().upsert(VENUE_CODE, contract.symbol, timeframe, past)


def announce_simulated_market() -> None:
    """Put the newest stored prices and the time after them on the board, as the feed would: it may not run yet.

    The minute under way when an earlier feed ended has had prices; so time goes on after it (`SimulatedSource`).
    """
    instruments = list(tradable_instruments(NAMESPACE))
    if latest_prices(instruments):
        return  # a feed has been here, and knows better
    prices: dict[str, str] = {}
    newest_ms = 0
    for instrument in instruments:
        history = candle_arrays(instrument, "1m", end=FAR_FUTURE, count=1)
        if not len(history):
            return  # not seeded yet: the feed will say so
        prices[str(instrument.id)] = format(on_tick(float(history.close[-1]), plain_tick(instrument)), "f")
        newest_ms = max(newest_ms, int(history.opened_at[-1]))
    at = moment(newest_ms + 2 * MINUTE_MS)
    put_prices(NAMESPACE, prices, at)
    clock.set_market_time(NAMESPACE, at)


def _store_history(history_minutes: int, seed: int) -> None:
    end_ms = candle_start(milliseconds(clock.wall_now()), "1m")
    # From a day's start on, so that the first candle of every timeframe is whole.
    start = candle_start(end_ms - history_minutes * MINUTE_MS, "1d") // MINUTE_MS
    market = simulator(seed)
    state = market.start(start)
    minutes: list[Minute] = []
    while state.minute * MINUTE_MS < end_ms:
        minute, state = market.advance(state)
        minutes.append(minute)
    ticks = np.stack([minute.ticks for minute in minutes])
    volumes = np.stack([minute.volumes.sum(axis=0) for minute in minutes])
    opened_at = (start + np.arange(len(minutes))) * MINUTE_MS
    for index, one in enumerate(INSTRUMENTS):
        _store_series(one, _candles(opened_at, ticks[:, :, index], volumes[:, index], one.tick_size), end_ms)


def _candles(opened_at: NDArray[np.int64], ticks: NDArray[np.int64], volume: Floats, tick_size: Decimal) -> Candles:
    """Return the candles of minutes from their prices in ticks, shape (minutes, steps)."""
    # Whole numbers, divided once: the very floats that the decimal prices read as.
    numerator, denominator = tick_size.as_integer_ratio()
    prices = ticks * numerator / denominator
    return Candles(opened_at, prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1], volume)


def _store_series(one: SimulatedInstrument, minutes: Candles, end_ms: int) -> None:
    for timeframe in reversed(SIMULATED_TIMEFRAMES):
        candles = aggregate(minutes, timeframe)
        whole = int(np.searchsorted(candles.opened_at, end_ms - timeframe_ms(timeframe), side="right"))
        candle_store().upsert(VENUE_CODE, one.symbol, timeframe, candles.part(0, whole))
