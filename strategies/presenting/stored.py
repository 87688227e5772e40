"""A finished backtest's stored tables as columns."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from engine.simulation.types import REFUSAL_DTYPE, TRADE_DTYPE
from strategies.models import Backtest
from strategies.tables import columns_of, unpacked

Columns = dict[str, NDArray[Any]]


def trades_of(backtest: Backtest) -> Columns:
    """Return the trades (TRADE_DTYPE), in order of opening."""
    return _columns(unpacked(backtest.result.trades, TRADE_DTYPE))


def refusals_of(backtest: Backtest) -> Columns:
    """Return the refused entries (REFUSAL_DTYPE), in order of time."""
    return _columns(unpacked(backtest.result.refusals, REFUSAL_DTYPE))


def equity_of(backtest: Backtest) -> Columns:
    """Return daily equity and what stands beside it, by name."""
    return columns_of(backtest.result.equity)


def _columns(table: NDArray[np.void]) -> Columns:
    return {name: table[name] for name in table.dtype.names or ()}


def symbols_of(backtest: Backtest) -> list[str]:
    """Return the symbols that the trades' `instrument` counts into."""
    return [str(one["symbol"]) for one in backtest.spec["instruments"]]


def instrument_ids_of(backtest: Backtest) -> list[UUID]:
    """Return the instruments that the trades' `instrument` counts into."""
    return [UUID(one["id"]) for one in backtest.spec["instruments"]]
