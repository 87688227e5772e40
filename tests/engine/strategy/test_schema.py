"""The JSON face: what is written can be read, what is broken is refused, and the published schema says the same."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.strategy.schema import from_json, json_schema, to_json
from engine.strategy.templates import template_graph
from engine.strategy.types import Graph, StrategyError
from tests.engine.strategy.graphs import graphs
from tests.engine.strategy.test_graph import CROSS

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_published_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@settings(max_examples=40)
@given(graph=graphs(size=8))
def test_every_graph_comes_back_and_is_valid(graph: Graph) -> None:
    written = json.loads(json.dumps(to_json(graph), allow_nan=False))
    assert from_json(written) == graph
    assert list(VALIDATOR.iter_errors(written)) == []


def test_what_has_a_default_may_be_left_out() -> None:
    short = {
        "schema": 1,
        "nodes": [
            {"id": "n1", "type": "close"},
            {"id": "n2", "type": "rsi", "inputs": {"series": {"node": "n1"}}},
            {"id": "n3", "type": "rising", "inputs": {"series": {"node": "n2"}}},
        ],
        "outputs": {"enter_long": "n3"},
    }
    VALIDATOR.validate(short)
    graph = from_json(short)
    assert graph.nodes[1].inputs.keys() == {"series"}
    assert (graph.max_open_trades, graph.exits.use_exit_signal, graph.entry) == (1, True, None)


def broken(path: str, value: Any) -> dict[str, Any]:
    """Return CROSS as JSON with something else at a JSON pointer; `...` takes it away."""
    written: Any = copy.deepcopy(to_json(CROSS))
    *parents, name = path[1:].split("/")
    target = written
    for parent in parents:
        target = target[int(parent)] if isinstance(target, list) else target[parent]
    if value is ...:
        del target[name]
    else:
        target[int(name) if isinstance(target, list) else name] = value
    found: dict[str, Any] = written
    return found


BROKEN = [
    ("/nodes", ..., "MISSING_FIELD", "/nodes"),
    ("/nodes", {}, "WRONG_KIND", "/nodes"),
    ("/nodes/0", None, "WRONG_KIND", "/nodes/0"),
    ("/nodes/0/id", 7, "WRONG_KIND", "/nodes/0/id"),
    ("/nodes/0/type", ["close"], "WRONG_KIND", "/nodes/0/type"),
    ("/nodes/0/type", "clos", "UNKNOWN_NODE", "/nodes/0/type"),
    ("/nodes/0/x~/", 1, "UNKNOWN_FIELD", "/nodes/0/x~0"),
    ("/nodes/1/inputs", [], "WRONG_KIND", "/nodes/1/inputs"),
    ("/nodes/1/inputs/series", {"nod": "n1"}, "WRONG_KIND", "/nodes/1/inputs/series"),
    ("/nodes/1/inputs/series", {"node": 1}, "WRONG_KIND", "/nodes/1/inputs/series/node"),
    ("/nodes/1/inputs/series", True, "WRONG_KIND", "/nodes/1/inputs/series"),
    ("/nodes/1/inputs/period", "12", "NOT_A_NUMBER", "/nodes/1/inputs/period"),
    ("/nodes/1/inputs/period", 0, "OUT_OF_RANGE", "/nodes/1/inputs/period"),
    ("/outputs", [], "WRONG_KIND", "/outputs"),
    ("/outputs", {}, "NO_OUTPUT", "/outputs"),
    ("/outputs/buy", "n3", "UNKNOWN_FIELD", "/outputs/buy"),
    ("/parameters/0/value", "12", "NOT_A_NUMBER", "/parameters/0/value"),
    ("/parameters/0/integer", 1, "WRONG_KIND", "/parameters/0/integer"),
    ("/parameters/0/label", "a" * 81, "BAD_TEXT", "/parameters/0/label"),
    ("/exits", None, "WRONG_KIND", "/exits"),
    ("/exits/stop_loss", "0.1", "NOT_A_NUMBER", "/exits/stop_loss"),
    ("/exits/stop_loss", {"node": "n1"}, "WRONG_KIND", "/exits/stop_loss"),
    ("/exits/use_exit_signal", None, "NOT_A_NUMBER", "/exits/use_exit_signal"),
    ("/exits/roi", [[0]], "WRONG_KIND", "/exits/roi/0"),
    ("/exits/roi", [[0, "a"]], "NOT_A_NUMBER", "/exits/roi/0"),
    ("/exits/trailing", {"distance": 2}, "OUT_OF_RANGE", "/exits/trailing/distance"),
    ("/sizing/kind", "martingale", "UNKNOWN_CHOICE", "/sizing/kind"),
    ("/sizing/share", None, "NOT_A_NUMBER", "/sizing/share"),
    ("/entry", {"offset": []}, "NOT_A_NUMBER", "/entry/offset"),
    ("/max_open_trades", 1.5, "NOT_WHOLE", "/max_open_trades"),
    ("/schema", ..., "NO_SCHEMA", "/schema"),
    ("/schema", "1", "NO_SCHEMA", "/schema"),
    ("/schema", True, "NO_SCHEMA", "/schema"),
    ("/schema", 0, "BAD_SCHEMA", "/schema"),
    ("/schema", 2, "SCHEMA_TOO_NEW", "/schema"),
    ("/comment", "mine", "UNKNOWN_FIELD", "/comment"),
]


@pytest.mark.parametrize(
    ("path", "value", "code", "place"), BROKEN, ids=[f"{one[0]}={one[1]!r}"[:60] for one in BROKEN]
)
def test_what_is_broken_is_refused_here_and_by_the_schema(path: str, value: Any, code: str, place: str) -> None:
    data = broken(path, value) if "~" not in path else broken("/nodes/0", to_json(CROSS)["nodes"][0] | {"x~": 1})
    with pytest.raises(StrategyError) as refused:
        from_json(data)
    assert (refused.value.code, refused.value.place) == (code, place)
    assert not VALIDATOR.is_valid(data)


def test_a_strategy_of_a_newer_release_is_refused_in_words() -> None:
    with pytest.raises(StrategyError, match="written by a newer release"):
        from_json(broken("/schema", 7))


@pytest.mark.parametrize("stop_loss", [None, "0.05"])
def test_parameters_of_before_there_were_graphs_are_migrated(stop_loss: str | None) -> None:
    stored = {"fast": 9, "slow": 21, "share": "0.35", "stop_loss": stop_loss}
    graph = from_json(stored)
    assert graph == from_json({**stored, "schema": 0}) == template_graph("ema_cross", stored)
    assert {one.name: one.value for one in graph.parameters} == {"fast": 9, "slow": 21, "share": 0.35}
    assert graph.exits.stop_loss == (None if stop_loss is None else 0.05)


def test_parameters_that_never_were_are_not_migrated() -> None:
    with pytest.raises(StrategyError) as refused:
        from_json({"fast": 30, "slow": 21, "share": "0.35", "stop_loss": None})
    assert refused.value.place == "/fast"


def _deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a number": 3,
    "a list": [],
    "an empty object": {},
    "depth": {"schema": 1, "nodes": _deep(5000), "outputs": _deep(5000)},
    "a deep input": broken("/nodes/1/inputs/period", _deep(5000)),
    "a deep setting": broken("/exits/stop_loss", _deep(5000)),
    "a deep version": broken("/schema", _deep(5000)),
    "a deep legacy": {"fast": _deep(5000), "slow": 3, "share": _deep(5000), "stop_loss": _deep(5000)},
    "10,000 nodes": broken("/nodes", [{"id": f"n{i}", "type": "close"} for i in range(10_000)]),
    "a million parameters": broken("/parameters", [None] * 1_000_000),
    "a long id": broken("/nodes/0/id", "a" * 1_000_000),
    "a long type": broken("/nodes/0/type", "ema" * 300_000),
    "a long share": {"fast": 3, "slow": 9, "share": "9" * 1_000_000, "stop_loss": None},
    "a long period": broken("/nodes/1/inputs/period", 10**4000),
    "a lone surrogate": broken("/nodes/0/id", "\ud800"),
    "not a number": broken("/nodes/1/inputs/period", float("nan")),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_meant_to_hurt_is_refused_at_once(data: Any) -> None:
    began = time.perf_counter()
    with pytest.raises(StrategyError) as refused:
        from_json(data)
    assert time.perf_counter() - began < 1
    assert len(refused.value.message) < 2000 and len(refused.value.place) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=12), inside, max_size=4),
    max_leaves=8,
)
WRITTEN = [to_json(CROSS), {"fast": 9, "slow": 21, "share": "0.35", "stop_loss": None}]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inside for found in _paths(one, (*path, key)))]


PLACES = [(which, path) for which, written in enumerate(WRITTEN) for path in _paths(written) if path]


@settings(max_examples=100)
@given(place=st.sampled_from(PLACES), value=JSON, key=st.none() | st.text(max_size=10))
def test_anything_anywhere_is_a_graph_or_a_refusal(
    place: tuple[int, tuple[Any, ...]], value: Any, key: str | None
) -> None:
    which, path = place
    data = copy.deepcopy(WRITTEN[which])
    target: Any = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1] if key is None or isinstance(target, list) else key] = value
    try:
        graph = from_json(data)
    except StrategyError as refused:
        assert refused.code.isupper() and refused.message
    else:
        assert from_json(to_json(graph)) == graph
