"""The candle store: idempotent, exact, never half written, and read in parts without decoding anything twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.candles import Candles
from engine.timeframes import MINUTE_MS
from markets import candle_store as module
from markets.candle_store import CandleStore, UpsertCounts
from tests.markets.series import NOON_MS, candles_at, minutes_of

SERIES = ("binance", "BTC-USDT", "1m")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "candles")


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files of row groups of four candles."""
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 4)


def _ms(minute: int) -> int:
    return NOON_MS + minute * MINUTE_MS


def test_candles_come_back_exactly_as_they_went_in(store: CandleStore) -> None:
    odd = Candles(
        np.array([_ms(0), _ms(1)]),
        np.array([0.1 + 0.2, 1e-8]),
        np.array([1 / 3, 5e-324]),
        np.array([2 / 3, 1.7976931348623157e308]),
        np.array([42283.58, 0.00000812]),
        np.array([0.0, 123456789.12345678]),
    )
    assert store.upsert(*SERIES, odd) == UpsertCounts(2, 0, 0)
    found = store.read(*SERIES)
    for name in Candles.__slots__:
        assert getattr(found, name).tolist() == getattr(odd, name).tolist()
    assert (str(found.opened_at.dtype), str(found.close.dtype)) == ("int64", "float64")


def test_the_file_has_the_shared_form_and_name(store: CandleStore, tmp_path: Path) -> None:
    store.upsert(*SERIES, candles_at([0, 1]))
    path = tmp_path / "candles" / "binance__BTC-USDT__1m.parquet"
    assert store.path(*SERIES) == path
    table = pq.read_table(path)
    assert table.column_names == ["timestamp", "open", "high", "low", "close", "volume"]
    assert table["timestamp"].to_pylist() == [_ms(0), _ms(1)]


def test_columns_are_packed_for_quick_reading_and_files_packed_otherwise_are_read_and_taken_over(
    store: CandleStore,
) -> None:
    path, candles = store.path(*SERIES), candles_at(range(9))
    store.upsert(*SERIES, candles)
    pq.write_table(pq.read_table(path), path, compression="zstd")

    assert minutes_of(store.read(*SERIES)) == list(range(9))
    store.upsert(*SERIES, candles_at([9]))

    assert minutes_of(store.read(*SERIES)) == list(range(10))
    group = pq.ParquetFile(path).metadata.row_group(0)
    packed = [set(group.column(place).encodings) - {"RLE"} for place in range(6)]
    assert packed == [{"DELTA_BINARY_PACKED"}, *[{"BYTE_STREAM_SPLIT"}] * 5]


def test_a_symbol_with_a_slash_stays_inside_the_directory(store: CandleStore, tmp_path: Path) -> None:
    store.upsert("kraken", "../XBT/USD", "1m", candles_at([0]))
    assert minutes_of(store.read("kraken", "../XBT/USD", "1m")) == [0]
    names = {path.name for path in (tmp_path / "candles").iterdir()}
    assert names == {f"kraken__..%2FXBT%2FUSD__1m.{kind}" for kind in ("parquet", "lock", "json")}


def test_the_same_candles_again_change_nothing_not_even_the_file(store: CandleStore) -> None:
    store.upsert(*SERIES, candles_at(range(5)))
    before = store.path(*SERIES).stat()
    assert store.upsert(*SERIES, candles_at(range(5))) == UpsertCounts(0, 0, 5)
    after = store.path(*SERIES).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_upsert_adds_before_between_and_after_and_replaces_what_differs(store: CandleStore) -> None:
    store.upsert(*SERIES, candles_at([2, 3, 6]))
    other = candles_at([1, 3, 4, 6, 9])
    other.close[1] = 7.0
    assert store.upsert(*SERIES, other) == UpsertCounts(inserted=3, replaced=1, unchanged=1)
    found = store.read(*SERIES)
    assert minutes_of(found) == [1, 2, 3, 4, 6, 9]
    assert found.close.tolist() == [101.0, 102.0, 7.0, 104.0, 106.0, 109.0]
    assert found.open.tolist() == [100.5, 101.5, 102.5, 103.5, 105.5, 108.5]


@pytest.mark.parametrize("minutes", [[1, 0], [0, 1, 1]])
def test_candles_out_of_order_or_twice_are_refused_and_nothing_is_stored(
    store: CandleStore, minutes: list[int]
) -> None:
    with pytest.raises(ValueError, match="in order of time, without duplicates"):
        store.upsert(*SERIES, candles_at(minutes))
    assert not store.path(*SERIES).exists()


def test_no_file_reads_as_no_candles(store: CandleStore) -> None:
    assert len(store.read(*SERIES)) == 0
    assert store.read(*SERIES).opened_at.dtype == np.int64
    assert store.timeframes("binance", "BTC-USDT") == set()


def test_timeframes_are_those_of_this_very_instrument(store: CandleStore) -> None:
    store.upsert("binance", "BTC-USDT", "1m", candles_at([0]))
    store.upsert("binance", "BTC-USDT", "1d", candles_at([0]))
    store.upsert("binance", "BTC-USDC", "4h", candles_at([0]))
    store.upsert("binanceus", "BTC-USDT", "1h", candles_at([0]))
    assert store.timeframes("binance", "BTC-USDT") == {"1m", "1d"}


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize(
    ("bounds", "minutes"),
    [
        ({}, list(range(10))),
        ({"start_ms": _ms(3)}, list(range(3, 10))),
        ({"start_ms": _ms(3) + 1}, list(range(4, 10))),
        ({"end_ms": _ms(4)}, list(range(4))),
        ({"end_ms": _ms(4) + 1}, list(range(5))),
        ({"start_ms": _ms(3), "end_ms": _ms(9)}, list(range(3, 9))),
        ({"count": 3}, [7, 8, 9]),
        ({"count": 99}, list(range(10))),
        ({"count": 0}, []),
        ({"end_ms": _ms(8), "count": 4}, [4, 5, 6, 7]),
        ({"end_ms": _ms(9), "count": 6}, [3, 4, 5, 6, 7, 8]),
        ({"start_ms": _ms(6), "count": 8}, [6, 7, 8, 9]),
        ({"start_ms": _ms(10)}, []),
        ({"end_ms": _ms(0)}, []),
        ({"start_ms": _ms(5), "end_ms": _ms(5)}, []),
    ],
)
def test_ranges_and_counts_over_several_row_groups(
    store: CandleStore, bounds: dict[str, int], minutes: list[int]
) -> None:
    store.upsert(*SERIES, candles_at(range(10)))
    found = store.read("binance", "BTC-USDT", "1m", **bounds)
    assert minutes_of(found) == minutes
    assert found.close.tolist() == [100.0 + minute for minute in minutes]
    assert found.high.tolist() == [101.0 + minute for minute in minutes]


def test_columns_are_read_alone(store: CandleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.upsert(*SERIES, candles_at(range(3)))
    decoded: list[str] = []
    real = module._CandleFile.decode

    def decode(file: Any, group: int, name: str) -> Any:
        decoded.append(name)
        return real(file, group, name)

    monkeypatch.setattr(module._CandleFile, "decode", decode)
    fresh = CandleStore(store.path(*SERIES).parent)
    found = fresh.read_columns(*SERIES, ["close"], start_ms=_ms(1))
    assert {name: column.tolist() for name, column in found.items()} == {"close": [101.0, 102.0]}
    assert sorted(decoded) == ["close", "timestamp"]  # times are what a range is found by


@pytest.mark.usefixtures("small_groups")
def test_reading_the_newest_again_decodes_nothing_and_the_first_time_only_their_group(
    store: CandleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.upsert(*SERIES, candles_at(range(40)))
    decoded: list[int] = []
    real = module._CandleFile.decode

    def decode(file: Any, group: int, name: str) -> Any:
        decoded.append(group)
        return real(file, group, name)

    monkeypatch.setattr(module._CandleFile, "decode", decode)
    fresh = CandleStore(store.path(*SERIES).parent)
    for _ in range(3):
        assert minutes_of(fresh.read(*SERIES, count=3)) == [37, 38, 39]
    assert decoded == [9] * 6


@pytest.mark.usefixtures("small_groups")
def test_the_cache_forgets_what_was_not_used_for_longest_and_still_answers(
    store: CandleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 200)
    store.upsert(*SERIES, candles_at(range(40)))
    assert minutes_of(store.read(*SERIES)) == list(range(40))
    assert store.read(*SERIES).close.tolist() == [100.0 + minute for minute in range(40)]
    assert store._cached_bytes <= 200
    assert store._cached_bytes == sum(column.nbytes for column in store._columns.values())


def test_a_reader_sees_what_another_process_wrote_and_keeps_what_it_has(store: CandleStore) -> None:
    store.upsert(*SERIES, candles_at(range(3)))
    before = store.read(*SERIES)
    elsewhere = CandleStore(store.path(*SERIES).parent)
    elsewhere.upsert(*SERIES, candles_at(range(5), price=200.0))
    assert store.read(*SERIES).close.tolist() == [200.0, 201.0, 202.0, 203.0, 204.0]
    assert before.close.tolist() == [100.0, 101.0, 102.0]
    assert {key[1] for key in store._columns} == {store._files[store.name(*SERIES)].identity}


def test_shared_arrays_cannot_be_written(store: CandleStore) -> None:
    store.upsert(*SERIES, candles_at(range(3)))
    with pytest.raises(ValueError, match="read-only"):
        store.read(*SERIES).close[0] = 1.0


def test_writers_of_one_series_wait_for_each_other(store: CandleStore) -> None:
    def write(part: int) -> None:
        for minute in range(part, 60, 6):
            CandleStore(store.path(*SERIES).parent).upsert(*SERIES, candles_at([minute]))

    threads = [threading.Thread(target=write, args=(part,)) for part in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert minutes_of(store.read(*SERIES)) == list(range(60))


# --- killed in the middle -------------------------------------------------------------------------------------------

_WRITER = """
import os, signal, sys
from pathlib import Path
from markets import candle_store
from tests.markets.series import candles_at

def die(*ignored):
    os.kill(os.getpid(), signal.SIGKILL)

store = candle_store.CandleStore(Path(sys.argv[1]))
if sys.argv[2] == "half written":
    real = candle_store.pq.write_table
    def write_half(table, opened, **options):
        real(table, opened, **options)
        opened.flush()
        os.truncate(opened.fileno(), 200)
        die()
    candle_store.pq.write_table = write_half
elif sys.argv[2] == "before renaming":
    os.fsync = die
else:
    print("ready", flush=True)
size = 3
while True:
    size += 1
    store.upsert("binance", "BTC-USDT", "1m", candles_at(range(size), price=float(size)))
"""


def _writer(root: Path, moment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(root), moment]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["half written", "before renaming"])
def test_a_writer_killed_before_the_end_leaves_the_old_file_and_the_next_one_tidies_up(
    store: CandleStore, moment: str
) -> None:
    store.upsert(*SERIES, candles_at(range(3)))
    root = store.path(*SERIES).parent
    with _writer(root, moment) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert len(list(root.glob("*.tmp"))) == 1
    assert store.read(*SERIES).close.tolist() == [100.0, 101.0, 102.0]
    assert store.upsert(*SERIES, candles_at([3])) == UpsertCounts(1, 0, 0)
    assert minutes_of(store.read(*SERIES)) == [0, 1, 2, 3]
    assert list(root.glob("*.tmp")) == []


def test_whenever_a_writer_is_killed_the_file_is_one_of_those_it_finished(tmp_path: Path) -> None:
    for pause in (0.0, 0.013, 0.029, 0.05):
        root = tmp_path / str(pause)
        with _writer(root, "any moment") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(pause)
            process.kill()
        found = CandleStore(root).read(*SERIES)
        # The n-th upsert writes n candles, the first of which closes at n.
        assert found.close.tolist() == [float(len(found) + minute) for minute in range(len(found))]
        assert CandleStore(root).upsert(*SERIES, candles_at([5000])).inserted == 1
        assert list(root.glob("*.tmp")) == []
