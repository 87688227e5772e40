"""What a run does, read off its version's graph: what it must see, what it wishes for, what it stakes, what it cannot do yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from engine.candles import Candles
from engine.decimals import ZERO, floor_to_step, money
from engine.indicators.volatility import atr
from engine.strategy.evaluate import evaluator, history
from engine.strategy.graph import resolve, symbols_of
from engine.strategy.types import Graph, Market, Setting, Signals, Sizing, SizingKind
from strategies.faces import graph_of_version
from strategies.models import StrategyVersion
from trading.models import Side

# What an order stores of a stop's distance.
_RATIO_PLACES = Decimal("0.00001")
# Wilder's average forgets slowly: after ten periods its seed weighs (1 - 1/n)^(10 n), less than 1e-4 of the whole.
_ATR_PERIODS = 10
_KEPT = 1024
_plans: dict[tuple[str, str], Plan] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """A version's graph with its parameters put in, and how many closed candles a decision needs."""

    graph: Graph
    history: int
    signals: Callable[[Market], Signals]

    @property
    def stop_loss(self) -> Decimal | None:
        """Return how far below the entry a stop waits, as an order takes it."""
        ratio = self.graph.exits.stop_loss
        return None if ratio is None else exact(ratio).quantize(_RATIO_PLACES)

    def wish(self, candles: Candles, timeframe: str) -> Side | None:
        """Return what the newest of these candles asks for: entries and exits cancel each other, as in a backtest."""
        signals = self.signals(Market(candles, timeframe))
        if len(candles) <= signals.ready_at:
            return None
        enter, leave = bool(signals.enter_long[-1]), bool(signals.exit_long[-1])
        if enter == leave:
            return None
        if enter:
            return Side.BUY
        return Side.SELL if self.graph.exits.use_exit_signal else None

    def quantity(self, *, equity: Decimal, price: Decimal, candles: Candles, lot_step: Decimal) -> Decimal:
        """Return how much an entry buys, in whole lots.

        A stake below one lot is asked for all the same: risk denies it, and its owner reads why nothing was bought.
        """
        wanted = self._stake(equity, price, candles) / price
        return floor_to_step(wanted, lot_step) or money(wanted)

    def _stake(self, equity: Decimal, price: Decimal, candles: Candles) -> Decimal:
        """Return how much money an entry takes (engine/simulation/entries.py has the same rules in floats)."""
        sizing = self.graph.sizing
        if sizing.kind is SizingKind.FIXED:
            return exact(sizing.amount)
        if sizing.kind is SizingKind.SHARE_OF_EQUITY:
            return equity * exact(sizing.share)
        distance = exact(sizing.atr_multiple) * exact(newest_atr(candles, sizing))
        return equity * exact(sizing.share) / distance * price if distance > ZERO else ZERO


def plan_of(version: StrategyVersion) -> Plan:
    """Return what a version's runs do; made once per process, since a replay asks at every candle."""
    key = (version.graph_hash, version.timeframe)
    plan = _plans.get(key)
    if plan is None:
        if len(_plans) >= _KEPT:
            _plans.clear()
        graph = resolve(graph_of_version(version))
        needed = max(history(graph, timeframe=version.timeframe), _sizing_history(graph.sizing))
        plan = _plans[key] = Plan(graph, needed, evaluator(graph, version.timeframe))
    return plan


def _sizing_history(sizing: Sizing) -> int:
    return int(exact(sizing.atr_period)) * _ATR_PERIODS + 1 if sizing.kind is SizingKind.ATR_RISK else 0


def newest_atr(candles: Candles, sizing: Sizing) -> float:
    """Return the average true range at the newest candle; 0 while it is undefined."""
    found = float(atr(candles.high, candles.low, candles.close, int(exact(sizing.atr_period)))[-1])
    return found if found > 0 else 0.0


def exact(setting: Setting) -> Decimal:
    """Return a number of a resolved graph as its author wrote it: the shortest decimal that is this float."""
    assert isinstance(setting, int | float)  # a resolved graph refers to no parameter
    return Decimal(repr(setting))


def not_yet_live(graph: Graph) -> list[str]:
    """Name what a strategy does that runs cannot do yet, in words that follow "It uses"."""
    return list(_unsupported(graph))


def _unsupported(graph: Graph) -> Iterator[str]:
    exits = graph.exits
    if "enter_short" in graph.outputs:
        yield "short entries"
    if exits.trailing is not None:
        yield "a trailing stop"
    if exits.take_profit is not None:
        yield "a take profit"
    if exits.roi:
        yield "a table of returns (ROI)"
    if exits.time_stop_candles is not None:
        yield "a time stop"
    if exits.exit_profit_only:
        yield "exits in profit only"
    if graph.entry is not None:
        yield "limit entries"
    if graph.sizing.kind is SizingKind.KELLY:
        yield "Kelly sizing"
    if symbols := sorted(symbols_of(graph)):
        yield f"candles of other instruments ({', '.join(symbols)})"
