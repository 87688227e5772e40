"""What a lead sees of being followed: who copies, with how much, what room is left, and how well it works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, QuerySet

from common.clock import market_now
from engine.decimals import ZERO
from portfolios.models import Portfolio
from trading.codes import explain
from trading.models import MIRRORING, CauseKind, Follow, FollowState, Leg, Order, OrderState
from trading.services.lead_caps import Room, room_of

# What became of copies is counted over so many days of market time, and so many reasons are named.
DAYS, REASONS = 7, 5
# A list is read from its top: who follows with most.
FOLLOWERS = 100


@dataclass(frozen=True, slots=True)
class Copies:
    """What became of the opens that followers were to copy in the last days."""

    filled: int
    total: int
    # Why the others were not made: in words, and how many.
    reasons: Sequence[tuple[str, int]]

    @property
    def success(self) -> Decimal | None:
        """Return the share that was filled, at least in part; None where there was nothing to copy."""
        return Decimal(self.filled) / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Console:
    """A lead's figures at this moment."""

    room: Room
    waiting: int
    follows: Sequence[Follow]
    copies: Copies


def console_of(lead: Portfolio) -> Console:
    """Return what the owner of a led portfolio sees; a constant number of statements, however many follow."""
    mine = Follow.objects.filter(lead=lead)
    shown = mine.filter(state__in=MIRRORING).select_related("follower__profile", "portfolio")
    return Console(
        room=room_of(lead),
        waiting=mine.filter(state=FollowState.WAITING).count(),
        follows=list(shown.order_by("-portfolio__net_deposits", "pk")[:FOLLOWERS]),
        copies=_copies(lead),
    )


def _copies(lead: Portfolio) -> Copies:
    since = market_now(lead.namespace) - timedelta(days=DAYS)
    opens = Order.objects.filter(
        follow__lead=lead, cause_kind=CauseKind.LEAD_EVENT, leg=Leg.OPEN, created_at__gt=since
    ).exclude(state__in=[OrderState.PENDING, OrderState.SUBMITTING, OrderState.UNKNOWN])
    total = opens.count()
    filled = opens.filter(filled_quantity__gt=ZERO).count()
    missed = opens.filter(filled_quantity=ZERO).order_by().values_list("code").annotate(count=Count("pk"))
    rows = sorted(missed, key=lambda row: (-row[1], row[0]))[:REASONS]
    return Copies(filled, total, [(_words(opens, code), count) for code, count in rows])


def _words(opens: QuerySet[Order], code: str) -> str:
    """Return a reason in words, as the follower of one such order reads it."""
    one = opens.filter(code=code).select_related("instrument__market").order_by("pk")[0]
    return explain(code, one) or "The market did not take it."
