"""Granting the use of a version, and taking it back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from strategies.grants.models import StrategyGrant
from strategies.models import Strategy, StrategyVersion


@transaction.atomic
def grant_version(
    *, user: User, version: StrategyVersion, shows_source: bool, until: datetime | None = None
) -> StrategyGrant:
    """Let a user run and backtest a version of somebody else's. Given again, it lasts as the last one says.

    Who sells it, and for what, is an upper floor's business: it calls this when somebody has a right to it.
    """
    # The strategy's row, as an edit locks it (services/definitions.py): a granted version never changes.
    owner = Strategy.objects.select_for_update(no_key=True).get(pk=version.strategy_id).owner_id
    if owner == user.pk:
        raise DomainError("GRANT_OF_ONES_OWN", "This strategy is yours: you may use it as it is.", status=409)
    held = lock_rows(StrategyGrant.objects.filter(user=user, version=version, revoked_at=None))
    if held:
        grant = held[0]
        grant.until, grant.shows_source = until, shows_source or grant.shows_source
        grant.save(update_fields=["until", "shows_source"])
    else:
        facts = {"until": until, "shows_source": shows_source, "granted_at": wall_now()}
        grant = StrategyGrant.objects.create(user=user, version=version, **facts)
    after = {"version": str(version.pk), "until": until.isoformat() if until else None}
    audit(action="strategy.granted", obj=grant, actor=user, after=after)
    return grant


@transaction.atomic
def revoke_grant(*, grant: StrategyGrant, actor: User | None = None) -> StrategyGrant:
    """End a grant. Runs of it sell what they hold, by signal or stop, and open nothing. A repeat is a no-op."""
    locked = lock_rows(StrategyGrant.objects.filter(pk=grant.pk).select_related("version__strategy", "user"))[0]
    if locked.revoked_at is None:
        locked.revoked_at = wall_now()
        locked.save(update_fields=["revoked_at"])
        audit(action="strategy.grant_ended", obj=locked, actor=actor, after={"version": str(locked.version_id)})
        if locked.user.is_active:
            notify(user=locked.user, event="strategy.grant_ended", context={"name": locked.version.strategy.name})
    return locked


@transaction.atomic
def pin_version(*, owner: User, version: StrategyVersion) -> None:
    """Keep a version as it is from now on: somebody was shown it, and an edit makes the next one."""
    Strategy.objects.select_for_update(no_key=True).get(pk=version.strategy_id, owner=owner)
    StrategyVersion.objects.filter(pk=version.pk).update(is_pinned=True)
