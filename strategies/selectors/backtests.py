"""Reads of backtests and sweeps, and their gates: they are their owner's alone."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from strategies.models import Backtest, JobState, Strategy, Sweep, SweepPoint
from strategies.selectors.definitions import Asker, own

_SHOWN = ("instrument__market", "instrument__exchange", "version__strategy")


def backtest_for_user(user: Asker, backtest_id: UUID | str) -> Backtest:
    """The gate: the user's own backtest, or NotFound."""
    return own(user, backtests(), backtest_id, "backtest")


def sweep_for_user(user: Asker, sweep_id: UUID | str) -> Sweep:
    """The gate: the user's own sweep, or NotFound."""
    return own(user, sweeps(), sweep_id, "sweep")


def backtests() -> QuerySet[Backtest]:
    """Return backtests with what showing them needs (a list does not ask for their result), newest first."""
    return Backtest.objects.filter(forgotten_at=None).select_related(*_SHOWN).order_by("-pk")


def sweeps() -> QuerySet[Sweep]:
    """Return sweeps with what a list of them needs, newest first."""
    return Sweep.objects.filter(forgotten_at=None).select_related(*_SHOWN).order_by("-pk")


def backtests_of(user: User) -> QuerySet[Backtest]:
    return backtests().filter(owner=user)


def sweeps_of(user: User) -> QuerySet[Sweep]:
    return sweeps().filter(owner=user)


def backtests_of_strategy(strategy: Strategy) -> QuerySet[Backtest]:
    return backtests().filter(owner=strategy.owner_id, version__strategy=strategy)


def points_of(sweep: Sweep) -> QuerySet[SweepPoint]:
    """Return what the points of a sweep came to, as far as they are computed, in their order."""
    return SweepPoint.objects.filter(sweep=sweep).order_by("number")


def trials_of(study: Backtest | Sweep) -> dict[str, float | None]:
    """Return what the study's author has tried so far on candles that overlap with it: which strategy → yearly Sharpe.

    A trial is a strategy with its parameters put in, once however often it was computed; costs do not make another.
    Deleted studies count too: a result does not get better by forgetting the ones before it.
    """
    same = {
        "owner": study.owner_id,
        "instrument": study.instrument_id,
        "timeframe": study.timeframe,
        "starts_at__lt": study.ends_at,
        "ends_at__gt": study.starts_at,
    }
    done = Backtest.objects.filter(state=JobState.DONE, **same).exclude(pk=study.pk)
    points = SweepPoint.objects.filter(**{f"sweep__{name}": value for name, value in same.items()})
    return dict(points.values_list("trial_hash", "sharpe")) | dict(done.values_list("trial_hash", "sharpe"))
