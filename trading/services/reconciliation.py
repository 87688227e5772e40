"""Orders without an answer: the venue is asked what became of them, and its word is carried out. The law is docs/orders.md.

Asked at start, after a reconnect, each minute of what rests at a venue, and by `next_ask` of what was never answered.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from common.clock import wall_now
from common.db import bulk_update
from common.failpoints import failpoint
from common.tasks import enqueue
from engine.decimals import ZERO
from engine.reconciliation import LATER_ASK, Action, Answer, Ours, Theirs, next_ask, reconcile
from portfolios.services.books import lock_portfolios
from trading.brokers import SEND_WITHIN, OrderResult, Outcome
from trading.brokers.choosing import broker_for
from trading.models import IN_FLIGHT, ON_BOOK, RESTING, UNANSWERED, Order, OrderState
from trading.services.execution import record_results
from trading.services.fills import UNBOOKABLE, with_instruments
from trading.services.withdrawing import end_orders, release, take_off_targets
from trading.transitions import move

logger = logging.getLogger(__name__)
BATCH = 1_000
_ANSWERS = {Outcome.UNKNOWN: Answer.SILENCE, Outcome.NOT_FOUND: Answer.MISSING, Outcome.OPEN: Answer.ALIVE}


def resolve_abandoned(*, older_than_seconds: float | None = None, account: UUID | None = None) -> int:
    """Ask about orders that are due to be asked about; return how many.

    With `older_than_seconds`, about all that were claimed so long ago, whatever their turn. Of an exchange account, which
    only the signer can ask, or of none.
    """
    now, ours = wall_now(), Order.objects.filter(portfolio__account=account)
    if older_than_seconds is None:
        return reconcile_orders(ours.filter(_is_due(now)))
    in_flight = Q(state__in=UNANSWERED) | _rests_at_venue()
    return reconcile_orders(ours.filter(in_flight, claimed_at__lte=now - timedelta(seconds=older_than_seconds)))


def due_accounts() -> list[UUID]:
    """Return the exchange accounts with an order that is due to be asked about."""
    due = Order.objects.filter(_is_due(wall_now()), portfolio__account__isnull=False)
    return list(due.order_by("portfolio__account").values_list("portfolio__account", flat=True).distinct())


def _is_due(now: datetime) -> Q:
    """UNKNOWN by its schedule, SUBMITTING once its worker has been silent for a lease, what rests each minute."""
    silent = now - timedelta(seconds=settings.CLAIM_LEASE_SECONDS)
    return (Q(ask_at=None) | Q(ask_at__lte=now)) & (
        Q(state=OrderState.UNKNOWN)
        | Q(state=OrderState.SUBMITTING, claimed_at__lte=silent)
        | (_rests_at_venue() & Q(claimed_at__lte=now - LATER_ASK))
    )


def _rests_at_venue() -> Q:
    # Of what rests on our own book (and so has the number of a change) our rows are the only truth.
    return Q(state__in=RESTING) & ~ON_BOOK


def reconcile_orders(orders: QuerySet[Order]) -> int:
    """Ask the broker about up to a batch of these orders in flight, the longest unasked first; return how many were asked about.

    For all of an account's orders (at start, after a reconnect) give them all: what the answer settles is out of flight.
    """
    related = ("portfolio", "instrument__market", "instrument__exchange")
    asked = list(
        orders.select_related(*related).order_by(F("ask_at").asc(nulls_first=True), "claimed_at", "pk")[:BATCH]
    )
    if not asked:
        return 0
    broker, asked_at = broker_for(asked), wall_now()
    results = {one.order_id: one for one in broker.query(asked)}
    failpoint("asked")
    ours = {order.pk: _ours(order, broker.valid_for) for order in asked}
    theirs = {pk: _theirs(one) for pk, one in results.items()}
    heard_at = wall_now()
    steps = {step.key: step.action for step in reconcile(ours, theirs, asked_at=asked_at)}
    told = [results[pk] for pk, action in steps.items() if action in (Action.BOOK, Action.END)]
    # What a venue has forgotten has ended there; fills of it that are told later count nevertheless.
    told += [replace(results[pk], outcome=Outcome.CANCELED) for pk, action in steps.items() if action is Action.LOSE]
    _record_each(told, _claims(asked))
    _keep_answers(asked, steps, heard_at, {pk for pk, one in theirs.items() if one.answer is Answer.ALIVE})
    return len(asked)


def _claims(orders: Sequence[Order]) -> dict[UUID, str]:
    return {order.pk: order.claim for order in orders}


def _ours(order: Order, valid_for: timedelta) -> Ours:
    assert order.claimed_at is not None, "an order in flight was claimed"
    return Ours(
        filled=order.filled_quantity,
        closes_at=order.claimed_at + SEND_WITHIN + valid_for,
        missing_since=order.missing_since,
        is_unheard=order.state in UNANSWERED and not order.filled_quantity,
    )


def _theirs(result: OrderResult) -> Theirs:
    reported = result.reported_quantity
    filled = reported if result.filled_quantity is None else result.filled_quantity
    return Theirs(_ANSWERS.get(result.outcome, Answer.ENDED), filled, reported)


def _record_each(results: Sequence[OrderResult], claims: Mapping[UUID, str]) -> None:
    """Record results together where that goes, else each for itself: one that cannot be booked holds up nobody else."""
    if not results:
        return
    try:
        record_results(results, claims)
    except UNBOOKABLE:
        if len(results) == 1:
            logger.exception("Order %s cannot be booked.", results[0].order_id)
            return
        for one in results:
            _record_each([one], claims)


@transaction.atomic
def _keep_answers(
    asked: Sequence[Order], steps: Mapping[UUID, Action], heard_at: datetime, alive: Collection[UUID]
) -> None:
    """Write down when each is asked about again, and put back into the outbox what the venue definitely does not know.

    Only of the claims that were asked about: what was sent again meanwhile is another request.
    """
    portfolios = lock_portfolios(order.portfolio_id for order in asked)
    claims = _claims(asked)
    found = Order.objects.filter(pk__among=claims, state__in=IN_FLIGHT)
    live = [order for order in with_instruments(found, portfolios) if order.claim == claims[order.pk]]
    for order in live:
        order.times_asked = min(order.times_asked + 1, _MOST_ASKS)
        order.ask_at = heard_at + (LATER_ASK if order.state in RESTING else next_ask(order.times_asked))
        if steps[order.pk] is Action.MARK:
            order.missing_since = heard_at
        elif order.pk in alive:
            order.missing_since = None
    bulk_update(Order, live, ["times_asked", "ask_at", "missing_since"])
    _send_again([order for order in live if steps[order.pk] is Action.RESEND and order.state in UNANSWERED])


# As much as the column holds: an order that nobody can book is asked about for weeks.
_MOST_ASKS = 32_767


def _send_again(orders: Sequence[Order]) -> None:
    """Put orders of locked portfolios back into the outbox; their client order ids stay the same.

    What was to be canceled has never been at the venue: it ends.
    """
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    unwanted = [order for order in orders if order.cancel_code]
    ended = end_orders(unwanted, OrderState.CANCELED, {order.pk: order.cancel_code for order in unwanted})
    take_off_targets((order, order.quantity - order.filled_quantity) for order in ended)
    lost = [order for order in orders if not order.cancel_code and move(order, OrderState.PENDING)]
    if not lost:
        return
    release(lost)
    # They are judged again: what the first judgement clipped off their aims is wished for again.
    take_off_targets((order, order.quantity - order.requested_quantity) for order in lost)
    for order in lost:
        order.quantity, order.reserved, order.claim, order.ask_at = ZERO, ZERO, "", None
    bulk_update(Order, lost, ["state", "quantity", "reserved", "claim", "ask_at"])
    for kind, cause_id in sorted({(order.cause_kind, order.cause_id) for order in lost}):
        enqueue(execute_orders, kind, cause_id)
