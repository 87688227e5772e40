"""What the simulation takes and gives. Arrays inside, one place of conversion outside; floats, since nothing settles on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.candles import Candles, Floats, Times
from engine.strategy.types import Bools, Exits, LimitEntry, Sizing


class FillRule(StrEnum):
    """Which order of prices inside a candle is believed.

    STANDARD: the rules of `candle` (a stop before a target, targets against the candle's range). PESSIMISTIC: whatever
    is worst for the trade happens first. DETAIL: decided on candles of a finer timeframe.
    """

    STANDARD = "standard"
    PESSIMISTIC = "pessimistic"
    DETAIL = "detail"


class SlippageKind(StrEnum):
    NONE = "none"
    BPS = "bps"  # value: basis points of the price
    RANGE_SHARE = "range_share"  # value: share (0–1) of the candle's high – low
    VOLUME_SHARE = (
        "volume_share"  # value: ratio of price moved by an order as large as the candle's volume (square root law)
    )


class ExitReason(IntEnum):
    """Why a trade ended; names in lower case are the field's own words."""

    EXIT_SIGNAL = 1
    STOP_LOSS = 2
    TRAILING_STOP_LOSS = 3
    ROI = 4
    TAKE_PROFIT = 5
    TIME_STOP = 6
    LIQUIDATION = 7
    FORCE_EXIT = 8


class Refusal(IntEnum):
    """Why an entry signal made no trade."""

    OPPOSITE_SIGNALS = 1
    TRADE_OPEN = 2
    MAX_OPEN_TRADES = 3
    NOT_ENOUGH_CASH = 4
    BELOW_MINIMUM_QUANTITY = 5
    BELOW_MINIMUM_NOTIONAL = 6
    LAST_CANDLE = 7
    LIMIT_NOT_REACHED = 8
    NO_PRICE = 9
    NO_STAKE = 10  # sizing asked for nothing: Kelly sees no edge, no ATR yet, an amount of 0


@dataclass(frozen=True, slots=True)
class InstrumentRules:
    """What a venue demands; 0 demands nothing. `maintenance_margin` is a ratio of position value (liquidation)."""

    tick_size: float = 0.0
    lot_step: float = 0.0
    min_quantity: float = 0.0
    min_notional: float = 0.0
    maintenance_margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """One instrument of a simulation: candles, the signals on them (same length), rules; funding for perpetuals.

    `funding_at` in ms since 1970 UTC, `funding_rate` as fractions paid by longs to shorts. `detail` are finer candles
    for FillRule.DETAIL. `atr` (same length) is needed by SizingKind.ATR_RISK.

    Limit prices, one entry per candle and for orders made on that candle: `entry_price` (NaN: at the open, by market)
    stands before Settings.entry; `adjusted_entry_price` is asked for when an unfilled entry is reviewed (NaN: withdraw
    it; None: keep it as it is); `exit_price` is for signal exits (NaN: by market) and stands before
    Settings.exit_limit_offset.
    """

    name: str
    candles: Candles
    enter_long: Bools
    exit_long: Bools
    enter_short: Bools
    exit_short: Bools
    rules: InstrumentRules = field(default_factory=InstrumentRules)
    funding_at: Times | None = None
    funding_rate: Floats | None = None
    detail: Candles | None = None
    atr: Floats | None = None
    entry_price: Floats | None = None
    adjusted_entry_price: Floats | None = None
    exit_price: Floats | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How to trade. Ratios 0–1; `exits`, `sizing` and `entry` come with every parameter already put in (no references)."""

    timeframe: str
    initial_cash: float = 10_000.0
    maker_fee: float = 0.001
    taker_fee: float = 0.001
    slippage: SlippageKind = SlippageKind.NONE
    slippage_value: float = 0.0
    leverage: float = 1.0
    max_open_trades: int = 1
    exits: Exits = field(default_factory=Exits)
    sizing: Sizing = field(default_factory=Sizing)
    entry: LimitEntry | None = None
    exit_timeout_minutes: int | None = None
    fill_rule: FillRule = FillRule.STANDARD
    # The first candle whose signal counts; earlier ones only warm indicators up.
    first_candle: int = 0
    # Leave on a signal by a limit order this ratio better than the open; None: by market.
    exit_limit_offset: float | None = None
    # One more trailing step on every candle, at the distance of the stop loss, before the one of exits.trailing.
    custom_stop: bool = False


class SimulationError(ValueError):
    """What can not be simulated, with a code and words for its author."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


TRADE_DTYPE = np.dtype(
    [
        ("instrument", np.int32),  # place in the list of series
        ("is_short", np.bool_),
        ("open_bar", np.int32),
        ("close_bar", np.int32),
        ("opened_at", np.int64),  # ms since 1970 UTC: the opening of those candles
        ("closed_at", np.int64),
        ("open_price", np.float64),
        ("close_price", np.float64),
        ("quantity", np.float64),  # base units
        ("stake", np.float64),  # quote units of own money
        ("fees", np.float64),
        ("funding", np.float64),  # paid (positive) or received
        ("profit", np.float64),  # quote units, after fees and funding
        ("profit_ratio", np.float64),  # of the stake
        ("initial_stop", np.float64),  # NaN while there is none
        ("stop_at_exit", np.float64),
        ("best_ratio", np.float64),  # best and worst unrealized profit of the stake while open
        ("worst_ratio", np.float64),
        ("exit_reason", np.int8),  # ExitReason
    ]
)

# `bar` is the candle that carries the signal, one before that on which it would have been acted on.
REFUSAL_DTYPE = np.dtype([("instrument", np.int32), ("bar", np.int32), ("is_short", np.bool_), ("reason", np.int8)])


@dataclass(frozen=True, slots=True)
class Simulated:
    """What became of it.

    `trades` (TRADE_DTYPE) in order of opening; `refusals` (REFUSAL_DTYPE) in order of time. `equity_at` (ms since 1970
    UTC, each UTC day's end, exclusive) and `equity`: cash + positions at the last close before it, one entry per day,
    the first entry the initial cash at the opening of the first candle whose signal counts. `final_equity` after everything is closed.
    """

    trades: NDArray[np.void]
    refusals: NDArray[np.void]
    equity_at: Times
    equity: Floats
    final_equity: float
    # Share (0–1) of the time, in candles from `first_candle` on, in which at least one trade was open.
    exposure: float
