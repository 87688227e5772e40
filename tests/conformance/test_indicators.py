"""Our indicators against TA-Lib's and the definitions' known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.strategy.evaluate import series_of
from engine.strategy.types import Graph, Market, Node, NodeRef
from tests.conformance.conftest import candles_of, cases

# Per indicator of the cases: node type per output, and our port per parameter; "close" marks those that take a series.
OUTPUTS: dict[str, dict[str, str]] = {
    "SMA": {"sma": "sma"},
    "EMA": {"ema": "ema"},
    "WMA": {"wma": "wma"},
    "RSI": {"rsi": "rsi"},
    "MACD": {"macd": "macd", "signal": "macd_signal", "histogram": "macd_histogram"},
    "STOCH": {"slow_k": "stoch_k", "slow_d": "stoch_d"},
    "BBANDS": {"upper": "bollinger_upper", "middle": "bollinger_middle", "lower": "bollinger_lower"},
    "ATR": {"atr": "atr"},
    "ADX": {"adx": "adx", "plus_di": "plus_di", "minus_di": "minus_di"},
    "OBV": {"obv": "obv"},
    "VWAP_DAY": {"vwap": "vwap_day"},
    "VWAP_ROLLING": {"vwap": "vwap_rolling"},
}
OF_CLOSE = {"SMA", "EMA", "WMA", "RSI", "MACD", "BBANDS"}


def _computed(case: dict[str, Any], candles: Candles) -> dict[str, Any]:
    inputs = dict(case["parameters"])
    if case["indicator"] in OF_CLOSE:
        inputs["series"] = NodeRef("price")
    wanted = OUTPUTS[case["indicator"]]
    nodes = [Node("price", "close", {}), Node("always", "equal", {"left": NodeRef("price"), "right": NodeRef("price")})]
    nodes += [Node(f"out_{output}", name, inputs) for output, name in wanted.items()]
    graph = Graph(tuple(nodes), {"enter_long": "always"})
    market = Market(candles, case["input"]["timeframe"])
    found = series_of(graph, market, [f"out_{output}" for output in wanted])
    return {output: found[f"out_{output}"] for output in wanted}


@pytest.mark.parametrize("case", cases("indicators"))
def test_an_indicator_gives_the_known_values(case: dict[str, Any]) -> None:
    given = case["input"]
    found = _computed(case, candles_of(given["file"], given["first_row"], given["rows"]))
    assert found.keys() == case["expected"].keys()
    for output, expected in case["expected"].items():
        wanted = np.array([np.nan if value is None else value for value in expected], np.float64)
        np.testing.assert_array_equal(np.isnan(found[output]), np.isnan(wanted), err_msg=output)
        np.testing.assert_allclose(found[output], wanted, rtol=1e-9, atol=0, err_msg=output)
