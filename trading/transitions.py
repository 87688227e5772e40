"""An order's states and every way from one to the next. Nothing else sets the state of an order that is stored.

Messages come late, twice and out of order. What an order ends as depends on what was said, never on when: a fill counts
whenever it comes, and nothing that is said after an end takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping

from trading.models import Order, OrderState

S = OrderState
_ENDS = (S.CANCELED, S.EXPIRED, S.REJECTED)
ALLOWED: Mapping[str, tuple[OrderState, ...]] = {
    S.PENDING: (S.SUBMITTING, S.DENIED, S.CANCELED, S.EXPIRED),
    # Back to PENDING only when the venue definitely does not know it.
    S.SUBMITTING: (S.PENDING, S.UNKNOWN, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, *_ENDS),
    S.UNKNOWN: (S.PENDING, S.OPEN, S.PARTIALLY_FILLED, S.FILLED, *_ENDS),
    # Back to PENDING: it waited here for a price that has come, and now goes to its venue.
    S.OPEN: (S.PENDING, S.PARTIALLY_FILLED, S.FILLED, *_ENDS),
    S.PARTIALLY_FILLED: (S.FILLED, *_ENDS),
    S.FILLED: (),
    # A fill that crossed the cancelation on its way is a fact: the order was filled after all.
    S.CANCELED: (S.FILLED,),
    S.EXPIRED: (S.FILLED,),
    S.REJECTED: (S.FILLED,),
    S.DENIED: (),
}
ENDED = frozenset({S.FILLED, S.DENIED, *_ENDS})


def move(order: Order, to: OrderState) -> bool:
    """Move an order (in memory, under its portfolio's lock) to a state; False, and nothing changed, where no way leads there.

    So whatever comes late is a no-op: "accepted" after a fill, "no answer" after an answer, a second end.
    """
    if to not in ALLOWED[order.state]:
        return False
    order.state = to
    return True


def ways_to(to: OrderState) -> list[OrderState]:
    """Return the states that lead to this one: what a query must ask for before it writes."""
    return [OrderState(state) for state, next_ones in ALLOWED.items() if to in next_ones]
