"""Cancels at venues: the wish is in the order's row, is claimed there, and asked for until the venue says how the order ended.

A venue knows an order by our id, so that asking twice does nothing twice; and what an order ends as is the venue's word on
the order, never its word on the cancel: what has filled meanwhile is filled.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from common.clock import wall_now
from common.db import bulk_update
from common.failpoints import failpoint
from portfolios.services.books import lock_portfolios
from trading.brokers import Outcome
from trading.brokers.choosing import venue_for
from trading.models import AT_VENUE, Order
from trading.services.execution import record_results
from trading.services.fills import with_instruments

BATCH = 100
# As long as an order has not ended by then, its cancel is asked for again.
AGAIN = timedelta(seconds=5)
_NOTHING_SAID = (Outcome.UNKNOWN, Outcome.NOT_FOUND)


def send_cancels(orders: QuerySet[Order]) -> int:
    """Have the venue cancel a batch of those of the orders that are to be, and book what it says; return how many it was."""
    claimed = claim_cancels(orders)
    if not claimed:
        return 0
    failpoint("cancel-claimed")
    answers = venue_for(claimed).cancel(claimed)
    failpoint("cancel-sent")
    # What the venue does not know may still be on its way there: reconciliation finds out, and sends nothing again.
    said = [one for one in answers if one.outcome not in _NOTHING_SAID]
    record_results(said, {order.pk: order.claim for order in claimed})
    return len(claimed)


@transaction.atomic
def claim_cancels(orders: QuerySet[Order]) -> list[Order]:
    """Take what is due to be canceled, so that nobody else asks for it in the next seconds; return it as brokers need it."""
    now = wall_now()
    due = orders.filter(AT_VENUE, cancel_at__lte=now).order_by("cancel_at", "pk")
    portfolios = lock_portfolios(due.values_list("portfolio_id", flat=True)[:BATCH])
    claimed = with_instruments(due.filter(portfolio_id__among=portfolios)[:BATCH], portfolios)
    for order in claimed:
        order.cancel_at = now + AGAIN
    bulk_update(Order, claimed, ["cancel_at"])
    return claimed
