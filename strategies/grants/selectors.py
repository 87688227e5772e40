"""Reads of grants, and the gate to versions that somebody may use: their own, and those granted to them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from common.clock import wall_now
from common.errors import NotFound
from strategies.grants.models import StrategyGrant
from strategies.models import Backtest, StrategyRun, StrategyVersion
from strategies.selectors.definitions import Asker, versions

SEALED_WORDS = "This strategy is sealed: what it trades by is shown to its author alone."


def active_grants() -> QuerySet[StrategyGrant]:
    """Return the grants that have neither been taken back nor run out (wall time)."""
    return StrategyGrant.objects.filter(Q(until=None) | Q(until__gt=wall_now()), revoked_at=None)


def grants_of(user: User) -> QuerySet[StrategyGrant]:
    """Return the user's active grants with what showing them needs, newest first."""
    related = ("version__strategy__owner__profile", "version__instrument__market", "version__instrument__exchange")
    return active_grants().filter(user=user).select_related(*related).order_by("-pk")


def usable_version(user: Asker, version_id: UUID | str) -> StrategyVersion:
    """The gate to use: a version of one's own strategies, or one granted to the user, or NotFound."""
    asker = user.pk if user is not None and user.is_authenticated else None
    granted = active_grants().filter(user=asker).values("version")
    try:
        found = versions().filter(Q(strategy__owner=asker) | Q(pk__in=granted), pk=UUID(str(version_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("strategy version")
    return found


def may_use(user: User, version: StrategyVersion) -> bool:
    return version.strategy.owner_id == user.pk or active_grants().filter(user=user, version=version).exists()


def versions_shown_to(user_id: UUID | None) -> set[UUID]:
    """Return the versions of others that a person was ever granted with their source."""
    shown = StrategyGrant.objects.filter(user=user_id, shows_source=True)
    return set(shown.values_list("version", flat=True))


def is_sealed_for(user_id: UUID | None, version: StrategyVersion | None) -> bool:
    """Say whether a person must not see what a version trades by: it is another's, and no grant has ever shown it to them."""
    if version is None or version.strategy.owner_id == user_id:
        return False
    return not StrategyGrant.objects.filter(user=user_id, version=version, shows_source=True).exists()


def grant_has_ended(run: StrategyRun) -> bool:
    """Say whether a run goes on with a version that its portfolio's owner may no longer use."""
    owner = run.portfolio.owner_id
    if run.version.strategy.owner_id == owner:
        return False
    return not active_grants().filter(user=owner, version=run.version_id).exists()


def shown_spec(backtest: Backtest) -> dict[str, object]:
    """Return a backtest's frozen spec as its owner may see it: of a sealed strategy neither the graph nor what else it reads."""
    if not backtest.spec or not is_sealed_for(backtest.owner_id, backtest.version):
        return dict(backtest.spec)
    traded = {one["symbol"] for one in backtest.spec["instruments"]}
    shown = {name: value for name, value in backtest.spec.items() if name != "graph"}
    prints = backtest.spec["fingerprints"]
    shown["fingerprints"] = {name: value for name, value in prints.items() if name.partition("#")[0] in traded}
    return {**shown, "sealed": True}
