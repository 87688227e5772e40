"""The forms in which candles come, told apart by content, each read into the same columns of numbers.

Shared Parquet and Feather (`timestamp` in milliseconds, or freqtrade's `date`), freqtrade JSON (rows of time and five
numbers) and Binance klines in CSV (12 columns, with or without a header; milliseconds or, since 2025, microseconds).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DomainError
from engine.candles import Candles, Floats
from engine.timeframes import TIMEFRAMES
from markets.candle_store import COLUMNS, TIME_COLUMN

# Milliseconds have 13 digits from 2001 to 2286, microseconds 16: a number says which one it is.
_MICROSECONDS_FROM = 10**14
_KLINE_COLUMNS = 12
_HEAD_BYTES = 8
SHOWN_ROWS = 10


class MalformedCandles(DomainError):
    """A file that is not what it should be; `context["rows"]` names the first bad rows, each with its reason."""

    def __init__(self, path: Path, problem: str, rows: list[tuple[int, str]] | None = None, count: int = 0) -> None:
        rows = (rows or [])[:SHOWN_ROWS]
        context = {"file": str(path), "count": count, "rows": [{"row": row, "reason": reason} for row, reason in rows]}
        super().__init__("CANDLES_MALFORMED", f"{path.name}: {problem} Nothing of it was stored.", context)


@dataclass(frozen=True, slots=True)
class RawCandles:
    """A file's rows as they stand: any order, unchecked. `rows` are their numbers in the file, counted from 1."""

    form: str
    candles: Candles
    rows: NDArray[np.int64]


def read_raw(path: Path) -> RawCandles:
    """Read a candle file of any known form; raise MalformedCandles for a truncated, foreign or half-written one."""
    try:
        with path.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError as error:
        raise MalformedCandles(path, f"it cannot be read ({error.strerror}).") from error
    if not head:
        raise MalformedCandles(path, "it is empty.")
    if head.startswith(b"PAR1"):
        return _tabular(path, "Parquet")
    if head.startswith((b"ARROW1", b"FEA1")):
        return _tabular(path, "Feather")
    if head.lstrip().startswith(b"["):
        return _freqtrade_json(path)
    return _binance_csv(path)


# --- Parquet and Feather -------------------------------------------------------------------------------------------


def _tabular(path: Path, form: str) -> RawCandles:
    try:
        table = pq.read_table(path) if form == "Parquet" else feather.read_table(path, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        raise MalformedCandles(path, f"it is truncated or damaged ({_first_line(error)}).") from error
    if not len(table):
        raise MalformedCandles(path, "it has no candles.")
    time_name = TIME_COLUMN if TIME_COLUMN in table.column_names else "date"
    missing = [name for name in (time_name, *COLUMNS) if name not in table.column_names]
    if missing:
        raise MalformedCandles(path, f"it has no column {', '.join(missing)}.")
    for name in (time_name, *COLUMNS):
        if table[name].null_count:
            row = pc.index(pc.is_null(table[name]), True).as_py() + 1
            raise MalformedCandles(path, f"row {row}: {name} is missing.", [(row, f"{name} is missing")], 1)
    times = _times(path, table[time_name])
    columns = (_numbers(path, name, table[name]) for name in COLUMNS)
    return RawCandles(form, Candles(times, *columns), np.arange(1, len(table) + 1))


def _times(path: Path, column: pa.ChunkedArray) -> NDArray[np.int64]:
    try:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", tz=column.type.tz))
        return _as_milliseconds(path, column.cast(pa.int64()).to_numpy(), np.arange(1, len(column) + 1))
    except pa.ArrowException as error:
        raise MalformedCandles(path, f"its times are not whole milliseconds ({_first_line(error)}).") from error


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> Floats:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise MalformedCandles(path, f"its column {name} holds {column.type}, not numbers.")
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


# --- freqtrade JSON ------------------------------------------------------------------------------------------------


def _freqtrade_json(path: Path) -> RawCandles:
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as error:
        raise MalformedCandles(path, f"it is truncated or not JSON ({_first_line(error)}).") from error
    return _from_rows(path, "freqtrade JSON", enumerate(rows, 1))


# --- Binance CSV ---------------------------------------------------------------------------------------------------


def _binance_csv(path: Path) -> RawCandles:
    with path.open(newline="", encoding="ascii", errors="replace") as opened:
        lines = csv.reader(opened)
        return _from_rows(path, "Binance CSV", _kline_rows(path, lines))


def _kline_rows(path: Path, lines: Iterator[list[str]]) -> Iterator[tuple[int, list[Any]]]:
    number = 0
    try:
        for number, fields in enumerate(lines, 1):
            if number == 1 and fields and fields[0].strip().lower() in {"open_time", "open time"}:
                continue
            # A row cut off in its last column has all columns, but nothing in that one.
            if len(fields) == _KLINE_COLUMNS and fields[-1]:
                yield number, fields[:6]
            elif number == 1:
                raise MalformedCandles(path, "it is no candle file known here: Parquet, Feather, JSON or Binance CSV.")
            else:
                complete = sum(map(bool, fields))
                problem = f"row {number} has {complete} of {_KLINE_COLUMNS} columns: it is truncated or damaged."
                raise MalformedCandles(path, problem, [(number, f"{complete} columns")], 1)
    except csv.Error as error:
        raise MalformedCandles(path, f"row {number + 1} is not CSV ({error}).") from error


# --- rows of six numbers -------------------------------------------------------------------------------------------


def _from_rows(path: Path, form: str, rows: Iterator[tuple[int, Any]]) -> RawCandles:
    numbers: list[int] = []
    times: list[int] = []
    values: list[tuple[float, ...]] = []
    for number, row in rows:
        try:
            time, *rest = row
            times.append(_whole(time))
            values.append(tuple(float(value) for value in rest))
            numbers.append(number)
        except (TypeError, ValueError, OverflowError):
            reason = "it is not a time and five numbers"
            raise MalformedCandles(path, f"row {number}: {reason}.", [(number, reason)], 1) from None
        if len(values[-1]) != len(COLUMNS):
            reason = f"it has {len(values[-1]) + 1} columns, not {len(COLUMNS) + 1}"
            raise MalformedCandles(path, f"row {number}: {reason}.", [(number, reason)], 1)
    if not numbers:
        raise MalformedCandles(path, "it has no candles.")
    where = np.array(numbers)
    opened_at = _as_milliseconds(path, np.array(times, dtype=np.int64), where)
    return RawCandles(form, Candles(opened_at, *np.array(values, dtype=np.float64).T.copy()), where)


def _whole(value: Any) -> int:
    """Return a time as an int; refuse fractions and texts that are no whole number."""
    number = int(value)
    if isinstance(value, bool) or number != float(value) or abs(number) >= 2**63:
        raise ValueError("not a whole number")
    return number


def _as_milliseconds(path: Path, times: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    micro = times >= _MICROSECONDS_FROM
    uneven = np.flatnonzero(micro & (times % 1000 != 0))
    if len(uneven):
        row = int(rows[uneven[0]])
        reason = "its time is not a whole millisecond"
        raise MalformedCandles(path, f"row {row}: {reason}.", [(row, reason)], len(uneven))
    return np.where(micro, times // 1000, times)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


# --- what a file's name says ---------------------------------------------------------------------------------------

# Quote assets that Binance writes without a separator, longer ones first.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")


@dataclass(frozen=True, slots=True)
class FileName:
    """What a name says of its candles; "" where it says nothing. `pair` is BASE-QUOTE or BASE-QUOTE-CONTRACT."""

    exchange_code: str = ""
    pair: str = ""
    timeframe: str = ""


def parse_name(path: Path) -> FileName:
    """Read venue, pair and timeframe off a name.

    `binance__BTC-USDT__5m.parquet` · `BTC_USDT-5m.feather` · `BTC_USDT_USDT-5m-futures.feather` (both in a folder
    named after their venue) · `BTCUSDT-5m-2024-01.csv`.
    """
    stem = path.name.partition(".")[0]
    if stem.count("__") == 2:
        exchange, pair, timeframe = stem.split("__")
        return FileName(exchange.lower(), pair.upper(), timeframe if timeframe in TIMEFRAMES else "")
    pair, _, rest = stem.partition("-")
    timeframe, _, kind = rest.partition("-")
    if timeframe not in TIMEFRAMES:
        return FileName()
    if "_" in pair:
        base, quote, *_ = pair.upper().split("_")
        return FileName(pair=f"{base}-{quote}-PERP" if kind == "futures" else f"{base}-{quote}", timeframe=timeframe)
    return FileName("binance", _split_symbol(pair.upper()), timeframe)


def _split_symbol(symbol: str) -> str:
    for quote in _QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return f"{symbol.removesuffix(quote)}-{quote}"
    return ""
