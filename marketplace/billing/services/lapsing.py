"""What hangs on a right: begun when it stands, ended when it lapses. Rows say what is due, so a lost call loses nothing."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.services import notify
from accounts.services.plans import give_plan, take_plan_back
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from marketplace.billing.models import Subscription
from marketplace.billing.modes import current_mode
from marketplace.billing.selectors import entitled
from marketplace.services.listings import end_use
from trading.follow_models import StopMode
from trading.models import UNFINISHED_FOLLOW, Follow, FollowState
from trading.services.follows import stop_follow

logger = logging.getLogger(__name__)

BATCH = 200


def keep_rights() -> int:
    """Give plans whose right stands, end what hangs on rights that lapsed; return how many subscriptions that met."""
    mode = current_mode()
    if mode is None:
        return 0
    now = wall_now()
    lapsed = Subscription.objects.filter(Q(right_until=None) | Q(right_until__lte=now), is_lapsed=False, mode=mode)
    ended = [_end_or_tell(pk) for pk in lapsed.order_by("pk").values_list("pk", flat=True)[:BATCH]]
    standing = Subscription.objects.filter(right_until__gt=now, plan__isnull=False, mode=mode).select_related("plan")
    # Whose profile has a plan that they pay for is left out: of two such plans the first stays.
    held = standing.filter(user=OuterRef("user"), user__profile__plan=F("plan"))
    missing = standing.exclude(Exists(held)).order_by("pk")
    given = 0
    # (The last one written of a person's is the first paid for.)
    for bought in reversed(list(missing.select_related("user")[:BATCH])):
        assert bought.plan is not None
        given += give_plan(user=bought.user, plan=bought.plan)
    return sum(ended) + given


def _end_or_tell(pk: UUID) -> bool:
    """End what hangs on a right; what cannot be ended now is tried again, and holds up nobody else's."""
    try:
        return _end(pk)
    except DomainError:
        logger.exception("What hangs on the subscription %s could not be ended.", pk)
        return False


@transaction.atomic
def _end(pk: UUID) -> bool:
    bought = lock_rows(Subscription.objects.filter(pk=pk).select_related("user", "plan", "listing"))[0]
    if bought.is_lapsed or (bought.right_until is not None and bought.right_until > wall_now()):
        return False
    bought.is_lapsed = True
    bought.save(update_fields=["is_lapsed"])
    if entitled(bought.subject).filter(user=bought.user_id).exists():
        # Another subscription to the same thing stands.
        return True
    if bought.plan is not None:
        take_plan_back(user=bought.user, plan=bought.plan)
    if bought.listing is not None:
        _stop_copying(bought)
        end_use(user=bought.user, listing=bought.listing)
    return True


def _stop_copying(bought: Subscription) -> None:
    assert bought.listing is not None
    held = Follow.objects.filter(follower=bought.user_id, lead=bought.listing.portfolio_id, state__in=UNFINISHED_FOLLOW)
    follows = list(held.exclude(state=FollowState.STOPPING).select_related("lead", "portfolio"))
    for follow in follows:
        stop_follow(actor=None, follow=follow, mode=StopMode(bought.stop_mode), code="SUBSCRIPTION_ENDED")
    if follows:
        context = {"listing": str(bought.listing.pk), "title": bought.listing.title}
        notify(user=bought.user, event="subscription.ended", context=context)
