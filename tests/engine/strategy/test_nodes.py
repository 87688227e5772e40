"""The table of nodes: what each declares about itself is what it does."""

from __future__ import annotations

import numpy as np
import pytest

from engine.strategy.evaluate import evaluate, history, series_of, warm_up
from engine.strategy.nodes import NODE_TYPES, node_type
from engine.strategy.types import Graph, Kind, Market, StrategyError
from tests.engine.strategy.markets import MIDNIGHT, around, last, market, until, walk

HOUR = 3_600_000
# Days and coarse candles: their warm-up is longest when the data begin just after one of them did.
JUST_AFTER = Market(walk(400, start=MIDNIGHT + HOUR), "1h", {"BTC/USDT": walk(400, 2, start=MIDNIGHT + HOUR)})
# Defined only when something has happened: warm_up is the earliest moment.
WHEN_IT_HAPPENS = {"resistance", "support", "bars_since"}
# On-balance volume starts at the first candle's; only its changes are the same wherever the data begin.
LEVEL_OF_THE_BEGINNING = {"obv"}
LONG = market(7000, of="walk")
LONG_BUT_FOR_13 = until(LONG, 6987)


def _values(graph: Graph, on: Market) -> np.ndarray:
    return np.asarray(series_of(graph, on, ["target"])["target"])


SERIES = [name for name, one in NODE_TYPES.items() if one.output is Kind.SERIES]
CONDITIONS = [name for name, one in NODE_TYPES.items() if one.output is Kind.CONDITION]


@pytest.mark.parametrize("name", SERIES)
def test_the_first_value_comes_where_the_warm_up_says(name: str) -> None:
    graph = around(name)
    first = int(np.flatnonzero(~np.isnan(_values(graph, JUST_AFTER)))[0])
    expected = warm_up(graph, timeframe="1h")
    assert first >= expected if name in WHEN_IT_HAPPENS else first == expected


@pytest.mark.parametrize("name", SERIES)
def test_a_value_once_defined_stays_defined_on_clean_data(name: str) -> None:
    values = _values(around(name), JUST_AFTER)
    first = int(np.flatnonzero(~np.isnan(values))[0])
    assert name in WHEN_IT_HAPPENS or not np.isnan(values[first:]).any()


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_says_nothing_before_its_warm_up(name: str) -> None:
    graph = around(name)
    signals = evaluate(graph, JUST_AFTER)
    assert signals.ready_at == warm_up(graph, timeframe="1h")
    assert not signals.enter_long[: signals.ready_at].any()


@pytest.mark.parametrize("name", [name for name in NODE_TYPES if name not in LEVEL_OF_THE_BEGINNING])
def test_the_last_candles_give_the_same_value_as_all(name: str) -> None:
    graph = around(name)
    needed = history(graph, timeframe="1h")
    for whole in (LONG, LONG_BUT_FOR_13):
        full, short = _values(graph, whole), _values(graph, last(whole, needed))
        assert len(short) == needed
        np.testing.assert_allclose(short[-1], full[-1], rtol=1e-9, atol=1e-12)
        assert name in WHEN_IT_HAPPENS or not np.isnan(full[-1])


def test_changes_of_on_balance_volume_do_not_depend_on_the_beginning() -> None:
    graph = around("obv")
    full, short = _values(graph, LONG), _values(graph, last(LONG, 500))
    np.testing.assert_allclose(np.diff(full)[-400:], np.diff(short)[-400:], rtol=1e-9)


@pytest.mark.parametrize("name", NODE_TYPES)
def test_a_node_says_what_it_is(name: str) -> None:
    one = node_type(name)
    assert one.name == name and one.doc.endswith(".") and one.source and one.group
    assert all(port.doc for port in one.ports)
    assert len({port.name for port in one.ports}) == len(one.ports)
    for port in one.ports:
        if isinstance(port.default, int | float):
            assert port.minimum <= port.default <= port.maximum
        if port.choices and port.default is not None:
            assert port.default in port.choices


def test_the_table_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        NODE_TYPES["mine"] = NODE_TYPES["sma"]  # type: ignore[index]  # that is the point


def test_an_unknown_node_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(StrategyError) as refused:
        node_type("bolinger_uper")
    assert refused.value.code == "UNKNOWN_NODE"
    assert "bollinger_upper" in refused.value.message


def test_nothing_near_is_nothing_said() -> None:
    with pytest.raises(StrategyError) as refused:
        node_type("q" * 5000)
    assert refused.value.message == f"There is no node '{'q' * 40}'."
