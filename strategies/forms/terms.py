"""The forms that ask the past: a backtest's terms, and a sweep's search on the same terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from engine.simulation.types import FillRule, SlippageKind
from engine.timeframes import TIMEFRAMES, timeframe_ms
from markets.models import Instrument
from markets.selectors import candle_range, timeframes_of
from strategies.models import StrategyVersion
from strategies.terms import Terms

HUNDRED = 100
ALL, DATES = "all", "dates"
PERIODS = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), (ALL, "All there is"), (DATES, "Dates")]
SLIPPAGE = [
    (SlippageKind.NONE, "None"),
    (SlippageKind.BPS, "Basis points of the price"),
    (SlippageKind.RANGE_SHARE, "Per cent of the candle's range"),
    (SlippageKind.VOLUME_SHARE, "By size: per cent for an order as large as the candle's volume"),
]
FILL_RULES = [
    (FillRule.STANDARD, "Standard\nA stop before a target, inside one candle."),
    (FillRule.PESSIMISTIC, "Pessimistic\nWhatever is worst for the trade happens first."),
    (FillRule.DETAIL, "Detail\nDecided on candles of a finer timeframe."),
]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What there is to try a strategy on: candles from `first` until `last` (exclusive), market time.

    `count` is how many fit in between; there may be gaps.
    """

    instrument: Instrument
    first: datetime | None = None
    last: datetime | None = None
    count: int = 0


def coverage(instrument: Instrument, timeframe: str) -> Coverage:
    """Return which closed candles an instrument has of a timeframe."""
    found = candle_range(instrument, timeframe)
    if found is None:
        return Coverage(instrument)
    length = timedelta(milliseconds=timeframe_ms(timeframe))
    first, last = found[0], found[1] + length
    return Coverage(instrument, first, last, (last - first) // length)


class TermsForm(forms.Form):
    """On what terms a version is tried: how far back, with what money, at what cost."""

    period = forms.ChoiceField(label="How far back", choices=PERIODS, initial="365", widget=forms.RadioSelect)
    start = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(
        label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="That day included."
    )
    initial_cash = forms.FloatField(label="Starting cash", initial=10_000, min_value=1, max_value=1e12)
    taker_fee = forms.FloatField(label="Fee, market orders", initial=0.1, min_value=0, max_value=10)
    maker_fee = forms.FloatField(label="Fee, limit orders", initial=0.1, min_value=0, max_value=10)
    slippage = forms.ChoiceField(choices=SLIPPAGE, initial=SlippageKind.BPS)
    slippage_value = forms.FloatField(
        label="How much", initial=2, min_value=0, max_value=1000, required=False, help_text="Of what is chosen beside."
    )
    leverage = forms.FloatField(initial=1, min_value=1, max_value=125, help_text="1 is none.")
    fill_rule = forms.ChoiceField(
        label="Inside a candle", choices=FILL_RULES, initial=FillRule.STANDARD, widget=forms.RadioSelect
    )
    detail_timeframe = forms.ChoiceField(label="Finer timeframe", required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        version: StrategyVersion,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.version = version
        self.instruments = (version.instrument, *(one.instrument for one in version.further.all()))
        self.coverage = [coverage(one, version.timeframe) for one in self.instruments]
        for name in ("initial_cash", "taker_fee", "maker_fee", "slippage_value", "leverage"):
            self.fields[name].widget.attrs["step"] = "any"
        finer = [one for one in timeframes_of(version.instrument) if TIMEFRAMES[one] < TIMEFRAMES[version.timeframe]]
        self.fields["detail_timeframe"].choices = [(one, one) for one in finer]  # type: ignore[attr-defined]

    @property
    def first(self) -> datetime | None:
        """Return where every instrument has candles from."""
        starts = [one.first for one in self.coverage if one.first]
        return max(starts) if len(starts) == len(self.coverage) else None

    @property
    def last(self) -> datetime | None:
        """Return until where every instrument has candles."""
        ends = [one.last for one in self.coverage if one.last]
        return min(ends) if len(ends) == len(self.coverage) else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.first is None or self.last is None:
            none = next(one.instrument.symbol for one in self.coverage if not one.count)
            self.add_error(None, f"There are no {self.version.timeframe} candles of {none} here yet.")
        elif not self.errors:
            self._clean_range(data)
        if data.get("fill_rule") == FillRule.DETAIL and not data.get("detail_timeframe"):
            self.add_error("detail_timeframe", "Choose the finer timeframe that decides fills.")
        return data

    def _clean_range(self, data: dict[str, Any]) -> None:
        assert self.first and self.last  # asked before
        start, end = self._range(data, self.first, self.last)
        if start >= end:
            self.add_error("start", f"There are candles from {self.first:%-d %b %Y} to {self.last:%-d %b %Y} only.")
        self.range = (start, end)

    def _range(self, data: dict[str, Any], first: datetime, last: datetime) -> tuple[datetime, datetime]:
        if data["period"] == ALL:
            return first, last
        if data["period"] != DATES:
            return max(first, last - timedelta(days=int(data["period"]))), last
        start = datetime.combine(data["start"], time(), UTC) if data.get("start") else first
        end = datetime.combine(data["end"], time(), UTC) + timedelta(days=1) if data.get("end") else last
        return max(start, first), min(end, last)

    def terms(self) -> Terms:
        """Return what services take."""
        data = self.cleaned_data
        slippage, detail = SlippageKind(data["slippage"]), FillRule(data["fill_rule"]) == FillRule.DETAIL
        value = 0.0 if slippage == SlippageKind.NONE else data["slippage_value"] or 0.0
        return Terms(
            instruments=self.instruments,
            timeframe=self.version.timeframe,
            start=self.range[0],
            end=self.range[1],
            initial_cash=data["initial_cash"],
            maker_fee=data["maker_fee"] / HUNDRED,
            taker_fee=data["taker_fee"] / HUNDRED,
            slippage=slippage,
            slippage_value=value if slippage == SlippageKind.BPS else value / HUNDRED,
            leverage=data["leverage"],
            fill_rule=FillRule(data["fill_rule"]),
            detail_timeframe=data["detail_timeframe"] if detail else "",
        )
