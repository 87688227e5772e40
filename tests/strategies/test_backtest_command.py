"""`manage.py backtest`: the same figures as the pure engine, from files alone, and refusals in words."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from engine.backtest import spec_json
from markets.importing import read_candle_file
from strategies.management.commands.backtest import _spec
from strategies.models import Backtest
from strategies.services.definitions import save_strategy
from tests.fixtures_desk import Desk
from tests.fixtures_past import ema_cross
from tests.fixtures_replay import write_candles


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    return write_candles(tmp_path / "made__SOL-USDT__5m.parquet", 600)


def told(*arguments: object) -> str:
    out = StringIO()
    call_command("backtest", *map(str, arguments), stdout=out)
    return out.getvalue()


def metrics(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(*arguments, "--json"))["metrics"]
    return found


def test_template_formula_strategy_and_spec_give_the_same_figures(
    candles: Path, tmp_path: Path, alice: User, desk: Desk
) -> None:
    by_template = metrics("--template", "ema_cross", "--set", "fast=3", "--set", "slow=8", "--candles", candles)
    assert by_template["trades_count"] > 20
    formula = tmp_path / "own.txt"
    formula.write_text(
        "fast = parameter(2, 2, 500)\nslow = parameter(8, 2, 500)\n"
        "enter_long = crosses_above(ema(close, fast), ema(close, slow))\n"
        "exit_long = crosses_below(ema(close, fast), ema(close, slow))\nsize = share_of_equity(0.2)\n"
    )
    assert metrics("--formula", formula, "--set", "fast=3", "--candles", candles) == by_template
    version = save_strategy(
        owner=alice, name="Stored", instruments=[desk.instrument()], timeframe="5m", face=ema_cross(3, 8)
    )
    assert metrics("--strategy", version.strategy_id, "--candles", candles) == by_template
    options = {"spec": None, "template": "ema_cross", "set": [("fast", 3), ("slow", 8)], "cash": 10_000.0, "fee": 0.001}
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(spec_json(_spec({**options, "formula": None}, [read_candle_file(candles)]))))
    assert metrics("--spec", spec, "--candles", candles) == by_template
    assert not Backtest.objects.exists()


def test_without_json_it_tells_in_words(candles: Path) -> None:
    text = told("--template", "ema_cross", "--set", "fast=3", "--set", "slow=8", "--candles", candles)
    said = {line[:28].rstrip(): line[28:].strip() for line in text.splitlines()}
    assert said["Maximum drawdown"].endswith("%")
    # As the page writes them: times in their largest units, turnover in times of equity.
    assert said["Average holding time"].endswith(" min")
    assert said["Turnover"].endswith("×")
    assert text.splitlines()[0].startswith("Return  ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--template", "ema_cross", "--set", "fast=30"], "Choose a fast period below the slow one."),
        (["--template", "ema_cross", "--set", "speed=3"], "There is no parameter 'speed'"),
        (["--template", "ema_cross", "--set", "fast=x"], "'fast=x' is not NAME=NUMBER"),
        (["--strategy", "none"], "There is no such strategy."),
        (["--spec", "/nowhere.json"], "No such file"),
        (["--template", "ema_cross", "--spec", "/nowhere.json"], "not allowed with"),
    ],
)
def test_what_cannot_be_is_refused_in_words(candles: Path, db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words.replace("(", r"\(")):
        told(*arguments, "--candles", candles)
