"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.services import notify
from common.errors import DomainError
from trading.models import UNFINISHED_FOLLOW, Fill, Follow, Order

_ORDER = (
    "id",
    "portfolio_id",
    "follow_id",
    "instrument__symbol",
    "side",
    "requested_quantity",
    "quantity",
    "filled_quantity",
    "average_price",
    "fee",
    "state",
    "code",
    "cause_kind",
    "client_order_id",
    "created_at",
)
_FILL = (
    "id",
    "order_id",
    "portfolio_id",
    "number",
    "instrument__symbol",
    "side",
    "quantity",
    "price",
    "fee",
    "happened_at",
)
_FOLLOW = ("id", "lead_id", "portfolio_id", "state", "state_code", "multiplier", "started_at", "stopped_at")


def export_trading(user: User) -> dict[str, Any]:
    """Return the user's follows, orders and fills."""
    mine = {"portfolio__owner": user}
    return {
        "follows": list(Follow.objects.filter(follower=user).order_by("pk").values(*_FOLLOW)),
        "orders": list(Order.objects.filter(**mine).order_by("pk").values(*_ORDER)),
        "fills": list(Fill.objects.filter(**mine).order_by("pk").values(*_FILL)),
    }


def erase_trading(user: User) -> None:
    """Have follows ended first, for only their owner can say what shall become of their positions.

    Orders, fills and ended follows stay: they name nobody but an account that leads to nobody any more. Whoever follows
    the user is told: a lead who is gone never sells, so what to do with the copies is theirs to say.
    """
    if Follow.objects.filter(follower=user, state__in=UNFINISHED_FOLLOW).exists():
        raise DomainError("FOLLOWS_UNFINISHED", "Stop your follows first, and let them end.", status=409)
    copying = Follow.objects.filter(lead__owner=user, state__in=UNFINISHED_FOLLOW).order_by("pk")
    for follow in copying.select_related("follower", "portfolio"):
        facts = {"portfolio": str(follow.portfolio_id), "portfolio_name": follow.portfolio.name}
        notify(user=follow.follower, event="lead.left", context=facts)
