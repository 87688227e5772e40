"""What a lead did, what a follow did about it, and why the two differ: event by event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from common import display
from engine.decimals import ZERO
from trading.codes import explain
from trading.models import UNFINISHED, CauseKind, Follow, FollowState, LeadEvent, LeadEventState, Order, Side
from trading.selectors import orders

# A price that differs by less is called the same.
SAME_PRICE = Decimal("0.00005")
# A log shows so many of the stops that filled; the orders' list has all of them.
NEWEST_STOPS = 50


@dataclass(frozen=True, slots=True)
class Copied:
    """An order that an event made; `difference` says in words how it differs from a copy in proportion, "" where it does not."""

    order: Order
    difference: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A lead event and what came of it; `missing` says why there is no order."""

    event: LeadEvent
    copies: Sequence[Copied]
    missing: str


def events_of(follow: Follow) -> QuerySet[LeadEvent]:
    """Return the lead's events while it is followed, newest first; none before a waiting follow begins."""
    if follow.state == FollowState.WAITING:
        return LeadEvent.objects.none()
    found = LeadEvent.objects.filter(lead=follow.lead_id, seq__gt=follow.start_seq)
    if follow.state == FollowState.STOPPED:
        found = found.filter(seq__lte=follow.last_seq)
    return found.select_related("instrument__market", "instrument__exchange").order_by("-pk")


def log_of(follow: Follow, events: Sequence[LeadEvent]) -> list[LogLine]:
    """Return what the follow made of these events, in their order; one statement, however many there are."""
    made: defaultdict[str, list[Order]] = defaultdict(list)
    ids = [str(event.pk) for event in events]
    found = orders().filter(portfolio=follow.portfolio_id, cause_kind=CauseKind.LEAD_EVENT, cause_id__in=ids)
    for order in found.order_by("pk"):
        made[order.cause_id].append(order)
    return [
        LogLine(event, [Copied(one, _difference(one, event)) for one in made[str(event.pk)]], _missing(follow, event))
        for event in events
    ]


def stops_filled(follow: Follow) -> list[Order]:
    """Return the newest protective stops that filled, newest first: exits that no event of the lead's asked for."""
    mine = orders().filter(portfolio=follow.portfolio_id, cause_kind=CauseKind.PROTECTION)
    return list(mine.filter(filled_quantity__gt=ZERO)[:NEWEST_STOPS])


def _missing(follow: Follow, event: LeadEvent) -> str:
    if event.state == LeadEventState.WAITING and event.seq > follow.last_seq:
        return "Not copied yet."
    return "Nothing was to be done: it changed nothing that this follow holds."


def _difference(order: Order, event: LeadEvent) -> str:
    if order.code:
        return explain(order.code, order)
    if order.state in UNFINISHED:
        return "On its way."
    words = []
    if order.filled_quantity < order.quantity:
        words.append(f"Filled {display.amount(order.filled_quantity)} of {display.amount(order.quantity)}.")
    off = (order.average_price - event.price) / event.price if order.filled_quantity and event.price else ZERO
    if abs(off) >= SAME_PRICE:
        is_worse = (off > ZERO) == (order.side == Side.BUY)
        words.append(f"At a price {display.percent(abs(off))} {'worse' if is_worse else 'better'}.")
    return " ".join(words)
