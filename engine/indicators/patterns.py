"""TA-Lib's 61 candle patterns, under names that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import talib
from talib import abstract

from engine.candles import Floats
from engine.indicators.runs import by_runs

PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "abandoned_baby": "CDLABANDONEDBABY",
        "advance_block": "CDLADVANCEBLOCK",
        "belt_hold": "CDLBELTHOLD",
        "breakaway": "CDLBREAKAWAY",
        "closing_marubozu": "CDLCLOSINGMARUBOZU",
        "concealing_baby_swallow": "CDLCONCEALBABYSWALL",
        "counterattack": "CDLCOUNTERATTACK",
        "dark_cloud_cover": "CDLDARKCLOUDCOVER",
        "doji": "CDLDOJI",
        "doji_star": "CDLDOJISTAR",
        "dragonfly_doji": "CDLDRAGONFLYDOJI",
        "engulfing": "CDLENGULFING",
        "evening_doji_star": "CDLEVENINGDOJISTAR",
        "evening_star": "CDLEVENINGSTAR",
        "gap_side_side_white": "CDLGAPSIDESIDEWHITE",
        "gravestone_doji": "CDLGRAVESTONEDOJI",
        "hammer": "CDLHAMMER",
        "hanging_man": "CDLHANGINGMAN",
        "harami": "CDLHARAMI",
        "harami_cross": "CDLHARAMICROSS",
        "high_wave": "CDLHIGHWAVE",
        "hikkake": "CDLHIKKAKE",
        "hikkake_modified": "CDLHIKKAKEMOD",
        "homing_pigeon": "CDLHOMINGPIGEON",
        "identical_three_crows": "CDLIDENTICAL3CROWS",
        "in_neck": "CDLINNECK",
        "inverted_hammer": "CDLINVERTEDHAMMER",
        "kicking": "CDLKICKING",
        "kicking_by_length": "CDLKICKINGBYLENGTH",
        "ladder_bottom": "CDLLADDERBOTTOM",
        "long_legged_doji": "CDLLONGLEGGEDDOJI",
        "long_line": "CDLLONGLINE",
        "marubozu": "CDLMARUBOZU",
        "mat_hold": "CDLMATHOLD",
        "matching_low": "CDLMATCHINGLOW",
        "morning_doji_star": "CDLMORNINGDOJISTAR",
        "morning_star": "CDLMORNINGSTAR",
        "on_neck": "CDLONNECK",
        "piercing": "CDLPIERCING",
        "rickshaw_man": "CDLRICKSHAWMAN",
        "rising_falling_three_methods": "CDLRISEFALL3METHODS",
        "separating_lines": "CDLSEPARATINGLINES",
        "shooting_star": "CDLSHOOTINGSTAR",
        "short_line": "CDLSHORTLINE",
        "spinning_top": "CDLSPINNINGTOP",
        "stalled_pattern": "CDLSTALLEDPATTERN",
        "stick_sandwich": "CDLSTICKSANDWICH",
        "takuri": "CDLTAKURI",
        "tasuki_gap": "CDLTASUKIGAP",
        "three_black_crows": "CDL3BLACKCROWS",
        "three_inside": "CDL3INSIDE",
        "three_line_strike": "CDL3LINESTRIKE",
        "three_outside": "CDL3OUTSIDE",
        "three_stars_in_south": "CDL3STARSINSOUTH",
        "three_white_soldiers": "CDL3WHITESOLDIERS",
        "thrusting": "CDLTHRUSTING",
        "tristar": "CDLTRISTAR",
        "two_crows": "CDL2CROWS",
        "unique_three_river": "CDLUNIQUE3RIVER",
        "upside_gap_two_crows": "CDLUPSIDEGAP2CROWS",
        "x_side_gap_three_methods": "CDLXSIDEGAP3METHODS",
    }
)


@cache
def pattern_warm_up(name: str) -> int:
    """Return how many candles a pattern looks back before its first answer."""
    return int(abstract.Function(PATTERNS[name]).lookback)  # type: ignore[attr-defined]  # not in its stubs


def pattern(name: str, open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Return TA-Lib's answer per candle: above 0 bullish (or found, where it has no side), below 0 bearish, 0 not there."""
    find = getattr(talib, PATTERNS[name])
    shortest = pattern_warm_up(name) + 1
    return by_runs(lambda *parts: find(*parts).astype(float), shortest, open_, high, low, close)
