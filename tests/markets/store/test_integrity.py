"""Checks of the candle store find every way in which a file can be wrong; repairs mend it and lose nothing good."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from engine.candles import Candles, fingerprint
from markets import candle_store as module
from markets.candle_store import SCHEMA, CandleStore, Series, candle_store
from markets.store.integrity import check_series, repair_series
from tests.markets.series import NOON_MS, candles_at, minutes_of

BTC = Series("binance", "BTC-USDT", "1m")
KEY = ("binance", "BTC-USDT", "1m")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    made = CandleStore(tmp_path / "candles")
    made.upsert(*KEY, candles_at(range(10)))
    return made


def _write_by_hand(store: CandleStore, candles: Candles) -> None:
    """Write a file as another program might: no check, no manifest."""
    columns = [getattr(candles, name) for name in Candles.__slots__]
    pq.write_table(pa.table(columns, schema=SCHEMA), store.path(*KEY))


def _with(candles: Candles, name: str, place: int, value: float) -> Candles:
    column = getattr(candles, name).copy()
    column[place] = value
    return replace(candles, **{name: column})


def _rows(candles: Candles, *places: int) -> Candles:
    return Candles(*(getattr(candles, name)[list(places)] for name in Candles.__slots__))


def test_what_was_written_is_sound_and_the_manifest_names_it_as_a_backtest_does(store: CandleStore) -> None:
    report = check_series(store, BTC)
    assert (report.is_sound, report.faults, report.rows, report.gaps) == (True, [], 10, 0)
    entry = store.entry(*KEY)
    assert entry is not None
    assert entry.fingerprint == report.fingerprint == fingerprint(store.read(*KEY))
    assert repair_series(store, BTC).backup == ""


def test_gaps_are_told_and_are_no_fault(store: CandleStore) -> None:
    store.upsert(*KEY, candles_at([12, 20, 21]))
    report = check_series(store, BTC)
    assert (report.is_sound, report.gaps, report.missing) == (True, 2, 9)
    assert report.longest_gap == "7 from 2026-03-02 12:13"


WHOLE = candles_at(range(10))


@pytest.mark.parametrize(
    ("broken", "fault", "kept"),
    [
        (
            _with(WHOLE, "close", 3, np.nan),
            "1 rows: it holds a number without end or no number (the first is row 4)",
            9,
        ),
        (_with(WHOLE, "high", 3, 1.0), "its high is below its open or close", 9),
        (_with(WHOLE, "low", 3, 103.1), "its low is above its open or close", 9),
        (_with(WHOLE, "low", 3, -1.0), "its prices are not all positive", 9),
        (_with(WHOLE, "volume", 3, -1.0), "its volume is negative", 9),
        (_with(WHOLE, "opened_at", 3, NOON_MS + 1), "not on the grid of 1 minutes", 9),
        (_rows(WHOLE, 0, 1, 2, 4, 3, 5), "it is older than the row before", 6),
        (_rows(WHOLE, 0, 1, 2, 2, 3), "its time is that of the row before", 4),
    ],
)
def test_each_fault_is_found_and_only_the_bad_rows_go(
    store: CandleStore, broken: Candles, fault: str, kept: int
) -> None:
    _write_by_hand(store, broken)
    report = check_series(store, BTC)
    assert any(fault in found for found in report.faults), report.faults
    before = store.path(*KEY).read_bytes()
    done = repair_series(store, BTC)
    assert (done.kept, done.dropped) == (kept, len(broken) - kept)
    assert (store.path(*KEY).parent / done.backup).read_bytes() == before
    assert check_series(store, BTC).is_sound
    assert len(store.read(*KEY)) == kept
    assert minutes_of(store.read(*KEY)) == sorted(minutes_of(store.read(*KEY)))


def test_of_two_candles_of_one_time_the_last_is_kept(store: CandleStore) -> None:
    double = _with(_rows(WHOLE, 0, 1, 1, 2), "volume", 2, 77.0)
    _write_by_hand(store, double)
    repair_series(store, BTC)
    assert store.read(*KEY).volume.tolist() == [2.0, 77.0, 2.0]


def test_a_sound_file_that_the_manifest_does_not_name_is_named_and_left_alone(store: CandleStore) -> None:
    name = store.path(*KEY)
    _write_by_hand(store, candles_at(range(7)))
    written = name.read_bytes()
    [fault] = check_series(store, BTC).faults
    assert fault.startswith("it is not what was written: ")
    name.with_suffix(".json").unlink()
    assert check_series(store, BTC).faults == ["the manifest does not name it"]
    done = repair_series(store, BTC)
    assert (done.done[-1], done.backup, done.dropped) == ("named anew in the manifest", "", 0)
    assert name.read_bytes() == written
    assert check_series(store, BTC).is_sound
    name.with_suffix(".json").write_text("{not json")
    assert check_series(store, BTC).faults == ["the manifest does not name it"]


def test_a_writer_killed_between_manifest_and_file_has_told_no_lie(
    store: CandleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.entry(*KEY)
    assert before is not None

    def die(*ignored: object, **also: object) -> None:
        raise SystemExit

    monkeypatch.setattr("pyarrow.parquet.write_table", die)
    with pytest.raises(SystemExit):
        store.upsert(*KEY, candles_at([10]))
    monkeypatch.undo()
    after = store.entry(*KEY)
    assert after is not None
    assert (after.rows, after.previous) == (11, before.fingerprint)
    assert check_series(store, BTC).is_sound
    store.upsert(*KEY, candles_at([10]))
    assert check_series(store, BTC).is_sound
    assert json.loads(store.path(*KEY).with_suffix(".json").read_text())["rows"] == 11


def test_a_writer_killed_twice_still_names_what_is_there(store: CandleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*ignored: object, **also: object) -> None:
        raise SystemExit

    monkeypatch.setattr("pyarrow.parquet.write_table", die)
    for minute in (10, 11):
        with pytest.raises(SystemExit):
            store.upsert(*KEY, candles_at([minute]))
    monkeypatch.undo()
    assert check_series(store, BTC).is_sound


@pytest.mark.parametrize("damage", ["cut", "middle", "text"])
def test_a_damaged_file_is_found_and_what_can_be_read_is_kept(
    store: CandleStore, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 4)
    store.upsert(*KEY, candles_at(range(10), price=300.0))
    path, damaged = store.path(*KEY), bytearray(store.path(*KEY).read_bytes())
    if damage == "cut":
        path.write_bytes(damaged[:-100])
    elif damage == "text":
        path.write_text("not a candle file")
    else:
        start = pq.ParquetFile(path).metadata.row_group(1).column(4).dictionary_page_offset
        start = start or pq.ParquetFile(path).metadata.row_group(1).column(4).data_page_offset
        damaged[start : start + 12] = b"\xff" * 12
        path.write_bytes(damaged)
    report = check_series(store, BTC)
    assert not report.is_sound
    done = repair_series(store, BTC)
    assert (path.parent / done.backup).exists()
    fresh = CandleStore(path.parent)
    assert minutes_of(fresh.read(*KEY)) == ([0, 1, 2, 3, 8, 9] if damage == "middle" else [])
    assert path.exists() == (damage == "middle")


def test_columns_of_another_form_are_no_candle_file(store: CandleStore) -> None:
    pq.write_table(pa.table({"timestamp": [1], "close": [2.0]}), store.path(*KEY))
    assert "its columns are not those of a candle file" in check_series(store, BTC).faults


def _run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_the_commands_check_and_mend_and_say_so(candle_dir: Path) -> None:
    store = candle_store()
    store.upsert(*KEY, candles_at([0, 1, 5]))
    store.upsert("kraken", "XBT/USD", "1m", candles_at([0]))
    said = _run("check_candles")
    assert "ok      binance BTC-USDT 1m: 3 candles" in said
    assert "3 missing in 1 gaps (longest: 3 from 2026-03-02 12:02)" in said
    assert said.endswith("2 candle files are sound.\n")
    assert _run("repair_candles") == "0 candle files were repaired.\n"
    _write_by_hand(store, _with(WHOLE, "close", 3, np.nan))
    with pytest.raises(CommandError, match="1 of 2 candle files have faults"):
        _run("check_candles")
    assert _run("check_candles", "--exchange", "kraken").endswith("1 candle files are sound.\n")
    before = store.path(*KEY).read_bytes()
    assert _run("repair_candles", "--dry-run").endswith("1 candle files would be repaired.\n")
    assert _run("repair_candles", "--exchange", "kraken") == "0 candle files were repaired.\n"
    assert store.path(*KEY).read_bytes() == before
    mended = _run("repair_candles")
    assert "1 rows: it holds a number without end" in mended
    assert "9 candles kept, 1 dropped; before: binance__BTC-USDT__1m.parquet." in mended
    assert _run("check_candles").endswith("2 candle files are sound.\n")
    assert len(list(candle_dir.glob("*.bak"))) == 1
