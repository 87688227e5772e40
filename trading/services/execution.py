"""From PENDING row to booked fill: claim by conditional UPDATE, judge, commit, and only then hand the batch to the broker.

Where the broker is our own there is nobody to ask: what it fills at once is claimed, judged and booked in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial, reduce
from itertools import product
from operator import or_
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, UUIDField

from common.clock import wall_now
from common.db import Slot, bulk_insert, bulk_update
from common.failpoints import failpoint
from common.ids import deterministic_id, new_id
from common.prepared import Prepared
from common.realtime import publish
from engine.decimals import ZERO
from engine.reconciliation import next_ask
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from portfolios.services.books import Holdings, lock_portfolios
from trading.brokers import BrokerFill, OrderResult, Outcome, may_send
from trading.brokers.choosing import broker_for, is_ours
from trading.brokers.places import goes_to_venue, is_for_venue
from trading.kinds import GroupRole
from trading.models import (
    AT_VENUE,
    IN_FLIGHT,
    UNANSWERED,
    WAITS_AT_VENUE,
    CauseKind,
    Leg,
    Order,
    OrderState,
)
from trading.plans.services.waking import wake_plans
from trading.rules import reserved_asset
from trading.services.closing import ask_out_of_the_way, make_room
from trading.services.fills import UNBOOKABLE, book_claimed, record_fills, with_instruments
from trading.services.history import keep_events
from trading.services.judging import holdings_of, judge_batch
from trading.services.resting import accept_orders
from trading.services.waking import look_at_protection, wake_waiting
from trading.services.withdrawing import end_unfilled, take_off_targets
from trading.transitions import move

BATCH = 2_000
# How a venue ends an order that is not filled whole.
_ENDS = {
    Outcome.REJECTED: OrderState.REJECTED,
    Outcome.CANCELED: OrderState.CANCELED,
    Outcome.EXPIRED: OrderState.EXPIRED,
}
_UNFILLED = {*_ENDS, Outcome.OPEN, Outcome.UNKNOWN}
# The codes of ends that a venue gives no reason for.
WITHOUT_REASON = {
    Outcome.REJECTED: "REJECTED_BY_VENUE",
    Outcome.CANCELED: "CANCELED_BY_VENUE",
    Outcome.EXPIRED: "EXPIRED_AT_VENUE",
}


def execute_pending(*, cause_kind: str, cause_id: str) -> int:
    """Claim, judge, send and book one batch of a cause's PENDING orders; return how many were claimed (0: nothing left).

    Those of exchange accounts stay PENDING: only the signer sends them.
    """
    return _execute(partial(_OF_CAUSE.rows, kind=cause_kind, id=cause_id))


def execute_wishes(*, plan_id: UUID) -> int:
    """Claim, judge, send and book one batch of a plan's PENDING orders, likewise."""
    return _execute(partial(_OF_PLAN.rows, plan=plan_id))


def execute(orders: QuerySet[Order]) -> int:
    """Claim, judge, send and book one batch of these orders; return how many were claimed."""
    return _execute(_pages_of(orders))


def _execute(pages: _Pages) -> int:
    claimed = _claim(pages, books_own=True)
    finish(claimed)
    return len(claimed)


def finish(claimed: Sequence[Order]) -> None:
    """Send, after the commit that claimed them, what is not booked yet, and wake what waited for these orders to end."""
    to_send = [order for order in claimed if order.state == OrderState.SUBMITTING]
    if to_send:
        failpoint("claimed")
        # What our own broker answers never grows too old: asked twice, it says the same.
        _send([order for order in to_send if is_ours(order) or may_send(order)])
    if any(order.quantity for order in claimed):
        failpoint("booked")
    # A denied order ends here, too.
    wake_waiting(claimed)


def _send(orders: Sequence[Order]) -> None:
    """Send claimed orders and store the answers. What was claimed too long ago is left to be asked about."""
    if not orders:
        return
    results = broker_for(orders).submit(orders)
    failpoint("sent")
    record_results(results, {order.pk: order.claim for order in orders})


def claim_orders(orders: QuerySet[Order]) -> list[Order]:
    """Take a batch of PENDING orders for this worker and judge them: afterwards each is SUBMITTING (and reserved) or DENIED."""
    return _claim(_pages_of(orders), books_own=False)


def _claim(pages: _Pages, *, books_own: bool) -> list[Order]:
    """Take the first batch of which anything may be claimed: those that have to wait do not keep the others from it.

    `books_own`: what our own broker fills at once is FILLED afterwards, and booked.
    """
    rows = pages(after=_FIRST)
    while rows:
        candidates = _candidates(rows)
        # Exits before what would take what they need, and a stop that only protects after everything; each in hash order:
        # no follower is always first (rule 17).
        candidates.sort(
            key=lambda row: (
                not _is_exit(row),
                row.cause_kind == CauseKind.PROTECTION,
                _turn(row.cause_id, row.portfolio_id),
            )
        )
        for first in range(0, len(candidates), BATCH):
            if claimed := _claimed(candidates[first : first + BATCH], books_own=books_own):
                return claimed
        rows = pages(after=rows[-1][0]) if len(rows) == _PAGE else []
    return []


def _claimed(batch: Sequence[_Candidate], *, books_own: bool) -> list[Order]:
    try:
        return _claim_batch(batch, books_own=books_own)
    except UNBOOKABLE:
        if not books_own:
            raise
        # Which of them it is, `reconciliation` finds out once they are claimed; the next batch goes on meanwhile.
        return _claim_batch(batch, books_own=False)


@transaction.atomic
def _claim_batch(batch: Sequence[_Candidate], *, books_own: bool) -> list[Order]:
    """Claim those of a batch that need not wait. The batch is as it was before anything of it was locked."""
    portfolios = lock_portfolios(row.portfolio_id for row in batch)
    # Under the portfolios' locks nobody else moves these orders: what is read here is what the claim below meets.
    ids = [row.pk for row in batch]
    may_wait = any(_may_have_to_wait(row) for row in batch)
    at_venue = may_wait and any(map(is_for_venue, portfolios.values()))
    if at_venue:
        ask_out_of_the_way(Order.objects.filter(pk__among=ids, state=OrderState.PENDING))
    free = _FREE[_waiting_parts(batch, at_venue) if may_wait else _NO_PARTS].found(ids=ids)
    by_id = {order.pk: order for order in with_instruments(free, portfolios)}
    claimed = _one_of_each_pair([by_id[row.pk] for row in batch if row.pk in by_id])
    return _take(claimed, books_own=books_own) if claimed else []


def take_unstored(orders: Sequence[Order]) -> None:
    """Store PENDING orders as what they come to at once: claimed and judged, booked where our own broker fills them.

    An order that is stored once costs half of one that is stored to wait and claimed a moment later. The caller holds the
    portfolios' locks, knows that no other order stands before these, and hands them to `finish` after the commit. Raises what
    is UNBOOKABLE: nothing of these may stand then.
    """
    _take(orders, books_own=True, are_stored=False)


def _take(orders: Sequence[Order], *, books_own: bool, are_stored: bool = True) -> list[Order]:
    """Claim orders of locked portfolios: judge them, and book what our own broker fills at once."""
    claimed, claim, claimed_at = list(orders), new_id().hex, wall_now()
    for order in claimed:
        order.claim, order.claimed_at = claim, claimed_at
        order.ask_at, order.times_asked, order.missing_since = None, 0, None
        order.is_at_venue = goes_to_venue(order)
    holdings = holdings_of(claimed)
    _take_promises_back(claimed, holdings)
    make_room(claimed, holdings)
    judge_batch(claimed, holdings)
    for order in claimed:
        move(order, OrderState.SUBMITTING if order.quantity else OrderState.DENIED)
    fills = _filled_at_once(claimed) if books_own else []
    filled = {fill.order_id for fill in fills}
    unfilled = [order for order in claimed if order.pk not in filled]
    if are_stored:
        _keep_claim(unfilled)
    else:
        bulk_insert(Order, unfilled)
    _tell_of_claim(claimed)
    if not fills:
        holdings.save()
        return claimed
    holdings.refuse_overpromised()
    booked = {order.pk: order for order in claimed if order.pk in filled}
    book_claimed(fills, booked, holdings, _CLAIMED if are_stored else None)
    failpoint("filled")
    return claimed


def _filled_at_once(claimed: Sequence[Order]) -> list[BrokerFill]:
    """Return the fills of the orders that our own broker fills at once; the others are sent, after the commit."""
    ours = [one for one in claimed if one.state == OrderState.SUBMITTING and is_ours(one)]
    results = broker_for(ours).submit(ours) if ours else []
    return [fill for result in results if result.outcome == Outcome.FILLED for fill in result.fills]


def _one_of_each_pair(orders: Sequence[Order]) -> list[Order]:
    """Leave out what was set off while the other of its pair is about to be sent: it waits for that one."""
    set_off = [order for order in orders if order.group_id is not None and order.triggered_at is not None]
    first = {order.group_id: order.pk for order in reversed(set_off)}
    second = {order.pk for order in set_off if first[order.group_id] != order.pk}
    return [order for order in orders if order.pk not in second]


def _take_promises_back(claimed: Sequence[Order], holdings: Holdings) -> None:
    """Free, unsaved, what orders promised while they waited here: they are judged anew, with it to spend."""
    for order in claimed:
        if order.reserved:
            holdings.change(order.portfolio_id, reserved_asset(order), reserved=-order.reserved)
            order.reserved = ZERO


@lru_cache(maxsize=32_768)
def _turn(cause_id: str, portfolio_id: UUID) -> str:
    """Return a portfolio's place among the orders of a cause: what waits for the next batch is put in order again."""
    return deterministic_id(cause_id, portfolio_id)


class _Candidate(NamedTuple):
    """What is asked of an order before its portfolio is locked."""

    pk: UUID
    portfolio_id: UUID
    cause_id: str
    cause_kind: str
    leg: str
    instrument_id: UUID
    follow_id: UUID | None
    closed_fraction: Decimal | None
    group_id: UUID | None
    replaces_id: UUID | None


class _Pages(Protocol):
    """Gives, in the order of their ids, what is asked of the orders that may be claimed: those after an id, up to a page."""

    def __call__(self, *, after: UUID) -> list[tuple[Any, ...]]: ...


# With all of a hundred thousand before each batch, a cause would take the square of its time.
_PAGE = BATCH
_FIRST = UUID(int=0)


def _page(orders: QuerySet[Order], after: UUID | Slot) -> QuerySet[Order, Any]:
    waiting = orders.filter(state=OrderState.PENDING, pk__gt=after).order_by("pk")
    return waiting.values_list(*_Candidate._fields)[:_PAGE]


def _pages_of(orders: QuerySet[Order]) -> _Pages:
    return lambda after: list(_page(orders, after))


_AFTER = Slot("after", UUIDField())
# (Those of exchange accounts are the signer's.)
_OF_CAUSE = Prepared(
    lambda: _page(
        Order.objects.filter(
            cause_kind=Slot("kind", CharField()), cause_id=Slot("id", CharField()), portfolio__account=None
        ),
        _AFTER,
    )
)
_OF_PLAN = Prepared(
    lambda: _page(Order.objects.filter(plan=Slot("plan", UUIDField()), portfolio__account=None), _AFTER)
)


def _candidates(found: Iterable[tuple[Any, ...]]) -> list[_Candidate]:
    """Return what may be claimed now."""
    rows = [_Candidate(*row) for row in found]
    # An exit is not denied for want of a price: it waits for one. (A copied one meets its event's.)
    exits = {row.instrument_id for row in rows if _waits_for_price(row)}
    dark = exits - latest_prices(instruments_by_id(exits).values()).keys() if exits else set()
    return [row for row in rows if row.instrument_id not in dark or not _waits_for_price(row)]


def _waits_for_price(row: _Candidate) -> bool:
    return row.leg == Leg.CLOSE and row.cause_kind != CauseKind.LEAD_EVENT


def _is_exit(row: _Candidate) -> bool:
    return row.leg == Leg.CLOSE and row.closed_fraction is not None


def _may_have_to_wait(row: _Candidate) -> bool:
    """Say whether another order can stand before this one at all: a follow's, a sale of what it closes, one of its pair.

    To ask costs an order that comes alone a third of its claim.
    """
    return _is_exit(row) or not row.follow_id is row.group_id is row.replaces_id is None


class _Parts(NamedTuple):
    """Why one of a batch can have to wait for another order at all."""

    copies: bool
    exits: bool
    grouped: bool
    replacing: bool
    protected: bool


_NO_PARTS = _Parts(False, False, False, False, False)


def _waiting_parts(batch: Sequence[_Candidate], at_venue: bool) -> _Parts:
    copies = any(row.follow_id is not None for row in batch)
    return _Parts(
        copies=copies,
        exits=any(map(_is_exit, batch)),
        grouped=any(row.group_id is not None for row in batch),
        replacing=any(row.replaces_id is not None for row in batch),
        protected=copies and at_venue,
    )


def _waits(can_be: _Parts) -> Q:
    """Return the condition by which orders wait for another, of the parts that can be true of any of them.

    An order of the same follow and instrument is in flight, or an earlier one is not yet sent (model.md 10).
    An exit that closes what is held, a stop, waits for a sale of it without an answer, or at its venue: it would find
    nothing free and be spent, and the sale may be refused. Of a pair one is at the venue at a time; and what takes the
    place of another order waits until that one can fill no more. Whatever a follow sells, in whole or in part, waits until
    the protective stop that binds it has ended.
    """
    same = Order.objects.filter(follow__isnull=False, follow=OuterRef("follow"), instrument=OuterRef("instrument"))
    waiting = same.filter(state=OrderState.PENDING)
    # Of one event (a reversal) the closing leg goes first.
    closing = Q(leg=Leg.OPEN) & Q(Exists(waiting.filter(seq=OuterRef("seq"), leg=Leg.CLOSE)))
    # Two closings may share a place: a lead's next event, and what closes everything.
    first = Q(seq__lt=OuterRef("seq")) | Q(seq=OuterRef("seq"), leg=Leg.CLOSE, pk__lt=OuterRef("pk"))
    earlier = waiting.filter(first)
    sales = Order.objects.filter(portfolio=OuterRef("portfolio"), instrument=OuterRef("instrument"), leg=Leg.CLOSE)
    in_the_way = sales.filter(Q(state__in=UNANSWERED) | WAITS_AT_VENUE)
    spent = Q(leg=Leg.CLOSE, closed_fraction__isnull=False) & Q(Exists(in_the_way))
    others = Order.objects.filter(AT_VENUE, group_id=OuterRef("group_id")).exclude(group_role=GroupRole.ENTRY)
    second = Q(group_id__isnull=False) & Q(Exists(others))
    replaced = Q(replaces__state__in=IN_FLIGHT)
    # Of a reversal the closing leg goes first: the open needs the margin that it lets go.
    closing_first = Order.objects.filter(group_id=OuterRef("group_id"), leg=Leg.CLOSE)
    turn = closing_first.filter(state__in=(OrderState.PENDING, *UNANSWERED))
    turning = Q(group_role=GroupRole.TURN, leg=Leg.OPEN) & Q(Exists(turn))
    in_line = Q(Exists(same.filter(state__in=IN_FLIGHT))) | Q(Exists(earlier))
    stops = in_the_way.filter(cause_kind=CauseKind.PROTECTION)
    bound = Q(follow__isnull=False, leg=Leg.CLOSE) & Q(Exists(stops))
    conditions = (closing | in_line, spent, second | turning, replaced, bound)
    return reduce(or_, (one for one, is_possible in zip(conditions, can_be, strict=True) if is_possible), Q())


def _free(can_be: _Parts) -> QuerySet[Order]:
    found = Order.objects.filter(pk__among=Slot("ids"), state=OrderState.PENDING)
    return found.exclude(_waits(can_be)) if any(can_be) else found


# What of a batch still waits, and need not wait for another order.
_FREE = {
    parts: Prepared(partial(_free, parts)) for parts in map(_Parts._make, product((False, True), repeat=len(_NO_PARTS)))
}


_CLAIMED = (
    *("state", "claim", "claimed_at", "ask_at", "times_asked", "missing_since"),
    *("code", "requested_quantity", "quantity", "market_price", "reserved", "is_at_venue", "leverage"),
)


def _keep_claim(orders: Sequence[Order]) -> None:
    """Store claims and verdicts, on condition that the orders still wait."""
    met = bulk_update(Order, orders, _CLAIMED, still=("state", OrderState.PENDING))
    if met != len(orders):
        raise RuntimeError("Orders changed without their portfolios' locks; nothing of this batch was claimed.")


def _tell_of_claim(orders: Sequence[Order]) -> None:
    """Do what verdicts entail, in the same transaction."""
    take_off_targets((order, order.requested_quantity - order.quantity) for order in orders)
    denied = [order for order in orders if order.state == OrderState.DENIED]
    keep_events(denied)
    wake_plans(denied)
    look_at_protection(order.portfolio for order in denied)
    publish([(f"portfolio:{order.portfolio_id}", {"refresh": ["orders"]}) for order in denied])


def record_results(results: Sequence[OrderResult], claims: Mapping[UUID, str] | None = None) -> None:
    """Store what a broker answered for orders that were sent: fills are booked, ends release what is left of the promise.

    What was accepted rests. No answer becomes UNKNOWN, which `reconciliation` asks about. Where `claims` (by order id)
    names an order, only the answer to that claim counts: one that comes late must not end what was sent again since.
    """
    keep_venue_ids(results)
    record_fills([fill for result in results for fill in result.fills])
    if unfilled := {one.order_id: one for one in results if one.outcome in _UNFILLED}:
        _settle(unfilled, claims or {})


def keep_venue_ids(results: Sequence[OrderResult]) -> None:
    """Write down the venue's own names of orders, by which fills that are told later are known."""
    named = {one.order_id: one.venue_order_id for one in results if one.venue_order_id}
    if not named:
        return
    fresh = list(Order.objects.filter(pk__among=named, venue_order_id="").only("pk"))
    for order in fresh:
        order.venue_order_id = named[order.pk]
    bulk_update(Order, fresh, ["venue_order_id"])


@transaction.atomic
def _settle(results: Mapping[UUID, OrderResult], claims: Mapping[UUID, str]) -> None:
    found = Order.objects.filter(pk__among=results, state__in=IN_FLIGHT).order_by("pk")
    portfolios = lock_portfolios(found.values_list("portfolio_id", flat=True))
    live = with_instruments(found.filter(portfolio_id__among=portfolios), portfolios)
    answered: defaultdict[Outcome, list[Order]] = defaultdict(list)
    for order in live:
        if claims.get(order.pk, order.claim) == order.claim:
            answered[results[order.pk].outcome].append(order)
    for outcome, state in _ENDS.items():
        ended = [order for order in answered[outcome] if _is_told_whole(order, results[order.pk])]
        late = [order for order in ended if order.cancel_code == "TIME_OVER" and state == OrderState.CANCELED]
        _end(late, OrderState.EXPIRED, results)
        _end([order for order in ended if order not in late], state, results)
    _wait_for_answers(answered[Outcome.UNKNOWN])
    if accepted := answered[Outcome.OPEN]:
        accept_orders(
            [order.pk for order in accepted], takers=[order.pk for order in accepted if results[order.pk].is_ours]
        )


def _end(orders: Sequence[Order], to: OrderState, results: Mapping[UUID, OrderResult]) -> None:
    """End orders that the venue ended before they were filled."""
    if not orders:
        return
    answers = [results[order.pk] for order in orders]
    # What was canceled at the venue because we asked for it has our reason.
    wished = {order.pk: order.cancel_code for order in orders if to != OrderState.REJECTED}
    reasons = {one.order_id: one.code or wished.get(one.order_id) or WITHOUT_REASON[one.outcome] for one in answers}
    end_unfilled(orders, to, reasons)


def _is_told_whole(order: Order, result: OrderResult) -> bool:
    """Say whether all that the order filled before its end is booked; if not, the end waits for the rest."""
    return result.filled_quantity is None or order.filled_quantity >= result.filled_quantity


def _wait_for_answers(orders: Sequence[Order]) -> None:
    """Mark orders whose answer did not come: they may live, and are asked about."""
    silent = [order for order in orders if move(order, OrderState.UNKNOWN)]
    for order in silent:
        order.ask_at = wall_now() + next_ask(0)
    bulk_update(Order, silent, ["state", "ask_at"])
    keep_events(silent)
