"""What following a lead would come to, from the lead's stored events: the fit forecast and the copy back-test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from common.clock import market_now, wall_now
from engine.copy_accounts.fit import Fit, fit_of
from engine.copy_accounts.rerun import Move, Quote, Result, rerun
from engine.copying.prices import price_cap
from engine.copying.settings import CopySettings
from engine.decimals import ONE, ZERO
from engine.risk import InstrumentRules
from engine.timeframes import timeframe_ms
from markets.models import Instrument, MarketKind
from markets.prices import latest_prices
from markets.selectors import Span, candles_of_each, instruments_by_id
from portfolios.models import Portfolio
from trading.models import LeadEvent, Side
from trading.rules import rules_of
from trading.services.copy_settings import first_settings
from trading.services.follows import check_stake

FORECAST_SPAN = timedelta(days=90)
# Of a longer history the newest moves are taken.
MOST_MOVES = 2_000
# What is held is valued by closes of the hour, over longer spans of the day.
HOURLY_SPAN = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class _Past:
    """What a lead did since a moment, and all that a re-run of it needs."""

    since: datetime
    until: datetime
    moves: Sequence[Move]
    quotes: Sequence[Quote]
    rules: Mapping[object, InstrumentRules]


def forecast_fit(
    *,
    lead: Portfolio,
    amount: Decimal,
    multiplier: Decimal = ONE,
    settings: Mapping[str, object] | None = None,
    delay: timedelta | None = None,
) -> Fit:
    """Return how well an amount fits a lead, by the lead's last 90 days; `settings` are those that a follow would begin with.

    With a `delay` nothing counts that was recorded since so long ago: whoever asks may not have it yet.
    """
    check_stake(amount, multiplier, lead.settlement_id)
    past = _past(lead, market_now(lead.namespace) - FORECAST_SPAN, delay)
    wanted = first_settings(lead, {"multiplier": multiplier, **(settings or {})})
    return fit_of(partial(_run, past, wanted), amount)


@dataclass(frozen=True, slots=True)
class CopyBacktest:
    """What became of an amount; `since` is when it began: no earlier than the lead's first stored move."""

    since: datetime
    until: datetime
    multiplier: Decimal
    result: Result


def backtest_copy(
    *,
    lead: Portfolio,
    amount: Decimal,
    multiplier: Decimal = ONE,
    since: datetime | None = None,
    profit_share_ratio: Decimal = ZERO,
    delay: timedelta | None = None,
) -> CopyBacktest:
    """Return what following a lead with an amount would have come to, from `since` on (default: from its first move).

    With a `delay` it ends so long ago, and nothing counts that was recorded later.
    """
    check_stake(amount, multiplier, lead.settlement_id)
    past = _past(lead, since, delay)
    wanted = first_settings(lead, {"multiplier": multiplier})
    result = _run(past, wanted, amount, profit_share_ratio)
    return CopyBacktest(past.since, past.until, multiplier, result)


def _run(past: _Past, settings: CopySettings, capital: Decimal, share: Decimal = ZERO) -> Result:
    return rerun(
        past.moves,
        past.rules,
        capital=capital,
        settings=settings,
        quotes=past.quotes,
        profit_share_ratio=share,
    )


def _past(lead: Portfolio, since: datetime | None, delay: timedelta | None) -> _Past:
    events = LeadEvent.objects.filter(lead=lead)
    if since is not None:
        events = events.filter(happened_at__gte=since)
    if delay is not None:
        events = events.filter(recorded_at__lte=wall_now() - delay)
    newest = list(events.order_by("-seq")[:MOST_MOVES])
    known = instruments_by_id({event.instrument_id for event in newest})
    moves = [_move(event, known[event.instrument_id]) for event in reversed(newest)]
    # What a new follow's portfolio costs: its own figures are those that every portfolio opens with.
    fresh = Portfolio(slippage_bps=lead.slippage_bps) if lead.account_id else Portfolio()
    rules: dict[object, InstrumentRules] = {pk: rules_of(one, fresh) for pk, one in known.items()}
    until = market_now(lead.namespace)
    if delay is not None:
        # (Market time need not keep step with ours, by which moves are withheld.)
        until = max([until - delay, *(move.at for move in moves[-1:])])
    began = moves[0].at if moves else until
    quotes = _quotes(known, began, until)
    if delay is None:
        # The newest prices end every curve.
        quotes += [Quote(until, pk, price.price) for pk, price in latest_prices(list(known.values())).items()]
    return _Past(began, until, moves, quotes, rules)


def _move(event: LeadEvent, instrument: Instrument) -> Move:
    market = instrument.market
    return Move(
        at=event.happened_at,
        instrument=event.instrument_id,
        is_buy=event.side == Side.BUY,
        opened=event.opened_quantity,
        closed_fraction=event.closed_fraction,
        price=event.price if event.market_price is None else event.market_price,
        lead_equity=event.lead_equity,
        lead_price=event.price,
        cap=price_cap(base=market.base_id, is_spot=market.kind == MarketKind.SPOT, chosen=None),
    )


def _quotes(known: Mapping[UUID, Instrument], start: datetime, until: datetime) -> list[Quote]:
    """Return the closes of what the lead traded, from one moment to the other."""
    timeframe = "1h" if until - start <= HOURLY_SPAN else "1d"
    length = timedelta(milliseconds=timeframe_ms(timeframe))
    instruments = list(known.values())
    candles = candles_of_each([Span(one, timeframe, start, until) for one in instruments])
    return [
        Quote(datetime.fromtimestamp(opened_ms / 1000, tz=until.tzinfo) + length, one.pk, Decimal(str(close)))
        for one, found in zip(instruments, candles, strict=True)
        for opened_ms, close in zip(found.opened_at.tolist(), found.close.tolist(), strict=True)
    ]
