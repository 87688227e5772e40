"""The one hash of a backtest's trades: two that have it traded the same."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a trade is told by, in this order, for ever; columns that come later make another version.
_VERSION = 1
_COLUMNS = (
    *("instrument", "is_short", "opened_at", "closed_at", "open_price", "close_price", "quantity"),
    *("stake", "fees", "funding", "profit", "exit_reason"),
)
# Beyond so many digits two processors may differ.
_DIGITS = 10


def trades_hash(trades: NDArray[np.void]) -> str:
    """Return the SHA-256 (hex) of a list of trades (engine/simulation/types.py: TRADE_DTYPE), in their order.

    Hashed is one line of JSON for the version and each trade; numbers that are not whole are texts of ten digits.
    """
    lines = [json.dumps({"v": _VERSION, "columns": _COLUMNS}, separators=(",", ":"))]
    columns = [trades[name].tolist() for name in _COLUMNS]
    lines += [json.dumps([_told(value) for value in row], separators=(",", ":")) for row in zip(*columns, strict=True)]
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def _told(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return None
    # Without a negative zero, which is nothing else.
    return format(value + 0.0, f".{_DIGITS}g")
