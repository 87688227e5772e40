"""A backtest's frozen spec: everything that its result follows from; and the candles it speaks of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.selectors import Allowance
from common.clock import market_now
from common.errors import DomainError
from engine.backtest import BacktestSpec, Costs, Data, MarketData, TradedInstrument, fingerprint, spec_hash, spec_json
from engine.simulation.types import FillRule, InstrumentRules, SlippageKind
from engine.strategy.evaluate import history
from engine.strategy.graph import symbols_of
from engine.strategy.types import Graph
from engine.timeframes import TIMEFRAMES, milliseconds, moment, timeframe_ms
from markets.models import Instrument
from markets.selectors import candle_arrays, candle_range, instruments, instruments_by_id
from strategies.terms import Terms

LEAST_CANDLES = 3
# name of a term -> smallest, largest value, and what to say of another.
_BOUNDS: Mapping[str, tuple[float, float, str]] = {
    "initial_cash": (1.0, 1e12, "Start with an amount from 1 to 1,000,000,000,000."),
    "maker_fee": (0.0, 0.1, "Enter a fee from 0 to 10 %."),
    "taker_fee": (0.0, 0.1, "Enter a fee from 0 to 10 %."),
    "leverage": (1.0, 125.0, "Enter a leverage from 1 to 125."),
}
_SLIPPAGE: Mapping[SlippageKind, tuple[float, str]] = {
    SlippageKind.NONE: (0.0, "Without slippage its value is 0."),
    SlippageKind.BPS: (1000.0, "Enter 0 to 1000 basis points of slippage."),
    SlippageKind.RANGE_SHARE: (1.0, "Enter a share of the candle's range from 0 to 1."),
    SlippageKind.VOLUME_SHARE: (1.0, "Enter a ratio from 0 to 1."),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A spec and its hash, as they are stored."""

    spec: dict[str, Any]
    spec_hash: str


def frozen(terms: Terms, graph: Graph, *, most_candles: Allowance) -> Question:
    """Freeze what is asked. Refusals (DomainError) name the field: unknown symbols, no candles, too many, odd costs."""
    _check_costs(terms)
    _check_range(terms)
    others, span = _others(graph, terms.instruments[0]), _Span.of(terms, graph)
    _check_count(terms.instruments, others, span, most_candles)
    data = _data(terms.instruments, others, span)
    _check_candles(terms, data)
    spec = BacktestSpec(
        graph=graph,
        instruments=tuple(TradedInstrument(one.symbol, str(one.pk), _rules(one)) for one in terms.instruments),
        timeframe=terms.timeframe,
        start_ms=milliseconds(terms.start),
        end_ms=milliseconds(terms.end),
        costs=Costs(
            initial_cash=terms.initial_cash,
            maker_fee=terms.maker_fee,
            taker_fee=terms.taker_fee,
            slippage=terms.slippage,
            slippage_value=terms.slippage_value,
            leverage=terms.leverage,
        ),
        fill_rule=terms.fill_rule,
        detail_timeframe=terms.detail_timeframe,
        fingerprints=_fingerprints(data),
    )
    return Question(spec_json(spec), spec_hash(spec))


def data_of(spec: BacktestSpec) -> Data:
    """Read a frozen spec's candles; raise DomainError DATA_CHANGED where they are no longer those it was asked about."""
    known = {str(key): one for key, one in instruments_by_id([one.id for one in spec.instruments]).items()}  # type: ignore[misc]
    traded = [known[one.id] for one in spec.instruments]
    span = _Span(
        spec.timeframe, spec.detail_timeframe, spec.start_ms, spec.end_ms, _warm_candles(spec.graph, spec.timeframe)
    )
    data = _data(traded, _others(spec.graph, traded[0]), span)
    if _fingerprints(data) != dict(spec.fingerprints):
        message = "The candles of this range have changed since you asked: ask again."
        raise DomainError("DATA_CHANGED", message, status=409)
    return data


# --- what may be asked ----------------------------------------------------------------------------------------------
def _check_costs(terms: Terms) -> None:
    for name, (least, most, words) in _BOUNDS.items():
        value = getattr(terms, name)
        if not math.isfinite(value) or not least <= value <= most:
            raise DomainError(f"{name.upper()}_OUT_OF_RANGE", words, {"field": name})
    most, words = _SLIPPAGE[terms.slippage]
    if not 0 <= terms.slippage_value <= most:
        raise DomainError("SLIPPAGE_OUT_OF_RANGE", words, {"field": "slippage_value"})
    is_detailed, detail = terms.fill_rule is FillRule.DETAIL, terms.detail_timeframe
    if is_detailed != bool(detail):
        message = "Name a finer timeframe for fills decided in detail, and none for other fill rules."
        raise DomainError("DETAIL_TIMEFRAME_NEEDED", message, {"field": "detail_timeframe"})
    if is_detailed and (detail not in TIMEFRAMES or TIMEFRAMES[terms.timeframe] % TIMEFRAMES[detail]):
        message = f"Choose a finer timeframe that divides {terms.timeframe}."
        raise DomainError("DETAIL_TIMEFRAME_UNFIT", message, {"field": "detail_timeframe"})
    if is_detailed and TIMEFRAMES[terms.timeframe] <= TIMEFRAMES[detail]:
        message = f"Choose a timeframe finer than {terms.timeframe}."
        raise DomainError("DETAIL_TIMEFRAME_UNFIT", message, {"field": "detail_timeframe"})


def _check_range(terms: Terms) -> None:
    if terms.start >= terms.end:
        raise DomainError("RANGE_EMPTY", "Choose a start before the end.", {"field": "start"})
    now = market_now(terms.instruments[0].market.namespace)
    if terms.end > now:
        raise DomainError("RANGE_IN_FUTURE", f"Choose an end no later than {now:%Y-%m-%d %H:%M} UTC.", {"field": "end"})


def _check_count(traded: Sequence[Instrument], others: Sequence[Instrument], span: _Span, most: Allowance) -> None:
    """Refuse what would read more candles than a plan allows before any is read: no limit guards this process's memory.

    Gaps count as if they were filled.
    """
    detail = span.detail_timeframe
    count = sum(_at_most(one, span.timeframe, span.earliest_ms, span.end_ms) for one in (*others, *traded))
    count += sum(_at_most(one, detail, span.start_ms, span.end_ms) for one in traded if detail)
    if count > most.value:
        message = f"This takes {count:,} candles, and {most}: choose a shorter range, a coarser timeframe or fewer instruments."
        context = {"field": "start", "candles": count, "limit": most.value}
        raise DomainError("TOO_MANY_CANDLES", message, context, status=409)


def _at_most(instrument: Instrument, timeframe: str, start_ms: int, end_ms: int) -> int:
    known, step = candle_range(instrument, timeframe), timeframe_ms(timeframe)
    if known is None:
        return 0
    first, last = (milliseconds(at) for at in known)
    return max(0, (min(last, end_ms - step) - max(first, start_ms)) // step + 1)


def _check_candles(terms: Terms, data: Data) -> None:
    start_ms = milliseconds(terms.start)
    for one in terms.instruments:
        candles, fine = data[one.symbol].candles, data[one.symbol].detail
        # The first candle can signal but not trade, and on the last one no trade is opened.
        if len(candles) - int(candles.opened_at.searchsorted(start_ms)) < LEAST_CANDLES:
            raise DomainError("NO_CANDLES", _known(one, terms.timeframe), {"field": "start"})
        if fine is not None and not len(fine):
            raise DomainError("NO_CANDLES", _known(one, terms.detail_timeframe), {"field": "detail_timeframe"})


def _known(instrument: Instrument, timeframe: str) -> str:
    known = candle_range(instrument, timeframe)
    if known is None:
        return f"There are no {timeframe} candles of {instrument.symbol} yet: choose another timeframe or instrument."
    first, last = known
    span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    return f"There are too few {timeframe} candles of {instrument.symbol} in this range; there are some from {span}."


# --- what it is about -----------------------------------------------------------------------------------------------
def _rules(instrument: Instrument) -> InstrumentRules:
    names = ("tick_size", "lot_step", "min_quantity", "min_notional")
    return InstrumentRules(**{name: float(getattr(instrument, name) or 0) for name in names})


def _others(graph: Graph, instrument: Instrument) -> list[Instrument]:
    """Return the other instruments whose candles a graph reads, from the exchange that it trades on."""
    found = []
    for symbol in sorted(symbols_of(graph)):
        other = instruments().filter(exchange=instrument.exchange, symbol=symbol).first()
        if other is None:
            message = f"There is no {symbol} on {instrument.exchange}; the strategy reads its candles."
            raise DomainError("SYMBOL_UNKNOWN", message, {"field": "formula"})
        found.append(other)
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    """Which candles are read: those of the range (ms since 1970 UTC), and so many before that decide as a run would."""

    timeframe: str
    detail_timeframe: str
    start_ms: int
    end_ms: int
    warm_candles: int

    @classmethod
    def of(cls, terms: Terms, graph: Graph) -> _Span:
        start, end = milliseconds(terms.start), milliseconds(terms.end)
        return cls(terms.timeframe, terms.detail_timeframe, start, end, _warm_candles(graph, terms.timeframe))

    @property
    def earliest_ms(self) -> int:
        """Return when the first candle that is read opened: none is older than the epoch, however absurd the history."""
        warm_ms = self.warm_candles * timeframe_ms(self.timeframe)
        return self.start_ms - min(warm_ms, max(0, self.start_ms))


def _warm_candles(graph: Graph, timeframe: str) -> int:
    return history(graph, timeframe=timeframe)


def _data(traded: Iterable[Instrument], others: Iterable[Instrument], span: _Span) -> dict[str, MarketData]:
    start, end, earliest = moment(span.start_ms), moment(span.end_ms), moment(span.earliest_ms)
    data = {
        one.symbol: MarketData(candle_arrays(one, span.timeframe, start=earliest, end=end))
        for one in (*others, *traded)
    }
    if span.detail_timeframe:
        for one in traded:
            fine = candle_arrays(one, span.detail_timeframe, start=start, end=end)
            data[one.symbol] = MarketData(data[one.symbol].candles, fine)
    return data


def _fingerprints(data: Data) -> dict[str, str]:
    """Name each instrument's candles by content, finer ones beside them."""
    names = {symbol: fingerprint(one.candles) for symbol, one in data.items()}
    fine = {f"{symbol}#detail": fingerprint(one.detail) for symbol, one in data.items() if one.detail is not None}
    return {**names, **fine}
