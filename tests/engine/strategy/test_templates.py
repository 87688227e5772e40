"""Ready strategies: their forms at and beyond their bounds, and form, formula and graph as one thing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import talib

from engine.strategy.evaluate import evaluate
from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph, resolve
from engine.strategy.schema import from_json, to_json
from engine.strategy.templates import TEMPLATES, Field, FieldKind, FieldValue, recognise, template_graph
from engine.strategy.types import Graph, NodeRef, ParameterRef, StrategyError
from tests.engine.strategy.markets import market

GOOD = {"fast": 12, "slow": 26}
EMA_CROSS = """\
fast = parameter(12, 2, 500, "Fast period")
slow = parameter(26, 2, 500, "Slow period")
share = parameter(0.2, 0.01, 1.0, "Share of equity")

fast_line = ema(close, fast)
slow_line = ema(close, slow)

enter_long = crosses_above(fast_line, slow_line)
exit_long = crosses_below(fast_line, slow_line)

size = share_of_equity(share)
"""


def refusal(name: str, values: dict[str, Any]) -> tuple[str, str, str]:
    """Return code, field and message with which a form is refused."""
    with pytest.raises(StrategyError) as refused:
        template_graph(name, values)
    return refused.value.code, refused.value.place, refused.value.message


def random_values(random: Random, fields: tuple[Field, ...]) -> dict[str, int | Decimal | None]:
    """Return what a form could be filled in with, in whatever order of its fields."""
    values: dict[str, int | Decimal | None] = {}
    for field in fields:
        low, high = field.minimum, field.maximum
        if field.optional and random.random() < 0.5:
            values[field.name] = None
        elif field.kind is FieldKind.INTEGER:
            values[field.name] = random.randint(int(low), int(high))
        else:
            values[field.name] = Decimal(low + round((Decimal(high) - low) * random.randint(0, 1000) / 1000, 5))
    return values


def test_there_are_the_promised_ones() -> None:
    assert list(TEMPLATES) == [
        "ema_cross",
        "sma_cross",
        "rsi_reversion",
        "macd_trend",
        "bollinger_reversion",
        "bollinger_breakout",
        "donchian_breakout",
        "supertrend_trend",
        "stochastic",
        "vwap_reversion",
        "momentum_trend",
        "multi_timeframe_trend",
        "dual_momentum",
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_form_formula_and_graph_are_one_thing(name: str) -> None:
    template = TEMPLATES[name]
    defaults = {field.name: field.default for field in template.fields}
    graph = template_graph(name, {})
    assert graph == template_graph(name, defaults) == parse_formula(template.formula) == from_json(to_json(graph))
    assert write_formula(graph) == template.formula
    assert recognise(graph) == (name, defaults)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_form_is_known_again_whatever_its_values(name: str) -> None:
    random, known = Random(name), 0
    for _ in range(15):
        values = random_values(random, TEMPLATES[name].fields)
        try:
            graph = template_graph(name, values)
        except StrategyError as refused:
            assert "_NOT_BELOW_" in refused.code  # a draw may put two periods in the wrong order
            continue
        known += 1
        assert recognise(parse_formula(write_formula(graph))) == (name, values)
    assert known >= 3


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_field_says_what_it_is(name: str) -> None:
    template = TEMPLATES[name]
    assert template.label
    assert template.summary.endswith(".")
    for field in template.fields:
        assert field.label[0].isupper()
        assert field.help.endswith(".")
        assert field.default is None or field.minimum <= field.default <= field.maximum
        assert field.optional == (field.name in ("stop_loss", "take_profit"))
        assert (field.unit == "%") >= (field.kind is FieldKind.RATIO)


def test_the_ema_crossover_is_this_formula() -> None:
    assert TEMPLATES["ema_cross"].formula == EMA_CROSS


def test_ema_fields_are_those_of_the_first_release() -> None:
    fields = {field.name: field for field in TEMPLATES["ema_cross"].fields}
    bounds = {name: (field.minimum, field.maximum, field.default) for name, field in fields.items()}
    assert bounds == {
        "fast": (2, 500, 12),
        "slow": (2, 500, 26),
        "share": (Decimal("0.01"), Decimal(1), Decimal("0.2")),
        "stop_loss": (Decimal("0.001"), Decimal("0.5"), None),
    }
    assert [field.kind.value for field in fields.values()] == ["integer", "integer", "ratio", "ratio"]


def test_values_arrive_in_the_graph() -> None:
    values = {"fast": 5, "slow": 34, "share": "0.2500", "stop_loss": Decimal("0.0125")}
    graph = template_graph("ema_cross", values)
    assert {one.name: one.value for one in graph.parameters} == {"fast": 5, "slow": 34, "share": 0.25}
    assert graph.exits.stop_loss == 0.0125
    assert graph.sizing.share == ParameterRef("share")
    assert resolve(graph).sizing.share == 0.25
    found = recognise(graph)
    assert found is not None
    assert found == ("ema_cross", {"fast": 5, "slow": 34, "share": Decimal("0.25"), "stop_loss": Decimal("0.0125")})
    values_found: dict[str, FieldValue] = found[1]
    assert [type(value) for value in values_found.values()] == [int, int, Decimal, Decimal]


@pytest.mark.parametrize(
    "given",
    [
        {"fast": 2, "slow": 3},
        {"fast": 499, "slow": 500},
        {**GOOD, "share": "0.01"},
        {**GOOD, "share": 1},
        {**GOOD, "share": 0.35},
        {**GOOD, "stop_loss": "0.001"},
        {**GOOD, "stop_loss": Decimal("0.50000000")},
        {**GOOD, "stop_loss": None},
    ],
)
def test_the_bounds_themselves_are_allowed(given: dict[str, Any]) -> None:
    assert template_graph("ema_cross", given).outputs.keys() == {"enter_long", "exit_long"}


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"fast": 26, "slow": 26}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"fast": 27, "slow": 26}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"fast": 26}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"fast": 1, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": 12, "slow": 501}, "PERIOD_OUT_OF_RANGE", "slow"),
        ({"fast": 12, "slow": None}, "PERIOD_OUT_OF_RANGE", "slow"),
        ({"fast": "12", "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": 12.0, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": True, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({"fast": 10**5000, "slow": 26}, "PERIOD_OUT_OF_RANGE", "fast"),
        ({**GOOD, "share": "0.009"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "1.01"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "-0.2"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": None}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": True}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "NaN"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": Decimal("sNaN")}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": float("nan")}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "a fifth"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "0.2000001"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": 0.1 + 0.2}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": [0.2]}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "share": "1e999999999"}, "SHARE_OUT_OF_RANGE", "share"),
        ({**GOOD, "stop_loss": "0.0009"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "stop_loss": "0.51"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "stop_loss": "Infinity"}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({**GOOD, "leverage": 5}, "PARAMETER_UNKNOWN", "leverage"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(given: dict[str, Any], code: str, field: str) -> None:
    assert refusal("ema_cross", given)[:2] == (code, field)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("ema_cross", {"stop_loss": "0.9"}, "Enter a stop loss from 0.1 % to 50 %, with at most 3 decimals."),
        ("ema_cross", {"slow": 1}, "Enter a slow period from 2 to 500 candles."),
        ("ema_cross", {"fast": 26}, "Choose a fast period below the slow one."),
        ("ema_cross", {"leverage": 5}, "There is no parameter 'leverage'; use fast, share, slow, stop_loss."),
        ("rsi_reversion", {"period": 1}, "Enter an RSI period from 2 to 200 candles."),
        ("rsi_reversion", {"oversold": 60}, "Choose an oversold level below the recovery one."),
        ("rsi_reversion", {"take_profit": 11}, "Enter a take profit from 0.1 % to 1000 %, with at most 3 decimals."),
        ("vwap_reversion", {"period": 0}, "Enter a VWAP period from 2 to 1000 candles."),
        ("supertrend_trend", {"multiple": 0}, "Enter an ATR multiple from 0.5 to 20, with at most 5 decimals."),
        ("dual_momentum", {"held": 21}, "Enter a number held from 1 to 20 instruments."),
    ],
)
def test_a_refusal_says_what_to_do(name: str, given: dict[str, Any], message: str) -> None:
    assert refusal(name, given)[2] == message


def test_an_unknown_template_is_refused_by_name() -> None:
    assert refusal("grid", {})[:2] == ("TEMPLATE_UNKNOWN", "template")


@pytest.mark.parametrize(
    "changed",
    [
        EMA_CROSS.replace("enter_long = crosses_above", "enter_long = crosses_below"),
        EMA_CROSS.replace('"Fast period"', '"Quick period"'),
        EMA_CROSS.replace("parameter(12, 2, 500", "parameter(12, 2, 499"),
        EMA_CROSS.replace("parameter(12", "parameter(30"),
        EMA_CROSS.replace("0.2, 0.01", "0.2000001, 0.01"),
        EMA_CROSS + "stop_loss = share\n",
        EMA_CROSS + "stop_loss = 0.9\n",
        EMA_CROSS + "take_profit = 0.1\n",
        EMA_CROSS + "time_stop = 10\n",
        EMA_CROSS + "extra = close\n",
        EMA_CROSS.replace("share = parameter(0.2, 0.01, 1.0, \"Share of equity\")\n", "").replace("(share)", "(0.2)"),
    ],
)  # fmt: skip
def test_what_goes_beyond_the_form_is_no_template(changed: str) -> None:
    assert recognise(parse_formula(changed)) is None


def test_a_template_is_known_again_under_other_node_numbers_and_in_any_order() -> None:
    graph = template_graph("bollinger_breakout", {"period": 30})
    renamed: dict[str, str] = {node.id: f"n{index + 100}" for index, node in enumerate(graph.nodes)}
    nodes = tuple(
        replace(
            node,
            id=renamed[node.id],
            inputs={k: NodeRef(renamed[v.node]) if isinstance(v, NodeRef) else v for k, v in node.inputs.items()},
        )
        for node in reversed(graph.nodes)
    )
    shuffled: Graph = replace(graph, nodes=nodes, outputs={k: renamed[v] for k, v in graph.outputs.items()})
    assert canonical_graph(shuffled) == graph
    found = recognise(shuffled)
    assert found is not None
    assert found[0] == "bollinger_breakout"
    assert found[1]["period"] == 30


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_of_them_trades_on_an_ordinary_market(name: str) -> None:
    signals = evaluate(template_graph(name, {}), market(3000, of="walk"))
    entries, exits = signals.enter_long, signals.exit_long
    # A jump through both levels says both at once, and is no entry.
    assert (entries & ~exits).sum() >= 3
    assert exits.sum() >= 3
    assert not (signals.enter_short | signals.exit_short).any()
    assert signals.ready_at < 300


def test_the_ema_crossover_signals_where_the_averages_cross() -> None:
    whole = market(2000, of="walk")
    signals = evaluate(template_graph("ema_cross", {"fast": 5, "slow": 20}), whole)
    above = talib.EMA(whole.candles.close, 5) > talib.EMA(whole.candles.close, 20)
    crossed = above[1:] != above[:-1]
    crossed[:19] = False  # the slow average is defined from candle 19 on, on which nothing can have crossed
    assert (signals.enter_long[1:] == (crossed & above[1:])).all()
    assert (signals.exit_long[1:] == (crossed & ~above[1:])).all()
    assert signals.enter_long.sum() > 10
