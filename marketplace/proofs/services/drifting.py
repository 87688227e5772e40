"""The drift meter: once a day has ended, what a listed run traded in it is compared with a backtest of the same candles."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter

from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import TruncDate

from accounts.selectors import Allowance
from common.child import ChildError
from common.clock import market_times, wall_now
from common.db import bulk_insert
from common.errors import DomainError
from engine.backtest import spec_from_json
from engine.records.drift import Drift, Made, compare
from engine.simulation.types import ExitReason
from engine.timeframes import candle_start, milliseconds, moment, timeframe_ms
from marketplace.models import Listing
from marketplace.proofs.models import DriftDay
from strategies.computing import Answer, Trials
from strategies.faces import graph_of_version
from strategies.models import StrategyRun
from strategies.services import jobs
from strategies.specs import data_of, frozen
from strategies.terms import Terms
from trading.models import Fill, Side

logger = logging.getLogger(__name__)
# So many runs a call, so that other computing gets its turn.
RUNS = 20
# Longer runs are not compared: a year of minutes is half of it.
MOST_CANDLES = 1_000_000
_NOTHING = Drift(0, 0, 0, 0, None, None)
_DAY = timedelta(days=1)


def measure_drift() -> int:
    """Store the days (UTC, market time) that have ended and are not stored; return how many.

    Rows say what is due: what one call leaves, or a killed one, the next one does.
    """
    stored = 0
    for run, days in due_runs():
        stored += bulk_insert(DriftDay, list(_days_of(run, days)), ignore_conflicts=True)
    return stored


def due_runs() -> list[tuple[StrategyRun, list[date]]]:
    """Return runs on listed portfolios with the days that have ended and are not stored yet, those that wait longest first."""
    listed = Exists(Listing.objects.filter(portfolio=OuterRef("portfolio")))
    runs = list(
        StrategyRun.objects.filter(listed)
        .select_related("portfolio", "instrument__exchange", "instrument__market", "version")
        .annotate(known=Max("drift_days__day"))
        # One that was stopped is compared up to the day of its end, and then no more.
        .filter(Q(stopped_at=None) | Q(known=None) | Q(known__lt=TruncDate("stopped_at")))
        .order_by(F("known").asc(nulls_first=True), "pk")
    )
    now = market_times({run.portfolio.namespace for run in runs})
    found: list[tuple[StrategyRun, list[date]]] = [
        (run, list(_due_days(run, now[run.portfolio.namespace]))) for run in runs
    ]
    return [(run, days) for run, days in found if days][:RUNS]


def _due_days(run: StrategyRun, now: datetime) -> Iterator[date]:
    known: date | None = vars(run)["known"]
    day = run.started_at.date() if known is None else known + timedelta(days=1)
    # So late that the candles are there which the engine needs beyond the day's end.
    last = (now - 3 * _length(run)).date()
    last = last if run.stopped_at is None else min(last, (run.stopped_at + _DAY).date())
    while day < last:
        yield day
        day += _DAY


def _days_of(run: StrategyRun, days: list[date]) -> Iterator[DriftDay]:
    """Compare the days of a run; where that cannot be done, they say why."""
    code, wished = "", []
    try:
        wished = _wished(run, _midnight(days[-1] + _DAY))
    except DomainError as error:
        code = error.code
    except ChildError as error:
        logger.warning("The drift of run %s was not measured: %s", run.pk, error.code)
        code = error.code
    made, now = list(_made(run, days)), wall_now()
    for day in days:
        live, engine = _within(made, day, run), _within(wished, day, run)
        found = _NOTHING if code else compare(live, engine, candle_ms=timeframe_ms(run.timeframe))
        yield DriftDay(run=run, day=day, code=code[:40], compared_at=now, **asdict(found))


def _made(run: StrategyRun, days: list[date]) -> Iterator[Made]:
    """Yield what was really traded, an order at a time, whatever made it: what is no wish of the engine's is extra."""
    fills = Fill.objects.filter(
        portfolio=run.portfolio_id,
        instrument=run.instrument_id,
        happened_at__gte=max(_midnight(days[0]), run.started_at),
        happened_at__lt=_midnight(days[-1] + _DAY),
    ).order_by("order", "number")
    for _, group in groupby(fills, key=attrgetter("order_id")):
        parts = list(group)
        quantity = sum(one.quantity for one in parts)
        value = sum(one.quantity * one.price for one in parts)
        yield Made(milliseconds(parts[0].happened_at), parts[0].side == Side.BUY, float(value / quantity))


def _wished(run: StrategyRun, end: datetime) -> list[Made]:
    """Return what the engine does on the run's candles up to `end`: without slippage, so that what it cost the run is seen."""
    terms = Terms(
        instruments=(run.instrument,),
        timeframe=run.timeframe,
        start=moment(candle_start(milliseconds(run.started_at), run.timeframe)),
        # Two candles more: on the last one the engine opens nothing, and then closes all.
        end=end + 2 * _length(run),
    )
    spec = frozen(terms, graph_of_version(run.version), most_candles=Allowance(MOST_CANDLES)).spec
    data = data_of(spec_from_json(spec))
    limits = jobs.job_limits()
    found, _ = jobs.children().run(
        "backtest", spec, data, Trials(), limits=limits, on_progress=lambda _: None, stopped=lambda: False
    )
    return list(_orders_of(found))


def _orders_of(found: Answer) -> Iterator[Made]:
    for trade in found.trades:
        is_short = bool(trade["is_short"])
        yield Made(int(trade["opened_at"]), not is_short, float(trade["open_price"]))
        if trade["exit_reason"] != ExitReason.FORCE_EXIT:
            yield Made(int(trade["closed_at"]), is_short, float(trade["close_price"]))


def _within(made: list[Made], day: date, run: StrategyRun) -> list[Made]:
    """Return what falls into a day, and into the run's life."""
    first, last = _midnight(day), _midnight(day + _DAY)
    last = last if run.stopped_at is None else min(last, run.stopped_at)
    return [one for one in made if milliseconds(first) <= one.at < milliseconds(last)]


def _length(run: StrategyRun) -> timedelta:
    return timedelta(milliseconds=timeframe_ms(run.timeframe))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
