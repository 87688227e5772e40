"""The live queue: PENDING orders of exchange accounts, which the signer alone takes. Rows are the queue; the bus only wakes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet

from common.bus import hint
from common.clock import wall_now
from common.db import Slot
from common.failpoints import failpoint
from common.prepared import Prepared
from portfolios.models import AccountState, ExchangeAccount
from portfolios.services.remainders import RECONCILED_FOR
from trading.brokers import OrderResult
from trading.models import AT_VENUE, Leg, Order, OrderState
from trading.services.canceling import send_cancels
from trading.services.execution import claim_orders, execute, record_results
from trading.services.venue_terms import OPENS, on_terms
from trading.services.waking import wake_waiting
from trading.services.withdrawing import SIGNER

CHANNEL = SIGNER


def wake_signer(*, cause_kind: str, cause_id: str) -> None:
    """Wake the signer if orders of this cause wait for it. It would find them within a second by itself."""
    if _WAITS_OF_CAUSE.rows(kind=cause_kind, id=cause_id):
        hint(CHANNEL, {})


def wake_signer_for_plan(*, plan_id: UUID) -> None:
    """Wake the signer if orders of this plan wait for it."""
    if _of_signer(Order.objects.filter(plan=plan_id)).exists():
        hint(CHANNEL, {})


def _of_signer(orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders.filter(state=OrderState.PENDING, portfolio__account__isnull=False)


_WAITS_OF_CAUSE = Prepared(
    lambda: _of_signer(
        Order.objects.filter(cause_kind=Slot("kind", CharField()), cause_id=Slot("id", CharField()))
    ).values_list("pk")[:1]
)


def waiting_accounts() -> list[UUID]:
    """Return the accounts with orders to be sent or canceled, in the order of their ids."""
    found = (_waiting() | _unwanted()).order_by("portfolio__account").values_list("portfolio__account", flat=True)
    return list(found.distinct())


def execute_waiting(*, account: ExchangeAccount | UUID) -> int:
    """Claim, judge, send and book a batch of an account's orders, its cancels before them; return how many were claimed.

    Only in the signer. What ends makes room for what waits.
    """
    canceled = send_cancels(_unwanted().filter(portfolio__account=account))
    return canceled + execute(on_terms(_waiting().filter(portfolio__account=account)))


def claim_together(*, accounts: Sequence[UUID]) -> list[Order]:
    """Claim and judge in one transaction what waits on many accounts; return what is to be sent now.

    An event of a lead waits on hundreds of accounts at once: one by one each would cost a transaction of its own. Left
    to `execute_waiting` are accounts with something to cancel, and opens whose venue has to be told their terms first.
    """
    canceling = _unwanted().filter(portfolio__account=OuterRef("portfolio__account"))
    orders = _waiting().filter(portfolio__account__in=accounts).exclude(OPENS).exclude(Exists(canceling))
    claimed = claim_orders(orders)
    if claimed:
        failpoint("claimed")
    wake_waiting([order for order in claimed if order.state != OrderState.SUBMITTING])
    return [order for order in claimed if order.state == OrderState.SUBMITTING]


def record_together(*, results: Sequence[OrderResult], orders: Sequence[Order]) -> None:
    """Book what venues answered to orders that were claimed together."""
    failpoint("sent")
    record_results(results, {order.pk: order.claim for order in orders})
    failpoint("booked")
    wake_waiting(orders)
    # What waited on these accounts, and is of no follow: the second leg of a reversal, the other of a pair.
    hint(CHANNEL, {})


def _unwanted() -> QuerySet[Order]:
    ready = Order.objects.filter(portfolio__account__state=AccountState.READY)
    return ready.filter(AT_VENUE, cancel_at__lte=wall_now())


def _waiting() -> QuerySet[Order]:
    """Return what can go on: with a key that does not work, openings are denied, and exits wait for one that does.

    An opening that was let through before, and waited or was changed, is not lost because a signer has just started: it
    waits until the account was compared again.
    """
    ready = Q(portfolio__account__state=AccountState.READY)
    useless = Q(portfolio__account__state__in=[AccountState.REFUSED, AccountState.FAILED, AccountState.REVOKED])
    waiting = Order.objects.filter(state=OrderState.PENDING, portfolio__account__isnull=False)
    let_through = Q(replaces__isnull=False) | Q(triggered_at__isnull=False)
    compared = Q(portfolio__account__reconciled_at__gte=wall_now() - RECONCILED_FOR)
    ready &= Q(leg=Leg.CLOSE) | ~let_through | compared
    return waiting.filter(ready | (useless & Q(leg=Leg.OPEN)))
