"""Candle files of every form, made of the same candles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from engine.candles import Candles

Row = Sequence[Any]
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def rows_of(candles: Candles) -> list[Row]:
    """Return (milliseconds, open, high, low, close, volume) of each candle."""
    return list(zip(*(getattr(candles, name).tolist() for name in Candles.__slots__), strict=True))


def write_shared_parquet(path: Path, rows: Sequence[Row]) -> Path:
    names = ("timestamp", "open", "high", "low", "close", "volume")
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path)
    return path


def write_freqtrade_feather(path: Path, rows: Sequence[Row]) -> Path:
    times, *columns = map(list, zip(*rows, strict=True))
    dates = pa.array(times, type=pa.timestamp("ms", tz="UTC"))
    names = ("open", "high", "low", "close", "volume")
    table = pa.table({"date": dates, **dict(zip(names, columns, strict=True))})
    feather.write_feather(table, path, compression="lz4")
    return path


def write_freqtrade_json(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text(json.dumps([list(row) for row in rows]))
    return path


def write_binance_csv(path: Path, rows: Sequence[Row], *, microseconds: bool = False, header: bool = False) -> Path:
    lines = [KLINE_HEADER] if header else []
    for at, *values in rows:
        opened, closed = (at * 1000, at * 1000 + 299_999_999) if microseconds else (at, at + 299_999)
        lines.append(",".join(map(str, (opened, *values, closed, 1.5, 3, 0.5, 0.75, 0))))
    path.write_text("\n".join(lines) + "\n")
    return path
