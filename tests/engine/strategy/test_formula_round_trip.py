"""Graphs become formulas and formulas graphs, and nothing is lost on the way."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.strategy.checking import MAX_NODES
from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph, graph_hash
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import Graph, Node, NodeRef, Sizing, SizingKind
from tests.engine.strategy.graphs import graphs, random_graph


@settings(max_examples=60, deadline=None)
@given(graphs(size=15))
def test_a_graph_written_and_read_is_its_canonical_form(graph: Graph) -> None:
    written = write_formula(graph)
    read = parse_formula(written)
    assert read == canonical_graph(graph)
    # Equality takes 0.0 for -0.0 and 1 for 1.0; the hash does not.
    assert graph_hash(read) == graph_hash(graph)
    assert write_formula(read) == written


@pytest.mark.parametrize("name", sorted(NODE_TYPES))
def test_every_kind_of_node_can_be_written(name: str) -> None:
    graph = random_graph(Random(name), 3, [NODE_TYPES[one] for one in (name, name, "close", "greater")])
    assert parse_formula(write_formula(graph)) == canonical_graph(graph)


@pytest.mark.parametrize(
    "text",
    [
        "enter_long = crosses_above(ema(close, 12), ema(close, 26)) and rsi(close, 14) < 70\n",
        "enter_long = close - (open - low) > high - 1 - 2\n",
        "enter_long = (close + open) / 2 > close / (open / low) * -3.5\n",
        "enter_long = not (close > open and (close > low or high > low)) and not close == open\n",
        "enter_long = -(close - open) > negate(5) + abs(-low)\n",
        "enter_long = not (not close > open)\n",
        'enter_long = rank(roc(close, 10)) <= 2 and other("ETH/USDT", close) > higher("1d", close)\n',
        'enter_long = ema(close, 12, seed="first") > open\n',
        'enter_long = candle_pattern("doji") or candle_pattern("hammer", side="bearish")\n',
        "line = ema(close, 12)\n\nenter_long = close > line\nexit_long = close < line\n",
        "fast = parameter(0.5, 0.0, 1.5, \"no\")\n\nenter_long = close > open * fast\n\nstop_loss = fast\nsize = kelly(0.1, cap=0.5)\n",
        "enter_long = close > -0.0 or close < 0\n",
        "enter_long = close > 1e-07 or close < -1e-12 or close == 1000000\n",
        "enter_long = close > open\n\nsize = fixed(100, share=0.7, cap=0.3)\nentry = limit(0.001, timeout=60)\n",
        "enter_long = close > open\n\nstop_loss = 0.1\ntrailing_stop = trailing(offset=0.03)\nroi = {0: 0.1, 60: -1}\n",
    ],
)  # fmt: skip
def test_a_formula_in_its_written_form_stays_as_it_is(text: str) -> None:
    assert write_formula(parse_formula(text)) == text


def test_what_is_said_twice_is_written_twice_only_while_it_is_short() -> None:
    short = parse_formula("enter_long = rsi(close, 14) < 30\nexit_long = rsi(close, 14) > 70")
    assert write_formula(short) == "enter_long = rsi(close, 14) < 30\nexit_long = rsi(close, 14) > 70\n"
    long = "ema(close, 12) - ema(close, 26) - ema(close, 50)"
    written = write_formula(parse_formula(f"enter_long = {long} < 30\nexit_long = {long} > 70"))
    assert written == f"n6 = {long}\n\nenter_long = n6 < 30\nexit_long = n6 > 70\n"


def test_sharing_without_end_is_written_without_growing() -> None:
    nodes = [Node("n1", "close", {})]
    nodes += [
        Node(f"n{i}", "add", {"left": NodeRef(f"n{i - 1}"), "right": NodeRef(f"n{i - 1}")}) for i in range(2, 200)
    ]
    nodes.append(Node("n200", "greater", {"left": NodeRef("n199"), "right": NodeRef("n1")}))
    graph = Graph(tuple(nodes), {"enter_long": "n200"})
    written = write_formula(graph)
    assert len(written) < 6000
    assert parse_formula(written) == canonical_graph(graph)


@pytest.mark.parametrize("kind", ["negate", "sqrt", "add"])
def test_the_longest_chain_is_written_and_read(kind: str) -> None:
    nodes = [Node("n1", "close", {}), Node("n2", "open", {})]
    for i in range(3, MAX_NODES):
        ports = [port.name for port in NODE_TYPES[kind].ports]
        inputs = dict(zip(ports, [NodeRef(f"n{i - 1}"), NodeRef("n1")], strict=False))
        nodes.append(Node(f"n{i}", kind, dict(inputs)))
    nodes.append(Node("n500", "less", {"left": NodeRef("n499"), "right": NodeRef("n2")}))
    graph = Graph(tuple(nodes), {"exit_long": "n500"})
    assert parse_formula(write_formula(graph)) == canonical_graph(graph)


@given(st.sampled_from(SizingKind), st.floats(0.01, 1), st.floats(1, 1e6))
@settings(max_examples=20, deadline=None)
def test_what_a_sizing_does_not_use_is_kept(kind: SizingKind, share: float, amount: float) -> None:
    sizing = Sizing(kind, share, amount, 7, 1.5, 0.125)
    nodes = (Node("a", "close", {}), Node("b", "greater", {"left": NodeRef("a"), "right": NodeRef("a")}))
    graph = Graph(nodes, {"enter_long": "b"}, sizing=sizing)
    assert parse_formula(write_formula(graph)).sizing == sizing
