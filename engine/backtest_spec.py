"""What a backtest is asked: a frozen spec that says everything its answer follows from, and its one JSON form and hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.simulation.types import FillRule, InstrumentRules, SlippageKind
from engine.strategy.encode import to_json
from engine.strategy.graph import canonical_graph
from engine.strategy.schema import from_json
from engine.strategy.types import Graph, StrategyError
from engine.timeframes import TIMEFRAMES, timeframe_ms

# Anything that changes what a spec comes to gets a new version: finished answers are found by hash.
ENGINE_VERSION = "1"
SPEC_SCHEMA = 1


class BacktestError(ValueError):
    """A backtest that cannot be run: a code, and what is wrong in words for whoever asked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class TradedInstrument:
    """One instrument that is traded: the symbol under which its data come, the caller's own id, the venue's rules."""

    symbol: str
    id: str = ""
    rules: InstrumentRules = field(default_factory=InstrumentRules)


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs and what it starts with. Ratios 0–1, cash in quote units; see engine.simulation.types.Settings."""

    initial_cash: float = 10_000.0
    maker_fee: float = 0.001
    taker_fee: float = 0.001
    slippage: SlippageKind = SlippageKind.NONE
    slippage_value: float = 0.0
    leverage: float = 1.0


@dataclass(frozen=True, slots=True)
class BacktestSpec:
    """Everything that an answer follows from.

    `values` are parameters that differ from the graph's own. Candles that opened at or after `start_ms` and ended by
    `end_ms` (ms since 1970 UTC) are traded on; earlier ones warm the indicators up. `fingerprints` name the data by
    content, by symbol.
    """

    graph: Graph
    instruments: tuple[TradedInstrument, ...]
    timeframe: str
    start_ms: int
    end_ms: int
    values: Mapping[str, float] = field(default_factory=dict)
    costs: Costs = field(default_factory=Costs)
    fill_rule: FillRule = FillRule.STANDARD
    detail_timeframe: str = ""
    exit_timeout_minutes: int | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    engine_version: str = ENGINE_VERSION

    def __post_init__(self) -> None:
        symbols = [one.symbol for one in self.instruments]
        _demand(bool(symbols), "NO_INSTRUMENT", "Choose at least one instrument.")
        _demand(len(set(symbols)) == len(symbols), "INSTRUMENT_TWICE", "Each instrument can be chosen once.")
        _demand(self.timeframe in TIMEFRAMES, "TIMEFRAME", f"{self.timeframe!r} is not a timeframe.")
        _demand(self.start_ms < self.end_ms, "RANGE", "The range ends before it begins.")
        _demand(0 < self.costs.initial_cash < 1e15, "CASH", "The starting money is above 0.")
        if self.fill_rule is FillRule.DETAIL:
            known = self.detail_timeframe in TIMEFRAMES
            length, fine = timeframe_ms(self.timeframe), timeframe_ms(self.detail_timeframe) if known else 0
            # A finer candle that reaches into the next coarse one would show prices of after its close.
            finer = known and fine < length and length % fine == 0
            _demand(
                finer,
                "DETAIL_TIMEFRAME",
                f"Fills are decided on finer candles, of which {self.timeframe} is a multiple.",
            )


def spec_json(spec: BacktestSpec) -> dict[str, Any]:
    """Return the spec as JSON values, the graph in its canonical form: equal specs give equal values."""
    return {
        "schema": SPEC_SCHEMA,
        "engine_version": spec.engine_version,
        "graph": to_json(canonical_graph(spec.graph)),
        "values": {name: float(value) for name, value in spec.values.items()},
        "instruments": [
            {"symbol": one.symbol, "id": one.id, "rules": _floats(asdict(one.rules))} for one in spec.instruments
        ],
        "timeframe": spec.timeframe,
        "start_ms": int(spec.start_ms),
        "end_ms": int(spec.end_ms),
        "costs": _floats(asdict(spec.costs)),
        "fill_rule": str(spec.fill_rule),
        "detail_timeframe": spec.detail_timeframe,
        "exit_timeout_minutes": spec.exit_timeout_minutes,
        "fingerprints": dict(spec.fingerprints),
    }


def spec_hash(spec: BacktestSpec) -> str:
    """Return the SHA-256 (hex) of the spec's JSON with sorted keys and no spaces."""
    return json_hash(spec_json(spec))


def json_hash(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of JSON values, the same however their keys are ordered; refuses NaN (ValueError)."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(written.encode()).hexdigest()


def spec_from_json(value: Mapping[str, Any]) -> BacktestSpec:
    """Return the spec that spec_json wrote; raise BacktestError for another schema or for what is not a spec."""
    schema = value.get("schema")
    if schema != SPEC_SCHEMA:
        message = f"This spec has version {schema!r}; only {SPEC_SCHEMA} can be run. Ask for the backtest anew."
        raise BacktestError("SPEC_SCHEMA", message)
    try:
        return BacktestSpec(
            graph=from_json(value["graph"]),
            instruments=tuple(_instrument(one) for one in value["instruments"]),
            timeframe=value["timeframe"],
            start_ms=int(value["start_ms"]),
            end_ms=int(value["end_ms"]),
            values={name: float(number) for name, number in value["values"].items()},
            costs=Costs(**{**value["costs"], "slippage": SlippageKind(value["costs"]["slippage"])}),
            fill_rule=FillRule(value["fill_rule"]),
            detail_timeframe=value["detail_timeframe"],
            exit_timeout_minutes=value["exit_timeout_minutes"],
            fingerprints=dict(value["fingerprints"]),
            engine_version=value["engine_version"],
        )
    except (BacktestError, StrategyError):
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BacktestError(
            "SPEC_FORM", f"This is no backtest's spec: {error} is missing or of the wrong kind."
        ) from error


def _instrument(value: Mapping[str, Any]) -> TradedInstrument:
    return TradedInstrument(value["symbol"], value["id"], InstrumentRules(**value["rules"]))


def _floats(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, str) else float(value) for name, value in values.items()}


def _demand(holds: bool, code: str, message: str) -> None:
    if not holds:
        raise BacktestError(code, message)
