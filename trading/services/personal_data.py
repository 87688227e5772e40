"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.models import User
from accounts.services import notify
from common.clock import wall_now
from common.errors import DomainError
from trading.approvals.models import ApprovalState, OrderApproval
from trading.copy_accounts.models import HighWaterMark, ProfitShareSettlement
from trading.follow_models import FollowConsent, FollowGuard, FollowProtection, StopMode, WaitingFollow
from trading.models import UNFINISHED_FOLLOW, Fill, Follow, FollowState, ForeignFill, Order, OrderEvent
from trading.order_terms import NAMES
from trading.plans.models import UNFINISHED_PLAN, Plan
from trading.plans.services.managing import stop_plan
from trading.risk.models import RiskDecision, RiskProfile
from trading.services.follows import stop_follow
from trading.services.withdrawing import withdraw
from trading.signals.models import Signal, SignalSource
from trading.template_models import OrderTemplate

_ORDER = (
    "id",
    "portfolio_id",
    "follow_id",
    "instrument__symbol",
    "side",
    "leg",
    *NAMES,
    "peak_price",
    "triggered_at",
    "stop_loss_ratio",
    "group_id",
    "group_role",
    "requested_quantity",
    "closed_fraction",
    "quantity",
    "market_price",
    "reserved",
    "leverage",
    "filled_quantity",
    "average_price",
    "fee",
    "state",
    "code",
    "cause_kind",
    "cause_id",
    "client_order_id",
    "venue_order_id",
    "arrives_at",
    "rests_since",
    "is_at_venue",
    "cancel_code",
    "replaces_id",
    "plan_id",
    "plan_key",
    "created_at",
    "recorded_at",
)
_APPROVAL = (
    "id",
    "portfolio_id",
    "instrument__symbol",
    "side",
    "quantity",
    "legs",
    "state",
    "requested_at",
    "decided_at",
)
_EVENT = ("order_id", "state", "code", "submitted_at", "happened_at", "recorded_at")
_TEMPLATE = [one.attname for one in OrderTemplate._meta.concrete_fields if one.name != "owner"]
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
    "base_fee",
    "happened_at",
)
_FOREIGN_FILL = (
    "id",
    "account_id",
    "instrument__symbol",
    "side",
    "quantity",
    "price",
    "fee",
    "fee_asset",
    "happened_at",
    "assigned_to_id",
)
_FOLLOW = (
    "id",
    "lead_id",
    "portfolio_id",
    "state",
    "state_code",
    "stop_mode",
    "exits_until",
    "settings",
    "started_at",
    "stopped_at",
)


_PLAN = (
    "id",
    "portfolio_id",
    "instrument__symbol",
    "kind",
    "key",
    "settings",
    "state",
    "state_code",
    "held",
    "cost",
    "realized_pnl",
    "fees_paid",
    "began_at",
    "ended_at",
)
_DECISION = (
    "portfolio_id",
    "instrument__symbol",
    "order_id",
    "code",
    "asked",
    "allowed",
    "value",
    "limit",
    "happened_at",
)


# What each part of the export holds (docs/privacy.md).
SUBJECTS = {
    "follows": "whom you follow or followed, how, and since when",
    "follow_guards": "the limits at which your follows end",
    "protective_stops": "stops at exchanges that guard your follows",
    "follow_consents": "the terms of copying that you accepted",
    "waiting_follows": "your places on waiting lists",
    "orders": "your orders and what became of them",
    "order_events": "each change of an order's state",
    "order_templates": "orders that you keep to use again",
    "trades_at_exchanges": "what your exchange accounts traded by themselves",
    "fills": "your trades",
    "limits": "your own limits of risk",
    "plans": "your plans and how far they are",
    "profit_shares": "settlements of profit shares",
    "losses_to_make_good": "losses that a lead must make good before a profit share is due",
    "signal_sources": "addresses that hear signals for you, without their secrets",
    "signals": "signals that came",
    "denials": "orders that a limit refused",
}
_SOURCE = ("id", "portfolio_id", "name", "is_on", "created_at", "last_heard_at")
_SETTLEMENT = [one.attname for one in ProfitShareSettlement._meta.concrete_fields]


def export_trading(user: User) -> dict[str, Any]:
    """Return what somebody did: follows, orders and what became of them, fills, plans, profit shares, signals, limits and denials.

    What their exchange accounts traded by themselves is part of it.
    """
    mine = {"portfolio__owner": user}
    return {
        "follows": list(Follow.objects.filter(follower=user).order_by("pk").values(*_FOLLOW)),
        "follow_guards": list(FollowGuard.objects.filter(follow__follower=user).order_by("pk").values()),
        "protective_stops": list(FollowProtection.objects.filter(follow__follower=user).order_by("pk").values()),
        "follow_consents": list(FollowConsent.objects.filter(follow__follower=user).order_by("pk").values()),
        "waiting_follows": list(WaitingFollow.objects.filter(follow__follower=user).order_by("pk").values()),
        "orders": Order.objects.filter(**mine).order_by("pk").values(*_ORDER),
        "order_events": OrderEvent.objects.filter(order__portfolio__owner=user).order_by("pk").values(*_EVENT),
        "approvals": list(
            OrderApproval.objects.filter(Q(requested_by=user) | Q(portfolio__owner=user))
            .order_by("pk")
            .values(*_APPROVAL)
        ),
        "order_templates": list(OrderTemplate.objects.filter(owner=user).order_by("pk").values(*_TEMPLATE)),
        "trades_at_exchanges": list(
            ForeignFill.objects.filter(account__owner=user).order_by("pk").values(*_FOREIGN_FILL)
        ),
        "fills": Fill.objects.filter(**mine).order_by("pk").values(*_FILL),
        "limits": list(RiskProfile.objects.filter(**mine).order_by("pk").values("portfolio_id", "name", "limits")),
        "plans": list(Plan.objects.filter(**mine).order_by("pk").values(*_PLAN)),
        "profit_shares": list(
            ProfitShareSettlement.objects.filter(account__follow__follower=user).order_by("pk").values(*_SETTLEMENT)
        ),
        "losses_to_make_good": list(HighWaterMark.objects.filter(follower=user).order_by("pk").values()),
        "signal_sources": list(SignalSource.objects.filter(**mine).order_by("pk").values(*_SOURCE)),
        "signals": list(Signal.objects.filter(source__portfolio__owner=user).order_by("pk").values()),
        "denials": RiskDecision.objects.filter(**mine).order_by("pk").values(*_DECISION),
    }


def unwind_trading(user: User, keeps_holdings: bool, due_at: datetime) -> None:
    """Stop the follows of somebody who leaves, in the way they chose, and tell those who follow them, by whom it ends."""
    mode = StopMode.KEEP if keeps_holdings else StopMode.CLOSE_NOW
    mine = Follow.objects.filter(follower=user, state__in=UNFINISHED_FOLLOW)
    # What ends in this way already does not have to be told again.
    for follow in mine.exclude(state=FollowState.STOPPING, stop_mode=mode).order_by("pk"):
        stop_follow(actor=user, follow=follow, mode=mode)
    copying = Follow.objects.filter(lead__owner=user, state__in=UNFINISHED_FOLLOW).order_by("pk")
    for follow in copying.select_related("follower", "portfolio"):
        facts = {"portfolio": str(follow.portfolio_id), "portfolio_name": follow.portfolio.name}
        told = {**facts, "due": f"{due_at:%Y-%m-%d %H:%M} UTC"}
        notify(user=follow.follower, event="lead.leaving", context=told)


def erase_trading(user: User) -> None:
    """Have follows ended first, for only their owner can say what shall become of their positions; stop plans, cancel what waits.


    Nobody is left to change an order that rests, or to hear that it filled; stops go on guarding what is held.
    Orders, fills and ended follows stay: they name nobody but an account that leads to nobody any more. Whoever follows
    the user is told, and what they hold of it is sold: a lead who is gone never sells (copy-trading rule 31).
    """
    if Follow.objects.filter(follower=user, state__in=UNFINISHED_FOLLOW).exists():
        raise DomainError("FOLLOWS_UNFINISHED", "Stop your follows first, and let them end.", status=409)
    for plan in Plan.objects.filter(portfolio__owner=user, state__in=UNFINISHED_PLAN).order_by("pk"):
        stop_plan(actor=user, plan=plan, code="ACCOUNT_CLOSED")
    withdraw(Order.objects.filter(portfolio__owner=user), code="OWNER_LEFT")
    OrderApproval.objects.filter(Q(requested_by=user) | Q(portfolio__owner=user), state=ApprovalState.WAITING).update(
        state=ApprovalState.WITHDRAWN, decided_at=wall_now()
    )
    OrderTemplate.objects.filter(owner=user).delete()
    # With their addresses gone nobody's program trades on.
    SignalSource.objects.filter(portfolio__owner=user).delete()
    copying = Follow.objects.filter(lead__owner=user, state__in=UNFINISHED_FOLLOW).order_by("pk")
    for follow in copying.select_related("follower", "portfolio", "lead"):
        facts = {"portfolio": str(follow.portfolio_id), "portfolio_name": follow.portfolio.name}
        notify(user=follow.follower, event="lead.left", context=facts)
        if follow.stop_mode not in (StopMode.CLOSE_NOW, StopMode.KEEP):
            stop_follow(actor=None, follow=follow, mode=StopMode.CLOSE_NOW, code="LEAD_LEFT")
