"""A spec is frozen, has one JSON form and one hash, and says no to what cannot be."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from engine.backtest import BacktestError, Costs, TradedInstrument, fingerprint, spec_from_json, spec_hash, spec_json
from engine.simulation.types import FillRule, InstrumentRules, SlippageKind
from tests.engine.backtest_samples import CROSSOVER, candles_of, spec_of

CHANGED: dict[str, Any] = {
    "timeframe": "2h",
    "end_ms": spec_of().end_ms + 1,
    "values": {"slow": 21},
    "costs": Costs(slippage=SlippageKind.BPS, slippage_value=2.0),
    "fill_rule": FillRule.PESSIMISTIC,
    "instruments": (TradedInstrument("BTC", rules=InstrumentRules(lot_step=0.1)),),
    "fingerprints": {"BTC": "00ff"},
    "engine_version": "0",
}


def test_json_and_back_is_the_same_spec() -> None:
    spec = spec_of(values={"slow": 30}, fingerprints={"BTC": "ab"}, exit_timeout_minutes=5)
    again = spec_from_json(json.loads(json.dumps(spec_json(spec))))
    assert spec_json(again) == spec_json(spec)
    assert spec_hash(again) == spec_hash(spec)
    assert again.costs == spec.costs and again.instruments == spec.instruments


def test_every_part_of_a_spec_is_in_its_hash() -> None:
    hashes = {spec_hash(spec_of()), *(spec_hash(spec_of(**{name: value})) for name, value in CHANGED.items())}
    assert len(hashes) == len(CHANGED) + 1


def test_what_says_the_same_has_the_same_hash() -> None:
    spelled = CROSSOVER.replace("quick = ema(close, fast)", "quick = ema(close,  fast, 'mean')")
    assert spec_hash(spec_of(spelled)) == spec_hash(spec_of())
    assert spec_hash(spec_of(values={"slow": 30})) == spec_hash(spec_of(values={"slow": 30.0}))
    assert spec_hash(spec_of(costs=Costs(1000))) == spec_hash(spec_of(costs=Costs(1000.0)))


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec_of().timeframe = "1d"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"instruments": ()}, "NO_INSTRUMENT"),
        ({"instruments": (TradedInstrument("A"), TradedInstrument("A"))}, "INSTRUMENT_TWICE"),
        ({"timeframe": "7m"}, "TIMEFRAME"),
        ({"end_ms": 0}, "RANGE"),
        ({"costs": Costs(initial_cash=0.0)}, "CASH"),
        ({"fill_rule": FillRule.DETAIL}, "DETAIL_TIMEFRAME"),
        ({"fill_rule": FillRule.DETAIL, "detail_timeframe": "1h"}, "DETAIL_TIMEFRAME"),
        # A candle of 3 minutes may reach beyond the end of one of 5.
        ({"fill_rule": FillRule.DETAIL, "detail_timeframe": "3m", "timeframe": "5m"}, "DETAIL_TIMEFRAME"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(BacktestError) as refused:
        spec_of(**changed)
    assert refused.value.code == code


@pytest.mark.parametrize("schema", [None, 0, 2, "1"])
def test_a_spec_of_another_schema_is_refused_in_words(schema: object) -> None:
    with pytest.raises(BacktestError, match="Ask for the backtest anew"):
        spec_from_json({**spec_json(spec_of()), "schema": schema})


@pytest.mark.parametrize("missing", ["graph", "instruments", "costs", "values"])
def test_a_spec_with_a_hole_is_refused_in_words(missing: str) -> None:
    whole = spec_json(spec_of())
    with pytest.raises(BacktestError) as refused:
        spec_from_json({name: value for name, value in whole.items() if name != missing})
    assert refused.value.code == "SPEC_FORM"


@pytest.mark.parametrize(("name", "value"), [("fill_rule", "kind"), ("start_ms", "soon"), ("values", {"slow": "long"})])
def test_a_spec_with_a_wrong_value_is_refused_in_words(name: str, value: object) -> None:
    with pytest.raises(BacktestError) as refused:
        spec_from_json({**spec_json(spec_of()), name: value})
    assert refused.value.code == "SPEC_FORM"
    with pytest.raises(BacktestError) as refused:
        spec_from_json({**spec_json(spec_of()), "start_ms": 2**60})
    assert refused.value.code == "RANGE"


def test_candles_are_named_by_their_content() -> None:
    candles = candles_of(50)
    same = dataclasses.replace(candles, close=candles.close.copy())
    assert fingerprint(candles) == fingerprint(same)
    moved = dataclasses.replace(candles, close=np.nextafter(candles.close, np.inf))
    assert len({fingerprint(one) for one in (candles, moved, candles.part(0, 49))}) == 3
