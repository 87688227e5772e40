"""Candles to try strategies on, terms to try them, and warm children that compute, shared by a whole test process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.timeframes import milliseconds, timeframe_ms
from markets.candle_store import candle_store
from markets.models import Instrument
from strategies.faces import Face
from strategies.services import jobs
from strategies.terms import Terms
from tests.fixtures_desk import NOON, Desk


def ema_cross(fast: int = 2, slow: int = 3, **values: Any) -> Face:
    """Return an EMA crossover; `share` and `stop_loss` as texts."""
    return Face(template="ema_cross", values={"fast": fast, "slow": slow, **values})


CROSSING = ema_cross(3, 8, share="0.5")


def waves(count: int, end: datetime, timeframe: str = "5m", seed: int = 3) -> Candles:
    """Return candles of a wave with noise, the last one closed at `end`; a fast crossover trades every dozen of them."""
    chance = np.random.default_rng(seed)
    close = np.round(100 + 4 * np.sin(np.arange(count) / 4) + chance.normal(0, 0.3, count).cumsum() * 0.2, 2)
    open_ = np.round(np.concatenate([[close[0]], close[:-1]]), 2)
    high, low = np.round(np.maximum(open_, close) + 0.3, 2), np.round(np.minimum(open_, close) - 0.3, 2)
    length = timeframe_ms(timeframe)
    opened_at = milliseconds(end) - length * np.arange(count, 0, -1, dtype=np.int64)
    return Candles(opened_at, open_, high, low, close, np.round(chance.uniform(1, 9, count), 3))


class Past:
    """A desk whose instrument has a past of five-minute candles, the last one closed at noon."""

    def __init__(self, desk: Desk, count: int = 2000) -> None:
        self.desk = desk
        self.instrument = self.instrument_with(count)

    def instrument_with(self, count: int, base: str = "BTC", seed: int = 3) -> Instrument:
        instrument = self.desk.instrument(base)
        self.store(instrument, waves(count, NOON, seed=seed))
        return instrument

    def store(self, instrument: Instrument, candles: Candles, timeframe: str = "5m") -> None:
        candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles)

    def terms(self, **changes: Any) -> Terms:
        """Return terms over the last five days of it."""
        terms = Terms((self.instrument,), "5m", NOON - timedelta(days=5), NOON)
        return replace(terms, **changes)


@pytest.fixture
def past(desk: Desk) -> Past:
    return Past(desk)


@pytest.fixture(scope="session", autouse=True)
def no_child_is_left() -> Iterator[None]:
    """End the warm children that tests of this process have used."""
    yield
    jobs.children().close()
