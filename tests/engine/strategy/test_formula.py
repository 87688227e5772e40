"""Formulas read: what each line means, and where and how a wrong one is refused."""

from __future__ import annotations

import pytest

from engine.strategy.checking import STATEMENTS
from engine.strategy.formula import parse_formula, vocabulary, write_formula
from engine.strategy.formula.scan import MAX_CHARACTERS
from engine.strategy.formula.settings import SETTINGS
from engine.strategy.graph import check_graph
from engine.strategy.nodes import NODE_TYPES
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
)

EVERYTHING = """\
# The crossover of the handbook.
fast = parameter(12, 2, 500, "Fast period")
level = parameter(70, 1.0, 99)
risk = parameter(0.01, 0.001, 0.1)

quick = ema(close, fast)
enter_long = crosses_above(quick, ema(close, 26)) and rsi(close, 14) < level   # not overbought
exit_long = not (close > quick)
enter_short = close < -1 * low or close == open
exit_short = 30 < rsi(close, 14) < 70

stop_loss = risk
take_profit = 0.1
roi = {60: 0.05, 0: 0.1, 120: -1}
time_stop = 48
trailing_stop = trailing(0.02, positive=0.01, offset=0.03, only_after_offset=True)
use_exit_signal = False
exit_profit_only = True
ignore_roi_if_entry_signal = True
size = atr_risk(risk, period=10, multiple=3)
entry = limit(0.001, timeout=60)
max_open_trades = 5
"""


def refusal(text: str) -> tuple[str, str, str]:
    """Return code, place and message with which a formula is refused."""
    with pytest.raises(StrategyError) as refused:
        parse_formula(text)
    return refused.value.code, refused.value.place, refused.value.message


def test_every_kind_of_line_is_read() -> None:
    graph = parse_formula(EVERYTHING)
    assert graph.parameters == (
        Parameter("fast", 12, 2, 500, integer=True, label="Fast period"),
        Parameter("level", 70.0, 1.0, 99.0, integer=False),
        Parameter("risk", 0.01, 0.001, 0.1, integer=False),
    )
    assert graph.exits == Exits(
        stop_loss=ParameterRef("risk"),
        trailing=Trailing(0.02, 0.01, 0.03, only_after_offset=True),
        take_profit=0.1,
        roi=((0, 0.1), (60, 0.05), (120, -1.0)),
        time_stop_candles=48,
        use_exit_signal=False,
        exit_profit_only=True,
        ignore_roi_if_entry_signal=True,
    )
    assert graph.sizing == Sizing(SizingKind.ATR_RISK, share=ParameterRef("risk"), atr_period=10, atr_multiple=3.0)
    assert graph.entry == LimitEntry(0.001, 60)
    assert graph.max_open_trades == 5
    assert set(graph.outputs) == {"enter_long", "exit_long", "enter_short", "exit_short"}
    quick = next(node for node in graph.nodes if node.id == "quick")
    close = next(node for node in graph.nodes if node.type == "close")
    assert quick == Node("quick", "ema", {"series": NodeRef(close.id), "period": ParameterRef("fast"), "seed": "mean"})


def test_a_formula_says_the_graph_that_it_looks_like() -> None:
    assert parse_formula("enter_long = crosses_above(close, sma(close, 20))") == Graph(
        nodes=(
            Node("n1", "close", {}),
            Node("n2", "sma", {"series": NodeRef("n1"), "period": 20}),
            Node("n3", "crosses_above", {"left": NodeRef("n1"), "right": NodeRef("n2")}),
        ),
        outputs={"enter_long": "n3"},
    )


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("close - open - low > 0", "(close - open) - low > 0"),
        ("close + open * low > 0", "close + (open * low) > 0"),
        ("-close * 2 < 0", "(-close) * 2 < 0"),
        ("not close > 1 and open > 1", "(not (close > 1)) and open > 1"),
        ("close > 1 or open > 1 and low > 1", "close > 1 or (open > 1 and low > 1)"),
        ("1 < close <= 2", "1 < close and close <= 2"),
        ("1 < close < open < 3", "1 < close and close < open and open < 3"),
        ("(close > 1)", "close > 1.0"),
        ("close > - -1", "close > 1"),
        ("rsi(close) < 30", "rsi(series=close, period=14) < 30"),
        ("ema(close, 5, seed=first) > 0", 'ema(close, 5, "first") > 0'),
        ("ema(period=5, series=close) > 0", "ema(close, 5) > 0"),
        ("atr > 3", "atr(14) > 3"),
        ("close() > 3", "close > 3"),
        ("close > 3 and close > 3", "close > 3 and close > 3.0"),
        ("candle_pattern(doji, bearish)", "candle_pattern('doji', side=\"bearish\")"),
    ],
)
def test_two_ways_of_writing_the_same_are_the_same(one: str, same: str) -> None:
    assert parse_formula(f"enter_long = {one}") == parse_formula(f"enter_long = {same}")


def test_brackets_change_what_is_said() -> None:
    assert parse_formula("enter_long = close - (open - low) > 0") != parse_formula(
        "enter_long = close - open - low > 0"
    )
    assert parse_formula("enter_long = not (close > 1 and open > 1)").nodes[-1].type == "not"


def test_a_statement_runs_on_while_a_bracket_is_open() -> None:
    long = "enter_long = (close > open  # first\n\n    and\tclose > low)\r\nexit_long = close < open\r"
    assert parse_formula(long) == parse_formula("enter_long = close > open and close > low\nexit_long = close < open")


def test_a_name_can_stand_for_a_number_another_name_or_a_signal() -> None:
    text = "level = -30\nline = rsi(close, 14)\nsame = line\nenter_long = same < level\nexit_long = not enter_long"
    plain = "line = rsi(close, 14)\nenter_long = line < -30\nexit_long = not (line < -30)"
    assert parse_formula(text) == parse_formula(plain)


def test_words_of_other_languages_are_plain_names_here() -> None:
    text = "true = close\nAND = open\nmatch = low\n_ = high\nenter_long = true > AND and match > _"
    assert {"true", "AND", "match", "_"} <= {node.id for node in parse_formula(text).nodes}


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("enter_long = emaa(close, 12) > 1", "UNKNOWN_NODE", "1:14", "There is no function emaa; did you mean ema?"),
        ("enter_long = close > opne", "UNKNOWN_REFERENCE", "1:22", "There is no name opne; did you mean open?"),
        ('enter_long = other("é中🙂", close) > opne', "UNKNOWN_REFERENCE", "1:36", "did you mean open?"),
        ("enter_long = ema(12) > 1", "MISSING_INPUT", "1:14", "ema takes a number or a parameter as period: write ema(close, 14)."),
        ("enter_long = ema() > 1", "MISSING_INPUT", "1:14", "ema takes a series first: write ema(close, 14)."),
        ("x = ema(close > open, 12)", "WRONG_KIND", "1:9", "ema takes a series first, and this is a condition: write ema(close, 14)."),
        ("x = ema(close, open)", "WRONG_KIND", "1:16", "period, and this is a series: write ema(close, 14)."),
        ("x = ema(close, 0)", "OUT_OF_RANGE", "1:16", "period must be a whole number from 1 to 10000."),
        ("x = ema(close, 9.5)", "OUT_OF_RANGE", "1:16", "period must be a whole number from 1 to 10000."),
        ("x = bollinger_upper(close, 20, 0)", "OUT_OF_RANGE", "1:32", "deviations must be a number from 0.01 to 100."),
        ("x = sma(close, 3, 4)", "UNKNOWN_INPUT", "1:19", "This is one value too many: write sma(close, 14)."),
        ("x = sma(close, perod=3)", "UNKNOWN_INPUT", "1:16", "sma takes no perod: write sma(close, 14)."),
        ("x = sma(close, 3, period=3)", "DUPLICATE_NAME", "1:19", "period is given twice."),
        ("x = ema(close, 3, seed=last)", "UNKNOWN_CHOICE", "1:24", "seed must be mean or first."),
        ("x = other(close, close)", "UNKNOWN_CHOICE", "1:11", "symbol is a text in quotes."),
        ("enter_long = candle_pattern(doij)", "UNKNOWN_CHOICE", "1:29", "such as doji"),
        ("enter_long = close", "WRONG_KIND", "1:14", "enter_long is a condition, such as close > open; this is none."),
        ("enter_long = close > open and rsi(close, 14)", "WRONG_KIND", "1:31", "and this is a series; compare it, such as close > 0."),
        ("x = -(close > open)", "WRONG_KIND", "1:7", "- takes a series, and this is a condition."),
        ("x = close + (close > open)", "WRONG_KIND", "1:14", "+ takes a series on each side, and this is a condition."),
        ("x = 'close' + 1", "WRONG_KIND", "1:5", "+ takes a series on each side; a text is none."),
        ("x = True", "WRONG_KIND", "1:5", "True is no value here; write a condition, such as close > open."),
        ("a = b\nb = a", "USED_BEFORE_DEFINED", "1:5", "b is used before it is defined; move its line up."),
        ("a = a", "USED_BEFORE_DEFINED", "1:5", "a is used before it is defined; move its line up."),
        ("a = close\n\n  a = open", "DUPLICATE_NAME", "3:3", "a is defined already, in line 1; choose another name."),
        ("close = open", "NAME_RESERVED", "1:1", "close has a meaning of its own; choose another name."),
        ("parameter = open", "NAME_RESERVED", "1:1", "parameter has a meaning of its own; choose another name."),
        ("n1 = parameter(2, 1, 3)\nenter_long = close > n1", "NAME_RESERVED", "1:1", "n1 is kept for nodes without a name."),
        (f"{'a' * 41} = open", "BAD_NAME", "1:1", "A name has at most 40 characters."),
        ("a = fast(3)\nfast = close", "UNKNOWN_NODE", "1:5", "fast is a name of yours and takes nothing in brackets."),
        ("enter_long = n1 > n2", "UNKNOWN_REFERENCE", "1:14", "There is no name n1"),
        ("a = close", "NO_OUTPUT", "1:1", "give at least one of enter_long"),
        ("enter_long = close > open\nx = " + "rank(" * 5 + "low" + ")" * 5, "SCOPES_TOO_DEEP", "2:5", "at most 4 deep"),
        ("f = parameter(2.5, 2, 9)\nenter_long = sma(close, f) > 1", "NOT_WHOLE", "2:14", "declare parameter f as one."),
    ],
)  # fmt: skip  # a row is read as a row
def test_what_cannot_be_meant_is_refused_where_it_stands(text: str, code: str, place: str, words: str) -> None:
    assert refusal(text)[:2] == (code, place)
    assert words in refusal(text)[2]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("enter_long = close = open", "1:20", "Use == to compare."),
        ("enter_long = (close = open)", "1:21", "Use == to compare."),
        ("enter_long == close", "1:12", "Use one = to give a name."),
        ("close > open", "1:1", "Each line names something: write enter_long = …"),
        ("enter_long =", "1:12", "Something is missing after enter_long =."),
        ("a = close open", "1:11", "Something is missing between close and open: an operator, or a comma."),
        ("a = 2(close)", "1:6", "Something is missing between 2 and (: an operator, or a comma."),
        ("a = close AND open", "1:11", "Write and for AND."),
        ("a = close + * open", "1:13", "a missing or doubled operator"),
        ("a = ema(close,, 3)", "1:15", "a missing or doubled operator"),
        ("a = 'é中' + * open", "1:12", "a missing or doubled operator"),
        ("a = (close\n  + open", "1:5", "This bracket is never closed with )."),
        ("a = close)", "1:10", "This ) closes nothing."),
        ("a = close != open", "1:11", "!= has no meaning here. Write not (a == b)."),
        ("a = close && open", "1:11", "&& has no meaning here. Write and."),
        ("a = close ** 2", "1:11", "** has no meaning here. There are no powers; multiply."),
        ("a = close[1]", "1:10", "[ has no meaning here. Write lag(close, 1) for the candle before."),
        ("a = close.real", "1:10", ". has no meaning here."),
        ("a = close; b = 2", "1:10", "; has no meaning here. Put each statement on a line of its own."),
        ("a = close if open else low", "1:11", "if is no word of this language"),
        ("import os", "1:1", "import is no word of this language"),
        ("a = lambda: 3", "1:5", "lambda is no word of this language"),
        ("a = {close: 3", "1:5", "This bracket is never closed with }."),
        ("a: close", "1:2", "A colon stands only in a table"),
        ("a = 0x10", "1:5", "A number is made of digits and one point"),
        ("a = 1_000", "1:5", "A number is made of digits and one point"),
        ("a = 007", "1:5", "Write 7 without leading zeros."),
        ("a = 1e999", "1:5", "This number is too large."),
        (f"a = {'9' * 41}", "1:5", "A number has at most 40 digits."),
        ("a = 'text", "1:5", "A text ends on the line on which it starts"),
        ("a = '\\d'", "1:5", "A text ends on the line on which it starts"),
        ("a = '\\ud800'", "1:5", "A text ends on the line on which it starts"),
        ("a = f'text'", "1:5", "A text starts with its quote"),
        ("größe = 3", "1:3", "The character ö has no meaning here"),
        ("a = 3\n\u00a0b = 3", "2:1", "The character U+00A0 has no meaning here"),
        ("a = 3\x00", "1:6", "The character U+0000 has no meaning here"),
        ("a = '\ud800'", "1:6", "The character U+D800 cannot stand here."),
        ("# \x1b", "1:3", "The character U+001B cannot stand here."),
        ("a = ()", "1:5", "A value, a name or a function is expected here."),
        ("a = (close, open)", "1:5", "A value, a name or a function is expected here."),
        ("a = sma(*close)", "1:9", "A value, a name or a function is expected here."),
    ],
)  # fmt: skip  # a row is read as a row
def test_what_cannot_be_read_is_refused_by_line_and_column(text: str, place: str, words: str) -> None:
    code, where, message = refusal(text)
    assert (code, where) == ("FORMULA_UNREADABLE", place)
    assert words in message


def test_values_by_name_come_last() -> None:
    """Pythons differ in the column that they name for this, so only the words are asked for."""
    assert "Values without a name come before those with one" in refusal("a = ema(period=3, close)")[2]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("stop_loss = risk", "1:13", "stop_loss takes numbers and parameters; define a parameter above its use."),
        ("stop_loss = close", "1:13", "stop_loss takes numbers and parameters"),
        ("roi = 0.1", "1:7", "Write roi = {0: 0.1, 60: 0.05}"),
        ("roi = {0: 0.1, 0: 0.2}", "1:16", "0 minutes stand in the table twice."),
        ("roi = {0.5: 0.1}", "1:8", "Write roi = {0: 0.1, 60: 0.05}"),
        ("roi = {**3}", "1:8", "** has no meaning here."),
        ("trailing_stop = 0.1", "1:17", "Write trailing_stop = trailing(0.02, positive=0.01"),
        ("trailing_stop = trailing(0.1, only_after_offset=1)", "1:49", "Write True or False."),
        ("size = kelly(0.1, cup=1)", "1:23", "kelly does not take this: write size = kelly(0.1, cap=0.25)."),
        ("size = fixed(1, 2)", "1:17", "fixed does not take this: write size = fixed(100)."),
        ("size = 100", "1:8", "Write size = share_of_equity(0.2) or fixed(100) or"),
        ("entry = market", "1:9", "Write entry = limit(0.001, timeout=60)."),
        ("max_open_trades = 1.5", "1:19", "max_open_trades is a whole number, such as 5."),
        ("use_exit_signal = 1", "1:19", "Write True or False."),
        ("a = parameter(1, 2, 3)", "1:15", "a starts at 1, outside 2 to 3."),
        ("a = parameter(1, 2)", "1:5", 'write parameter(12, 2, 500, "Fast period").'),
        ("a = parameter(1, 0, 2, 3)", "1:24", "A label is a text in quotes."),
        ("a = parameter(1, 0, close)", "1:21", "A plain number stands here"),
    ],
)
def test_a_wrong_setting_is_refused_where_it_stands(text: str, place: str, words: str) -> None:
    _, where, message = refusal(text)
    assert where == place
    assert words in message


@pytest.mark.parametrize(
    ("line", "code"),
    [("stop_loss = 1.5", "OUT_OF_RANGE"), ("size = fixed(0)", "OUT_OF_RANGE"), ("time_stop = 0", "OUT_OF_RANGE"),
     ("entry = limit(0.9)", "OUT_OF_RANGE"), ("max_open_trades = 0", "OUT_OF_RANGE"), ("roi = {0: -2}", "OUT_OF_RANGE"),
     ("trailing_stop = trailing()", "MISSING_INPUT")],
)  # fmt: skip
def test_what_the_whole_graph_refuses_is_placed_at_its_line(line: str, code: str) -> None:
    assert refusal(f"enter_long = close > open\n\n  {line}")[:2] == (code, "3:3")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("# " + "x" * MAX_CHARACTERS, "FORMULA_TOO_LONG", "1:1"),
        ("enter_long = close > open\n" * 4000, "FORMULA_TOO_LONG", "1:1"),
        (f"a = {'(' * 9000}1{')' * 9000}", "FORMULA_TOO_DEEP", "1:45"),
        (f"a = {'-' * 15000}1", "FORMULA_TOO_DEEP", "1:13"),
        ("a = " + "not " * 4000 + "b", "FORMULA_TOO_DEEP", "1:37"),
        ("a = " + "+".join(["close"] * 3000), "FORMULA_TOO_DEEP", "1:1"),
        ("a = " + "+".join(["close"] * 900), "FORMULA_TOO_DEEP", "1:5"),
        ("a = " + "sma(" * 39 + "-" * 8 + "close" + ", 2)" * 39, "NO_OUTPUT", "1:1"),
        ("\n".join(f"a{i} = close + {i}" for i in range(600)), "TOO_MANY_NODES", "250:8"),
        ("\n".join(f"a{i} = parameter({i}, 0, 999)" for i in range(60)), "TOO_MANY_PARAMETERS", "51:1"),
    ],
)
def test_what_is_too_much_is_refused(text: str, code: str, place: str) -> None:
    assert refusal(text)[:2] == (code, place)


def test_a_long_chain_of_conditions_is_no_deep_one() -> None:
    graph = parse_formula("enter_long = " + " and ".join(f"close > {i}" for i in range(150)))
    assert len(graph.nodes) == 450


def test_the_vocabulary_names_every_word_once() -> None:
    words = vocabulary()
    names = [word["name"] for word in words]
    assert len(names) == len(set(names))
    assert set(NODE_TYPES) - {"and", "or", "not"} <= set(names)
    assert set(SETTINGS) <= set(names)
    assert {"name": "ema", "signature": 'ema(series, period, seed="mean")', "group": "average"}.items() <= next(
        word for word in words if word["name"] == "ema"
    ).items()
    assert all(word["doc"] and word["signature"] and word["group"] for word in words)


def test_what_a_line_can_set_no_node_is_called() -> None:
    assert set(SETTINGS) == STATEMENTS
    with pytest.raises(StrategyError, match="stop_loss has a meaning of its own"):
        check_graph(Graph((Node("stop_loss", "close", {}),), {}))


def test_examples_in_the_vocabulary_are_true() -> None:
    entry = "enter_long = close > open\n"
    for word in vocabulary():
        if word["group"] == "What to do" and "condition" not in word["signature"]:
            assert parse_formula(entry + word["signature"]).outputs == {"enter_long": "n3"}
        if word["group"] == "Sizing":
            assert write_formula(parse_formula(f"{entry}size = {word['signature']}"))
