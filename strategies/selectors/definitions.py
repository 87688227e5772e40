"""Reads of strategies and their versions, and the gates to both: they are their owner's alone."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Model, Prefetch, Q, QuerySet

from accounts.models import User
from common.errors import NotFound
from strategies.models import FurtherInstrument, RunState, Strategy, StrategyVersion

Asker = User | AnonymousUser | None
Row = TypeVar("Row", bound=Model)


def own(user: Asker, rows: QuerySet[Row], key: UUID | str, what: str, owner: str = "owner") -> Row:
    """The gate of all gates: the row with this key if `owner` (a field, or a path to one) is the user, or NotFound."""
    asker = user.pk if user is not None and user.is_authenticated else None
    try:
        found = rows.filter(**{owner: asker}, pk=UUID(str(key))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(what)
    return found


def strategy_for_user(user: Asker, strategy_id: UUID | str) -> Strategy:
    """The gate: the user's own strategy, or NotFound."""
    return own(user, strategies(), strategy_id, "strategy")


def version_for_user(user: Asker, version_id: UUID | str) -> StrategyVersion:
    """The gate: a version of one of the user's own strategies, or NotFound."""
    return own(user, versions(), version_id, "strategy version", "strategy__owner")


def strategies() -> QuerySet[Strategy]:
    return Strategy.objects.order_by("-pk")


def versions() -> QuerySet[StrategyVersion]:
    """Return versions with what showing them needs, the newest of a strategy first."""
    related = ("strategy", "instrument__market", "instrument__exchange")
    further = FurtherInstrument.objects.select_related("instrument__market", "instrument__exchange")
    found = StrategyVersion.objects.select_related(*related).prefetch_related(Prefetch("further", further))
    return found.order_by("strategy", "-number")


def strategies_of(user: User) -> QuerySet[Strategy]:
    """Return the user's strategies, newest first, with their versions (newest first) and a count of `running` runs."""
    mine = Q(versions__runs__state=RunState.RUNNING, versions__runs__portfolio__owner=user)
    running = Count("versions__runs", filter=mine)
    return strategies().filter(owner=user).annotate(running=running).prefetch_related(Prefetch("versions", versions()))


def versions_of(strategy: Strategy) -> QuerySet[StrategyVersion]:
    """Return a strategy's versions, newest first, with how many `started` runs each has had."""
    return (
        versions()
        .filter(strategy=strategy)
        .annotate(started=Count("runs", filter=Q(runs__portfolio__owner=strategy.owner_id)))
    )


def newest_version(strategy: Strategy) -> StrategyVersion:
    """Return the version that a new run of the strategy uses and that an edit starts from."""
    return versions().filter(strategy=strategy)[0]
