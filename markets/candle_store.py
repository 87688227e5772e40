"""Candles on disk or in object storage: one Parquet file per venue, instrument and timeframe, written whole, read in parts.

A file is replaced whole (store/files.py), so whoever reads or is killed sees the old file or the new one, never half of
one. Beside each lies its part of the manifest (store/manifest.py), which names its content.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from numpy.typing import NDArray

from engine.candles import Candles
from markets.store.files import Files, Identity, LocalFiles, RemoteFiles
from markets.store.manifest import Entry, read_entry, write_entry

# The shared form of candle files, which these are too.
TIME_COLUMN = "timestamp"
COLUMNS = ("open", "high", "low", "close", "volume")
SCHEMA = pa.schema([(TIME_COLUMN, pa.int64()), *((name, pa.float64()) for name in COLUMNS)])

# Rows that are decoded together: half a megabyte per column; the newest candles are in one or two such groups.
ROW_GROUP_ROWS = 65_536
# How columns are packed, measured: a year of five-minute candles is decoded in 2 ms instead of 10 with the library's
# defaults, in no more room. Prices that are close share their upper bytes; times are the same step again and again.
PACKED: dict[str, Any] = {
    "compression": "lz4",
    "use_dictionary": False,
    "column_encoding": {TIME_COLUMN: "DELTA_BINARY_PACKED", **dict.fromkeys(COLUMNS, "BYTE_STREAM_SPLIT")},
}
# Decoded columns that stay in memory, over all files.
CACHE_BYTES = 256 * 1024 * 1024

Column = NDArray[Any]
# A row group and the first (included) and last (excluded) of its rows.
_Part = tuple[int, int, int]
Answer = TypeVar("Answer")
_BEGIN, _END = -(2**63), 2**63 - 1


# Of a revision of thousands of candles the first few say what happened.
SHOWN_REVISIONS = 20
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Revision:
    """A stored candle that came again and differed: open, high, low, close and volume before and after."""

    opened_at_ms: int
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What an upsert did with the candles it was given; `revisions` holds the first of the replaced."""

    inserted: int
    replaced: int
    unchanged: int
    revisions: tuple[Revision, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Series:
    """Whose candles a file holds."""

    exchange_code: str
    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return f"{self.exchange_code} {self.symbol} {self.timeframe}"


class CandleStore:
    """The candle files in one place. Safe among threads and processes."""

    def __init__(self, place: Path | Files) -> None:
        self.files: Files = LocalFiles(place) if isinstance(place, Path) else place
        self._lock = threading.Lock()
        self._files: dict[str, _CandleFile] = {}
        self._columns: OrderedDict[tuple[str, Identity, int, str], Column] = OrderedDict()
        self._cached_bytes = 0

    def name(self, exchange_code: str, symbol: str, timeframe: str) -> str:
        """Return the name under which a series is kept, such as `binance__BTC-USDT__5m.parquet`."""
        return f"{exchange_code}__{quote(symbol, safe='')}__{timeframe}.parquet"

    def path(self, exchange_code: str, symbol: str, timeframe: str) -> Path:
        """Return where a series is kept on this machine; raise TypeError where the store is elsewhere."""
        if not isinstance(self.files, LocalFiles):
            raise TypeError("These candles are in object storage: they have no path.")
        return self.files.root / self.name(exchange_code, symbol, timeframe)

    def timeframes(self, exchange_code: str, symbol: str) -> set[str]:
        """Return the timeframes of an instrument that have a file."""
        return {series_of(name).timeframe for name in self.files.names(self.name(exchange_code, symbol, "*"))}

    def series(self) -> list[Series]:
        """Return every series that has a file, by name."""
        return [series_of(name) for name in self.files.names("*__*__*.parquet")]

    def entry(self, exchange_code: str, symbol: str, timeframe: str) -> Entry | None:
        """Return what the manifest says of a series; None where it says nothing."""
        return read_entry(self.files, self.name(exchange_code, symbol, timeframe))

    def bounds(self, exchange_code: str, symbol: str, timeframe: str) -> tuple[int, int] | None:
        """Return when the first and the last stored candle opened (ms since 1970 UTC); None where there is no file."""
        file = self._file(self.name(exchange_code, symbol, timeframe))
        return (file.bounds[0][0], file.bounds[-1][1]) if file is not None and file.bounds else None

    def read(
        self,
        exchange_code: str,
        symbol: str,
        timeframe: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        count: int | None = None,
    ) -> Candles:
        """Return the candles that opened at start_ms ≤ t < end_ms, oldest first, and of these the newest `count`.

        None where there is no file. The arrays are read-only: everybody who reads the same part shares them.
        """
        names = (TIME_COLUMN, *COLUMNS)
        found = self.read_columns(
            exchange_code, symbol, timeframe, names, start_ms=start_ms, end_ms=end_ms, count=count
        )
        return Candles(*(found[name] for name in names))

    def read_columns(
        self,
        exchange_code: str,
        symbol: str,
        timeframe: str,
        columns: Sequence[str],
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        count: int | None = None,
    ) -> dict[str, Column]:
        """Return only the named columns of what `read` returns; the others are not decoded."""

        def look() -> dict[str, Column]:
            file = self._file(self.name(exchange_code, symbol, timeframe))
            parts = self._parts(file, start_ms, end_ms, count)
            return {name: self._joined(file, name, parts) for name in columns}

        return _until_still(look)

    def upsert(self, exchange_code: str, symbol: str, timeframe: str, candles: Candles) -> UpsertCounts:
        """Write candles (oldest first, no duplicates) over what is stored; the same ones again change nothing."""
        if not (np.diff(candles.opened_at) > 0).all():
            raise ValueError("Candles to store are in order of time, without duplicates.")
        name = self.name(exchange_code, symbol, timeframe)
        with self.files.writing(name):
            stored = self.read(exchange_code, symbol, timeframe)
            merged, counts = _merge(stored, candles)
            if counts.inserted or counts.replaced:
                self.write(name, merged, stored)
        return counts

    def write(self, name: str, candles: Candles, previous: Candles | None = None) -> None:
        """Put candles in place of a file that holds `previous`; the caller holds `files.writing(name)`."""
        # First the manifest: it names the old content too, so that whoever is killed here has told no lie.
        write_entry(self.files, name, candles, previous)
        table = pa.table([candles.opened_at, *(getattr(candles, column) for column in COLUMNS)], schema=SCHEMA)

        def fill(opened: IO[bytes]) -> None:
            pq.write_table(table, opened, row_group_size=ROW_GROUP_ROWS, **PACKED)

        self.files.replace(name, fill)

    def _file(self, name: str) -> _CandleFile | None:
        identity = self.files.identity(name)
        if identity is None:
            return None
        with self._lock:
            file = self._files.get(name)
            if file is None or file.identity != identity:
                self._forget(name)
                file = self._files[name] = _CandleFile(self.files, name)
        return file

    def _forget(self, name: str) -> None:
        for key in [key for key in self._columns if key[0] == name]:
            self._cached_bytes -= self._columns.pop(key).nbytes

    def _parts(
        self, file: _CandleFile | None, start_ms: int | None, end_ms: int | None, count: int | None
    ) -> list[_Part]:
        """Return the slices of row groups that hold the asked candles, oldest first."""
        start, end = _BEGIN if start_ms is None else start_ms, _END if end_ms is None else end_ms
        left = _END if count is None else count
        parts: list[_Part] = []
        if file is None:
            return parts
        for group, (first, last) in reversed(list(enumerate(file.bounds))):
            if left <= 0 or last < start:
                break
            if first < end:
                times = self._column(file, group, TIME_COLUMN)
                low, high = (int(place) for place in times.searchsorted((start, end)))
                parts.append((group, max(low, high - left), high))
                left -= high - low
        return parts[::-1]

    def _joined(self, file: _CandleFile | None, name: str, parts: list[_Part]) -> Column:
        if file is None or not parts:
            return np.empty(0, dtype=np.int64 if name == TIME_COLUMN else np.float64)
        pieces = [self._column(file, group, name)[low:high] for group, low, high in parts]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _column(self, file: _CandleFile, group: int, name: str) -> Column:
        key = (file.name, file.identity, group, name)
        with self._lock:
            column = self._columns.get(key)
            if column is None:
                column = self._columns[key] = file.decode(group, name)
                self._cached_bytes += column.nbytes
                while self._cached_bytes > CACHE_BYTES and len(self._columns) > 1:
                    self._cached_bytes -= self._columns.popitem(last=False)[1].nbytes
            else:
                self._columns.move_to_end(key)
        return column


class _Replaced(Exception):
    """A file got another content while it was read."""


class _CandleFile:
    """One open file of one content."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self.name = files, name
        self.identity, self._parquet = files.open(name)
        groups = [self._parquet.metadata.row_group(group) for group in range(self._parquet.num_row_groups)]
        statistics = [group.column(0).statistics for group in groups]
        # The times of the first and last candle in each row group.
        self.bounds: list[tuple[int, int]] = [(one.min, one.max) for one in statistics]

    def decode(self, group: int, name: str) -> Column:
        try:
            values: Column = self._parquet.read_row_group(group, columns=[name]).column(0).to_numpy()
        except (OSError, pa.ArrowException):
            if self._files.is_still(self.name, self.identity):
                raise
            raise _Replaced from None
        if not self._files.is_still(self.name, self.identity):
            raise _Replaced
        values.setflags(write=False)
        return values


def _until_still(look: Callable[[], Answer]) -> Answer:
    """Look again where what was looked at got another content meanwhile."""
    for _ in range(_TRIES - 1):
        with suppress(_Replaced):
            return look()
    return look()


def series_of(name: str) -> Series:
    """Return whose candles a file of this name holds."""
    exchange_code, symbol, timeframe = name.removesuffix(".parquet").split("__")
    return Series(exchange_code, unquote(symbol), timeframe)


def _merge(stored: Candles, new: Candles) -> tuple[Candles, UpsertCounts]:
    """Return both in order of time, the new ones in place of stored ones of the same time."""
    known = np.isin(new.opened_at, stored.opened_at, assume_unique=True)
    places = stored.opened_at.searchsorted(new.opened_at[known])
    before = np.array([getattr(stored, name)[places] for name in COLUMNS])
    after = np.array([getattr(new, name)[known] for name in COLUMNS])
    differs = (before != after).any(axis=0)
    kept = np.ones(len(stored), dtype=np.bool_)
    kept[places] = False
    times = np.concatenate([stored.opened_at[kept], new.opened_at])
    order = times.argsort(kind="stable")
    columns = (np.concatenate([getattr(stored, name)[kept], getattr(new, name)])[order] for name in COLUMNS)
    replaced = int(differs.sum())
    counts = UpsertCounts(
        inserted=int((~known).sum()),
        replaced=replaced,
        unchanged=len(differs) - replaced,
        revisions=tuple(
            Revision(
                int(new.opened_at[known][place]), tuple(before[:, place].tolist()), tuple(after[:, place].tolist())
            )
            for place in np.flatnonzero(differs)[:SHOWN_REVISIONS]
        ),
    )
    return Candles(times[order], *columns), counts


@cache
def _store_at(place: Path | str) -> CandleStore:
    return CandleStore(RemoteFiles(place) if isinstance(place, str) else place)


def candle_store() -> CandleStore:
    """Return this process's store of the configured place: a URL where one is set, else the directory."""
    return _store_at(settings.CANDLE_URL or Path(settings.CANDLE_DIR))
