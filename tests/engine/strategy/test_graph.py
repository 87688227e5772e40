"""What a graph may be, its one form, its parameters, its hash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.strategy.graph import canonical_graph, check_graph, graph_hash, resolve, symbols_of, timeframes_of
from engine.strategy.types import (
    Exits,
    Graph,
    LimitEntry,
    Node,
    NodeRef,
    Parameter,
    ParameterRef,
    Sizing,
    SizingKind,
    StrategyError,
    Trailing,
    Value,
)
from tests.engine.strategy.graphs import graphs


def node(name: str, type_name: str, **inputs: Value) -> Node:
    return Node(name, type_name, inputs)


FAST = Parameter("fast", 12, 2, 500)
CROSS = Graph(
    (
        node("n1", "close"),
        node("n2", "ema", series=NodeRef("n1"), period=ParameterRef("fast")),
        node("slow", "ema", series=NodeRef("n1"), period=26, seed="mean"),
        node("n3", "crosses_above", left=NodeRef("n2"), right=NodeRef("slow")),
    ),
    {"enter_long": "n3"},
    (FAST,),
)


def with_node(**inputs: Value) -> Graph:
    """Return CROSS with other inputs of its node n2."""
    nodes = tuple(Node("n2", "ema", inputs) if one.id == "n2" else one for one in CROSS.nodes)
    return replace(CROSS, nodes=nodes)


def added(*nodes: Node, **changes: Any) -> Graph:
    return replace(CROSS, nodes=CROSS.nodes + nodes, **changes)


CLOSE = NodeRef("n1")
BROKEN: list[tuple[str, Graph, str, str]] = [
    ("no output", replace(CROSS, outputs={}), "NO_OUTPUT", "/outputs"),
    ("an unknown signal", replace(CROSS, outputs={"buy": "n3"}), "UNKNOWN_OUTPUT", "/outputs/buy"),
    ("an output of nothing", replace(CROSS, outputs={"enter_long": "x"}), "UNKNOWN_REFERENCE", "/outputs/enter_long"),
    ("an output of numbers", replace(CROSS, outputs={"enter_long": "n1"}), "WRONG_KIND", "/outputs/enter_long"),
    ("an unknown node", added(node("n4", "emma")), "UNKNOWN_NODE", "/nodes/4/type"),
    ("a missing input", with_node(period=3), "MISSING_INPUT", "/nodes/1/inputs/series"),
    ("an unknown input", with_node(series=CLOSE, period=3, size=4), "UNKNOWN_INPUT", "/nodes/1/inputs/size"),
    ("a number for a series", with_node(series=3.0, period=3), "WRONG_KIND", "/nodes/1/inputs/series"),
    ("a condition for a series", with_node(series=NodeRef("n3"), period=3), "WRONG_KIND", "/nodes/1/inputs/series"),
    (
        "a reference to nothing",
        with_node(series=NodeRef("n9"), period=3),
        "UNKNOWN_REFERENCE",
        "/nodes/1/inputs/series",
    ),
    ("a node for a number", with_node(series=CLOSE, period=NodeRef("n1")), "NOT_A_NUMBER", "/nodes/1/inputs/period"),
    ("half a period", with_node(series=CLOSE, period=2.5), "NOT_WHOLE", "/nodes/1/inputs/period"),
    ("an absurd period", with_node(series=CLOSE, period=10**9), "OUT_OF_RANGE", "/nodes/1/inputs/period"),
    ("no period at all", with_node(series=CLOSE, period=0), "OUT_OF_RANGE", "/nodes/1/inputs/period"),
    ("an endless period", with_node(series=CLOSE, period=float("inf")), "NOT_A_NUMBER", "/nodes/1/inputs/period"),
    ("a period of 400 digits", with_node(series=CLOSE, period=10**400), "NOT_A_NUMBER", "/nodes/1/inputs/period"),
    ("an unknown word", with_node(series=CLOSE, period=3, seed="last"), "UNKNOWN_CHOICE", "/nodes/1/inputs/seed"),
    ("a number for a word", with_node(series=CLOSE, period=3, seed=1), "WRONG_KIND", "/nodes/1/inputs/seed"),
    (
        "an unknown parameter",
        with_node(series=CLOSE, period=ParameterRef("slow")),
        "UNKNOWN_REFERENCE",
        "/nodes/1/inputs/period",
    ),
    (
        "an endless symbol",
        added(node("n4", "other", symbol="B" * 41, series=CLOSE)),
        "BAD_TEXT",
        "/nodes/4/inputs/symbol",
    ),
    (
        "a symbol with NUL",
        added(node("n4", "other", symbol="B\x00", series=CLOSE)),
        "BAD_TEXT",
        "/nodes/4/inputs/symbol",
    ),
    ("two nodes of one name", added(node("n1", "high")), "DUPLICATE_NAME", "/nodes/4/id"),
    ("a node called as a parameter", added(node("fast", "high")), "DUPLICATE_NAME", "/nodes/4/id"),
    ("a name with a space", added(node("my node", "high")), "BAD_NAME", "/nodes/4/id"),
    ("a name of 41 letters", added(node("a" * 41, "high")), "BAD_NAME", "/nodes/4/id"),
    ("a name with a line's end", added(node("a\n", "high")), "BAD_NAME", "/nodes/4/id"),
    ("Python's word", added(node("lambda", "high")), "BAD_NAME", "/nodes/4/id"),
    ("a node type's name", added(node("ema", "high")), "NAME_RESERVED", "/nodes/4/id"),
    ("a signal's name", added(node("exit_long", "high")), "NAME_RESERVED", "/nodes/4/id"),
    ("a setting's name", added(node("stop_loss", "high")), "NAME_RESERVED", "/nodes/4/id"),
    (
        "a parameter like a node",
        replace(CROSS, parameters=(FAST, Parameter("n7", 1, 1, 2))),
        "NAME_RESERVED",
        "/parameters/1/name",
    ),
    ("two parameters of one name", replace(CROSS, parameters=(FAST, FAST)), "DUPLICATE_NAME", "/parameters/1/name"),
    (
        "a value beside its range",
        replace(CROSS, parameters=(replace(FAST, value=1),)),
        "OUT_OF_RANGE",
        "/parameters/0/value",
    ),
    (
        "a broken range",
        replace(CROSS, parameters=(replace(FAST, maximum=float("nan")),)),
        "NOT_A_NUMBER",
        "/parameters/0/maximum",
    ),
    (
        "a fraction for a count",
        replace(CROSS, parameters=(replace(FAST, integer=False),)),
        "NOT_WHOLE",
        "/nodes/1/inputs/period",
    ),
    ("too large a stop", replace(CROSS, exits=Exits(stop_loss=1.5)), "OUT_OF_RANGE", "/exits/stop_loss"),
    ("a stop of a word", replace(CROSS, exits=Exits(stop_loss="x")), "NOT_A_NUMBER", "/exits/stop_loss"),  # type: ignore[arg-type]  # as JSON may
    (
        "a trail without a distance",
        replace(CROSS, exits=Exits(trailing=Trailing())),
        "MISSING_INPUT",
        "/exits/trailing/distance",
    ),
    ("falling minutes", replace(CROSS, exits=Exits(roi=((60, 0.1), (30, 0.2)))), "WRONG_ORDER", "/exits/roi/1"),
    ("a flag of 1", replace(CROSS, exits=Exits(use_exit_signal=1)), "WRONG_KIND", "/exits/use_exit_signal"),  # type: ignore[arg-type]  # as JSON may
    ("a stake of nothing", replace(CROSS, sizing=Sizing(SizingKind.FIXED)), "OUT_OF_RANGE", "/sizing/amount"),
    ("more than all", replace(CROSS, sizing=Sizing(share=1.1)), "OUT_OF_RANGE", "/sizing/share"),
    ("a limit far away", replace(CROSS, entry=LimitEntry(offset=0.9)), "OUT_OF_RANGE", "/entry/offset"),
    ("no trade at all", replace(CROSS, max_open_trades=0), "OUT_OF_RANGE", "/max_open_trades"),
]


@pytest.mark.parametrize(("graph", "code", "place"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_what_cannot_be_is_refused_with_its_place(graph: Graph, code: str, place: str) -> None:
    for judge in (check_graph, canonical_graph, graph_hash):
        with pytest.raises(StrategyError) as refused:
            judge(graph)
        assert (refused.value.code, refused.value.place) == (code, place)
        assert refused.value.message.endswith((".", "?"))


def test_a_cycle_is_shown() -> None:
    graph = added(
        node("one", "add", left=NodeRef("n1"), right=NodeRef("two")),
        node("two", "sma", series=NodeRef("one"), period=3),
    )
    with pytest.raises(StrategyError) as refused:
        check_graph(graph)
    assert (refused.value.code, refused.value.place) == ("CYCLE", "/nodes/4")
    assert "one → two → one" in refused.value.message


def test_a_node_on_itself_is_a_cycle() -> None:
    with pytest.raises(StrategyError, match="a → a"):
        check_graph(added(node("a", "sma", series=NodeRef("a"), period=3)))


def chain(length: int) -> Graph:
    steps = [node(f"s{i}", "negate", series=NodeRef(f"s{i - 1}" if i else "n1")) for i in range(length)]
    return added(*steps)


def test_a_chain_may_be_as_long_as_a_graph_is_large() -> None:
    graph = chain(496)
    assert len(canonical_graph(graph).nodes) == 500
    check_graph(graph)


def test_ten_thousand_nodes_are_refused_at_once() -> None:
    with pytest.raises(StrategyError) as refused:
        check_graph(chain(10_000))
    assert (refused.value.code, refused.value.place) == ("TOO_MANY_NODES", "/nodes")


def test_scopes_inside_one_another_end_somewhere() -> None:
    def nested(depth: int) -> Graph:
        inside = [node(f"h{i}", "rank", series=NodeRef(f"h{i - 1}" if i else "n1")) for i in range(depth)]
        return added(*inside)

    check_graph(nested(4))
    with pytest.raises(StrategyError) as refused:
        check_graph(nested(5))
    assert (refused.value.code, refused.value.place) == ("SCOPES_TOO_DEEP", "/nodes/8")


def test_the_canonical_graph_is_ordered_numbered_and_filled_in() -> None:
    graph = Graph(
        (
            node("n8", "crosses_below", right=NodeRef("slow"), left=NodeRef("n2")),
            node("n5", "crosses_above", left=NodeRef("n2"), right=NodeRef("slow")),
            node("stray", "volume"),
            node("n9", "low"),
            node("slow", "ema", series=NodeRef("n7"), period=26.0),
            node("n2", "ema", period=ParameterRef("fast"), series=NodeRef("n1")),
            node("n7", "close"),
            node("n1", "close"),
        ),
        {"exit_long": "n8", "enter_long": "n5"},
        (FAST,),
    )
    canonical = canonical_graph(graph)
    assert canonical.nodes == (
        node("n1", "close"),
        node("n2", "ema", series=NodeRef("n1"), period=ParameterRef("fast"), seed="mean"),
        node("slow", "ema", series=NodeRef("n1"), period=26, seed="mean"),
        node("n3", "crosses_above", left=NodeRef("n2"), right=NodeRef("slow")),
        node("n4", "crosses_below", left=NodeRef("n2"), right=NodeRef("slow")),
        node("stray", "volume"),
    )
    assert list(canonical.outputs.items()) == [("enter_long", "n3"), ("exit_long", "n4")]
    assert type(canonical.nodes[2].inputs["period"]) is int


@settings(max_examples=40)
@given(graph=graphs(size=12), random=st.randoms(use_true_random=False))
def test_the_canonical_form_depends_on_the_meaning_alone(graph: Graph, random: Any) -> None:
    canonical = canonical_graph(graph)
    assert canonical_graph(canonical) == canonical
    shuffled = list(graph.nodes)
    random.shuffle(shuffled)
    assert canonical_graph(replace(graph, nodes=tuple(shuffled))) == canonical
    assert graph_hash(replace(graph, nodes=tuple(shuffled))) == graph_hash(graph)
    seen: set[str] = set()
    for one in canonical.nodes:
        assert all(value.node in seen for value in one.inputs.values() if isinstance(value, NodeRef))
        seen.add(one.id)


def test_another_meaning_has_another_hash() -> None:
    others = [
        with_node(series=CLOSE, period=13),
        with_node(series=CLOSE, period=ParameterRef("fast"), seed="first"),
        replace(CROSS, outputs={"enter_short": "n3"}),
        replace(CROSS, parameters=(replace(FAST, value=13),)),
        replace(CROSS, exits=Exits(stop_loss=0.1)),
        replace(CROSS, sizing=Sizing(share=0.3)),
        replace(CROSS, entry=LimitEntry(0.001)),
        replace(CROSS, max_open_trades=2),
    ]
    assert len({graph_hash(one) for one in [CROSS, *others]}) == 9


def test_the_hash_is_what_it_was() -> None:
    """Stored hashes name finished backtests: when this changes, none of them is found again."""
    assert graph_hash(CROSS) == HASH


HASH = "21dd51d98e949edf0af952268388f30019a5a383e7dcc175e8040618d2556d70"


def test_parameters_are_put_in_everywhere() -> None:
    ratio = Parameter("ratio", 0.1, 0.01, 0.5, integer=False)
    graph = replace(
        CROSS,
        parameters=(FAST, ratio),
        exits=Exits(stop_loss=ParameterRef("ratio"), trailing=Trailing(ParameterRef("ratio")), take_profit=0.3),
        sizing=Sizing(share=ParameterRef("ratio")),
        entry=LimitEntry(offset=ParameterRef("ratio")),
    )
    resolved = resolve(graph, {"fast": 7, "ratio": 0.25})
    assert resolved.parameters == ()
    assert resolved.nodes[1].inputs == {"series": CLOSE, "period": 7, "seed": "mean"}
    assert resolved.exits == Exits(stop_loss=0.25, trailing=Trailing(0.25), take_profit=0.3)
    assert (resolved.sizing.share, resolved.entry) == (0.25, LimitEntry(0.25))
    assert resolve(graph).nodes[1].inputs["period"] == 12


@pytest.mark.parametrize(
    ("values", "code", "place"),
    [
        ({"slow": 3}, "UNKNOWN_PARAMETER", "/parameters"),
        ({"fast": 501}, "OUT_OF_RANGE", "/parameters/0/value"),
        ({"fast": 2.5}, "NOT_WHOLE", "/parameters/0/value"),
        ({"fast": float("nan")}, "NOT_A_NUMBER", "/parameters/0/value"),
        ({"fast": True}, "NOT_A_NUMBER", "/parameters/0/value"),
    ],
)
def test_a_value_is_held_to_its_parameter(values: dict[str, float], code: str, place: str) -> None:
    with pytest.raises(StrategyError) as refused:
        resolve(CROSS, values)
    assert (refused.value.code, refused.value.place) == (code, place)


def test_a_value_is_held_to_the_place_where_it_goes() -> None:
    wide = replace(CROSS, parameters=(replace(FAST, maximum=100_000),))
    with pytest.raises(StrategyError) as refused:
        resolve(wide, {"fast": 20_000})
    assert (refused.value.code, refused.value.place) == ("OUT_OF_RANGE", "/nodes/1/inputs/period")


def test_a_graph_tells_which_candles_it_needs_besides() -> None:
    graph = added(
        node("a", "other", symbol="ETH/USDT", series=CLOSE),
        node("b", "higher", timeframe="4h", series=NodeRef("a")),
        node("c", "higher", timeframe="1d", series=CLOSE),
    )
    assert symbols_of(graph) == {"ETH/USDT"}
    assert timeframes_of(graph) == {"4h", "1d"}
    assert symbols_of(CROSS) == timeframes_of(CROSS) == set()
