"""The page about strategies tells the truth: its tables are the words themselves, its examples can be read."""

from __future__ import annotations

import re

from engine.strategy.formula import parse_formula
from engine.strategy.nodes import NODE_TYPES
from tools.strategy_reference import PAGE, filled


def test_the_tables_are_those_of_this_code() -> None:
    assert PAGE.read_text() == filled(PAGE.read_text()), "run: python -m tools.strategy_reference"


def test_every_function_has_a_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)", PAGE.read_text(), re.MULTILINE))
    assert set(NODE_TYPES) - {"and", "or", "not"} <= rows


def test_examples_can_be_read() -> None:
    examples = re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [set(parse_formula(example).outputs) for example in examples] == [{"enter_long", "exit_long"}]
