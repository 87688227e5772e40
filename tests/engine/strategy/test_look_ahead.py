"""No value of any node, alone or in a random strategy, changes when later candles become known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.indicators.patterns import PATTERNS
from engine.strategy.evaluate import evaluate, series_of
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import SIGNALS, Graph, Market, Node
from tests.engine.strategy.graphs import graphs
from tests.engine.strategy.markets import around, market, until

COUNT = 260
CUTS = (30, 95, 96, 97, 201, 259)
ROUGH = market(COUNT)
KNOWN = {cut: until(ROUGH, cut) for cut in range(1, COUNT)}


def assert_nothing_earlier_changes(graph: Graph, whole: Market, known: Market) -> None:
    count = len(known.candles)
    names = [node.id for node in graph.nodes]
    later, sooner = series_of(graph, whole, names), series_of(graph, known, names)
    for node in graph.nodes:
        np.testing.assert_array_equal(later[node.id][:count], sooner[node.id], err_msg=f"{node.id} ({node.type})")
    signals, sooner_signals = evaluate(graph, whole), evaluate(graph, known)
    for signal in SIGNALS:
        np.testing.assert_array_equal(getattr(signals, signal)[:count], getattr(sooner_signals, signal), err_msg=signal)


@pytest.mark.parametrize("name", NODE_TYPES)
def test_a_node_does_not_look_ahead(name: str) -> None:
    graph = around(name)
    for cut in CUTS:
        assert_nothing_earlier_changes(graph, ROUGH, KNOWN[cut])


def test_no_pattern_looks_ahead() -> None:
    nodes = tuple(Node(f"p_{name}", "candle_pattern", {"name": name, "side": "bullish"}) for name in PATTERNS)
    graph = Graph(nodes, {"enter_long": "p_engulfing", "exit_long": "p_hikkake"})
    for cut in CUTS:
        assert_nothing_earlier_changes(graph, ROUGH, KNOWN[cut])


def _computable(graph: Graph) -> Graph:
    # Any timeframe may come out of the generator; these candles of an hour are made into candles of four.
    nodes = (
        replace(node, inputs={**node.inputs, "timeframe": "4h"}) if node.type == "higher" else node
        for node in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs(size=10).map(_computable), cut=st.integers(1, COUNT - 1))
def test_a_random_strategy_does_not_look_ahead(graph: Graph, cut: int) -> None:
    assert_nothing_earlier_changes(graph, ROUGH, KNOWN[cut])
