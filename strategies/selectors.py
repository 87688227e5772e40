"""Reads of strategies and their runs, and the gates to both: they are their owner's alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, Min, Model, OuterRef, Prefetch, Q, QuerySet

from accounts.models import User
from common.errors import NotFound
from engine.timeframes import moment
from markets.selectors import candle_arrays, instruments_by_id
from portfolios.models import Portfolio, Position
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from trading.models import CauseKind, Order, SafetyLevel, SafetySwitch, ScopeKind
from trading.selectors import free_portfolios_of, orders

Asker = User | AnonymousUser | None
Row = TypeVar("Row", bound=Model)


# --- gates ----------------------------------------------------------------------------------------------------------
def strategy_for_user(user: Asker, strategy_id: UUID | str) -> Strategy:
    """The gate: the user's own strategy, or NotFound."""
    return _own(strategies().filter(owner_id=_key(user)), strategy_id, "strategy")


def version_for_user(user: Asker, version_id: UUID | str) -> StrategyVersion:
    """The gate: a version of one of the user's own strategies, or NotFound."""
    return _own(versions().filter(strategy__owner_id=_key(user)), version_id, "strategy version")


def run_for_user(user: Asker, run_id: UUID | str) -> StrategyRun:
    """The gate: a run on one of the user's own portfolios, or NotFound."""
    return _own(runs().filter(portfolio__owner_id=_key(user)), run_id, "run")


def _key(user: Asker) -> UUID | None:
    return user.pk if user is not None and user.is_authenticated else None


def _own(rows: QuerySet[Row], key: UUID | str, what: str) -> Row:
    try:
        found = rows.filter(pk=UUID(str(key))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(what)
    return found


# --- lists ----------------------------------------------------------------------------------------------------------
def strategies() -> QuerySet[Strategy]:
    return Strategy.objects.order_by("-pk")


def versions() -> QuerySet[StrategyVersion]:
    """Return versions with what showing them needs, the newest of a strategy first."""
    related = ("strategy", "instrument__market", "instrument__exchange")
    return StrategyVersion.objects.select_related(*related).order_by("strategy", "-number")


def runs() -> QuerySet[StrategyRun]:
    """Return runs with what showing them needs, newest first."""
    related = ("version__strategy", "portfolio__settlement", "instrument__market", "instrument__exchange")
    return StrategyRun.objects.select_related(*related).order_by("-pk")


def strategies_of(user: User) -> QuerySet[Strategy]:
    """Return the user's strategies, newest first, with their versions (newest first) and a count of `running` runs."""
    running = Count("versions__runs", filter=Q(versions__runs__state=RunState.RUNNING))
    return strategies().filter(owner=user).annotate(running=running).prefetch_related(Prefetch("versions", versions()))


def versions_of(strategy: Strategy) -> QuerySet[StrategyVersion]:
    """Return a strategy's versions, newest first, with how many `started` runs each has had."""
    return versions().filter(strategy=strategy).annotate(started=Count("runs"))


def newest_version(strategy: Strategy) -> StrategyVersion:
    """Return the version that a new run of the strategy uses and that an edit starts from."""
    return versions().filter(strategy=strategy)[0]


def runs_of(user: User) -> QuerySet[StrategyRun]:
    return runs().filter(portfolio__owner=user)


def running_runs_of(user: User) -> QuerySet[StrategyRun]:
    return runs_of(user).filter(state=RunState.RUNNING)


def runs_of_strategy(strategy: Strategy) -> QuerySet[StrategyRun]:
    return runs().filter(version__strategy=strategy)


def position_of_run(run: StrategyRun) -> Position | None:
    """Return what the run's portfolio holds of its instrument."""
    return Position.objects.filter(portfolio=run.portfolio_id, instrument=run.instrument_id).first()


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


# --- deciding -------------------------------------------------------------------------------------------------------
def runs_to_decide(instrument_id: UUID, timeframe: str) -> list[StrategyRun]:
    """Return the runs that a closed candle of this series concerns."""
    return list(_running().filter(instrument=instrument_id, timeframe=timeframe))


def _running() -> QuerySet[StrategyRun]:
    """Return running runs with what deciding without a signal needs (a replay asks at every candle), oldest first."""
    related = ("version", "instrument__market", "instrument__exchange")
    needed = (
        "timeframe",
        "decided_until",
        "version__parameters",
        "instrument__symbol",
        "instrument__market__namespace",
        "instrument__exchange__code",
        "instrument__exchange__source_kind",
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


def is_halted(run: StrategyRun) -> bool:
    """Say whether a scope that the run falls under is HALTED: then strategies emit nothing, neither opens nor exits."""
    scopes = (
        Q(scope=ScopeKind.PLATFORM)
        | Q(scope=ScopeKind.VENUE, scope_id=run.instrument.exchange.code)
        | Q(scope=ScopeKind.USER, scope_id=str(run.portfolio.owner_id))
        | Q(scope=ScopeKind.PORTFOLIO, scope_id=str(run.portfolio_id))
        | Q(scope=ScopeKind.STRATEGY, scope_id=str(run.version.strategy_id))
    )
    return SafetySwitch.objects.filter(scopes, level=SafetyLevel.HALTED).exists()


def running_ids(portfolio_ids: Iterable[UUID]) -> list[UUID]:
    """Return the running runs on these portfolios."""
    found = StrategyRun.objects.filter(portfolio__in=list(portfolio_ids), state=RunState.RUNNING)
    return list(found.order_by("pk").values_list("pk", flat=True))
