"""The candle store in object storage: the same store, whole objects, and no more fetched than is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # it has no types
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFile  # type: ignore[import-untyped]  # it has no types
from pytest_django import Settings

from common.ids import new_id
from engine.candles import Candles
from engine.timeframes import MINUTE_MS
from markets import candle_store as module
from markets.candle_store import CandleStore, Series, UpsertCounts, candle_store
from markets.store import files as files_module
from markets.store.files import Files, LocalFiles, RemoteFiles
from tests.markets.series import NOON_MS, candles_at, minutes_of

SERIES = ("binance", "BTC-USDT", "1m")


@pytest.fixture
def url() -> Iterator[str]:
    name = f"memory://{new_id().hex}/candles"
    yield name
    fsspec.filesystem("memory").rm(name.rpartition("/")[0], recursive=True)


@pytest.fixture(params=["local", "remote"])
def files(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Files:
    fsspec.filesystem("memory").pipe_file(f"{url}/.keep", b"")
    return LocalFiles(tmp_path / "candles") if request.param == "local" else RemoteFiles(url)


def test_candles_come_back_wherever_they_lie(files: Files) -> None:
    store = CandleStore(files)
    assert len(store.read(*SERIES)) == 0
    assert store.upsert(*SERIES, candles_at([0, 1, 2])) == UpsertCounts(3, 0, 0)
    other = candles_at([2, 3], price=200.0)
    counts = store.upsert(*SERIES, other)
    assert (counts, len(counts.revisions)) == (UpsertCounts(1, 1, 0), 1)
    [revision] = counts.revisions
    assert revision.opened_at_ms == NOON_MS + 2 * MINUTE_MS
    assert (revision.before[3], revision.after[3]) == (102.0, 202.0)
    found = CandleStore(files).read(*SERIES, start_ms=NOON_MS + MINUTE_MS)
    assert found.close.tolist() == [101.0, 202.0, 203.0]
    assert store.bounds(*SERIES) == (NOON_MS, NOON_MS + 3 * MINUTE_MS)
    store.upsert("kraken", "XBT/USD", "5m", candles_at([0]))
    assert store.timeframes("kraken", "XBT/USD") == {"5m"}
    assert store.series() == [Series(*SERIES), Series("kraken", "XBT/USD", "5m")]
    entry = store.entry(*SERIES)
    assert entry is not None
    assert (entry.rows, entry.first_ms, entry.last_ms) == (4, NOON_MS, NOON_MS + 3 * MINUTE_MS)


def test_a_moved_file_has_its_new_name_alone(files: Files) -> None:
    store = CandleStore(files)
    store.upsert(*SERIES, candles_at([0]))
    name = store.name(*SERIES)
    whole = files.read(name)
    files.move(name, f"{name}.bak")
    assert (files.read(name), files.read(f"{name}.bak")) == (None, whole)
    assert files.identity(name) is None
    assert store.series() == []


def test_writers_of_one_object_wait_for_each_other(url: str) -> None:
    def write(part: int) -> None:
        for minute in range(part, 20, 4):
            CandleStore(RemoteFiles(url)).upsert(*SERIES, candles_at([minute]))

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert minutes_of(CandleStore(RemoteFiles(url)).read(*SERIES)) == list(range(20))


def test_a_read_of_the_newest_fetches_their_row_group_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 5_000)
    random = np.random.default_rng(5)
    noise = [random.random(50_000) + 1.0 for _ in range(5)]
    CandleStore(RemoteFiles(url)).upsert(*SERIES, Candles(NOON_MS + np.arange(50_000) * MINUTE_MS, *noise))
    fetched: list[int] = []
    real = MemoryFile.read

    def read(self: Any, size: int = -1) -> bytes:
        found: bytes = real(self, size)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(MemoryFile, "read", read)
    store = CandleStore(RemoteFiles(url))
    whole = len(store.files.read(store.name(*SERIES)) or b"")
    fetched.clear()
    found = store.read_columns(*SERIES, ["close"], count=100)
    assert found["close"].tolist() == noise[3][-100:].tolist()
    assert 0 < sum(fetched) < whole / 10


def test_another_process_s_object_is_seen_a_little_later(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, elsewhere = CandleStore(RemoteFiles(url)), CandleStore(RemoteFiles(url))
    store.upsert(*SERIES, candles_at([0]))
    assert len(store.read(*SERIES)) == 1
    elsewhere.upsert(*SERIES, candles_at([1]))
    assert len(store.read(*SERIES)) == 1
    monkeypatch.setattr(files_module, "FRESH_SECONDS", -1.0)
    assert len(store.read(*SERIES)) == 2


def test_an_object_that_is_replaced_while_it_is_read_is_read_anew(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, elsewhere = CandleStore(RemoteFiles(url)), CandleStore(RemoteFiles(url))
    store.upsert(*SERIES, candles_at(range(3)))
    real, times = module._CandleFile.decode, []

    def decode(file: Any, group: int, name: str) -> Any:
        times.append(name)
        if len(times) == 2:
            elsewhere.upsert(*SERIES, candles_at(range(4), price=500.0))
            file._files._forget(file.name)
        return real(file, group, name)

    monkeypatch.setattr(module._CandleFile, "decode", decode)
    found = store.read(*SERIES)
    assert found.close.tolist() == [500.0, 501.0, 502.0, 503.0]
    assert found.high.tolist() == [501.0, 502.0, 503.0, 504.0]


def test_one_setting_chooses_the_place(settings: Settings, url: str, tmp_path: Path) -> None:
    settings.CANDLE_DIR = tmp_path / "here"
    assert candle_store().path(*SERIES) == tmp_path / "here" / "binance__BTC-USDT__1m.parquet"
    settings.CANDLE_URL = url
    candle_store().upsert(*SERIES, candles_at([0]))
    assert fsspec.filesystem("memory").exists(f"{url}/binance__BTC-USDT__1m.parquet")
    assert not (tmp_path / "here").exists()
    with pytest.raises(TypeError, match="no path"):
        candle_store().path(*SERIES)
