"""A chart's indicators: values known by hand, warm before the first candle that is shown, nothing of what is forming."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.candles import Candles
from markets.chart_indicators import INDICATORS, chosen_indicators, drawn_indicators, warm_up
from tests.markets.series import NOON_MS, candles_at


def _candles(closes: list[float], volume: list[float] | None = None) -> Candles:
    found = candles_at(range(len(closes)))
    values = np.array(closes, dtype=np.float64)
    return Candles(found.opened_at, values, values + 1, values - 1, values, np.array(volume or [1.0] * len(closes)))


def test_an_address_names_them_once_and_in_the_lists_order() -> None:
    assert chosen_indicators("rsi,sma,rsi,<b>,") == ["sma", "rsi"]
    assert chosen_indicators("") == []
    assert list(INDICATORS) == ["sma", "ema", "bollinger", "vwap", "rsi", "macd"]


@pytest.mark.parametrize(
    ("keys", "timeframe", "expected"),
    [([], "1m", 0), (["sma"], "1m", 250), (["vwap"], "1m", 1440), (["vwap"], "1d", 250)],
)
def test_a_chart_reads_as_much_more_as_its_indicators_need(keys: list[str], timeframe: str, expected: int) -> None:
    assert warm_up(keys, timeframe) == expected


def test_a_mean_is_shown_of_the_newest_candles_and_knows_those_before() -> None:
    [drawn] = drawn_indicators(_candles([float(number) for number in range(30)]), ["sma"], shown=3)
    seconds = NOON_MS // 1000
    assert drawn == {
        "key": "sma",
        "label": "SMA 20",
        "pane": "price",
        # The mean of n − 19 … n.
        "lines": [
            {"label": "", "kind": "line", "points": [(seconds + 60 * n, n - 9.5) for n in (27, 28, 29)]},
        ],
    }


def test_where_nothing_is_defined_yet_there_is_no_point() -> None:
    drawn = drawn_indicators(_candles([1.0] * 20), ["sma", "ema", "rsi"], shown=20)
    assert [len(one["lines"][0]["points"]) for one in drawn] == [1, 0, 6]


def test_vwap_weighs_the_days_typical_prices_by_volume() -> None:
    [drawn] = drawn_indicators(_candles([100.0, 200.0, 300.0], [1.0, 3.0, 0.0]), ["vwap"], shown=2)
    assert [value for _, value in drawn["lines"][0]["points"]] == [175.0, 175.0]


def test_every_one_is_drawn_with_its_lines_as_plain_json() -> None:
    waves = [100 + 10 * float(np.sin(number / 5)) for number in range(300)]
    drawn = drawn_indicators(_candles(waves), INDICATORS, shown=100)
    lines = {one["key"]: [(line["label"], line["kind"], len(line["points"])) for line in one["lines"]] for one in drawn}
    assert lines["bollinger"] == [("upper", "line", 100), ("middle", "line", 100), ("lower", "line", 100)]
    assert lines["macd"] == [("line", "line", 100), ("signal", "line", 100), ("histogram", "histogram", 100)]
    assert [one["pane"] for one in drawn] == ["price"] * 4 + ["own"] * 2
    assert len(json.dumps(drawn)) < 40_000
    upper, middle, lower = ([value for _, value in line["points"]] for line in drawn[2]["lines"])
    assert all(above > centre > below for above, centre, below in zip(upper, middle, lower, strict=True))
