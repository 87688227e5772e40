"""Reads of backtests and sweeps, and their gates: they are their owner's alone."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from strategies.models import Backtest, Strategy, Sweep, SweepPoint
from strategies.selectors.definitions import Asker, own

_SHOWN = ("instrument__market", "instrument__exchange", "version__strategy")


def backtest_for_user(user: Asker, backtest_id: UUID | str) -> Backtest:
    """The gate: the user's own backtest, or NotFound."""
    return own(user, backtests(), backtest_id, "backtest")


def sweep_for_user(user: Asker, sweep_id: UUID | str) -> Sweep:
    """The gate: the user's own sweep, or NotFound."""
    return own(user, sweeps(), sweep_id, "sweep")


def backtests() -> QuerySet[Backtest]:
    """Return backtests with what a list of them needs (not their result), newest first."""
    return Backtest.objects.select_related(*_SHOWN).order_by("-pk")


def sweeps() -> QuerySet[Sweep]:
    """Return sweeps with what a list of them needs, newest first."""
    return Sweep.objects.select_related(*_SHOWN).order_by("-pk")


def backtests_of(user: User) -> QuerySet[Backtest]:
    return backtests().filter(owner=user)


def sweeps_of(user: User) -> QuerySet[Sweep]:
    return sweeps().filter(owner=user)


def backtests_of_strategy(strategy: Strategy) -> QuerySet[Backtest]:
    return backtests().filter(owner=strategy.owner_id, version__strategy=strategy)


def points_of(sweep: Sweep) -> QuerySet[SweepPoint]:
    """Return what the points of a sweep came to, as far as they are computed, in their order."""
    return SweepPoint.objects.filter(sweep=sweep).order_by("number")
