"""Tables of results as Parquet in a column of the database: compressed, exact, and readable by anything."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.candles import Floats
from engine.simulation.types import REFUSAL_DTYPE, TRADE_DTYPE, ExitReason, Simulated
from engine.timeframes import moment
from strategies.models import Backtest, BacktestResult


def packed(table: NDArray[np.void]) -> bytes:
    """Return a structured array as the bytes of a Parquet file."""
    return packed_columns({name: table[name] for name in table.dtype.names or ()})


def packed_columns(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Return columns of one length as the bytes of a Parquet file."""
    written = BytesIO()
    table = pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()})
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def columns_of(stored: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """Return the columns of a stored table by name."""
    table = pq.read_table(pa.BufferReader(bytes(stored)))
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def unpacked(stored: bytes | memoryview, dtype: np.dtype[Any]) -> NDArray[np.void]:
    """Return what `packed` was given; `dtype` is the array's. Columns that an older release did not know are zero."""
    columns = columns_of(stored)
    found = np.zeros(len(next(iter(columns.values()))), dtype=dtype)
    for name in columns.keys() & set(dtype.names or ()):
        found[name] = columns[name]
    return found


def simulated_of(result: BacktestResult) -> tuple[Simulated, Floats | None]:
    """Return what a stored result was computed from, and the equity of buying and holding at the same times."""
    equity = columns_of(result.equity)
    simulated = Simulated(
        trades=unpacked(result.trades, TRADE_DTYPE),
        refusals=unpacked(result.refusals, REFUSAL_DTYPE),
        equity_at=equity["at"],
        equity=equity["equity"],
        # Closing the last trades belongs to the last day.
        final_equity=float(equity["equity"][-1]),
        exposure=float(result.summary["metrics"]["exposure_ratio"]),
    )
    return simulated, equity.get("benchmark")


def equity_shown(result: BacktestResult) -> dict[str, list[Any]]:
    """Return daily equity as times and numbers; a benchmark that is not known is empty."""
    columns = columns_of(result.equity)
    benchmark = columns.get("benchmark", np.empty(0))
    at = [moment(one) for one in columns["at"].tolist()]
    return {"at": at, "equity": columns["equity"].tolist(), "benchmark": benchmark.tolist()}


def trade_page(backtest: Backtest, *, sort: str, descending: bool, offset: int, limit: int) -> dict[str, Any]:
    """Return how many trades a finished backtest has, and those of a page in words that programs understand."""
    trades = unpacked(backtest.result.trades, TRADE_DTYPE)
    order = trades[sort].argsort(kind="stable")
    wanted = trades[(order[::-1] if descending else order)[offset : offset + limit]]
    symbols = [one["symbol"] for one in backtest.spec["instruments"]]
    rows = [dict(zip(wanted.dtype.names or (), row, strict=True)) for row in wanted.tolist()]
    return {"count": len(trades), "trades": [_shown(row, symbols) for row in rows]}


def _shown(row: dict[str, Any], symbols: list[str]) -> dict[str, Any]:
    return {
        **row,
        "symbol": symbols[row["instrument"]],
        "opened_at": moment(row["opened_at"]),
        "closed_at": moment(row["closed_at"]),
        "exit_reason": ExitReason(row["exit_reason"]).name.lower(),
    }
