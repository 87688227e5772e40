"""Trades in a follow's portfolio that were not ours, and venues that hold less than the books say: there nothing is repaired (rule 24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction

from common.clock import market_times
from common.db import Slot, bulk_save, bulk_update, lock_rows
from common.prepared import Prepared
from engine.decimals import ZERO
from markets.models import Instrument
from portfolios.models import AccountBalance
from portfolios.services.books import lock_portfolios
from trading.models import UNFINISHED_FOLLOW, CauseKind, Fill, Follow, FollowPosition, FollowState, Order

_FOLLOWS_IN = Prepared(
    lambda: Follow.objects.filter(portfolio__among=Slot("portfolios"), state__in=UNFINISHED_FOLLOW).select_related(
        "lead"
    )
)


def note_foreign_trades(fills: Sequence[Fill], orders: Iterable[Order]) -> None:
    """Mark instruments of follows as diverged that orders of nobody's follow have traded. The caller holds the portfolios' locks."""
    foreign = [one for one in orders if one.follow_id is None and one.cause_kind != CauseKind.PROTECTION]
    if not foreign:
        return
    found = _FOLLOWS_IN.found(portfolios={order.portfolio_id for order in foreign})
    follows = {one.portfolio_id: one for one in found}
    if not follows:
        return
    _diverge(
        [
            (follows[order.portfolio_id], order.instrument, _is_first(order, fills))
            for order in foreign
            if order.portfolio_id in follows
        ]
    )


def _is_first(order: Order, fills: Sequence[Fill]) -> bool:
    """Say whether these are the first fills of an order: it is counted once."""
    return bool(order.filled_quantity == sum((fill.quantity for fill in fills if fill.order_id == order.pk), ZERO))


def _diverge(marks: Sequence[tuple[Follow, Instrument, bool]]) -> None:
    """Mark (follow, instrument), and count the order where it is a new one."""
    now = market_times({follow.lead.namespace for follow, _, _ in marks})
    found = FollowPosition.objects.filter(follow__among={follow.pk for follow, _, _ in marks})
    aims = {(one.follow_id, one.instrument_id): one for one in found}
    for follow, instrument, is_new in marks:
        key = follow.pk, instrument.pk
        fresh = FollowPosition(follow=follow, instrument=instrument, settings=follow.settings)
        aim = aims.setdefault(key, fresh)
        aim.diverged_at = aim.diverged_at or now[follow.lead.namespace]
        aim.unexplained_orders += is_new
    changed = {(follow.pk, instrument.pk) for follow, instrument, _ in marks}
    bulk_save(FollowPosition, [aims[key] for key in changed], ["diverged_at", "unexplained_orders"])


@transaction.atomic
def note_shortages(*, account_id: UUID) -> int:
    """Mark what follows on an exchange account hold of assets that the venue has less of than the books; return how many."""
    short = set(AccountBalance.objects.filter(account=account_id, remainder__lt=ZERO).values_list("asset", flat=True))
    if not short:
        return 0
    follows = Follow.objects.filter(portfolio__account=account_id, state__in=UNFINISHED_FOLLOW)
    lock_portfolios(follows.values_list("portfolio_id", flat=True))
    aims = FollowPosition.objects.filter(follow__in=follows, instrument__market__base__in=short, diverged_at=None)
    held = [one for one in aims.select_related("follow__lead", "instrument") if one.target]
    if held:
        _diverge([(one.follow, one.instrument, False) for one in held])
    return len(held)


def look_at_drift(*, account_id: UUID) -> None:
    """Have the drift of an account's follows looked at now: after each reconnect (rule 21)."""
    follows = Follow.objects.filter(portfolio__account=account_id, state__in=(FollowState.ACTIVE, FollowState.PAUSED))
    with transaction.atomic():
        locked = lock_rows(follows.select_related("lead"))
        now = market_times({one.lead.namespace for one in locked})
        for one in locked:
            one.drift_due_at = now[one.lead.namespace]
        bulk_update(Follow, locked, ["drift_due_at"])
