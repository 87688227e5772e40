"""Proof that candle files hold what was written and nothing impossible, and repair of those that do not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.candle_faults import Mask, missing_candles, order_faults, row_faults
from engine.candles import Candles, fingerprint
from engine.timeframes import TIMEFRAMES, moment, timeframe_ms
from markets.candle_store import SCHEMA, CandleStore, Series
from markets.store.manifest import read_entry, write_entry

_BACKUP_DIGITS = 12


@dataclass(slots=True)
class Report:
    """What a check found in one series. `faults` are to be repaired; gaps are what a venue did not trade or tell."""

    series: Series
    rows: int = 0
    fingerprint: str = ""
    faults: list[str] = field(default_factory=list)
    gaps: int = 0
    missing: int = 0
    longest_gap: str = ""

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is to be repaired."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did with one series; `backup` is the name under which the file lies that was there before."""

    series: Series
    done: tuple[str, ...]
    kept: int
    dropped: int
    backup: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """All rows of a file that can be read, and what could not."""

    candles: Candles
    faults: tuple[str, ...]


def check_series(store: CandleStore, series: Series) -> Report:
    """Read a series whole, past every cache, and compare it with its manifest, its grid and what a candle can be."""
    name = store.name(series.exchange_code, series.symbol, series.timeframe)
    found = _read(store, name)
    report = Report(series, len(found.candles), fingerprint(found.candles), list(found.faults))
    if series.timeframe not in TIMEFRAMES:
        report.faults.append(f"{series.timeframe!r} is no timeframe")
        return report
    if not len(found.candles) and not found.faults:
        report.faults.append("it holds no candle")
    report.faults += _named(found.candles, timeframe_ms(series.timeframe))
    entry = read_entry(store.files, name)
    if entry is None:
        report.faults.append("the manifest does not name it")
    elif not entry.knows(report.fingerprint):
        report.faults.append(f"it is not what was written: {report.fingerprint[:12]}, not {entry.fingerprint[:12]}")
    _note_gaps(report, found.candles)
    return report


def repair_series(store: CandleStore, series: Series) -> Repair:
    """Drop what is bad, put the rest in order, and write down what is there. The file from before is kept beside it.

    Of candles of one time the last is kept. A sound file that the manifest does not name, or names otherwise, stays as
    it is and is named anew. Nothing happens to a series without faults.
    """
    name = store.name(series.exchange_code, series.symbol, series.timeframe)
    with store.files.writing(name):
        report = check_series(store, series)
        if report.is_sound or series.timeframe not in TIMEFRAMES:
            return Repair(series, tuple(report.faults), report.rows, 0)
        found = _read(store, name)
        good = _good(found.candles, timeframe_ms(series.timeframe))
        dropped = len(found.candles) - len(good)
        if not found.faults and fingerprint(good) == report.fingerprint and len(good):
            write_entry(store.files, name, good)
            return Repair(series, (*report.faults, "named anew in the manifest"), len(good), 0)
        backup = f"{name}.{report.fingerprint[:_BACKUP_DIGITS]}.bak"
        store.files.move(name, backup)
        if len(good):
            store.write(name, good)
        return Repair(series, tuple(report.faults), len(good), dropped, backup)


def _read(store: CandleStore, name: str) -> _Found:
    """Read every row group that can be read."""
    try:
        _, file = store.files.open(name)
    except (OSError, pa.ArrowException) as error:
        return _Found(_candles([]), (f"it cannot be opened: {_first_line(error)}",))
    if not file.schema_arrow.equals(SCHEMA):
        return _Found(_candles([]), ("its columns are not those of a candle file",))
    tables, faults = [], []
    for group in range(file.num_row_groups):
        try:
            tables.append(_group(file, group))
        except (OSError, pa.ArrowException) as error:
            faults.append(f"{file.metadata.row_group(group).num_rows} rows cannot be read: {_first_line(error)}")
    return _Found(_candles(tables), tuple(faults))


def _group(file: pq.ParquetFile, group: int) -> pa.Table:
    table = file.read_row_group(group)
    table.validate(full=True)
    if any(column.null_count for column in table.columns):
        raise pa.ArrowInvalid("a value is missing")
    return table


def _candles(tables: list[pa.Table]) -> Candles:
    whole = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    return Candles(*(column.to_numpy() for column in whole.columns))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _named(candles: Candles, length_ms: int) -> list[str]:
    """Say of each fault how many rows have it, and where the first is."""
    said = []
    for reason, bad in (row_faults(candles, length_ms) | order_faults(candles)).items():
        places = np.flatnonzero(bad)
        if len(places):
            said.append(f"{len(places)} rows: {reason} (the first is row {int(places[0]) + 1})")
    return said


def _good(candles: Candles, length_ms: int) -> Candles:
    """Return the rows without a fault of their own, in order of time, of each time the last."""
    good = _rows(candles, ~np.logical_or.reduce(list(row_faults(candles, length_ms).values())))
    ordered = _rows(good, good.opened_at.argsort(kind="stable"))
    return _rows(ordered, np.diff(ordered.opened_at, append=np.iinfo(np.int64).max) > 0)


def _rows(candles: Candles, chosen: Mask | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Candles:
    return Candles(*(getattr(candles, name)[chosen] for name in Candles.__slots__))


def _note_gaps(report: Report, candles: Candles) -> None:
    gaps = missing_candles(candles, timeframe_ms(report.series.timeframe))
    if gaps:
        report.gaps, report.missing = len(gaps), sum(missing for _, missing in gaps)
        start, missing = max(gaps, key=lambda gap: gap[1])
        report.longest_gap = f"{missing} from {moment(start):%Y-%m-%d %H:%M}"
