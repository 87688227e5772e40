"""What a portfolio's fills and snapshots say of a record: its length, its faithfulness to a strategy, its risk."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
from django.db.models import Max, Min

from common.clock import market_now
from engine.decimals import ZERO
from engine.performance import unit_values
from engine.record_length import Execution, RecordLength, Wish, closed_trades, executed, whole_days
from engine.risk_class import RiskFigures
from engine.statistics.returns import simple_returns, volatility
from engine.strategy.types import Market
from engine.timeframes import moment, timeframe_ms
from markets.selectors import candle_arrays
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from strategies.models import StrategyRun, StrategyVersion
from strategies.plans import plan_of
from trading.models import CauseKind, Fill, LeadEvent, Order, change_of

# Of a longer history the newest are taken.
MOST_EVENTS, MOST_DAYS, MOST_CANDLES = 5_000, 1_100, 20_000


def record_length(portfolio: Portfolio) -> RecordLength:
    """Return how long and how full a portfolio's record is now (market time)."""
    fills = Fill.objects.filter(portfolio=portfolio)
    rows = fills.order_by("number").values_list("instrument", "side", "quantity", "base_fee")
    trades = closed_trades((pk, change_of(side, quantity, fee)) for pk, side, quantity, fee in rows.iterator())
    return RecordLength(whole_days(first_fill_at(portfolio), market_now(portfolio.namespace)), trades)


def first_fill_at(portfolio: Portfolio) -> datetime | None:
    first: datetime | None = Fill.objects.filter(portfolio=portfolio).aggregate(at=Min("happened_at"))["at"]
    return first


def execution_of(portfolio: Portfolio, version: StrategyVersion) -> Execution:
    """Return how many of a version's signals its runs on this portfolio carried out, by the stored candles."""
    runs = list(StrategyRun.objects.filter(portfolio=portfolio, version=version).order_by("started_at"))
    if not runs:
        return Execution(0, 0)
    orders = Order.objects.filter(portfolio=portfolio, cause_kind=CauseKind.RUN, filled_quantity__gt=ZERO)
    causes = orders.filter(instrument=version.instrument).values_list("cause_id", flat=True)
    filled = frozenset(datetime.fromisoformat(cause.partition(":")[2]) for cause in causes)
    wished = [wish for run in runs for wish in _wishes(portfolio, version, run)]
    return executed(wished, filled)


def _wishes(portfolio: Portfolio, version: StrategyVersion, run: StrategyRun) -> list[tuple[datetime, Wish, bool]]:
    """Return the signals while a run was running: (candle, side, whether something was held when it closed)."""
    plan, length = plan_of(version), timedelta(milliseconds=timeframe_ms(version.timeframe))
    newest = market_now(portfolio.namespace) if run.stopped_at is None else run.stopped_at
    start = max(run.started_at - length, newest - MOST_CANDLES * length)
    candles = candle_arrays(version.instrument, version.timeframe, start=start - plan.history * length, end=newest)
    if not len(candles):
        return []
    signals = plan.signals(Market(candles, version.timeframe))
    held = _held_at(portfolio, version.instrument_id)
    uses_exits = plan.graph.exits.use_exit_signal
    found: list[tuple[datetime, Wish, bool]] = []
    for place in np.flatnonzero(signals.enter_long ^ signals.exit_long).tolist():
        opened_at = moment(int(candles.opened_at[place]))
        enters = bool(signals.enter_long[place])
        # What closed before the run began was not its to decide; on what closed just now its task may be on its way.
        if opened_at + length <= run.started_at or opened_at > run.decided_until or not (enters or uses_exits):
            continue
        found.append((opened_at, "BUY" if enters else "SELL", held(opened_at + length)))
    return found


def _held_at(portfolio: Portfolio, instrument_id: UUID) -> Callable[[datetime], bool]:
    """Return what says whether the instrument was held just before a moment."""
    rows = Fill.objects.filter(portfolio=portfolio, instrument=instrument_id).order_by("number")
    times, quantities, quantity = [], [], ZERO
    for at, side, amount, fee in rows.values_list("happened_at", "side", "quantity", "base_fee"):
        quantity += change_of(side, amount, fee)
        times.append(at)
        quantities.append(quantity)

    def held(at: datetime) -> bool:
        place = bisect_left(times, at)
        return place > 0 and quantities[place - 1] > ZERO

    return held


# --- risk -----------------------------------------------------------------------------------------------------------
def risk_figures(portfolio: Portfolio) -> RiskFigures:
    """Return what a risk class follows from: daily values of the portfolio, and what it held at most."""
    values = np.array(unit_values(_daily(portfolio)), dtype=np.float64)
    returns = simple_returns(values)
    peaks = np.maximum.accumulate(values) if len(values) else values
    falls = float((1 - values / peaks).max()) if len(values) and peaks.min() > 0 else 0.0
    leverage, concentration = _exposure(portfolio)
    spread = volatility(returns) if len(returns) > 1 else 0.0
    return RiskFigures(len(returns), spread, falls, leverage, concentration)


def _daily(portfolio: Portfolio) -> list[tuple[Decimal, Decimal]]:
    """Return (equity, net deposits) at the end of each day of market time, oldest first."""
    rows = EquitySnapshot.objects.filter(portfolio=portfolio, grain__in=[SnapshotGrain.HOUR, SnapshotGrain.DAY])
    ends = rows.values("at__date").annotate(last=Max("at")).order_by("-last").values_list("last", flat=True)
    found = rows.filter(at__in=list(ends[:MOST_DAYS])).order_by("at").values_list("at", "equity", "net_deposits")
    return [(equity, deposits) for _, equity, deposits in {row[0]: row for row in found}.values()]


def _exposure(portfolio: Portfolio) -> tuple[float, float]:
    """Return the largest gross exposure by equity, and the largest share of what was opened that went into one instrument."""
    events = LeadEvent.objects.filter(lead=portfolio).order_by("-seq")[:MOST_EVENTS]
    names = ("instrument", "opened_quantity", "resulting_quantity", "price", "lead_equity")
    holds: dict[UUID, Decimal] = {}
    opened: dict[UUID, Decimal] = defaultdict(Decimal)
    most = ZERO
    for instrument, quantity, resulting, price, equity in reversed(list(events.values_list(*names))):
        holds[instrument] = abs(resulting) * price
        opened[instrument] += abs(quantity) * price
        if equity > ZERO:
            most = max(most, sum(holds.values(), ZERO) / equity)
    total = sum(opened.values(), ZERO)
    return float(most), float(max(opened.values()) / total) if total else 0.0


def instruments_of(portfolio: Portfolio, version: StrategyVersion | None) -> set[UUID]:
    """Return what a listing trades: what its portfolio has traded, and what its strategy trades."""
    traded = set(Fill.objects.filter(portfolio=portfolio).order_by().values_list("instrument", flat=True).distinct())
    if version is not None:
        traded |= {version.instrument_id, *version.further.values_list("instrument", flat=True)}
    return traded
