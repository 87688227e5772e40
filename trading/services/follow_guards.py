"""What guards follows, and the watch over them: a day's loss pauses one, the copy stop closes it for good (copy-trading rules 26 to 28).

It looks at whole sets of follows and locks none of them. What hits a guard is rare, and is looked at again under its locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit, notify
from common import display
from common.clock import market_now
from common.db import bulk_update, lock_rows, one_moment
from common.errors import DomainError
from common.fields import canonical
from common.realtime import publish
from engine.following import (
    LEAST_DAILY,
    LEAST_STOP,
    MOST_STOP,
    NO_GUARDS,
    FollowMarks,
    Guards,
    StopKind,
    first_follow_marks,
    follow_marks_at,
    guard_hit,
    is_stop_share,
    stop_level,
)
from portfolios.selectors import Worth, worth_of
from portfolios.services.books import lock_portfolios
from trading.follow_models import FollowGuard, StopMode
from trading.models import MIRRORING, Follow, FollowState

BATCH = 500
_MARKS = ("day", "day_equity", "capital", "peak", "net_deposits")
# What is being sold already needs no guard; a follow that waits for the lead's exits does.
_GUARDED = Q(follow__state__in=MIRRORING) & ~Q(follow__stop_mode__in=[StopMode.CLOSE_NOW, StopMode.KEEP])


def guards_of(row: FollowGuard) -> Guards:
    return Guards(row.daily_loss, row.stop, StopKind(row.kind))


def follow_marks_of(row: FollowGuard) -> FollowMarks:
    return FollowMarks(row.day, row.day_equity, row.capital, row.peak, row.net_deposits)


def set_follow_marks(row: FollowGuard, marks: FollowMarks) -> None:
    for name in _MARKS:
        setattr(row, name, getattr(marks, name))


def guard_row(follow: Follow, guards: Guards, marks: FollowMarks) -> FollowGuard:
    """Return an unsaved row of a follow's guards."""
    row = FollowGuard(follow=follow, daily_loss=guards.daily_loss, stop=guards.stop, kind=guards.kind)
    set_follow_marks(row, marks)
    return row


def check_guards(guards: Guards) -> None:
    """Refuse guards that nobody may choose."""
    if guards.stop is not None and not is_stop_share(guards.stop):
        message = f"Set the copy stop from {LEAST_STOP:%} to {MOST_STOP:%} of the copied amount."
        raise DomainError("COPY_STOP_OUT_OF_RANGE", message, {"field": "stop"})
    if guards.daily_loss is not None and not (guards.daily_loss.is_finite() and LEAST_DAILY <= guards.daily_loss <= 1):
        message = f"Set the daily loss from {LEAST_DAILY:%} to 100 % of the day's first equity."
        raise DomainError("DAILY_LOSS_OUT_OF_RANGE", message, {"field": "daily_loss"})
    if any(share is not None and share != round(share, 4) for share in (guards.stop, guards.daily_loss)):
        raise DomainError("GUARD_TOO_FINE", "Name a guard in hundredths of a percent.", {"field": "stop"})


def change_guards(*, actor: User, follow: Follow, guards: Guards) -> Follow:
    """Set a follow's guards anew; they hold from the next look on, measured from the marks that there are."""
    check_guards(guards)
    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk).select_related("lead", "portfolio"))[0]
        if locked.state == FollowState.STOPPED:
            raise DomainError("FOLLOW_STATE", "A follow that has ended is guarded no more.", status=409)
        row = FollowGuard.objects.filter(pk=locked.pk).first() or _unguarded(locked)
        before = guards_of(row)
        row.daily_loss, row.stop, row.kind = guards.daily_loss, guards.stop, guards.kind
        row.save()
        told = [
            {"daily_loss": str(one.daily_loss), "stop": str(one.stop), "kind": one.kind} for one in (before, guards)
        ]
        audit(action="follow.guards_changed", obj=locked, actor=actor, before=told[0], after=told[1])
    publish([(f"portfolio:{locked.portfolio_id}", {"refresh": ["follow"]})])
    return locked


def _unguarded(follow: Follow) -> FollowGuard:
    """Return the row of a follow that began before there were guards: losses count from now."""
    equity = worth_of([follow.portfolio])[follow.portfolio_id].equity
    marks = first_follow_marks(market_now(follow.lead.namespace), equity)
    return guard_row(follow, NO_GUARDS, replace(marks, net_deposits=follow.portfolio.net_deposits))


def watch_follows(*, namespace: str) -> list[UUID]:
    """Look at every guarded follow of a namespace, as prices stand now; return the ids of those whose guard was hit.

    A constant number of statements per batch, and some for each that is hit.
    """
    rows = FollowGuard.objects.filter(_GUARDED, follow__portfolio__namespace=namespace)
    found = list(rows.order_by("pk").values_list("pk", flat=True))
    return [pk for first in range(0, len(found), BATCH) for pk in _watch(found[first : first + BATCH], namespace)]


def _watch(follow_ids: Sequence[UUID], namespace: str) -> list[UUID]:
    # Read as of one moment: money that comes or goes in between would look like a gain or a loss.
    with one_moment():
        rows = list(FollowGuard.objects.filter(_GUARDED, pk__among=follow_ids).select_related("follow__portfolio"))
        worth = worth_of(row.follow.portfolio for row in rows)
        now = market_now(namespace)
    moved, hit = [], []
    for row in rows:
        mine = worth[row.follow.portfolio_id]
        if not _is_priced(mine):
            continue
        before = follow_marks_of(row)
        marks = follow_marks_at(before, now, mine.equity, row.follow.portfolio.net_deposits)
        if marks != before:
            set_follow_marks(row, marks)
            moved.append(row)
        if guard_hit(guards_of(row), marks, mine.equity):
            hit.append(row.pk)
    bulk_update(FollowGuard, moved, _MARKS)
    return [pk for pk in hit if _act(pk, now)]


def _is_priced(worth: Worth) -> bool:
    """Say whether all that is held has a price: valued at its cost it would make losses and heights that never were."""
    return all(one.price is not None for one in worth.holdings)


@transaction.atomic
def _act(follow_id: UUID, now: datetime) -> bool:
    """Do what a guard that was hit asks for, if it is still hit under the locks; say whether it did."""
    from trading.services.follows import stop_follow  # follows → guards: look late

    related = ("lead", "portfolio", "follower")
    follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related(*related))[0]
    portfolio = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    row = FollowGuard.objects.filter(_GUARDED, pk=follow_id).first()
    worth = worth_of([portfolio])[portfolio.pk]
    if row is None or not _is_priced(worth):
        return False
    marks = follow_marks_at(follow_marks_of(row), now, worth.equity, portfolio.net_deposits)
    code = guard_hit(guards_of(row), marks, worth.equity)
    if code == "COPY_STOP_LOSS":
        _tell(follow, code, worth.equity, stop_level(guards_of(row), marks))
        stop_follow(actor=None, follow=follow, mode=StopMode.CLOSE_NOW, code=code)
    elif code and follow.state == FollowState.ACTIVE:
        _tell(follow, code, worth.equity, None)
        follow.state, follow.state_code = FollowState.PAUSED, code
        follow.save(update_fields=["state", "state_code"])
        audit(action="follow.paused", obj=follow, before={"state": FollowState.ACTIVE}, after={"code": code})
        publish([(f"portfolio:{follow.portfolio_id}", {"refresh": ["follow", "summary"]})])
    else:
        return False
    return True


def _tell(follow: Follow, code: str, equity: Decimal, level: Decimal | None) -> None:
    """Notify the follower of what a guard did, and keep the figures that it did it by."""
    from trading.codes import follow_reason  # codes → models: look late

    figures = {"equity": canonical(equity), "level": canonical(level) if level is not None else None}
    audit(action="follow.guard_hit", obj=follow, after={"code": code, **figures})
    context = {
        "portfolio": str(follow.portfolio_id),
        "name": follow.lead.name,
        "words": follow_reason(code),
        "equity": f"{display.money(equity)} {follow.portfolio.settlement_id}",
    }
    notify(user=follow.follower, event="follow.guard_hit", context=context)


def watch_all_follows() -> None:
    """Look at every guarded follow, market by market."""
    for namespace in sorted(
        set(FollowGuard.objects.filter(_GUARDED).values_list("follow__portfolio__namespace", flat=True))
    ):
        watch_follows(namespace=namespace)


@dataclass(frozen=True, slots=True)
class Standing:
    """A follow's guards as they stand at this moment; `level` is the equity at which its copy stop closes everything."""

    guards: Guards
    marks: FollowMarks
    equity: Decimal

    @property
    def level(self) -> Decimal | None:
        return stop_level(self.guards, self.marks)


def standing_of(follow: Follow) -> Standing | None:
    """Return how a follow's guards stand; None where it has none, or began before there were any."""
    row = FollowGuard.objects.filter(pk=follow.pk).first()
    if row is None:
        return None
    portfolio = follow.portfolio
    equity = worth_of([portfolio])[portfolio.pk].equity
    now = market_now(portfolio.namespace)
    return Standing(guards_of(row), follow_marks_at(follow_marks_of(row), now, equity, portfolio.net_deposits), equity)
