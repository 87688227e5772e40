"""From graph and candles to signals: exact values on candles made by hand, scopes, caches, charts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.strategy import evaluate as evaluation
from engine.strategy.context import Contexts
from engine.strategy.evaluate import evaluate, history, series_of, warm_up
from engine.strategy.types import Graph, Market, Node, NodeRef, Parameter, ParameterRef, StrategyError, Value
from tests.engine.strategy.first_release import EmaCross, ema_cross_signals
from tests.engine.strategy.markets import MIDNIGHT, SYMBOLS, around, market, rough, until, walk

MINUTE, HOUR = 60_000, 3_600_000
NAN = math.nan


def flat(closes: list[float], *, start: int = MIDNIGHT, step: int = HOUR, missing: tuple[int, ...] = ()) -> Candles:
    """Return candles whose four prices are the closes; those at the places in `missing` are left out."""
    kept = [place for place in range(len(closes)) if place not in missing]
    close = np.array(closes, np.float64)[kept]
    return Candles(start + np.array(kept, np.int64) * step, close, close, close, close, np.ones(len(kept)))


def node(name: str, type_name: str, **inputs: Value) -> Node:
    return Node(name, type_name, inputs)


def graph_of(*nodes: Node, output: str = "") -> Graph:
    always = node("always", "equal", left=NodeRef("c"), right=NodeRef("c"))
    return Graph((node("c", "close"), always, *nodes), {"enter_long": output or "always"})


def values(graph: Graph, on: Market, name: str = "x") -> list[float]:
    found: list[float] = series_of(graph, on, [name])[name].tolist()
    return found


def assert_values(graph: Graph, on: Market, expected: list[float]) -> None:
    np.testing.assert_array_equal(values(graph, on), expected)


CROSS = Graph(
    (
        node("c", "close"),
        node("fast_line", "ema", series=NodeRef("c"), period=ParameterRef("fast")),
        node("slow_line", "ema", series=NodeRef("c"), period=ParameterRef("slow")),
        node("up", "crosses_above", left=NodeRef("fast_line"), right=NodeRef("slow_line")),
        node("down", "crosses_below", left=NodeRef("fast_line"), right=NodeRef("slow_line")),
    ),
    {"enter_long": "up", "exit_long": "down"},
    (Parameter("fast", 12, 2, 500), Parameter("slow", 26, 2, 500)),
)


def test_the_crossover_is_the_one_that_runs_have_traded_so_far() -> None:
    candles = walk(3000)
    signals, before = evaluate(CROSS, Market(candles, "1h")), ema_cross_signals(candles, EmaCross(12, 26))
    np.testing.assert_array_equal(signals.enter_long, before.enter_long)
    np.testing.assert_array_equal(signals.exit_long, before.exit_long)
    assert signals.enter_long.sum() > 50
    assert not signals.enter_short.any() and not signals.exit_short.any()


def test_nothing_signals_before_everything_is_defined() -> None:
    candles = walk(300)
    graph = graph_of(
        node("x", "sma", series=NodeRef("c"), period=50),
        node("yes", "greater", left=NodeRef("x"), right=NodeRef("c")),
        node("both", "or", left=NodeRef("yes"), right=NodeRef("always")),
        output="both",
    )
    signals = evaluate(graph, Market(candles, "1h"))
    assert signals.ready_at == warm_up(graph) == 49
    assert not signals.enter_long[:49].any() and signals.enter_long[49:].all()


def test_fewer_candles_than_the_warm_up_signal_nothing() -> None:
    graph = graph_of(
        node("x", "sma", series=NodeRef("c"), period=50),
        node("yes", "less", left=NodeRef("x"), right=NodeRef("c")),
        output="yes",
    )
    for count in (0, 1, 10):
        signals = evaluate(graph, Market(walk(count), "1h"))
        assert (len(signals.enter_long), signals.ready_at) == (count, count)
        assert not signals.enter_long.any()


def test_warm_up_and_history_add_up_along_the_graph() -> None:
    assert (warm_up(CROSS), history(CROSS)) == (26, 26 * 12 + 1 + 1)
    assert (warm_up(CROSS, {"slow": 50}), history(CROSS, {"slow": 50})) == (50, 602)
    higher = around("higher", timeframe="4h")
    assert (warm_up(higher, timeframe="1h"), history(higher, timeframe="1h")) == (6, 7)
    assert warm_up(higher, timeframe="4h") == 0
    assert history(around("vwap_day"), timeframe="5m") == 288


def test_a_coarser_candle_is_seen_when_it_closes() -> None:
    graph = graph_of(node("x", "higher", timeframe="4h", series=NodeRef("c")))
    assert_values(graph, Market(flat([1, 2, 3, 4, 5, 6, 7, 8, 9]), "1h"), [NAN, NAN, NAN, 4, 4, 4, 4, 8, 8])


def test_a_coarser_candle_that_the_beginning_cuts_is_none() -> None:
    graph = graph_of(node("x", "higher", timeframe="4h", series=NodeRef("c")))
    later = flat([1, 2, 3, 4, 5, 6, 7, 8], start=MIDNIGHT + HOUR)
    assert_values(graph, Market(later, "1h"), [NAN, NAN, NAN, NAN, NAN, NAN, 7, 7])


def test_a_coarser_candle_without_its_last_one_closes_with_the_next() -> None:
    graph = graph_of(node("x", "higher", timeframe="4h", series=NodeRef("c")))
    gaps = flat([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], missing=(3, 4))
    # 02:00 is the last of the first candle; it is known closed when 05:00 has closed.
    assert_values(graph, Market(gaps, "1h"), [NAN, NAN, NAN, 3, 3, 8, 8, 8, 8, 12])


def test_a_coarser_candle_that_has_not_closed_is_none() -> None:
    contexts = Contexts(Market(flat([1, 2, 3, 4, 5, 6, 7]), "1h"))
    coarse = contexts.traded.coarser("4h")
    assert coarse.candles.close.tolist() == [4]
    assert coarse.closed_at.tolist() == [MIDNIGHT + 4 * HOUR]


def test_indicators_inside_a_scope_count_its_own_candles() -> None:
    graph = graph_of(
        node("average", "sma", series=NodeRef("c"), period=2),
        node("x", "higher", timeframe="2h", series=NodeRef("average")),
    )
    assert_values(graph, Market(flat([1, 2, 3, 4, 5, 6]), "1h"), [NAN, NAN, NAN, 3, 3, 5])


def test_the_same_timeframe_is_the_candles_themselves() -> None:
    graph = graph_of(node("x", "higher", timeframe="1h", series=NodeRef("c")))
    assert_values(graph, Market(flat([1, 2, 3]), "1h"), [1, 2, 3])


@pytest.mark.parametrize("timeframe", ["5m", "4h"])
def test_a_finer_or_unfitting_timeframe_is_refused(timeframe: str) -> None:
    graph = graph_of(
        node("x", "higher", timeframe=timeframe, series=NodeRef("c")),
        node("yes", "less", left=NodeRef("x"), right=NodeRef("c")),
        output="yes",
    )
    with pytest.raises(StrategyError) as refused:
        evaluate(graph, Market(flat([1, 2, 3], step=6 * HOUR), "6h"))
    assert refused.value.code == "TIMEFRAME_NOT_COARSER"


def test_another_instrument_is_seen_as_known_at_the_close() -> None:
    graph = graph_of(node("x", "other", symbol="ETH/USDT", series=NodeRef("c")))
    other = flat([10, 20, 30, 40, 50], missing=(2,))
    assert_values(graph, Market(flat([1, 2, 3, 4]), "1h", {"ETH/USDT": other}), [10, 20, 20, 40])
    late = flat([10, 20], start=MIDNIGHT + 2 * HOUR)
    assert_values(graph, Market(flat([1, 2, 3, 4]), "1h", {"ETH/USDT": late}), [NAN, NAN, 10, 20])


def test_an_instrument_that_is_not_there_is_refused() -> None:
    graph = graph_of(node("x", "other", symbol="XRP/USDT", series=NodeRef("c")))
    with pytest.raises(StrategyError) as refused:
        series_of(graph, Market(flat([1, 2]), "1h"), ["x"])
    assert refused.value.code == "UNKNOWN_SYMBOL"


def test_rank_counts_who_is_larger() -> None:
    graph = graph_of(node("x", "rank", series=NodeRef("c")))
    universe = (flat([5, 1, 1]), flat([3, 3, 3]), flat([1, 2, 3], missing=(0,)))
    found = [values(graph, Market(one, "1h", {}, universe, place)) for place, one in enumerate(universe)]
    assert found == [[1, 3, 3], [2, 1, 1], [2, 1]]
    assert values(graph, Market(universe[0], "1h")) == [1, 1, 1]


def test_scopes_stand_inside_one_another() -> None:
    graph = graph_of(
        node("coarse", "higher", timeframe="2h", series=NodeRef("c")),
        node("theirs", "other", symbol="ETH/USDT", series=NodeRef("coarse")),
        node("x", "rank", series=NodeRef("theirs")),
        node("reverse", "other", symbol="ETH/USDT", series=NodeRef("c")),
        node("same", "higher", timeframe="2h", series=NodeRef("reverse")),
    )
    on = Market(flat([1, 2, 3, 4]), "1h", {"ETH/USDT": flat([10, 20, 30, 40])})
    assert_values(graph, on, [NAN, 1, 1, 1])
    np.testing.assert_array_equal(values(graph, on, "theirs"), [NAN, 20, 20, 40])
    np.testing.assert_array_equal(values(graph, on, "same"), [NAN, 20, 20, 40])


def test_time_filters_look_at_the_opening() -> None:
    candles = flat([1.0] * 24 * 8)
    graph = graph_of(
        node("x", "hour_between", start=22, end=2),
        node("noon", "hour_between", start=12, end=13),
        node("weekend", "weekday_in", first="saturday", last="sunday"),
        node("around", "weekday_in", first="sunday", last="monday"),
    )
    found = series_of(graph, Market(candles, "1h"), ["x", "noon", "weekend", "around"])
    assert np.flatnonzero(found["x"][:24]).tolist() == [0, 1, 22, 23]
    assert np.flatnonzero(found["noon"][:24]).tolist() == [12]
    assert sorted(set((np.flatnonzero(found["weekend"]) // 24).tolist())) == [5, 6]
    assert sorted(set((np.flatnonzero(found["around"]) // 24).tolist())) == [0, 6, 7]


def test_pivots_are_those_of_the_day_that_has_closed() -> None:
    candles = walk(72)
    found = values(around("pivot"), Market(candles, "1h"), "target")
    day = candles.part(0, 24)
    assert all(math.isnan(one) for one in found[:23])
    assert found[23:47] == [(day.high.max() + day.low.min() + day.close[-1]) / 3] * 24
    assert found[47] != found[46]


def test_what_has_no_result_is_undefined_and_compares_as_no() -> None:
    graph = graph_of(
        node("zero", "number", value=0.0),
        node("x", "divide", left=NodeRef("c"), right=NodeRef("zero")),
        node("root", "sqrt", series=NodeRef("less_than_nothing")),
        node("less_than_nothing", "negate", series=NodeRef("c")),
        node("logarithm", "log", series=NodeRef("zero")),
        node("large", "multiply", left=NodeRef("c"), right=NodeRef("c")),
        *(
            node(
                f"k{i}",
                "multiply",
                left=NodeRef(f"k{i - 1}" if i else "large"),
                right=NodeRef(f"k{i - 1}" if i else "large"),
            )
            for i in range(7)
        ),
        node("more", "greater", left=NodeRef("x"), right=NodeRef("c")),
        node("same", "equal", left=NodeRef("x"), right=NodeRef("x")),
        node("not_more", "not", condition=NodeRef("more")),
    )
    found = series_of(
        graph, Market(flat([3.0, 5.0]), "1h"), ["x", "root", "logarithm", "k6", "more", "same", "not_more"]
    )
    assert all(np.isnan(found[name]).all() for name in ("x", "root", "logarithm", "k6"))
    assert not found["more"].any() and not found["same"].any() and found["not_more"].all()


def test_an_undefined_candle_costs_a_warm_up_and_no_more() -> None:
    candles = walk(200)
    candles.close[100] = NAN
    for name, wait in (("sma", 5), ("ema", 5), ("rsi", 6), ("stdev", 5), ("kama", 6)):
        found = np.isnan(values(around(name), Market(candles, "1h"), "target"))
        assert np.flatnonzero(found[50:]).tolist() == list(range(50, 50 + wait)), name


def test_no_candle_is_left_as_it_was_found() -> None:
    candles = rough(300)
    before = [getattr(candles, name).copy() for name in candles.__slots__]
    for name in ("zscore", "keltner_middle", "correlation", "higher", "roc", "divide"):
        series_of(around(name), Market(candles, "1h"), ["target"])
    for name, column in zip(candles.__slots__, before, strict=True):
        np.testing.assert_array_equal(getattr(candles, name), column)


def test_a_sweep_computes_each_indicator_once(monkeypatch: pytest.MonkeyPatch) -> None:
    on, counted = market(300), []
    cache: dict[Any, Any] = {}
    original = evaluation._Run._computed

    def counting(self: Any, one: Node, context: Any) -> Any:
        counted.append(one.type)
        return original(self, one, context)

    monkeypatch.setattr(evaluation._Run, "_computed", counting)
    for fast in (5, 6, 7):
        for slow in (20, 30):
            shared = evaluate(CROSS, on, {"fast": fast, "slow": slow}, cache)
            monkeypatch.setattr(evaluation._Run, "_computed", original)
            alone = evaluate(CROSS, on, {"fast": fast, "slow": slow})
            monkeypatch.setattr(evaluation._Run, "_computed", counting)
            np.testing.assert_array_equal(shared.enter_long, alone.enter_long)
    assert (counted.count("ema"), counted.count("close")) == (5, 1)


def test_what_is_said_twice_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    original = evaluation._Run._computed

    def counting(self: Any, one: Node, context: Any) -> Any:
        counted.append(one.type)
        return original(self, one, context)

    monkeypatch.setattr(evaluation._Run, "_computed", counting)
    graph = graph_of(
        node("other_close", "close"),
        node("a", "sma", series=NodeRef("c"), period=3),
        node("b", "sma", series=NodeRef("other_close"), period=3.0),
        node("x", "greater", left=NodeRef("a"), right=NodeRef("b")),
        output="x",
    )
    assert not evaluate(graph, Market(walk(50), "1h")).enter_long.any()
    assert (counted.count("close"), counted.count("sma")) == (1, 1)


def test_a_cache_serves_one_market() -> None:
    cache: dict[Any, Any] = {}
    evaluate(CROSS, market(60), None, cache)
    with pytest.raises(ValueError, match="another market"):
        evaluate(CROSS, market(60), None, cache)


def test_a_cached_signal_is_not_shared_with_the_caller() -> None:
    on = Market(walk(300), "1h")
    cache: dict[Any, Any] = {}
    first = evaluate(CROSS, on, None, cache).enter_long
    expected = first.copy()
    first[:] = True
    np.testing.assert_array_equal(evaluate(CROSS, on, None, cache).enter_long, expected)


def test_a_long_chain_is_computed_without_recursion() -> None:
    chain = [node(f"s{i}", "negate", series=NodeRef(f"s{i - 1}" if i else "c")) for i in range(497)]
    assert values(graph_of(*chain), Market(flat([1.0, 2.0]), "1h"), "s496") == [-1.0, -2.0]


def test_a_diamond_of_forty_floors_is_computed_floor_by_floor() -> None:
    floors = [
        node(f"s{i}", "max", left=NodeRef(f"s{i - 1}" if i else "c"), right=NodeRef(f"s{i - 1}" if i else "c"))
        for i in range(40)
    ]
    assert values(graph_of(*floors), Market(flat([1.0, 2.0]), "1h"), "s39") == [1.0, 2.0]


def test_a_chart_asks_only_for_nodes_that_are_there() -> None:
    with pytest.raises(StrategyError) as refused:
        series_of(CROSS, market(60), ["fast_line", "fastest"])
    assert refused.value.code == "UNKNOWN_REFERENCE"


def test_others_know_nothing_that_is_later() -> None:
    """The helper of the look-ahead tests must cut the others as well, or those tests prove nothing."""
    whole = market(100)
    known = until(whole, 50)
    closed = known.candles.opened_at[-1]
    assert len(known.candles) == 50
    assert all(other.opened_at[-1] <= closed for other in (*known.others.values(), *known.universe))
    assert set(known.others) == set(SYMBOLS) and replace(known, candles=known.universe[1]) == known
