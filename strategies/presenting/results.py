"""A finished backtest in figures and words: what its page shows, and what several of them show side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from common.display import MISSING, amount, money, percent, sign, signed
from engine.simulation.types import FillRule, Refusal, SlippageKind
from engine.statistics.catalogue import CATALOGUE, Metric, MetricKind
from engine.statistics.resampling import PERCENTILES
from engine.timeframes import moment
from strategies.models import Backtest
from strategies.presenting.pictures import Bar, Fan, fan, heat, heat_scale, histogram
from strategies.presenting.stored import Columns, refusals_of, trades_of
from strategies.presenting.trades import duration

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GROUPS = {
    "return": "Return",
    "risk": "Risk",
    "trades": "Trades",
    "costs": "Costs",
    "benchmark": "Beside buy and hold",
}
# Levels and bearings of engine/statistics/verdict.py -> how the page colours and marks them.
_TONES = {"promising": "good", "mixed": "care", "unproven": "care", "weak": "bad"}
_WEIGHTS = {"for": "for", "against": "against", "decisive": "against", "too_little": "against"}
# What a rise is good for: figures whose sign is coloured.
_SIGNED = frozenset(
    {
        "total_return_ratio",
        "profit_amount",
        "cagr_ratio",
        "expectancy_ratio",
        "expectancy_amount",
        "excess_return_ratio",
        "annual_alpha_ratio",
        "benchmark_return_ratio",
    }
)
_SLIPPAGE = {
    SlippageKind.NONE: "none",
    SlippageKind.BPS: "{value} basis points of the price",
    SlippageKind.RANGE_SHARE: "{share} of the candle's range",
    SlippageKind.VOLUME_SHARE: "{share} for an order as large as the candle's volume",
}
_FILL_RULES = {
    FillRule.STANDARD: "Standard: a stop before a target inside one candle",
    FillRule.PESSIMISTIC: "Pessimistic: the worst order of prices inside one candle",
    FillRule.DETAIL: "Decided on candles of {detail}",
}


_REFUSALS = {
    Refusal.OPPOSITE_SIGNALS: "Signals for both sides at once",
    Refusal.TRADE_OPEN: "A trade was open on it already",
    Refusal.MAX_OPEN_TRADES: "As many trades were open as allowed",
    Refusal.NOT_ENOUGH_CASH: "Not enough cash",
    Refusal.BELOW_MINIMUM_QUANTITY: "Below the smallest quantity of the venue",
    Refusal.BELOW_MINIMUM_NOTIONAL: "Below the smallest order value of the venue",
    Refusal.LAST_CANDLE: "On the last candle: nothing follows to trade on",
    Refusal.LIMIT_NOT_REACHED: "The price did not reach the limit in time",
    Refusal.NO_PRICE: "No price to trade at",
}


@dataclass(frozen=True, slots=True)
class Reason:
    weight: str
    text: str


@dataclass(frozen=True, slots=True)
class VerdictBox:
    """The verdict as the page shows it: `tone` is good, care or bad."""

    tone: str
    title: str
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: how it reads, and what is said beside it."""

    label: str
    value: str
    unit: str = ""
    sign: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure with its explanation and convention."""

    key: str
    label: str
    value: str
    explanation: str
    convention: str
    sign: str = ""


@dataclass(frozen=True, slots=True)
class MetricGroupBox:
    label: str
    metrics: list[Explained]


@dataclass(frozen=True, slots=True)
class MonthCell:
    text: str
    heat: int


@dataclass(frozen=True, slots=True)
class YearRow:
    year: int
    cells: list[MonthCell]
    total: str
    sign: str


@dataclass(frozen=True, slots=True)
class MonthTable:
    names: tuple[str, ...]
    rows: list[YearRow]


@dataclass(frozen=True, slots=True)
class LuckBox:
    sentence: str
    figures: list[Explained]


@dataclass(frozen=True, slots=True)
class FanBox:
    shape: Fan
    sentence: str
    top: str
    bottom: str
    figures: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One metric of several results: its text each, and whether it is the better one."""

    key: str
    label: str
    explanation: str
    convention: str
    cells: list[tuple[str, bool]]


class ResultPage:
    """Everything that the page of one finished backtest shows; each part is made when the template asks for it."""

    def __init__(self, backtest: Backtest) -> None:
        self.backtest = backtest
        self.summary: Mapping[str, Any] = backtest.result.summary
        self.metrics_by_key: Mapping[str, float | None] = self.summary["metrics"]
        self.currency = backtest.instrument.market.quote_id

    @property
    def several(self) -> int:
        """Return how many instruments it traded beside the first."""
        return len(self.backtest.spec["instruments"]) - 1

    @property
    def verdict(self) -> VerdictBox:
        found = self.summary["verdict"]
        reasons = [Reason(_WEIGHTS.get(one["bearing"], "note"), one["text"]) for one in found["reasons"]]
        return VerdictBox(_TONES.get(found["level"], "care"), found["headline"], reasons)

    @property
    def key_figures(self) -> list[Figure]:
        held = self.metrics_by_key
        total, wins = held["total_return_ratio"], held["win_rate_ratio"]
        return [
            Figure("Return", _signed_percent(total), sign=sign(total), note=self._money(held["profit_amount"])),
            Figure("Buy and hold", _signed_percent(held["benchmark_return_ratio"]), note="the same days"),
            Figure("Maximum drawdown", percent(held["max_drawdown_ratio"]), note=self._longest()),
            Figure("Sharpe", money(held["sharpe_ratio"]), note="yearly, from daily returns"),
            Figure("Trades", amount(held["trades_count"]), note=f"{percent(wins, 0)} won" if wins is not None else ""),
            Figure("Profit factor", money(held["profit_factor"]), note="won for each unit lost"),
        ]

    def _money(self, value: float | None) -> str:
        return f"{signed(money(value))} {self.currency}"

    def _longest(self) -> str:
        days = self.metrics_by_key["longest_drawdown_days"]
        return "" if not days else f"longest {amount(days, 0)} days"

    @property
    def metrics(self) -> list[MetricGroupBox]:
        found = []
        for group, metrics in groupby(CATALOGUE.values(), lambda metric: metric.group):
            rows = [self._explained(metric) for metric in metrics]
            found.append(MetricGroupBox(_GROUPS[str(group)], rows))
        return found

    def _explained(self, metric: Metric) -> Explained:
        value = self.metrics_by_key.get(metric.key)
        shade = sign(value) if metric.key in _SIGNED and value is not None else ""
        text = written(metric, value, self.currency)
        return Explained(metric.key, metric.label, text, metric.explanation, metric.convention, shade)

    @property
    def months(self) -> MonthTable | None:
        table = self.summary["monthly"]
        if not table["years"]:
            return None
        scale = heat_scale([value for row in table["months"] for value in row])
        rows = [
            YearRow(
                year,
                [MonthCell("" if value is None else percent(value, 1), heat(value, scale)) for value in months],
                percent(total, 1),
                sign(total),
            )
            for year, months, total in zip(table["years"], table["months"], table["totals"], strict=True)
        ]
        return MonthTable(MONTHS, rows)

    @cached_property
    def _trades(self) -> Columns:
        return trades_of(self.backtest)

    @property
    def histogram(self) -> list[Bar]:
        return histogram(np.asarray(self._trades["profit_ratio"], dtype=float))

    @property
    def luck(self) -> LuckBox | None:
        found = self.summary.get("luck")
        return None if found is None else luck_box(found)

    @property
    def fan(self) -> FanBox | None:
        luck = self.summary.get("luck")
        if luck is None or not len(self._trades["profit"]):
            return None
        bands = {f"{name:g}": row for name, row in zip(PERCENTILES, luck["days"]["bands"], strict=True)}
        shape = fan(bands)
        return None if shape is None else _fan_box(shape, luck["days"], luck["trades"])

    @property
    def refusals(self) -> list[tuple[str, int]]:
        counts = Counter(refusals_of(self.backtest)["reason"].tolist())
        return [(_REFUSALS[Refusal(code)], count) for code, count in counts.most_common()]

    @property
    def spec(self) -> list[tuple[str, str]]:
        return spec_rows(self.backtest, self.currency)

    @property
    def fingerprint(self) -> str:
        found: Mapping[str, str] = self.backtest.spec["fingerprints"]
        return " ".join(found.values())


def written(metric: Metric, value: float | None, currency: str) -> str:
    """Return a metric as people read it: a ratio as per cent, money with its currency, a time in its largest units."""
    if value is None or not math.isfinite(value):
        return MISSING
    if metric.key == "annual_turnover_ratio":
        return f"{amount(value, 1)}×"
    if metric.kind == MetricKind.RATIO:
        return signed(percent(value)) if metric.key in _SIGNED else percent(value)
    if metric.kind == MetricKind.MONEY:
        return f"{money(value)} {currency}"
    if metric.kind == MetricKind.COUNT:
        return amount(value, 0)
    if metric.kind == MetricKind.DURATION:
        return f"{amount(value, 0)} days" if metric.key.endswith("_days") else duration(value)
    return money(value)


def _signed_percent(value: float | None) -> str:
    return MISSING if value is None else signed(percent(value))


def luck_box(luck: Mapping[str, Any]) -> LuckBox:
    """Return what chance says (engine/statistics/assessment.py: Luck, stored), first in a sentence."""
    found = luck["sharpe"]
    trials, deflated = found["trials"], found["deflated"]
    tried = f"You tried {trials:,} strategies on this data" if trials > 1 else "This is your first try on this data"
    if deflated is None:
        sentence = f"{tried}. There are too few days with a result to say more."
    else:
        sure = "is hardly luck" if deflated >= 0.95 else "may be luck" if deflated >= 0.5 else "is what luck brings"
        sentence = f"{tried}. With that, a result like this one {sure}."
    figures = [
        _luck("trials", "Tries counted", amount(trials), "Every different strategy that you backtested or swept on this "
              "data. The more one tries, the better the best of them looks by chance.", "counted by the platform"),
        _luck("deflated", "Deflated Sharpe", percent(deflated, 1), "How likely it is that the Sharpe is better than the "
              "best of so many tries without any skill. Above 95 % is convincing.", "Bailey and López de Prado, 2014"),
        _luck("probabilistic", "Probabilistic Sharpe", percent(found["probabilistic"], 1), "How likely it is that "
              "the true Sharpe is above 0, as if this had been the only try.", "Bailey and López de Prado, 2012"),
        _luck("needed", "Days needed to be sure", _days(found["needed_days"]), "How long a record with this Sharpe must "
              "be until it is above 0 with 95 % certainty.", "minimum track record length"),
        _luck("days", "Days there are", amount(found["days"]), "How many days were tested.", "UTC days"),
    ]  # fmt: skip
    return LuckBox(sentence, figures)


def _luck(key: str, label: str, value: str, explanation: str, convention: str) -> Explained:
    return Explained(f"luck-{key}", label, value, explanation, convention)


def _days(value: float | None) -> str:
    return "never at this rate" if value is None else amount(math.ceil(value))


def _fan_box(shape: Fan, redrawn: Mapping[str, Any], shuffled: Mapping[str, Any]) -> FanBox:
    """Return the fan of days drawn again, with what other orders of the same trades would have cost on the way."""
    ends = np.array(redrawn["total_return_ratios"], dtype=float)
    low, middle, high = np.percentile(ends, [5, 50, 95]).tolist()
    sentence = (
        f"Of {len(ends):,} redrawn histories, {percent(float(np.mean(ends < 0)), 0)} lost money; nine in ten ended "
        f"between {_signed_percent(low)} and {_signed_percent(high)}."
    )
    usual, deep = np.percentile(np.array(shuffled["max_drawdown_ratios"], dtype=float), [50, 95]).tolist()
    figures = [
        ("Middle result", _signed_percent(middle)),
        ("Drawdown, the same trades in another order", percent(usual)),
        ("Drawdown, one order in twenty is worse than", percent(deep)),
    ]
    return FanBox(shape, sentence, _signed_percent(shape.top - 1), _signed_percent(shape.bottom - 1), figures)


def spec_rows(backtest: Backtest, currency: str) -> list[tuple[str, str]]:
    """Return the frozen spec in words."""
    spec, costs = backtest.spec, backtest.spec["costs"]
    slippage = _SLIPPAGE[SlippageKind(costs["slippage"])].format(
        value=amount(costs["slippage_value"], 4), share=percent(costs["slippage_value"])
    )
    rows = [
        ("Instruments", ", ".join(one["symbol"] for one in spec["instruments"])),
        ("Candles", spec["timeframe"]),
        ("From", _written_time(backtest.starts_at.timestamp())),
        ("Until", _written_time(backtest.ends_at.timestamp())),
        ("Starting cash", f"{money(costs['initial_cash'])} {currency}"),
        ("Fee", f"{percent(costs['taker_fee'], 3)} market, {percent(costs['maker_fee'], 3)} limit"),
        ("Slippage", slippage),
        ("Leverage", f"{amount(costs['leverage'])}×" if costs["leverage"] > 1 else "none"),
        ("Inside a candle", _FILL_RULES[FillRule(spec["fill_rule"])].format(detail=spec["detail_timeframe"])),
        ("Engine", backtest.engine_version),
    ]
    if backtest.seconds is not None:
        rows.append(("Computed in", f"{amount(backtest.seconds, 2)} s"))
    return rows


def _written_time(seconds: float) -> str:
    return moment(int(seconds * 1000)).strftime("%-d %b %Y, %H:%M UTC")


def comparison(backtests: Sequence[Backtest]) -> list[CompareRow]:
    """Return every metric of several results, the better one marked where one is better."""
    pages = [ResultPage(one) for one in backtests]
    rows = []
    for metric in CATALOGUE.values():
        values = [page.metrics_by_key.get(metric.key) for page in pages]
        best = _best(metric, values)
        cells = [
            (written(metric, value, page.currency), value is not None and value == best)
            for page, value in zip(pages, values, strict=True)
        ]
        rows.append(CompareRow(metric.key, metric.label, metric.explanation, metric.convention, cells))
    return rows


def _best(metric: Metric, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if metric.higher_is_better is None or len(known) < 2 or len(set(known)) == 1:
        return None
    return max(known) if metric.higher_is_better else min(known)
