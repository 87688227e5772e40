"""From PENDING row to booked fill: claim by conditional UPDATE, judge, commit, and only then hand the batch to the broker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from common.clock import wall_now
from common.db import bulk_update
from common.failpoints import failpoint
from common.ids import deterministic_id, new_id
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ZERO
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from portfolios.services.books import Reservation, lock_portfolios, reserve
from trading.brokers import Broker, OrderResult, Outcome
from trading.brokers.paper import PaperBroker
from trading.models import IN_FLIGHT, CauseKind, Leg, Order, OrderState
from trading.services.fills import record_fills, with_instruments
from trading.services.history import keep_events
from trading.services.judging import judge_batch
from trading.services.withdrawing import take_off_targets

logger = logging.getLogger(__name__)
BATCH = 500
REJECTED_WITHOUT_REASON = "REJECTED_BY_VENUE"


def broker_for(orders: Sequence[Order]) -> Broker:
    """Return the broker of a batch; every portfolio kind so far trades on paper."""
    return PaperBroker()


def execute_pending(*, cause_kind: str, cause_id: str) -> int:
    """Claim, judge, send and book one batch of a cause's PENDING orders; return how many were claimed (0: nothing left to do)."""
    claimed = claim_orders(Order.objects.filter(cause_kind=cause_kind, cause_id=cause_id))
    to_send = [order for order in claimed if order.state == OrderState.SUBMITTING]
    if to_send:
        failpoint("claimed")
        results = broker_for(to_send).submit(to_send)
        failpoint("sent")
        record_results(results)
        failpoint("booked")
    # A denied order ends here, too.
    _wake_waiting(claimed)
    return len(claimed)


def _wake_waiting(ended: Sequence[Order]) -> None:
    """Enqueue orders that had to wait for one of these (model.md 10): the next event of the same follow and instrument."""
    from trading.tasks import execute_orders  # the task's body calls this module: one of the two must look late

    follows = {order.follow_id for order in ended if order.follow_id}
    waiting = (
        Order.objects.filter(follow_id__among=follows, state=OrderState.PENDING) if follows else Order.objects.none()
    )
    for kind, cause_id in sorted(set(waiting.values_list("cause_kind", "cause_id"))):
        enqueue(execute_orders, kind, cause_id)


@transaction.atomic
def claim_orders(orders: QuerySet[Order]) -> list[Order]:
    """Take a batch of PENDING orders for this worker and judge them: afterwards each is SUBMITTING (and reserved) or DENIED."""
    # Sent in hash order: no follower is always first (rule 17).
    batch = sorted(_candidates(orders), key=lambda row: deterministic_id(row[2], row[1]))[:BATCH]
    if not batch:
        return []
    portfolios = lock_portfolios(row[1] for row in batch)
    # Under the portfolios' locks nobody else moves these orders: what is read here is what the claim below meets.
    free = Order.objects.filter(pk__among=[row[0] for row in batch], state=OrderState.PENDING)
    by_id = {order.pk: order for order in with_instruments(free.exclude(_waits_for_another()), portfolios)}
    claimed = [by_id[row[0]] for row in batch if row[0] in by_id]
    if not claimed:
        return []
    claim, claimed_at = new_id().hex, wall_now()
    for order in claimed:
        order.state, order.claim, order.claimed_at = OrderState.SUBMITTING, claim, claimed_at
    judge_batch(claimed)
    _keep_claim(claimed)
    return claimed


def _candidates(orders: QuerySet[Order]) -> list[tuple[UUID, UUID, str]]:
    """Return (id, portfolio, cause id) of what may be claimed."""
    waiting = orders.filter(state=OrderState.PENDING)
    names = ("pk", "portfolio_id", "cause_id", "cause_kind", "leg", "instrument_id")
    rows = list(waiting.values_list(*names))
    if len(rows) > BATCH:
        # Those that have to wait for another must not fill the batches of those that need not.
        rows = list(waiting.exclude(_waits_for_another()).values_list(*names))
    # An exit is not denied for want of a price: it waits for one. (A copied one meets its event's.)
    exits = {row[5] for row in rows if row[4] == Leg.CLOSE and row[3] != CauseKind.LEAD_EVENT}
    dark = exits - latest_prices(instruments_by_id(exits).values()).keys() if exits else set()
    return [row[:3] for row in rows if row[5] not in dark or row[4] == Leg.OPEN or row[3] == CauseKind.LEAD_EVENT]


def _waits_for_another() -> Q:
    """An order of the same follow and instrument is in flight, or an earlier one is not yet sent (model.md 10)."""
    same = Order.objects.filter(follow__isnull=False, follow=OuterRef("follow"), instrument=OuterRef("instrument"))
    waiting = same.filter(state=OrderState.PENDING)
    # Of one event (a reversal) the closing leg goes first.
    closing = Q(leg=Leg.OPEN) & Q(Exists(waiting.filter(seq=OuterRef("seq"), leg=Leg.CLOSE)))
    earlier = waiting.filter(seq__lt=OuterRef("seq"))
    return closing | Q(Exists(same.filter(state__in=IN_FLIGHT))) | Q(Exists(earlier))


_CLAIMED = ("state", "claim", "claimed_at", "code", "requested_quantity", "quantity", "market_price", "reserved")


def _keep_claim(orders: Sequence[Order]) -> None:
    """Store claims and verdicts, on condition that the orders still wait; and what was promised to them."""
    met = bulk_update(Order, orders, _CLAIMED, still=("state", OrderState.PENDING))
    if met != len(orders):
        raise RuntimeError("Orders changed without their portfolios' locks; nothing of this batch was claimed.")
    reserve(
        [Reservation(order.portfolio_id, _reserved_asset(order), order.reserved) for order in orders if order.reserved]
    )
    take_off_targets((order, order.requested_quantity - order.quantity) for order in orders)
    denied = [order for order in orders if order.state == OrderState.DENIED]
    keep_events(denied)
    publish([(f"portfolio:{order.portfolio_id}", {"refresh": ["orders"]}) for order in denied])


def _reserved_asset(order: Order) -> str:
    market = order.instrument.market
    return market.quote_id if order.side == "BUY" else market.base_id


def record_results(results: Sequence[OrderResult]) -> None:
    """Store what a broker answered for orders that were sent: fills are booked, refusals released, no answer becomes UNKNOWN."""
    record_fills([fill for result in results for fill in result.fills])
    _reject({one.order_id: one.code or REJECTED_WITHOUT_REASON for one in results if one.outcome is Outcome.REJECTED})
    unknown = [one.order_id for one in results if one.outcome is Outcome.UNKNOWN]
    if unknown:
        Order.objects.filter(pk__in=unknown, state=OrderState.SUBMITTING).update(state=OrderState.UNKNOWN)
    lost = [one.order_id for one in results if one.outcome is Outcome.NOT_FOUND]
    if lost:
        _send_again(lost)


@transaction.atomic
def _reject(codes: Mapping[UUID, str]) -> None:
    """End orders that the venue refused: the promise is released in the transaction that ends them, once."""
    if not codes:
        return
    refused = Order.objects.filter(pk__in=codes, state__in=IN_FLIGHT).select_related("portfolio", "instrument__market")
    lock_portfolios(refused.values_list("portfolio_id", flat=True))
    live = list(refused.all())
    reserve(
        [Reservation(order.portfolio_id, _reserved_asset(order), -order.reserved) for order in live if order.reserved]
    )
    take_off_targets((order, order.quantity - order.filled_quantity) for order in live)
    for order in live:
        order.state, order.code, order.reserved = OrderState.REJECTED, codes[order.pk], ZERO
    bulk_update(Order, live, ["state", "code", "reserved"])
    keep_events(live)


@transaction.atomic
def _send_again(order_ids: Sequence[UUID]) -> None:
    """Put orders back into the outbox that the venue definitely does not know; their client order ids stay the same."""
    orders = Order.objects.filter(
        pk__in=order_ids, state__in=[OrderState.SUBMITTING, OrderState.UNKNOWN]
    ).select_related("instrument__market")
    portfolio_ids = {order.portfolio_id for order in orders}
    lock_portfolios(portfolio_ids)
    live = list(orders.all())
    reserve(
        [Reservation(order.portfolio_id, _reserved_asset(order), -order.reserved) for order in live if order.reserved]
    )
    for order in live:
        order.state, order.reserved, order.claim = OrderState.PENDING, ZERO, ""
    bulk_update(Order, live, ["state", "reserved", "claim"])


def resolve_abandoned(*, older_than_seconds: float | None = None) -> int:
    """Ask the broker about orders whose worker vanished between claiming and booking, or whose answer never came."""
    lease = settings.CLAIM_LEASE_SECONDS if older_than_seconds is None else older_than_seconds
    abandoned = Order.objects.filter(
        state__in=[OrderState.SUBMITTING, OrderState.UNKNOWN], claimed_at__lte=wall_now() - timedelta(seconds=lease)
    ).select_related("portfolio", "instrument__market")
    orders = list(abandoned.order_by(F("claimed_at"))[:BATCH])
    if orders:
        _record_each(broker_for(orders).query(orders))
    return len(orders)


def _record_each(results: Sequence[OrderResult]) -> None:
    """Record results together where that goes, else each for itself: one that cannot be booked holds up nobody else."""
    try:
        record_results(results)
    except (IntegrityError, DataError, ArithmeticError, ValueError):
        if len(results) == 1:
            logger.exception("Order %s cannot be booked.", results[0].order_id)
            return
        for one in results:
            _record_each([one])
