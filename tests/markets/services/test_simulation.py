"""Seeding the simulated venue: full charts until now, whole candles only, and once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import islice

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from common import clock
from common.bus import bus
from engine.candles import Candles
from engine.timeframes import aggregate, moment
from markets.candle_store import candle_store
from markets.feed import apply_step
from markets.models import Exchange, Instrument
from markets.prices import board_name, latest_prices
from markets.selectors import FAR_FUTURE, candle_arrays, timeframes_of, tradable_instruments
from markets.services import announce_simulated_market, seed_simulated_venue
from markets.simulated import NAMESPACE, SIMULATED_TIMEFRAMES, VENUE_CODE, SimulatedSource
from markets.sources import on_tick
from tests.markets.conftest import NOON


def _instruments() -> list[Instrument]:
    return list(tradable_instruments(NAMESPACE))


def _everything() -> dict[str, bytes]:
    root = candle_store().path("", "", "").parent
    return {path.name: path.read_bytes() for path in root.glob("*.parquet")}


def test_the_venue_is_labelled_and_lists_coins_and_perpetuals_with_rules(simulated: Exchange) -> None:
    assert (simulated.code, simulated.namespace, simulated.source_kind) == ("simulated", "sim", "SIMULATED")
    assert [(one.symbol, str(one.tick_size.normalize())) for one in _instruments()] == [
        ("BTC-USDT", "0.01"),
        ("BTC-USDT-PERP", "0.01"),
        ("ETH-USDT", "0.01"),
        ("ETH-USDT-PERP", "0.01"),
        ("SOL-USDT", "0.01"),
        ("XRP-USDT", "0.0001"),
    ]
    for instrument in _instruments():
        assert instrument.min_quantity == instrument.lot_step
        assert (instrument.min_notional, instrument.taker_fee_bps) == (Decimal(5), Decimal(4))
        assert instrument.is_perpetual == instrument.symbol.endswith("-PERP")


@pytest.mark.usefixtures("simulated")
def test_history_is_gapless_ends_now_and_is_whole_in_every_timeframe() -> None:
    for instrument in _instruments():
        assert timeframes_of(instrument) == list(SIMULATED_TIMEFRAMES)[:-1]  # half a day makes no daily candle
        minutes = candle_arrays(instrument, "1m", end=FAR_FUTURE)
        assert (np.diff(minutes.opened_at) == 60_000).all()
        assert moment(int(minutes.opened_at[0])) == NOON - timedelta(hours=12)
        assert moment(int(minutes.opened_at[-1])) == NOON - timedelta(minutes=1)
        assert (minutes.high >= np.maximum(minutes.open, minutes.close)).all()
        assert (minutes.low <= np.minimum(minutes.open, minutes.close)).all()
        assert (minutes.volume > 0).all()
        for timeframe in SIMULATED_TIMEFRAMES[1:-1]:
            stored, made = candle_arrays(instrument, timeframe, end=FAR_FUTURE), aggregate(minutes, timeframe)
            for name in Candles.__slots__:
                assert getattr(stored, name).tolist() == getattr(made, name).tolist()


@pytest.mark.usefixtures("simulated")
def test_stored_prices_read_as_the_decimals_that_the_feed_would_say() -> None:
    for instrument in _instruments():
        closes = candle_arrays(instrument, "1m", end=FAR_FUTURE, count=200).close.tolist()
        assert [float(on_tick(close, instrument.tick_size)) for close in closes] == closes


def test_an_unfinished_day_is_no_daily_candle_a_finished_one_is(db: None) -> None:
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=31))
    try:
        seed_simulated_venue(history_minutes=1440, seed=7)
    finally:
        clock.use_wall_clock(None)
        bus().board_drop(board_name(NAMESPACE))
        bus().board_drop(clock.MARKET_CLOCKS)
    bitcoin = _instruments()[0]
    daily = candle_arrays(bitcoin, "1d", end=FAR_FUTURE)
    assert [moment(at) for at in daily.opened_at.tolist()] == [NOON - timedelta(hours=36)]
    assert moment(int(candle_arrays(bitcoin, "1m", end=FAR_FUTURE).opened_at[-1])) == NOON - timedelta(minutes=1)


@pytest.mark.usefixtures("simulated")
def test_seeding_again_changes_nothing() -> None:
    before, instruments = _everything(), _instruments()
    assert len(before) == 30
    seed_simulated_venue(history_minutes=600, seed=99)
    assert (_everything(), _instruments()) == (before, instruments)


def test_a_seeding_that_was_interrupted_is_completed(simulated: Exchange) -> None:
    complete = _everything()
    for symbol, timeframe in (("XRP-USDT", "1m"), ("XRP-USDT", "5m"), ("SOL-USDT", "1h")):
        candle_store().path(simulated.code, symbol, timeframe).unlink()
    seed_simulated_venue(history_minutes=60, seed=7)
    assert _everything() == complete


@pytest.mark.usefixtures("simulated")
def test_a_perpetual_that_comes_later_gets_the_past_its_coin_has_had() -> None:
    """So it is where an earlier release made the venue, and its coins have gone their own way since."""
    bitcoin = next(one for one in _instruments() if one.symbol == "BTC-USDT")
    contract = next(one for one in _instruments() if one.symbol == "BTC-USDT-PERP")
    for timeframe in SIMULATED_TIMEFRAMES[:-1]:
        candle_store().path(VENUE_CODE, contract.symbol, timeframe).unlink()
    contract.delete()
    for step in islice(SimulatedSource(_instruments(), 7).steps(), 130):
        apply_step(NAMESPACE, step, persists_candles=True)
    coins = candle_arrays(bitcoin, "1m", end=FAR_FUTURE)
    seed_simulated_venue(history_minutes=60, seed=7)
    contract = next(one for one in _instruments() if one.symbol == "BTC-USDT-PERP")
    past = candle_arrays(contract, "1m", end=FAR_FUTURE)
    for name in Candles.__slots__:
        assert getattr(past, name).tolist() == getattr(coins, name).tolist()
    assert len(candle_arrays(contract, "4h", end=FAR_FUTURE)) == len(candle_arrays(bitcoin, "4h", end=FAR_FUTURE)) > 0
    # A feed that ran on without it left a hole, which the next seeding closes.
    without = [one for one in _instruments() if one != contract]
    for step in islice(SimulatedSource(without, 7).steps(), 130):
        apply_step(NAMESPACE, step, persists_candles=True)
    assert len(candle_arrays(bitcoin, "1m", end=FAR_FUTURE)) > len(coins)
    seed_simulated_venue(history_minutes=60, seed=7)
    for timeframe in ("1m", "5m"):
        after, of_coin = (candle_arrays(one, timeframe, end=FAR_FUTURE) for one in (contract, bitcoin))
        for name in Candles.__slots__:
            assert getattr(after, name).tolist() == getattr(of_coin, name).tolist()


@pytest.mark.usefixtures("simulated")
def test_prices_and_market_time_are_there_before_the_feed_runs() -> None:
    prices = latest_prices(_instruments())
    for instrument in _instruments():
        close = float(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=1).close[0])
        assert float(prices[instrument.id].price) == close
        assert prices[instrument.id].at == NOON + timedelta(minutes=1)
    assert clock.market_now(NAMESPACE) == NOON + timedelta(minutes=1)


@pytest.mark.usefixtures("simulated")
def test_after_a_restart_time_goes_on_where_the_store_ends_and_never_back() -> None:
    steps = SimulatedSource(_instruments(), 7).steps()
    for _ in range(40):
        step = next(steps)
        apply_step(NAMESPACE, step, persists_candles=True)
    last = clock.market_now(NAMESPACE)
    announce_simulated_market()
    assert clock.market_now(NAMESPACE) == last  # a feed has been here, and knows better
    bus().board_drop(board_name(NAMESPACE))
    bus().board_drop(clock.MARKET_CLOCKS)
    announce_simulated_market()
    assert last < clock.market_now(NAMESPACE) <= last + timedelta(minutes=1)
    assert next(SimulatedSource(_instruments(), 7).steps()).at == clock.market_now(NAMESPACE)


@pytest.mark.usefixtures("simulated")
def test_the_command_names_what_it_made_and_changes_nothing_the_second_time() -> None:
    before = _everything()
    said = StringIO()
    call_command("seed_simulated", days=90, stdout=said)
    assert (
        said.getvalue()
        == "Simulated exchange (simulated): BTC-USDT, BTC-USDT-PERP, ETH-USDT, ETH-USDT-PERP, SOL-USDT, XRP-USDT.\n"
    )
    assert _everything() == before


def test_the_command_refuses_no_history(db: None) -> None:
    with pytest.raises(CommandError, match="--days is a whole number above zero"):
        call_command("seed_simulated", days=0)
    assert not Exchange.objects.exists()
