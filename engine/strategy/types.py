"""The words of the graph: what flows between nodes, what a node type takes, and what a strategy is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.candles import Candles, Floats

Bools = NDArray[np.bool_]

SCHEMA_VERSION = 1
# Names under which a graph tells what to do; each is a condition.
SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")


class Kind(StrEnum):
    """What flows along an edge: one float per candle (NaN while undefined), one yes/no per candle (no while undefined),
    a single number, or a word out of a list.
    """

    SERIES = "series"
    CONDITION = "condition"
    NUMBER = "number"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Port:
    """One thing that a node type takes, in the order in which a formula gives it.

    SERIES and CONDITION ports take another node. NUMBER ports take a literal or a parameter, checked against
    `minimum`, `maximum` and `integer`. CHOICE ports take one of `choices` (none: any text, such as a symbol).
    """

    name: str
    kind: Kind
    doc: str
    default: float | str | None = None
    minimum: float = -1e12
    maximum: float = 1e12
    integer: bool = False
    choices: tuple[str, ...] = ()


Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NodeType:
    """A kind of node. `name` is also its function's name in formulas.

    `compute(context, **ports)` returns one array of the candles' length; series come as float64 arrays, conditions as
    bool arrays, numbers and choices as they are. It may look at no later candle.
    `warm_up(numbers)`: how many candles after its inputs are defined the first value is (0: at once).
    `memory(numbers)`: how many candles back still weigh more than 1e-10 of a value; equals warm_up for windows.
    Both get the node's numbers and choices by port, and `candle_ms`, the length of a candle in milliseconds.
    """

    name: str
    ports: tuple[Port, ...]
    output: Kind
    compute: Callable[..., Any]
    doc: str
    source: str
    group: str
    warm_up: Callable[[Numbers], int] = lambda numbers: 0
    memory: Callable[[Numbers], int] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that the author may turn, by form or by sweep, without touching the graph."""

    name: str
    value: float
    minimum: float
    maximum: float
    integer: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class NodeRef:
    """The output of another node."""

    node: str


@dataclass(frozen=True, slots=True)
class ParameterRef:
    """The value of one of the graph's parameters."""

    parameter: str


Value = NodeRef | ParameterRef | float | int | str


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its id in the graph, its type's name, and what its ports are connected to (every port, defaults too)."""

    id: str
    type: str
    inputs: Mapping[str, Value]


# A ratio or count in exits, entry and sizing: a literal, or a parameter.
Setting = float | int | ParameterRef


@dataclass(frozen=True, slots=True)
class Trailing:
    """A stop that follows the best price. `distance` is a ratio of price; once the best profit is above `offset` it is
    `positive_distance` (where given); with `only_after_offset` it does not move before (conformance rules 10, 11).
    """

    distance: Setting | None = None
    positive_distance: Setting | None = None
    offset: Setting = 0.0
    only_after_offset: bool = False


@dataclass(frozen=True, slots=True)
class Exits:
    """What ends a trade besides exit signals. Ratios are 0–1 of price (stop_loss) or of stake (take_profit, roi).

    `roi` is a table of (minutes since opening, profit ratio), by minutes; a ratio of -1 forces the trade out.
    """

    stop_loss: Setting | None = None
    trailing: Trailing | None = None
    take_profit: Setting | None = None
    roi: tuple[tuple[int, float], ...] = ()
    time_stop_candles: Setting | None = None
    use_exit_signal: bool = True
    exit_profit_only: bool = False
    ignore_roi_if_entry_signal: bool = False


class SizingKind(StrEnum):
    FIXED = "fixed"  # amount: quote units an entry
    SHARE_OF_EQUITY = "share_of_equity"  # share: 0–1 of equity
    ATR_RISK = "atr_risk"  # share of equity lost if price moves `atr_multiple` × ATR(period) against the entry
    KELLY = "kelly"  # Kelly share from the trades closed so far, at most `cap`; `share` until there are 20


@dataclass(frozen=True, slots=True)
class Sizing:
    """How much an entry stakes."""

    kind: SizingKind = SizingKind.SHARE_OF_EQUITY
    share: Setting = 0.2
    amount: Setting = 0.0
    atr_period: Setting = 14
    atr_multiple: Setting = 2.0
    cap: Setting = 0.25


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """Enter by a limit order `offset` (ratio) better than the next open; given up after `timeout_minutes`."""

    offset: Setting = 0.0
    timeout_minutes: Setting = 0


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole strategy. `outputs` maps names of SIGNALS to node ids. `nodes` are ordered so that inputs come first.

    Parameters and node ids share one namespace: Python-like identifiers of at most 40 characters, none of the
    reserved words (SIGNALS, exits, sizing, node types).
    """

    nodes: tuple[Node, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    exits: Exits = field(default_factory=Exits)
    sizing: Sizing = field(default_factory=Sizing)
    entry: LimitEntry | None = None
    max_open_trades: int = 1


@dataclass(frozen=True, slots=True)
class Market:
    """What a graph is computed on: candles of the traded instrument, and of every other series that it names.

    `others` maps symbols (as the graph names them) to candles of the same timeframe. `universe` holds the strategy's
    instruments in order (cross-sectional nodes rank within it); the traded one is at `place`.
    """

    candles: Candles
    timeframe: str
    others: Mapping[str, Candles] = field(default_factory=dict)
    universe: tuple[Candles, ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True)
class Signals:
    """Four yes/no arrays of the candles' length, and where the graph's indicators are all defined (first candle that may signal)."""

    enter_long: Bools
    exit_long: Bools
    enter_short: Bools
    exit_short: Bools
    ready_at: int


class StrategyError(ValueError):
    """A strategy that cannot be: says where, and what would be right.

    `place` is a JSON pointer into the graph or "line:column" of a formula (both from 1), "" where it is the whole.
    """

    def __init__(self, code: str, message: str, place: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.place = code, message, place


__all__ = [
    "SCHEMA_VERSION",
    "SIGNALS",
    "Bools",
    "Exits",
    "Floats",
    "Graph",
    "Kind",
    "LimitEntry",
    "Market",
    "Node",
    "NodeRef",
    "NodeType",
    "Numbers",
    "Parameter",
    "ParameterRef",
    "Port",
    "Setting",
    "Signals",
    "Sizing",
    "SizingKind",
    "StrategyError",
    "Trailing",
    "Value",
]
