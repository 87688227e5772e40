"""Candle files looked through: what is found is reported exactly, a bad row is named, gaps are no fault."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from common.errors import DomainError
from engine.candles import Candles
from markets.candle_files import MalformedCandles
from markets.importing import Gap, read_candle_file, steps_seen
from tests.markets.files import rows_of, write_binance_csv, write_freqtrade_json, write_shared_parquet
from tests.markets.series import NOON_MS, candles_at

FIVE = 300_000


def _rows(count: int = 6) -> list[list[Any]]:
    return [list(row) for row in rows_of(candles_at(range(0, 5 * count, 5)))]


def _refusal(path: Path, **options: str) -> MalformedCandles:
    with pytest.raises(MalformedCandles) as refused:
        read_candle_file(path, **options)
    return refused.value


def test_a_sound_file_is_described(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", _rows())
    file = read_candle_file(path)
    assert (file.exchange_code, file.pair, file.timeframe, file.form) == ("binance", "BTC-USDT", "5m", "Parquet")
    assert rows_of(file.candles) == [tuple(row) for row in _rows()]
    assert (file.gaps, file.without_volume) == ((), 0)
    assert file.summary() == ("BTC-USDT 5m (Parquet), 6 candles from 2026-03-02 12:00 to 2026-03-02 12:25 UTC, no gaps")


def test_gaps_and_candles_without_volume_are_reported_and_no_fault(tmp_path: Path) -> None:
    rows = _rows(12)
    for row in (rows[0], rows[11]):
        row[5] = 0.0
    del rows[5:8], rows[2]
    file = read_candle_file(write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", rows))
    assert file.gaps == (Gap(NOON_MS + 2 * FIVE, 1), Gap(NOON_MS + 5 * FIVE, 3))
    assert file.without_volume == 2
    assert file.summary().endswith(
        "8 candles from 2026-03-02 12:00 to 2026-03-02 12:55 UTC,"
        " 4 missing in 2 gaps (longest: 3 from 2026-03-02 12:25), 2 without volume"
    )


def test_what_is_asked_for_wins_over_the_name(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__1m.parquet", _rows())
    file = read_candle_file(path, exchange_code="replay", pair="eth-btc", timeframe="5m")
    assert (file.exchange_code, file.pair, file.timeframe) == ("replay", "ETH-BTC", "5m")
    assert file.gaps == ()


def test_candles_of_another_timeframe_than_the_name_says_are_refused(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__1m.parquet", _rows())
    with pytest.raises(MalformedCandles, match="its candles are 5m apart, not 1m: name their timeframe"):
        read_candle_file(path)
    with pytest.raises(MalformedCandles, match="not on the grid of 15 minutes"):
        read_candle_file(path, timeframe="15m")
    rows = _rows(10)
    # One candle between them shows that it is a market in which little is traded.
    rows.insert(1, [rows[0][0] + 60_000, *rows[0][1:]])
    quiet = read_candle_file(write_shared_parquet(tmp_path / "binance__ETH-USDT__1m.parquet", rows))
    assert (quiet.timeframe, len(quiet.candles)) == ("1m", 11)
    few = read_candle_file(write_shared_parquet(tmp_path / "binance__XRP-USDT__1m.parquet", _rows()[:4]))
    assert len(few.candles) == 4


def test_without_a_name_the_usual_distance_is_the_timeframe(tmp_path: Path) -> None:
    rows = _rows(10)
    del rows[4:6]
    file = read_candle_file(write_freqtrade_json(tmp_path / "download.json", rows))
    assert (file.exchange_code, file.pair, file.timeframe) == ("", "", "5m")
    assert file.summary().startswith("unknown pair 5m (freqtrade JSON), 8 candles")


@pytest.mark.parametrize("rows", [_rows(1), [[NOON_MS + n * 420_000, 1, 1, 1, 1, 1] for n in range(3)]])
def test_a_timeframe_that_cannot_be_told_must_be_named(tmp_path: Path, rows: list[list[Any]]) -> None:
    path = write_freqtrade_json(tmp_path / "download.json", rows)
    assert "its timeframe cannot be told: name it with --timeframe." in _refusal(path).message


def test_a_timeframe_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_freqtrade_json(tmp_path / "download.json", _rows())
    with pytest.raises(DomainError, match="'7m' is no timeframe"):
        read_candle_file(path, timeframe="7m")


@pytest.mark.parametrize(
    ("place", "column", "value", "reason"),
    [
        (3, 0, NOON_MS + 2 * FIVE, "its time is that of the row before"),
        (3, 0, NOON_MS, "it is older than the row before"),
        (3, 0, NOON_MS + 3 * FIVE + 60_000, "its time is not on the grid of 5 minutes"),
        (0, 0, 0, "its time is not positive"),
        (2, 1, float("nan"), "it holds a number without end or no number"),
        (2, 5, float("inf"), "it holds a number without end or no number"),
        (2, 3, 0.0, "its prices are not all positive"),
        (2, 4, -1.0, "its prices are not all positive"),
        (2, 5, -0.001, "its volume is negative"),
        (2, 2, 109.99, "its high is below its open or close"),
        (2, 3, 109.51, "its low is above its open or close"),
        (2, 1, 112.0, "its high is below its open or close"),
        (2, 1, 108.0, "its low is above its open or close"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(tmp_path: Path, place: int, column: int, value: float, reason: str) -> None:
    rows = _rows()
    rows[place][column] = value
    refused = _refusal(write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", rows))
    assert refused.message == f"binance__BTC-USDT__5m.parquet: row {place + 1}: {reason}. Nothing of it was stored."
    assert refused.context["rows"] == [{"row": place + 1, "reason": reason}]
    assert refused.context["count"] == 1


def test_a_row_in_a_csv_with_a_header_is_named_by_its_line(tmp_path: Path) -> None:
    rows = _rows()
    rows[1][2] = 1.0
    path = write_binance_csv(tmp_path / "BTCUSDT-5m-2026-03.csv", rows, header=True)
    assert "row 3: its high is below its open or close." in _refusal(path).message
    assert path.read_text().splitlines()[2].startswith(f"{NOON_MS + FIVE},104.5,1.0,")


def test_of_many_bad_rows_the_first_ten_are_named_and_all_counted(tmp_path: Path) -> None:
    rows = _rows(30)
    for place in range(4, 29):
        rows[place][5] = -1.0
    rows[7][1] = float("nan")
    refused = _refusal(write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", rows))
    assert "row 5: its volume is negative (25 bad rows in all)." in refused.message
    assert [row["row"] for row in refused.context["rows"]] == list(range(5, 15))
    assert refused.context["rows"][3]["reason"] == "it holds a number without end or no number"
    assert refused.context["count"] == 25


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", _rows())
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert "it has no candles." in _refusal(path).message


@pytest.mark.parametrize(
    ("prices", "volumes", "steps"),
    [
        ([42283.58, 42283.5, 42283.0], [0.00001, 1.5, 20.0], ("0.01", "0.00001")),
        ([8.12e-06, 8.1e-06], [123456.0, 7.0], ("0.00000001", "1")),
        ([64000.0, 63990.0], [0.25, 0.5], ("1", "0.01")),
        ([1 / 3], [0.1 + 0.2], ("1E-9", "1E-9")),
    ],
)
def test_steps_are_read_off_the_figures(prices: list[float], volumes: list[float], steps: tuple[str, str]) -> None:
    column = np.array(prices)
    candles = Candles(np.arange(len(prices)), column, column, column, column, np.resize(np.array(volumes), len(prices)))
    assert steps_seen(candles) == (Decimal(steps[0]), Decimal(steps[1]))
