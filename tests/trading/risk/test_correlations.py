"""Correlations of a market: measured from its stored candles, once an hour, read from the board."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from common.bus import bus
from engine.candles import Candles
from markets.candle_store import candle_store
from markets.models import Instrument
from tests.fixtures_trading import Pit
from trading.risk.correlations import correlations, measure_correlations
from trading.risk.services.profiles import set_limits
from trading.tasks import watch_risk


def store(pit: Pit, instrument: Instrument, factor: float) -> None:
    """Store fifty hours that end now, each a step of the same walk times the factor."""
    steps = np.array([1.0, -2.0, 0.5, 3.0, -1.0] * 10)
    close = 100 * np.exp(np.cumsum(steps * factor) / 100)
    end = int(pit.desk.at.timestamp()) * 1000
    times = end - np.arange(len(close), 0, -1, dtype=np.int64) * 3_600_000
    candles = Candles(times, close, close, close, close, np.ones(len(close)))
    candle_store().upsert(pit.desk.exchange.code, instrument.symbol, "1h", candles)


def test_what_is_traded_is_measured_once_an_hour(pit: Pit) -> None:
    namespace, ether = pit.desk.namespace, pit.desk.instrument("ETH")
    pit.price(100, ether)
    pit.buy(1)
    pit.instrument, bitcoin = ether, pit.instrument
    pit.buy(1)
    for instrument, factor in ((bitcoin, 1.0), (ether, 2.0)):
        store(pit, instrument, factor)
    assert measure_correlations(namespace, pit.desk.at) == 1
    assert correlations([namespace], ["ETH", "BTC", "XRP"]) == {("BTC", "ETH"): Decimal(1)}
    assert measure_correlations(namespace, pit.desk.at + timedelta(minutes=59)) == 0
    assert measure_correlations(namespace, pit.desk.at + timedelta(hours=1)) == 1


def test_only_markets_where_a_limit_asks_for_them_are_measured(pit: Pit) -> None:
    pit.buy(1)
    board = f"correlations:{pit.desk.namespace}"
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_order_share": "0.5"})
    watch_risk()
    assert bus().board_get(board) == {}
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_correlated_share": "0.5"})
    watch_risk()
    assert list(bus().board_get(board)) == ["measured"]
