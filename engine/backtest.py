"""The pure whole of a backtest: spec and candles in, signals, trades, figures, luck and a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.backtest_spec import (
    ENGINE_VERSION,
    BacktestError,
    BacktestSpec,
    Costs,
    TradedInstrument,
    spec_from_json,
    spec_hash,
    spec_json,
)
from engine.candles import Candles, Floats, Times, fingerprint
from engine.indicators.volatility import atr
from engine.simulation.simulate import simulate
from engine.simulation.types import Series, Settings, Simulated
from engine.statistics.assessment import Luck, assess_luck
from engine.statistics.luck import Overfitting
from engine.statistics.summary import Summary, buy_and_hold, summarise
from engine.statistics.verdict import Verdict, verdict
from engine.strategy.evaluate import evaluate
from engine.strategy.graph import resolve, symbols_of
from engine.strategy.types import Bools, Graph, Market, Signals, SizingKind
from engine.timeframes import timeframe_ms

Cache = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class MarketData:
    """What is known of one instrument: candles of the spec's timeframe, those before its range included.

    `detail` are finer candles for FillRule.DETAIL; funding times (ms since 1970 UTC) and rates are for perpetuals.
    """

    candles: Candles
    detail: Candles | None = None
    funding_at: Times | None = None
    funding_rate: Floats | None = None


# By symbol: every instrument that is traded, and every other one that the graph names.
Data = Mapping[str, MarketData]


@dataclass(frozen=True, slots=True)
class LuckRequest:
    """What is to be asked about luck. `trials` counts the author's runs on this data, this one included;
    `trial_sharpes` (per day) are theirs. The same `seed` draws the same paths.
    """

    seed: int
    trials: int = 1
    trial_sharpes: Floats | None = None
    overfitting: Overfitting | None = None


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What a spec comes to. Bars of trades and refusals count from `first_bars` (by symbol) of the data's candles."""

    simulated: Simulated
    summary: Summary
    verdict: Verdict
    luck: Luck | None
    # Opening of the first candle that was traded on, in ms since 1970 UTC.
    traded_from_ms: int
    first_bars: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Workbench:
    """Candles cut to the range's end, and what evaluations of one data set share: made once for a sweep."""

    markets: tuple[Market, ...]
    caches: tuple[Cache, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Traded:
    """One simulation with the candles that it walked."""

    simulated: Simulated
    candles: tuple[Candles, ...]
    first_bars: tuple[int, ...]
    traded_from_ms: int


def run_backtest(spec: BacktestSpec, data: Data, luck: LuckRequest | None = None) -> BacktestResult:
    """Compute a backtest; with `luck` also what chance would have done.

    Raises BacktestError where there is nothing to trade on, StrategyError for a graph or a value that cannot be.
    A strategy that makes no trade is an answer, not an error.
    """
    traded = trade(spec, data, workbench(spec, data), spec.values)
    simulated = traded.simulated
    held = buy_and_hold(list(traded.candles), simulated.equity_at, spec.costs.initial_cash, spec.costs.taker_fee)
    summary = summarise(simulated, held)
    assessed = None
    if luck is not None:
        assessed = assess_luck(
            summary,
            simulated.trades,
            np.random.default_rng(luck.seed),
            trials=luck.trials,
            trial_sharpes=luck.trial_sharpes,
            overfitting=luck.overfitting,
        )
    symbols = [one.symbol for one in spec.instruments]
    return BacktestResult(
        simulated=simulated,
        summary=summary,
        verdict=verdict(summary, assessed),
        luck=assessed,
        traded_from_ms=traded.traded_from_ms,
        first_bars=dict(zip(symbols, traded.first_bars, strict=True)),
    )


def workbench(spec: BacktestSpec, data: Data) -> Workbench:
    """Return the markets of a spec, with an empty cache for each; raise BacktestError where data are missing or empty."""
    wanted = [one.symbol for one in spec.instruments]
    others = symbols_of(spec.graph)
    for symbol in (*wanted, *others):
        if symbol not in data:
            raise BacktestError("NO_DATA", f"There are no {spec.timeframe} candles of {symbol}.")
    cut = {symbol: _until(data[symbol].candles, spec) for symbol in {*wanted, *others}}
    if not any(place_of(cut[symbol], spec.start_ms) < len(cut[symbol]) for symbol in wanted):
        names = ", ".join(wanted)
        raise BacktestError("NO_DATA", f"There are no {spec.timeframe} candles of {names} in this range.")
    universe = tuple(cut[symbol] for symbol in wanted)
    named = {symbol: cut[symbol] for symbol in others}
    markets = tuple(Market(one, spec.timeframe, named, universe, place) for place, one in enumerate(universe))
    return Workbench(markets, tuple({} for _ in markets))


def trade(spec: BacktestSpec, data: Data, bench: Workbench, values: Mapping[str, float]) -> Traded:
    """Evaluate the graph with these values and simulate it, from the first candle after the warm-up on."""
    graph = resolve(spec.graph, values)
    signals = [evaluate(graph, market, None, cache) for market, cache in zip(bench.markets, bench.caches, strict=True)]
    begin = beginning(spec, bench.markets, signals)
    first_bars = tuple(place_of(market.candles, begin) for market in bench.markets)
    series = [
        _series(one, data[one.symbol], market.candles, said, graph, first)
        for one, market, said, first in zip(spec.instruments, bench.markets, signals, first_bars, strict=True)
    ]
    return Traded(simulate(series, settings_of(spec, graph)), tuple(one.candles for one in series), first_bars, begin)


def settings_of(spec: BacktestSpec, graph: Graph) -> Settings:
    """Return how a spec trades a graph into which the parameters have been put."""
    costs = spec.costs
    return Settings(
        timeframe=spec.timeframe,
        initial_cash=costs.initial_cash,
        maker_fee=costs.maker_fee,
        taker_fee=costs.taker_fee,
        slippage=costs.slippage,
        slippage_value=costs.slippage_value,
        leverage=costs.leverage,
        max_open_trades=graph.max_open_trades,
        exits=graph.exits,
        sizing=graph.sizing,
        entry=graph.entry,
        exit_timeout_minutes=spec.exit_timeout_minutes,
        fill_rule=spec.fill_rule,
    )


def _until(candles: Candles, spec: BacktestSpec) -> Candles:
    """Return the candles that ended by the range's end: later ones are nobody's to see."""
    last_open = spec.end_ms - timeframe_ms(spec.timeframe)
    return candles.part(0, int(np.searchsorted(candles.opened_at, last_open, side="right")))


def place_of(candles: Candles, at_ms: int) -> int:
    """Return the first candle that opened at or after a moment."""
    return int(np.searchsorted(candles.opened_at, at_ms, side="left"))


def beginning(spec: BacktestSpec, markets: Sequence[Market], signals: Sequence[Signals]) -> int:
    """Return the opening of the first candle that any instrument may be traded on, its indicators being warm."""
    begins = []
    for market, said in zip(markets, signals, strict=True):
        place = max(place_of(market.candles, spec.start_ms), said.ready_at)
        if place < len(market.candles):
            begins.append(int(market.candles.opened_at[place]))
    if not begins:
        needed, there = signals[0].ready_at, max(len(market.candles) for market in markets)
        message = f"The indicators warm up longer than the data reach: of {there:,} candles none is left to trade on."
        raise BacktestError("WARM_UP", f"{message} Choose a longer range." if needed >= there else message)
    return min(begins)


def _series(
    instrument: TradedInstrument, data: MarketData, candles: Candles, said: Signals, graph: Graph, first: int
) -> Series:
    def cut(flags: Bools) -> Bools:
        return flags[first:]

    ranges = None
    if graph.sizing.kind is SizingKind.ATR_RISK:
        period = graph.sizing.atr_period
        assert isinstance(period, int | float)  # resolve() has put parameters in
        ranges = atr(candles.high, candles.low, candles.close, int(period))[first:]
    return Series(
        name=instrument.symbol,
        candles=candles.part(first, len(candles)),
        enter_long=cut(said.enter_long),
        exit_long=cut(said.exit_long),
        enter_short=cut(said.enter_short),
        exit_short=cut(said.exit_short),
        rules=instrument.rules,
        funding_at=data.funding_at,
        funding_rate=data.funding_rate,
        detail=data.detail,
        atr=ranges,
    )


def with_values(spec: BacktestSpec, values: Mapping[str, float]) -> BacktestSpec:
    """Return the spec of one point of a sweep."""
    return replace(spec, values={**spec.values, **values})


__all__ = [
    "ENGINE_VERSION",
    "BacktestError",
    "BacktestResult",
    "BacktestSpec",
    "Costs",
    "Data",
    "LuckRequest",
    "MarketData",
    "TradedInstrument",
    "fingerprint",
    "run_backtest",
    "spec_from_json",
    "spec_hash",
    "spec_json",
    "with_values",
]
