"""News from below: a closed candle is what strategies decide on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from common.tasks import enqueue
from markets.signals import candle_closed
from strategies.tasks import decide_runs


def connect() -> None:
    """Listen; called once from `StrategiesConfig.ready`."""
    candle_closed.connect(_candle_closed, dispatch_uid="strategies.candle_closed")


def _candle_closed(instrument_id: UUID, timeframe: str, **facts: Any) -> None:
    enqueue(decide_runs, str(instrument_id), timeframe)
