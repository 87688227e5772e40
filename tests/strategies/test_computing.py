"""What a worker's child hands back: results as JSON values."""

from __future__ import annotations

import json

from engine.backtest import LuckRequest, run_backtest
from strategies.computing import plain
from tests.engine.backtest_samples import data_of, spec_of


def test_results_are_json_without_nan() -> None:
    never = "enter_long = close < 0\nexit_long = close > 0\n"
    result = run_backtest(spec_of(never), data_of(), LuckRequest(seed=1, trials=3))

    written = plain({"metrics": result.summary.metrics, "luck": result.luck, "verdict": result.verdict})

    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert (written["metrics"]["trades_count"], written["metrics"]["win_rate_ratio"]) == (0.0, None)
    assert (written["luck"]["sharpe"]["trials"], written["verdict"]["level"]) == (3, "unproven")
