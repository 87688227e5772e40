"""Reads of runs, and their gate: a run is for whoever its portfolio is for."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, UUIDField

from accounts.models import User
from accounts.teams.models import Permission
from common import clock
from common.bus import bus
from common.db import Slot
from common.prepared import Prepared
from engine.timeframes import moment
from markets.history import open_backfills
from markets.models import Backfill
from markets.selectors import candle_arrays, instruments_by_id
from portfolios.access import reachable
from portfolios.models import Portfolio, Position
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from strategies.selectors.definitions import Asker
from trading.models import CauseKind, Order, SafetyLevel, SafetySwitch, ScopeKind
from trading.selectors import counts_for, free_portfolios_of, orders, row_for_user


def run_for_user(user: Asker, run_id: UUID | str, may: str = Permission.VIEW) -> StrategyRun:
    """The gate: a run on a portfolio with which the user may do this; NotFound, or 403 ROLE_FORBIDS if they may only look."""
    return row_for_user(user, runs(), run_id, "run", may)


def runs() -> QuerySet[StrategyRun]:
    """Return runs with what showing them needs, newest first."""
    related = ("version__strategy", "portfolio__settlement", "instrument__market", "instrument__exchange")
    return StrategyRun.objects.select_related(*related).order_by("-pk")


_ACTING = Prepared(
    lambda: StrategyRun.objects.filter(pk=Slot("run", UUIDField())).select_related(
        "version__strategy", "portfolio", "instrument__market", "instrument__exchange"
    )
)


def acting_run(run_id: UUID) -> StrategyRun:
    """Return a run with what ordering for it needs."""
    [run] = _ACTING.found(run=run_id)
    return run


def runs_of(user: User) -> QuerySet[StrategyRun]:
    """Return the runs on portfolios that the user may see."""
    return runs().filter(reachable(user, Permission.VIEW, "portfolio__"))


def runs_owned_by(user: User) -> QuerySet[StrategyRun]:
    """Return the runs on portfolios that the user answers for, whoever may see them."""
    return runs().filter(portfolio__owner=user)


def running_runs_of(user: User) -> QuerySet[StrategyRun]:
    return runs_of(user).filter(state=RunState.RUNNING)


def runs_of_strategy(strategy: Strategy) -> QuerySet[StrategyRun]:
    """Return its author's runs; those of others, to whom a version was granted, are theirs."""
    return runs().filter(version__strategy=strategy, portfolio__owner=strategy.owner_id)


def position_of_run(run: StrategyRun) -> Position | None:
    """Return what the run's portfolio holds of its instrument."""
    return Position.objects.filter(portfolio=run.portfolio_id, instrument=run.instrument_id).first()


def loading_past(run: StrategyRun) -> Backfill | None:
    """Return what is being loaded of the past that a run decides by, where a venue is asked for it."""
    if run.state != RunState.RUNNING or not run.instrument.exchange.dialect:
        return None
    return open_backfills([run.instrument]).filter(timeframe=run.timeframe).first()


def portfolios_to_run_on(user: User, version: StrategyVersion) -> QuerySet[Portfolio]:
    """Return the user's portfolios that this version could be started on."""
    instrument = version.instrument
    taken = StrategyRun.objects.filter(portfolio=OuterRef("pk"), instrument=instrument, state=RunState.RUNNING)
    return free_portfolios_of(user).filter(
        Q(is_restricted=False) | Q(allowed_instruments=instrument),
        ~Exists(taken),
        namespace=instrument.market.namespace,
        settlement=instrument.market.quote_id,
    )


def orders_of_run(run: StrategyRun) -> QuerySet[Order]:
    """Return what the run's signals and stops ordered while it ran, newest first.

    One run at a time trades an instrument of a portfolio, so whose order it was follows from when it was made.
    """
    made = orders().filter(
        portfolio=run.portfolio_id,
        instrument=run.instrument_id,
        cause_kind__in=[CauseKind.RUN, CauseKind.TRIGGER],
        created_at__gte=run.started_at,
    )
    return made if run.stopped_at is None else made.filter(created_at__lte=run.stopped_at)


# The bus board that says, by series, what last changed of who runs on it; what is kept of a series holds until then.
SERIES = "run-series"
# A change that the bus lost counts from then on; until then the sweeper finds the run.
_KEEP_SECONDS = 60.0
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    """The runs of a series as they were at a change of it."""

    change: str
    until: float
    runs: tuple[StrategyRun, ...]


# (database, series) → its runs. Replays of one seed repeat their ids, each in a database of its own.
_kept: dict[tuple[str, str], _Kept] = {}


# --- deciding -------------------------------------------------------------------------------------------------------
def series_of(instrument_id: UUID, timeframe: str) -> str:
    """Return how a series is named on the board."""
    return f"{instrument_id}:{timeframe}"


def runs_to_decide(instrument_id: UUID, timeframe: str) -> list[StrategyRun]:
    """Return the runs that a closed candle of this series concerns, oldest first.

    They are asked for when the series has changed, not at every candle: whether a run still runs, and has not decided
    yet, is the condition of the UPDATE that takes the candle.
    """
    series = series_of(instrument_id, timeframe)
    # Read before the rows: a run that starts in between changes it once more.
    change = bus().board_get(SERIES, [series]).get(series)
    place = str(connection.settings_dict["NAME"]), series
    kept = _kept.get(place)
    if kept is None or kept.change != change or clock.monotonic() > kept.until:
        found = tuple(_running().filter(instrument=instrument_id, timeframe=timeframe))
        if change is None:
            return list(found)
        if len(_kept) >= _KEPT:
            _kept.clear()
        kept = _kept[place] = _Kept(change, clock.monotonic() + _KEEP_SECONDS, found)
    return [copy(run) for run in kept.runs]


def _running() -> QuerySet[StrategyRun]:
    """Return running runs with what deciding without a signal needs (a replay asks at every candle), oldest first."""
    related = ("version", "instrument__market", "instrument__exchange")
    needed = (
        "state",
        "timeframe",
        "decided_until",
        "version__graph_hash",  # by which a process knows the graph itself (plans.py)
        "version__timeframe",
        "instrument__symbol",
        "instrument__market__namespace",
        "instrument__exchange__code",
        "instrument__exchange__source_kind",
        "instrument__exchange__dialect",
    )
    return StrategyRun.objects.filter(state=RunState.RUNNING).select_related(*related).only(*needed).order_by("pk")


def undecided_runs(namespace: str) -> list[StrategyRun]:
    """Return the running runs of a namespace that have not decided on the newest closed candle of their series."""
    running = StrategyRun.objects.filter(state=RunState.RUNNING, portfolio__namespace=namespace).order_by()
    oldest = list(running.values_list("instrument", "timeframe").annotate(Min("decided_until")))
    instruments = instruments_by_id({instrument_id for instrument_id, _, _ in oldest})
    late = Q()
    for instrument_id, timeframe, decided_until in oldest:
        newest = candle_arrays(instruments[instrument_id], timeframe, count=1).opened_at
        if len(newest) and (opened_at := moment(int(newest[0]))) > decided_until:
            late |= Q(instrument=instrument_id, timeframe=timeframe, decided_until__lt=opened_at)
    return list(_running().filter(late)) if late else []


def has_undecided(namespace: str) -> bool:
    """Say whether market time should wait: a run has not decided on a candle that closed."""
    return bool(undecided_runs(namespace))


def running_namespaces() -> list[str]:
    """Return the namespaces in which strategies run."""
    running = StrategyRun.objects.filter(state=RunState.RUNNING)
    return sorted(running.values_list("portfolio__namespace", flat=True).distinct())


_HALTED = Prepared(
    lambda: SafetySwitch.objects.filter(level=SafetyLevel.HALTED, scope_id__among=Slot("ids")).values_list(
        "scope", "scope_id", "set_by"
    )
)


def is_halted(run: StrategyRun) -> bool:
    """Say whether a scope that the run falls under is HALTED: then strategies emit nothing, neither opens nor exits."""
    scopes = {
        (ScopeKind.PLATFORM, ""),
        (ScopeKind.VENUE, run.instrument.exchange.code),
        (ScopeKind.USER, str(run.portfolio.owner_id)),
        (ScopeKind.PORTFOLIO, str(run.portfolio_id)),
    }
    # An author's switch is for their own runs: others', to whom it was granted, must be able to leave.
    if run.version.strategy.owner_id == run.portfolio.owner_id:
        scopes.add((ScopeKind.STRATEGY, str(run.version.strategy_id)))
    return any(
        (scope, scope_id) in scopes and counts_for(scope, scope_id, set_by, run.portfolio)
        for scope, scope_id, set_by in _HALTED.rows(ids=[scope_id for _, scope_id in scopes])
    )


def is_reducing(run: StrategyRun) -> bool:
    """Say whether the run's strategy may only reduce. (Of the other scopes risk knows, order by order.)"""
    if run.version.strategy.owner_id != run.portfolio.owner_id:
        return False
    mine = SafetySwitch.objects.filter(scope=ScopeKind.STRATEGY, scope_id=str(run.version.strategy_id))
    return mine.filter(level=SafetyLevel.REDUCING).exists()


def running_ids(portfolio_ids: Iterable[UUID]) -> list[UUID]:
    """Return the running runs on these portfolios."""
    found = StrategyRun.objects.filter(portfolio__in=list(portfolio_ids), state=RunState.RUNNING)
    return list(found.order_by("pk").values_list("pk", flat=True))
