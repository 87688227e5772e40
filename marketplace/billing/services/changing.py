"""Changing a subscription: another price, its end, its renewal. The row is the outbox; what then holds is the processor's word."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.gateway import Refused
from marketplace.billing.models import Change, ChangeKind, Price, PriceState, Subscription, Work
from marketplace.billing.modes import check_mode
from marketplace.billing.services.buying import ENDED
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.syncing import sync_subscription
from trading.follow_models import StopMode


@transaction.atomic
def request_change(*, user: User, subscription: Subscription, kind: ChangeKind, price: Price | None = None) -> Change:
    """Have a subscription changed; what is under way already is returned, or refused where it is another change."""
    locked = _own(user, subscription)
    check_mode(locked.mode)
    if locked.status in ENDED:
        raise DomainError("SUBSCRIPTION_ENDED", "This subscription has ended: subscribe anew.", status=409)
    if kind == ChangeKind.SWITCH:
        _check_switch(locked, price)
    under_way = Change.objects.filter(subscription=locked, state=Work.PENDING).first()
    if under_way is not None:
        if (under_way.kind, under_way.price_id) == (kind, price.pk if price else None):
            return under_way
        raise DomainError("CHANGE_UNDER_WAY", "Another change of it is under way: try again in a minute.", status=409)
    now = wall_now()
    change = Change.objects.create(subscription=locked, kind=kind, price=price, due_at=now, created_at=now)
    audit(action="subscription.change_asked", obj=locked, actor=user, after={"kind": kind})
    from marketplace.billing.tasks import tell_change

    enqueue(tell_change, str(change.pk))
    return change


def _check_switch(subscription: Subscription, price: Price | None) -> None:
    if price is None or price.state != PriceState.LIVE or price.subject != subscription.subject:
        raise DomainError("PRICE_NOT_SOLD", "This price is not on sale for it: choose another one.", status=409)
    if price.pk == subscription.price_id:
        raise DomainError("SAME_PRICE", "You pay this price already.", status=409)
    if subscription.price is not None and subscription.price.currency != price.currency:
        message = "The processor keeps a subscription in one currency: cancel it, and subscribe anew in the other."
        raise DomainError("CURRENCY_MISMATCH", message, status=409)


@transaction.atomic
def choose_stop_mode(*, user: User, subscription: Subscription, mode: StopMode) -> None:
    """Say what becomes of what the follow holds when the right ends."""
    locked = _own(user, subscription)
    locked.stop_mode = mode
    locked.save(update_fields=["stop_mode"])
    audit(action="subscription.stop_mode_chosen", obj=locked, actor=user, after={"mode": mode})


def _own(user: User, subscription: Subscription) -> Subscription:
    found = lock_rows(Subscription.objects.filter(pk=subscription.pk, user=user))
    if not found:
        raise NotFound("subscription")
    return found[0]


def tell(*, change_id: UUID) -> bool:
    """Tell the processor of a change, and take over what it made of it."""
    return carry_out(Change, change_id, _tell)


def _tell(change: Change) -> None:
    bought = change.subscription
    try:
        if change.kind == ChangeKind.CANCEL_NOW:
            gateway.cancel_subscription(bought.mode, bought.processor_id)
        else:
            gateway.update_subscription(bought.mode, bought.processor_id, row=change.pk, **_wanted(change))
    except Refused:
        # Canceled already is what was wanted.
        found = sync_subscription(mode=bought.mode, subscription_id=bought.processor_id)
        if change.kind != ChangeKind.CANCEL_NOW or found is None or found.status not in ENDED:
            raise
    sync_subscription(mode=bought.mode, subscription_id=bought.processor_id)
    Change.objects.filter(pk=change.pk).update(state=Work.DONE)


def _wanted(change: Change) -> dict[str, Any]:
    if change.kind != ChangeKind.SWITCH:
        return {"cancel_at_period_end": change.kind == ChangeKind.CANCEL_AT_END}
    assert change.price is not None
    found = gateway.subscription(change.subscription.mode, change.subscription.processor_id)
    items = [{"id": found["items"]["data"][0]["id"], "price": change.price.processor_id}]
    return {"items": items, "proration_behavior": "create_prorations", "cancel_at_period_end": False}
