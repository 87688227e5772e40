"""Checked files enter the store: idempotently, under an instrument that is made known where it is not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from common.errors import DomainError
from markets.candle_store import UpsertCounts
from markets.importing import read_candle_file
from markets.models import Exchange, Instrument, MarketKind, SourceKind
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.services import register_exchange, register_instrument, store_candle_file
from tests.markets.files import rows_of, write_shared_parquet
from tests.markets.series import candles_at, minutes_of

pytestmark = pytest.mark.django_db


def _file(tmp_path: Path, name: str = "binance__BTC-USDT__5m.parquet", minutes: tuple[int, ...] = (0, 5, 10)) -> Path:
    return write_shared_parquet(tmp_path / name, rows_of(candles_at(minutes)))


def test_a_file_of_an_unknown_venue_registers_it_as_a_real_one_with_the_steps_seen(tmp_path: Path) -> None:
    instrument, counts = store_candle_file(file=read_candle_file(_file(tmp_path)))
    assert counts == UpsertCounts(3, 0, 0)
    exchange = Exchange.objects.get()
    assert (exchange.code, exchange.name, exchange.namespace, exchange.source_kind) == (
        "binance",
        "Binance",
        "real",
        "REAL",
    )
    assert (instrument.symbol, instrument.market.kind, instrument.market.namespace) == ("BTC-USDT", "SPOT", "real")
    assert (instrument.tick_size, instrument.lot_step) == (Decimal("0.1"), Decimal(1))
    assert minutes_of(candle_arrays(instrument, "5m", end=FAR_FUTURE)) == [0, 5, 10]


def test_the_same_file_again_and_a_longer_one(tmp_path: Path) -> None:
    path = _file(tmp_path)
    store_candle_file(file=read_candle_file(path))
    instrument, again = store_candle_file(file=read_candle_file(path))
    _, longer = store_candle_file(file=read_candle_file(_file(tmp_path, minutes=(10, 15, 25))))
    assert (again, longer) == (UpsertCounts(0, 0, 3), UpsertCounts(2, 0, 1))
    assert Instrument.objects.get() == instrument
    assert minutes_of(candle_arrays(instrument, "5m", end=FAR_FUTURE)) == [0, 5, 10, 15, 25]


def test_a_perpetual_is_a_market_of_its_own(tmp_path: Path) -> None:
    spot, _ = store_candle_file(file=read_candle_file(_file(tmp_path)))
    perpetual, _ = store_candle_file(file=read_candle_file(_file(tmp_path, "binance__BTC-USDT-PERP__5m.parquet")))
    assert (perpetual.market.kind, perpetual.market.contract) == (MarketKind.PERPETUAL, "PERP")
    assert perpetual != spot


def test_a_known_instrument_keeps_its_rules_and_symbol_and_gets_the_candles(tmp_path: Path) -> None:
    replay = register_exchange(code="replay", name="Replay", namespace="replay", source_kind=SourceKind.REPLAY)
    known = register_instrument(
        exchange=replay,
        base="BTC",
        quote="USDT",
        symbol="BTCUSDT",
        tick_size=Decimal("0.01"),
        lot_step=Decimal("0.001"),
    )
    instrument, _ = store_candle_file(file=read_candle_file(_file(tmp_path), exchange_code="replay"))
    assert instrument == known
    assert (instrument.symbol, instrument.tick_size) == ("BTCUSDT", Decimal("0.01"))
    assert minutes_of(candle_arrays(known, "5m", end=FAR_FUTURE)) == [0, 5, 10]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("download.parquet", "download.parquet does not say whose candles it holds"),
        ("BTC_USDT-5m.feather", "BTC_USDT-5m.feather does not say whose candles it holds"),
        ("binance__BTC__5m.parquet", "'BTC' is no pair: write BASE-QUOTE, such as BTC-USDT."),
    ],
)
def test_candles_of_nobody_knows_what_are_refused_and_nothing_is_made(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DomainError, match=message) as refused:
        store_candle_file(file=read_candle_file(_file(tmp_path, name)))
    assert refused.value.code == "INSTRUMENT_NOT_NAMED"
    assert (Exchange.objects.count(), Instrument.objects.count()) == (0, 0)
    assert not (tmp_path / "candles").exists()
