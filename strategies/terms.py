"""On what terms a strategy is tried on the past: which candles, what trading costs, how fills are decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.simulation.types import FillRule, SlippageKind
from markets.models import Instrument


@dataclass(frozen=True, slots=True)
class Terms:
    """What a backtest or sweep is asked to use, beside the strategy.

    Candles that opened at or after `start` and ended at or before `end` (market time) are traded on; earlier ones warm
    the indicators up. Fees, and slippage where it is a share, are ratios (0–1).
    """

    instruments: tuple[Instrument, ...]
    timeframe: str
    start: datetime
    end: datetime
    initial_cash: float = 10_000.0
    maker_fee: float = 0.001
    taker_fee: float = 0.001
    slippage: SlippageKind = SlippageKind.NONE
    slippage_value: float = 0.0
    leverage: float = 1.0
    fill_rule: FillRule = FillRule.STANDARD
    # Fills are decided on candles of this finer timeframe, where fill_rule says so.
    detail_timeframe: str = ""
