"""What the database refuses of an order, whatever code above forgets, and the indexes by which orders are found.

What few orders have is in indexes of its own rows only: each copied order pays for every index that it is in.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from trading.kinds import WITH_LIMIT, WITH_TRIGGER


def _positive(field: str) -> Q:
    """Given, and above zero. (Of nothing, no comparison is false, and only what is false is refused.)"""
    return Q(**{f"{field}__isnull": False, f"{field}__gt": Decimal(0)})


def _only_for(field: str, kinds: tuple[str, ...]) -> Q:
    """A price above zero for these kinds of orders, and none for others."""
    named = Q(kind__in=kinds)
    return (named & _positive(field)) | (~named & Q(**{f"{field}__isnull": True}))


_TRAILS = Q(kind="TRAILING_STOP")
_NO_TRAIL = Q(trail_amount__isnull=True, trail_bps__isnull=True)
_NO_ACTIVATION = Q(activation_price__isnull=True, peak_price__isnull=True)
# What an order of each kind must name, and what none may.
ORDER_TERMS = [
    models.CheckConstraint(condition=_only_for("limit_price", WITH_LIMIT), name="order_limit_price_of_kind"),
    models.CheckConstraint(condition=_only_for("trigger_price", WITH_TRIGGER), name="order_trigger_price_of_kind"),
    models.CheckConstraint(
        condition=(_TRAILS & _positive("trail_amount") & Q(trail_bps__isnull=True))
        | (_TRAILS & _positive("trail_bps") & Q(trail_amount__isnull=True))
        | (~_TRAILS & _NO_TRAIL & _NO_ACTIVATION),
        name="order_trail_of_kind",
    ),
    models.CheckConstraint(
        condition=Q(time_in_force="GTD", expires_at__isnull=False)
        | (~Q(time_in_force="GTD") & Q(expires_at__isnull=True)),
        name="order_expiry_of_gtd",
    ),
    models.CheckConstraint(
        condition=Q(kind="LIMIT") | (Q(post_only=False) & ~Q(time_in_force__in=["IOC", "FOK"])),
        name="order_only_limits_cross_or_post",
    ),
    models.CheckConstraint(condition=~Q(kind="MARKET") | Q(time_in_force="GTC"), name="order_market_takes_what_comes"),
    models.CheckConstraint(condition=Q(reduce_only=False) | Q(leg="CLOSE"), name="order_reduce_only_closes"),
    models.CheckConstraint(
        condition=Q(group_role="", group_id__isnull=True) | (~Q(group_role="") & Q(group_id__isnull=False)),
        name="order_group_has_role",
    ),
    models.CheckConstraint(
        condition=Q(change__isnull=True, rests_since__isnull=True) | Q(change__isnull=False, rests_since__isnull=False),
        name="order_rests_with_number",
    ),
    models.CheckConstraint(
        condition=Q(arrives_at__isnull=True) | Q(rests_since=F("arrives_at")), name="order_arrives_before_it_rests"
    ),
    models.CheckConstraint(
        condition=Q(cancel_code="", cancel_at__isnull=True) | ~Q(cancel_code=""), name="order_cancel_has_reason"
    ),
]

ORDER_ONCE = [
    # (Of a field that is unique by itself PostgreSQL would also keep an index for LIKE.)
    models.UniqueConstraint(fields=["client_order_id"], name="order_client_id_once"),
    # Journey A's "exactly once": a cause makes one order per portfolio, instrument, leg and attempt.
    models.UniqueConstraint(
        fields=["portfolio", "cause_kind", "cause_id", "instrument", "leg", "attempt"],
        name="order_once_per_cause",
    ),
    # One order of a follow and instrument is under way at a time.
    models.UniqueConstraint(
        fields=["follow", "instrument"],
        condition=Q(state__in=["SUBMITTING", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"]),
        name="order_one_in_flight",
    ),
    # A plan's wish is one order.
    models.UniqueConstraint(
        fields=["plan", "plan_key", "attempt"], condition=Q(plan__isnull=False), name="order_once_per_wish"
    ),
    # A change of an order is one other order.
    models.UniqueConstraint(fields=["replaces"], condition=Q(replaces__isnull=False), name="order_replaced_once"),
]

ORDER_INDEXES = [
    models.Index(fields=["portfolio", "-id"], name="order_of_portfolio"),
    # Asked at every claim: does another order of this follow wait or fly?
    models.Index(fields=["follow", "state"], name="order_of_follow_by_state"),
    # The outbox: what is to be sent, by cause; what is under way at all.
    models.Index(fields=["state", "cause_kind", "cause_id", "id"], name="order_by_state"),
    # Only what ever rested is in these: an engine follows the changes, a book looks for its resting orders, a
    # clock for what expires, a fill for the rest of its group.
    models.Index(fields=["change"], condition=Q(change__isnull=False), name="order_by_change"),
    models.Index(fields=["portfolio", "state"], condition=Q(change__isnull=False), name="order_at_rest"),
    models.Index(fields=["arrives_at"], condition=Q(arrives_at__isnull=False), name="order_arriving"),
    models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="order_expiring"),
    models.Index(fields=["group_id"], condition=Q(group_id__isnull=False), name="order_of_group"),
    models.Index(fields=["plan", "-id"], condition=Q(plan__isnull=False), name="order_of_plan"),
    # The signer's question: what is to be canceled?
    models.Index(fields=["cancel_at"], condition=Q(cancel_at__isnull=False), name="order_to_cancel"),
]
